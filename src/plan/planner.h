/**
 * The planners: rank 0 decides who holds what and how the prompt is cut.
 *
 * Objectives, in seconds to be minimised, under memory budgets:
 *   total    time to first token + laps of an outline, one after the other, + laps of the branches,
 *            which share steps or follow each other, whichever is quicker
 *   ttft     time to first token
 *   slowest  the paper's: first the layers, devices in the cluster's order, so that the slowest
 *            stage is as quick as possible; then the cut with the least time to first token
 * (first_stays holds them all to the first device as the first stage)
 * where the time to first token is the exact makespan of plan/schedule.h. total and ttft may
 * reorder devices and leave some out.
 *
 * What is exact: `slowest` for the layers, always. For the rest a heuristic search (plan/search.h)
 * is followed by an exhaustive one with bounds; where that ends within its meter, jup_plan_t.proven
 * says so and the plan is the best one on the grid of chunk boundaries (grain; boundaries may then
 * still be moved off the grid, which only helps). That is the rule for small problems: about four
 * devices, six layers, eight positions. Otherwise the plan is a heuristic's, never worse than the
 * even split over all devices with its best uniform chunks.
 *
 * L layers, D devices in C classes, S <= D stages, G <= 512 positions, K chunks: time
 * O(C G^2 + tries * (D L + S K) + meter), memory O(D L + C G^2).
 */
#ifndef JUP_PLAN_PLANNER_H
#define JUP_PLAN_PLANNER_H

#include "comm/exchange.h"
#include "plan/plan.h"

typedef struct jup_plan_problem {
    const jup_cluster_t *cluster;
    jup_model_size_t size;
    jup_workload_t workload;
    jup_objective_t objective;
    jup_exchange_t exchange; /* how groups sum; AUTO, 0: the quickest */
    bool first_stays;        /* the first device is the first stage: it reads the prompt */
    bool every_row;          /* of the last layer, as in model/forward.h */
    int grain;               /* chunk boundaries are multiples of it; 0: chosen from the prompt */
    int min_chunk;           /* no chunk but the last is shorter; 0: no limit */
    int max_chunk;           /* no chunk is longer; 0: as memory allows */
    double effort; /* of the searches that are metered, 1: the default, which 0 means too */
} jup_plan_problem_t;

/** The best plan found. JUP_EINPUT when nothing fits, saying what lacks and what would fit. */
jup_status_t jup_plan_make(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err);

/**
 * Layers in even shares over the devices (as many as there are layers). Chunks of `chunk` tokens;
 * 0: the best uniform chunks. JUP_EINPUT when it does not fit.
 */
jup_status_t jup_plan_even(const jup_plan_problem_t *problem, int chunk, jup_plan_t *plan,
                           jup_error_t *err);

/**
 * Fills in memory and prediction of a plan whose stages (device, first, last) and chunks are given.
 * JUP_EINPUT when it does not fit the cluster, the model or the prompt.
 */
jup_status_t jup_plan_evaluate(const jup_plan_problem_t *problem, jup_plan_t *plan,
                               jup_error_t *err);

/** A stage (or its link to the next stage) working on a chunk of the prefill. */
typedef struct jup_plan_span {
    int stage, chunk;
    bool link;
    double start_s, end_s;
} jup_plan_span_t;

/** The predicted prefill, chunk by chunk; spans has room for n_chunks * (2 n_stages - 1). */
jup_status_t jup_plan_spans(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                            jup_plan_span_t *spans, jup_error_t *err);

/** The predicted prefill as text, and as a picture in an SVG file. */
jup_status_t jup_plan_print_timeline(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                                     FILE *out, jup_error_t *err);
jup_status_t jup_plan_draw(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                           const char *path, jup_error_t *err);

/** JUP_EINPUT when a stage needs more memory than its device gives: names it, and what to do. */
jup_status_t jup_plan_check_memory(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                                   jup_error_t *err);

#endif
