#include "plan/plan.h"

#include "base/checked.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static const char *const objectives[] = {"total", "ttft", "slowest"};

enum { N_OBJECTIVES = sizeof objectives / sizeof objectives[0] };

const char *jup_objective_name(jup_objective_t objective)
{
    return objectives[objective];
}

int jup_objective_by_name(const char *name)
{
    for (int i = 0; i < N_OBJECTIVES; i++)
        if (strcmp(name, objectives[i]) == 0)
            return i;
    return -1;
}

void jup_plan_init(jup_plan_t *plan, int n_stages, int n_members, int n_chunks)
{
    memset(plan, 0, sizeof *plan);
    snprintf(plan->strategy, sizeof plan->strategy, "jupiter");
    plan->n_stages = n_stages;
    plan->n_members = n_members;
    plan->n_chunks = n_chunks;
    plan->stages = jup_new((size_t)n_stages, sizeof *plan->stages);
    plan->members = jup_new((size_t)n_members, sizeof *plan->members);
    plan->chunks = jup_new((size_t)n_chunks, sizeof *plan->chunks);
    for (int s = 0; s < n_stages; s++) {
        plan->stages[s].at = s;
        plan->stages[s].n = 1;
    }
}

void jup_plan_reset(jup_plan_t *plan)
{
    jup_free(plan->stages);
    jup_free(plan->members);
    jup_free(plan->chunks);
    memset(plan, 0, sizeof *plan);
}

void jup_plan_copy(jup_plan_t *copy, const jup_plan_t *plan)
{
    jup_plan_t made;
    jup_plan_init(&made, plan->n_stages, plan->n_members, plan->n_chunks);
    memcpy(made.stages, plan->stages, (size_t)plan->n_stages * sizeof *plan->stages);
    memcpy(made.members, plan->members, (size_t)plan->n_members * sizeof *plan->members);
    memcpy(made.chunks, plan->chunks, (size_t)plan->n_chunks * sizeof *plan->chunks);
    *copy = *plan;
    copy->stages = made.stages;
    copy->members = made.members;
    copy->chunks = made.chunks;
}

int jup_plan_stage_of(const jup_plan_t *plan, int device)
{
    for (int s = 0; s < plan->n_stages; s++)
        for (int m = 0; m < plan->stages[s].n; m++)
            if (jup_plan_member(plan, s, m)->device == device)
                return s;
    return -1;
}

void jup_plan_stage_name(const jup_plan_t *plan, int s, char *text, size_t size)
{
    const char *leader = jup_plan_leader(plan, s)->name;
    if (plan->stages[s].n > 1)
        snprintf(text, size, "%s +%d", leader, plan->stages[s].n - 1);
    else
        snprintf(text, size, "%s", leader);
}

/* ---- checking ------------------------------------------------------------------------------- */

static jup_status_t check_layers(const jup_plan_t *plan, jup_error_t *err)
{
    int layer = 0;
    for (int s = 0; s < plan->n_stages; s++) {
        const jup_plan_stage_t *stage = &plan->stages[s];
        if (stage->first != layer || stage->last <= stage->first)
            return jup_fail(err, JUP_EINPUT,
                            "stages[%d] holds the layers %d..%d, must start at layer %d and hold "
                            "at least one",
                            s, stage->first, stage->last - 1, layer);
        layer = stage->last;
    }
    if (layer != plan->layers)
        return jup_fail(err, JUP_EINPUT, "the stages hold %d layers, the model has %d", layer,
                        plan->layers);
    return JUP_OK;
}

/* The first member before `index` that has its device, or -1. */
static int same_device(const jup_plan_t *plan, int index)
{
    for (int i = 0; i < index; i++)
        if (plan->members[i].device == plan->members[index].device)
            return i;
    return -1;
}

static jup_status_t check_devices(const jup_plan_t *plan, int s, jup_error_t *err)
{
    const jup_plan_stage_t *stage = &plan->stages[s];
    if (stage->n < 1 || (stage->way == JUP_WAY_ALONE) != (stage->n == 1))
        return jup_fail(err, JUP_EINPUT,
                        "stages[%d] has %d devices and the way '%s': one device is alone, several "
                        "share by another way",
                        s, stage->n, jup_way_name(stage->way));
    for (int m = 0; m < stage->n; m++) {
        int device = jup_plan_member(plan, s, m)->device;
        int other = same_device(plan, stage->at + m);
        if (device < 0 || other >= 0)
            return jup_fail(err, JUP_EINPUT, "stages[%d] is on device %d, which %s has", s, device,
                            other >= stage->at ? "it already" : "another stage");
    }
    return JUP_OK;
}

/* What the members of a stage share; every one has something. */
static jup_status_t add_shares(const jup_plan_t *plan, int s, int *heads, int *ffn,
                               jup_error_t *err)
{
    *heads = *ffn = 0;
    for (int m = 0; m < plan->stages[s].n; m++) {
        const jup_plan_member_t *member = jup_plan_member(plan, s, m);
        if (member->heads < 1 || member->ffn < 1)
            return jup_fail(err, JUP_EINPUT,
                            "stages[%d]: the share of device %d is %d heads and %d FFN blocks, "
                            "must be at least one of each",
                            s, member->device, member->heads, member->ffn);
        *heads += member->heads;
        *ffn += member->ffn;
    }
    return JUP_OK;
}

static jup_status_t check_shares(const jup_plan_t *plan, jup_error_t *err)
{
    int heads = 0, ffn = 0, known = -1;
    for (int s = 0; s < plan->n_stages; s++) {
        int h, f;
        if (!jup_way_splits(plan->stages[s].way))
            continue;
        JUP_TRY(add_shares(plan, s, &h, &f, err));
        if (known >= 0 && (h != heads || f != ffn))
            return jup_fail(err, JUP_EINPUT,
                            "stages[%d] shares %d heads and %d FFN blocks, stages[%d] %d and %d: "
                            "all layers of a model have as many",
                            s, h, f, known, heads, ffn);
        heads = h;
        ffn = f;
        known = s;
    }
    return JUP_OK;
}

static jup_status_t check_stages(const jup_plan_t *plan, jup_error_t *err)
{
    JUP_TRY(check_layers(plan, err));
    for (int s = 0; s < plan->n_stages; s++)
        JUP_TRY(check_devices(plan, s, err));
    return check_shares(plan, err);
}

static jup_status_t check_chunks(const jup_plan_t *plan, jup_error_t *err)
{
    int64_t sum = 0;
    for (int i = 0; i < plan->n_chunks; i++) {
        if (plan->chunks[i] < 1)
            return jup_fail(err, JUP_EINPUT, "chunks[%d] is %d, must be at least 1", i,
                            plan->chunks[i]);
        sum += plan->chunks[i];
    }
    if (sum != plan->workload.prompt_tokens)
        return jup_fail(err, JUP_EINPUT, "the chunks sum to %lld tokens, the prompt has %lld",
                        (long long)sum, (long long)plan->workload.prompt_tokens);
    return JUP_OK;
}

jup_status_t jup_plan_check(const jup_plan_t *plan, jup_error_t *err)
{
    if (plan->n_stages < 1 || plan->n_chunks < 1)
        return jup_fail(err, JUP_EINPUT, "a plan needs a stage and a chunk, this one has %d and %d",
                        plan->n_stages, plan->n_chunks);
    JUP_TRY(check_stages(plan, err));
    return check_chunks(plan, err);
}
