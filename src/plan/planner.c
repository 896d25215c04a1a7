#include "plan/planner.h"

#include "base/mem.h"
#include "plan/infeasible.h"
#include "plan/predict.h"
#include "plan/search.h"

#include <math.h>
#include <string.h>

/* ---- making --------------------------------------------------------------------------------- */

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
        jup_plan_build(&in, &search->layout, &search->cut, plan);
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
    jup_plan_build(in, &layout, cut, plan);
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
