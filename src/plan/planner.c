#include "plan/planner.h"

#include "base/mem.h"
#include "plan/infeasible.h"
#include "plan/predict.h"
#include "plan/search.h"

#include <math.h>
#include <string.h>

/* ---- making --------------------------------------------------------------------------------- */

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

/* The plan of a layout and a cut. */
static void build(const jup_instance_t *in, const jup_layout_t *layout, const jup_cut_t *cut,
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

jup_status_t jup_plan_make(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err)
{
    jup_instance_t in;
    JUP_TRY(jup_instance_init(&in, problem, NULL, 0, err));
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
    JUP_TRY(jup_instance_init(&in, problem, NULL, 0, err));
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
