#include "plan/plan.h"

#include "base/checked.h"
#include "base/mem.h"

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

void jup_plan_init(jup_plan_t *plan, int n_stages, int n_chunks)
{
    memset(plan, 0, sizeof *plan);
    plan->n_stages = n_stages;
    plan->n_chunks = n_chunks;
    plan->stages = jup_new((size_t)n_stages, sizeof *plan->stages);
    plan->chunks = jup_new((size_t)n_chunks, sizeof *plan->chunks);
}

void jup_plan_reset(jup_plan_t *plan)
{
    jup_free(plan->stages);
    jup_free(plan->chunks);
    memset(plan, 0, sizeof *plan);
}

void jup_plan_copy(jup_plan_t *copy, const jup_plan_t *plan)
{
    jup_plan_t made;
    jup_plan_init(&made, plan->n_stages, plan->n_chunks);
    memcpy(made.stages, plan->stages, (size_t)plan->n_stages * sizeof *plan->stages);
    memcpy(made.chunks, plan->chunks, (size_t)plan->n_chunks * sizeof *plan->chunks);
    *copy = *plan;
    copy->stages = made.stages;
    copy->chunks = made.chunks;
}

int jup_plan_stage_of(const jup_plan_t *plan, int device)
{
    for (int s = 0; s < plan->n_stages; s++)
        if (plan->stages[s].device == device)
            return s;
    return -1;
}

/* ---- checking ------------------------------------------------------------------------------- */

static jup_status_t check_stages(const jup_plan_t *plan, jup_error_t *err)
{
    int layer = 0;
    for (int s = 0; s < plan->n_stages; s++) {
        const jup_plan_stage_t *stage = &plan->stages[s];
        if (stage->first != layer || stage->last <= stage->first)
            return jup_fail(err, JUP_EINPUT,
                            "stages[%d] holds the layers %d..%d, must start at layer %d and hold "
                            "at least one",
                            s, stage->first, stage->last - 1, layer);
        if (stage->device < 0 || jup_plan_stage_of(plan, stage->device) != s)
            return jup_fail(err, JUP_EINPUT, "stages[%d] is on device %d, which another stage has",
                            s, stage->device);
        layer = stage->last;
    }
    if (layer != plan->layers)
        return jup_fail(err, JUP_EINPUT, "the stages hold %d layers, the model has %d", layer,
                        plan->layers);
    return JUP_OK;
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

int jup_plan_scale_chunks(const jup_plan_t *plan, int64_t tokens, int32_t *chunks)
{
    int64_t prompt = plan->workload.prompt_tokens, end = 0, start = 0;
    int n = 0;
    for (int i = 0; i < plan->n_chunks; i++) {
        end += plan->chunks[i];
        int64_t scaled = (end * tokens + prompt / 2) / prompt;
        if (scaled <= start)
            continue;
        chunks[n++] = (int32_t)(scaled - start);
        start = scaled;
    }
    return n;
}
