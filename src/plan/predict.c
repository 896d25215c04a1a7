#include "plan/predict.h"

#include "base/mem.h"
#include "plan/infeasible.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- predicting ----------------------------------------------------------------------------- */

static void name_plan(const jup_plan_problem_t *problem, jup_plan_t *plan)
{
    snprintf(plan->cluster, sizeof plan->cluster, "%s", problem->cluster->name);
    snprintf(plan->model, sizeof plan->model, "%s", problem->size.name);
    snprintf(plan->type, sizeof plan->type, "%s", problem->size.type);
    plan->workload = problem->workload;
    plan->objective = problem->objective;
    for (int i = 0; i < plan->n_members; i++) {
        jup_plan_member_t *member = &plan->members[i];
        const jup_device_t *device = &problem->cluster->devices[member->device];
        memcpy(member->name, device->name, sizeof member->name);
        member->budget_bytes = device->budget_bytes;
    }
}

static void predict_memory(const jup_plan_group_t *group, int64_t rows, int s, jup_plan_t *plan)
{
    const jup_plan_stage_t *stage = &plan->stages[s];
    for (int m = 0; m < stage->n; m++)
        jup_plan_member(plan, s, m)->memory = jup_group_memory(
            group, m, stage->last - stage->first, s == 0, s == plan->n_stages - 1, rows);
}

static void predict_stage(const jup_instance_t *in, const jup_pipe_t *pipe, const jup_cut_t *cut,
                          int s, jup_plan_stage_t *stage)
{
    const jup_stage_cost_t *cost = &pipe->stage[s];
    bool last = s == pipe->n - 1;
    stage->prefill_s = stage->send_s = 0;
    for (int k = 0; k < cut->n; k++) {
        stage->prefill_s +=
            jup_stage_s(cost, cut, cut->layer_s + (size_t)k * (size_t)in->n_classes, k);
        stage->send_s += last ? 0 : cost->latency_s + cost->byte_s * cut->bytes[k];
    }
    if (last)
        stage->send_s = pipe->result_s;
    bool rests = cost->decode_s + cost->rest_s < pipe->lap_s;
    double unrested_s = rests ? 0 : pipe->lap_s - pipe->rested_s; /* what it cannot save */
    stage->decode_s =
        (cost->decode_s + unrested_s) / jup_workload_tokens_per_lap(&in->problem->workload);
}

void jup_predict(const jup_instance_t *in, const jup_pipe_t *pipe, const jup_layout_t *layout,
                 const jup_cut_t *cut, jup_plan_t *plan)
{
    const jup_workload_t *workload = &in->problem->workload;
    double busy = 0, slowest = 0;
    name_plan(in->problem, plan);
    for (int s = 0; s < plan->n_stages; s++) {
        predict_memory(&in->groups[layout->group[s]], jup_cut_longest(cut), s, plan);
        predict_stage(in, pipe, cut, s, &plan->stages[s]);
        busy += plan->stages[s].prefill_s;
        slowest = fmax(slowest, plan->stages[s].prefill_s);
    }
    double ttft = jup_schedule_ttft_s(pipe, cut, in->n_classes, INFINITY);
    plan->predicted = (jup_prediction_t){
        .ttft_s = ttft,
        .token_s = workload->branches * pipe->branch_s / jup_workload_tokens_per_lap(workload),
        .decode_s = pipe->decode_s,
        .total_s = ttft + pipe->decode_s,
        .bubble = 1 - busy / (plan->n_stages * ttft),
        .slowest_s = slowest,
    };
}

/* ---- plans from layouts --------------------------------------------------------------------- */

static void put_members(const jup_plan_group_t *group, jup_plan_t *plan, int s, int at)
{
    plan->stages[s].way = group->way;
    plan->stages[s].at = at;
    plan->stages[s].n = group->n;
    for (int m = 0; m < group->n; m++)
        plan->members[at + m] = (jup_plan_member_t){.device = group->members[m].device,
                                                    .heads = group->members[m].heads,
                                                    .ffn = group->members[m].ffn};
}

void jup_plan_build(const jup_instance_t *in, const jup_layout_t *layout, const jup_cut_t *cut,
                    jup_plan_t *plan)
{
    jup_pipe_t pipe;
    int layer = 0, members = 0;
    for (int s = 0; s < layout->n; s++)
        members += in->groups[layout->group[s]].n;
    jup_plan_init(plan, layout->n, members, cut->n);
    plan->layers = in->n_layers;
    for (int s = 0, at = 0; s < layout->n; at += plan->stages[s++].n) {
        put_members(&in->groups[layout->group[s]], plan, s, at);
        plan->stages[s].first = layer;
        plan->stages[s].last = layer += layout->layers[s];
    }
    memcpy(plan->chunks, cut->rows, (size_t)cut->n * sizeof *plan->chunks);
    jup_pipe_set(&pipe, in, layout);
    jup_predict(in, &pipe, layout, cut, plan);
}

/* ---- given plans ---------------------------------------------------------------------------- */

static jup_status_t check_against(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                                  jup_error_t *err)
{
    JUP_TRY(jup_plan_check(plan, err));
    if (plan->layers != problem->size.layers)
        return jup_fail(err, JUP_EINPUT, "the plan is for %d layers, the model has %d",
                        plan->layers, problem->size.layers);
    if (plan->workload.prompt_tokens != problem->workload.prompt_tokens)
        return jup_fail(err, JUP_EINPUT, "the plan is for a prompt of %lld tokens, not %lld",
                        (long long)plan->workload.prompt_tokens,
                        (long long)problem->workload.prompt_tokens);
    for (int i = 0; i < plan->n_members; i++)
        if (plan->members[i].device >= problem->cluster->n_devices)
            return jup_fail(err, JUP_EINPUT,
                            "a stage is on device %d, the cluster has the devices 0 to %d",
                            plan->members[i].device, problem->cluster->n_devices - 1);
    return JUP_OK;
}

/* A given plan made ready for timing: stage s is group s. */
typedef struct given {
    jup_instance_t in;
    jup_layout_t layout;
    jup_pipe_t pipe;
    jup_cut_t cut;
} given_t;

static void given_destroy(given_t *g)
{
    jup_cut_reset(&g->cut);
    jup_instance_reset(&g->in);
    jup_free(g);
}

/* The plan's stages as groups; numbers (3 n_members) takes the lists of devices and shares. */
static void specs_of(const jup_plan_t *plan, jup_group_spec_t *specs, int *numbers)
{
    int *device = numbers, *heads = numbers + plan->n_members, *ffn = heads + plan->n_members;
    for (int i = 0; i < plan->n_members; i++) {
        device[i] = plan->members[i].device;
        heads[i] = plan->members[i].heads;
        ffn[i] = plan->members[i].ffn;
    }
    for (int s = 0; s < plan->n_stages; s++) {
        const jup_plan_stage_t *stage = &plan->stages[s];
        specs[s] = (jup_group_spec_t){.way = stage->way,
                                      .n = stage->n,
                                      .device = device + stage->at,
                                      .heads = heads + stage->at,
                                      .ffn = ffn + stage->at};
    }
}

static jup_status_t instance_of(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                                jup_instance_t *in, jup_error_t *err)
{
    jup_group_spec_t *specs = jup_new((size_t)plan->n_stages, sizeof *specs);
    int *numbers = jup_new(3 * (size_t)plan->n_members, sizeof *numbers);
    specs_of(plan, specs, numbers);
    jup_status_t status = jup_instance_init(in, problem, specs, plan->n_stages, err);
    jup_free(numbers);
    jup_free(specs);
    return status;
}

static jup_status_t given_new(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                              given_t **out, jup_error_t *err)
{
    JUP_TRY(check_against(problem, plan, err));
    if (plan->n_chunks > JUP_PLAN_CHUNKS)
        return jup_fail(err, JUP_EINPUT, "the plan has %d chunks, at most %d are possible",
                        plan->n_chunks, JUP_PLAN_CHUNKS);
    given_t *g = jup_new(1, sizeof *g);
    if (instance_of(problem, plan, &g->in, err) != JUP_OK) {
        jup_free(g);
        return JUP_EINPUT;
    }
    jup_cut_init(&g->cut, &g->in, plan->n_chunks);
    for (int32_t at = 0; g->cut.n < plan->n_chunks; at += plan->chunks[g->cut.n++])
        jup_cut_set(&g->cut, &g->in, g->cut.n, plan->chunks[g->cut.n], at);
    g->layout.n = plan->n_stages;
    for (int s = 0; s < plan->n_stages; s++) {
        g->layout.group[s] = s;
        g->layout.layers[s] = plan->stages[s].last - plan->stages[s].first;
    }
    jup_pipe_set(&g->pipe, &g->in, &g->layout);
    *out = g;
    return JUP_OK;
}

jup_status_t jup_plan_evaluate(const jup_plan_problem_t *problem, jup_plan_t *plan,
                               jup_error_t *err)
{
    given_t *g;
    JUP_TRY(given_new(problem, plan, &g, err));
    jup_predict(&g->in, &g->pipe, &g->layout, &g->cut, plan);
    given_destroy(g);
    return JUP_OK;
}

jup_status_t jup_plan_spans(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                            jup_plan_span_t *spans, jup_error_t *err)
{
    given_t *g;
    JUP_TRY(given_new(problem, plan, &g, err));
    int S = plan->n_stages;
    double *free_at = jup_new(2 * (size_t)S, sizeof *free_at);
    for (int k = 0; k < plan->n_chunks; k++) {
        const double *layer_s = g->cut.layer_s + (size_t)k * (size_t)g->in.n_classes;
        double at = 0;
        for (int m = 0; m < 2 * S - 1; m++) {
            const jup_stage_cost_t *stage = &g->pipe.stage[m / 2];
            double start = fmax(at, free_at[m]);
            at = start + (m % 2 ? stage->latency_s + stage->byte_s * g->cut.bytes[k]
                                : jup_stage_s(stage, &g->cut, layer_s, k));
            free_at[m] = at;
            *spans++ = (jup_plan_span_t){m / 2, k, m % 2 == 1, start, at};
        }
    }
    jup_free(free_at);
    given_destroy(g);
    return JUP_OK;
}

static jup_status_t check_member(const jup_plan_problem_t *problem, const jup_plan_stage_t *stage,
                                 const jup_plan_member_t *member, jup_error_t *err)
{
    char advice[600];
    double need = jup_stage_memory_bytes(member->memory);
    if (need <= member->budget_bytes)
        return JUP_OK;
    jup_infeasible_advice(problem, advice, sizeof advice);
    return jup_fail(err, JUP_EINPUT,
                    "device %s needs %.2f GB for %d layers (%.2f weights, %.2f KV cache, %.2f "
                    "work space) and may use %.2f: %.2f GB are lacking; %s",
                    member->name, need / 1e9, stage->last - stage->first,
                    member->memory.weight_bytes / 1e9, member->memory.kv_bytes / 1e9,
                    member->memory.work_bytes / 1e9, member->budget_bytes / 1e9,
                    (need - member->budget_bytes) / 1e9, advice);
}

jup_status_t jup_plan_check_memory(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                                   jup_error_t *err)
{
    for (int s = 0; s < plan->n_stages; s++)
        for (int m = 0; m < plan->stages[s].n; m++)
            JUP_TRY(check_member(problem, &plan->stages[s], jup_plan_member(plan, s, m), err));
    return JUP_OK;
}
