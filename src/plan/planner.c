#include "plan/planner.h"

#include "base/mem.h"
#include "plan/infeasible.h"
#include "plan/search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- predicting --------------------------------------------------------------------------------
 */

static void name_plan(const jup_plan_problem_t *problem, jup_plan_t *plan)
{
    snprintf(plan->cluster, sizeof plan->cluster, "%s", problem->cluster->name);
    snprintf(plan->model, sizeof plan->model, "%s", problem->size.name);
    snprintf(plan->type, sizeof plan->type, "%s", problem->size.type);
    plan->workload = problem->workload;
    plan->objective = problem->objective;
    for (int s = 0; s < plan->n_stages; s++) {
        const jup_device_t *device = &problem->cluster->devices[plan->stages[s].device];
        memcpy(plan->stages[s].name, device->name, sizeof plan->stages[s].name);
        plan->stages[s].budget_bytes = device->budget_bytes;
    }
}

static void predict_stage(const jup_instance_t *in, const jup_pipe_t *pipe, const jup_cut_t *cut,
                          int s, jup_plan_stage_t *stage)
{
    const jup_stage_cost_t *cost = &pipe->stage[s];
    const jup_class_t *class = &in->classes[cost->class];
    bool last = s == pipe->n - 1;
    stage->memory = jup_cost_memory(&in->problem->size, &in->problem->workload,
                                    stage->last - stage->first, s == 0, last, jup_cut_longest(cut));
    stage->prefill_s = stage->send_s = 0;
    for (int k = 0; k < cut->n; k++) {
        stage->prefill_s +=
            jup_stage_s(cost, cut, cut->layer_s + (size_t)k * (size_t)in->n_classes, k);
        stage->send_s += last ? 0 : cost->latency_s + cost->byte_s * cut->bytes[k];
    }
    if (last)
        stage->send_s = pipe->result_s;
    stage->decode_s =
        cost->step_s + cost->layers * class->decode_layer_s + cost->embed_row_s + cost->head_s;
}

static void predict(const jup_instance_t *in, const jup_pipe_t *pipe, const jup_cut_t *cut,
                    jup_plan_t *plan)
{
    double busy = 0, slowest = 0;
    for (int s = 0; s < plan->n_stages; s++) {
        predict_stage(in, pipe, cut, s, &plan->stages[s]);
        busy += plan->stages[s].prefill_s;
        slowest = fmax(slowest, plan->stages[s].prefill_s);
    }
    double ttft = jup_schedule_ttft_s(pipe, cut, in->n_classes, INFINITY);
    int branches = in->problem->workload.branches;
    plan->predicted = (jup_prediction_t){
        .ttft_s = ttft,
        .token_s = fmax(pipe->lap_s, branches * pipe->slowest_s),
        .decode_s = pipe->decode_s,
        .total_s = ttft + pipe->decode_s,
        .bubble = 1 - busy / (plan->n_stages * ttft),
        .slowest_s = slowest,
    };
}

static void layout_of(const jup_plan_t *plan, jup_layout_t *layout)
{
    layout->n = plan->n_stages;
    for (int s = 0; s < plan->n_stages; s++) {
        layout->device[s] = plan->stages[s].device;
        layout->layers[s] = plan->stages[s].last - plan->stages[s].first;
    }
}

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
    for (int s = 0; s < plan->n_stages; s++)
        if (plan->stages[s].device >= problem->cluster->n_devices)
            return jup_fail(err, JUP_EINPUT,
                            "stages[%d] is on device %d, the cluster has the devices 0 to %d", s,
                            plan->stages[s].device, problem->cluster->n_devices - 1);
    return JUP_OK;
}

jup_status_t jup_plan_evaluate(const jup_plan_problem_t *problem, jup_plan_t *plan,
                               jup_error_t *err)
{
    jup_instance_t in;
    jup_layout_t layout;
    jup_pipe_t pipe;
    JUP_TRY(check_against(problem, plan, err));
    if (plan->n_chunks > JUP_PLAN_CHUNKS)
        return jup_fail(err, JUP_EINPUT, "the plan has %d chunks, at most %d are possible",
                        plan->n_chunks, JUP_PLAN_CHUNKS);
    JUP_TRY(jup_instance_init(&in, problem, err));
    jup_cut_t *cut = jup_new(1, sizeof *cut);
    jup_cut_init(cut, &in, plan->n_chunks);
    for (int32_t at = 0; cut->n < plan->n_chunks; at += plan->chunks[cut->n++])
        jup_cut_set(cut, &in, cut->n, plan->chunks[cut->n], at);
    layout_of(plan, &layout);
    jup_pipe_set(&pipe, &in, &layout);
    name_plan(problem, plan);
    predict(&in, &pipe, cut, plan);
    jup_cut_reset(cut);
    jup_free(cut);
    jup_instance_reset(&in);
    return JUP_OK;
}

jup_status_t jup_plan_check_memory(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                                   jup_error_t *err)
{
    for (int s = 0; s < plan->n_stages; s++) {
        const jup_plan_stage_t *stage = &plan->stages[s];
        double need = jup_stage_memory_bytes(stage->memory);
        if (need <= stage->budget_bytes)
            continue;
        char advice[600];
        jup_infeasible_advice(problem, advice, sizeof advice);
        return jup_fail(err, JUP_EINPUT,
                        "device %s needs %.2f GB for %d layers (%.2f weights, %.2f KV cache, %.2f "
                        "work space) and may use %.2f: %.2f GB are lacking; %s",
                        stage->name, need / 1e9, stage->last - stage->first,
                        stage->memory.weight_bytes / 1e9, stage->memory.kv_bytes / 1e9,
                        stage->memory.work_bytes / 1e9, stage->budget_bytes / 1e9,
                        (need - stage->budget_bytes) / 1e9, advice);
    }
    return JUP_OK;
}

/* ---- making ------------------------------------------------------------------------------------
 */

/* The plan of a layout and a cut. */
static void build(const jup_instance_t *in, const jup_layout_t *layout, const jup_cut_t *cut,
                  jup_plan_t *plan)
{
    jup_pipe_t pipe;
    int layer = 0;
    jup_plan_init(plan, layout->n, cut->n);
    plan->layers = in->n_layers;
    for (int s = 0; s < layout->n; s++) {
        plan->stages[s].device = layout->device[s];
        plan->stages[s].first = layer;
        plan->stages[s].last = layer += layout->layers[s];
    }
    memcpy(plan->chunks, cut->rows, (size_t)cut->n * sizeof *plan->chunks);
    name_plan(in->problem, plan);
    jup_pipe_set(&pipe, in, layout);
    predict(in, &pipe, cut, plan);
}

jup_status_t jup_plan_make(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err)
{
    jup_instance_t in;
    JUP_TRY(jup_instance_init(&in, problem, err));
    jup_search_t *search = jup_new(1, sizeof *search);
    jup_search_init(search, &in, problem->effort > 0 ? problem->effort : 1);
    jup_search_run(search);
    jup_status_t status = JUP_OK;
    if (isinf(search->value_s)) {
        status = jup_infeasible_report(problem, err);
    } else {
        build(&in, &search->layout, &search->cut, plan);
        plan->proven = search->proven;
    }
    jup_search_reset(search);
    jup_free(search);
    jup_instance_reset(&in);
    return status;
}

static jup_status_t even(const jup_instance_t *in, int chunk, jup_cut_t *cut, jup_cut_t *scratch,
                         jup_plan_t *plan, jup_error_t *err)
{
    jup_layout_t layout;
    jup_pipe_t pipe;
    jup_layer_even(in, &layout);
    int32_t most_rows = jup_layout_most_rows(in, &layout);
    jup_pipe_set(&pipe, in, &layout);
    if (chunk > 0)
        jup_cut_by_length(cut, in, chunk);
    else if (isinf(jup_chunk_uniform(in, &pipe, most_rows, cut, scratch)))
        jup_cut_by_length(cut, in, in->max_chunk); /* the check below says why */
    build(in, &layout, cut, plan);
    if (jup_plan_check_memory(in->problem, plan, err) == JUP_OK)
        return JUP_OK;
    jup_plan_reset(plan);
    return jup_fail_in(err, "layers in even shares");
}

jup_status_t jup_plan_even(const jup_plan_problem_t *problem, int chunk, jup_plan_t *plan,
                           jup_error_t *err)
{
    jup_instance_t in;
    int64_t prompt = problem->workload.prompt_tokens;
    if (chunk > 0 && (prompt + chunk - 1) / chunk > JUP_CUT_CHUNKS)
        return jup_fail(err, JUP_EINPUT, "chunks of %d tokens are too many: at most %d", chunk,
                        JUP_CUT_CHUNKS);
    JUP_TRY(jup_instance_init(&in, problem, err));
    jup_cut_t *cuts = jup_new(2, sizeof *cuts);
    jup_cut_init(&cuts[0], &in, JUP_CUT_CHUNKS);
    jup_cut_init(&cuts[1], &in, JUP_CUT_CHUNKS);
    jup_status_t status = even(&in, chunk, &cuts[0], &cuts[1], plan, err);
    jup_cut_reset(&cuts[0]);
    jup_cut_reset(&cuts[1]);
    jup_free(cuts);
    jup_instance_reset(&in);
    return status;
}
