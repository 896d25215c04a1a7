/**
 * The planners. A draft; see the functions for what each one promises.
 */
#ifndef JUP_PLAN_PLANNER_H
#define JUP_PLAN_PLANNER_H

#include "plan/plan.h"

typedef struct jup_plan_problem {
    const jup_cluster_t *cluster;
    jup_model_size_t size;
    jup_workload_t workload;
    jup_objective_t objective;
    int grain;     /* chunk boundaries are multiples of it; 0: chosen from the prompt */
    int min_chunk; /* no chunk is shorter (but a shorter prompt); 0: the grain */
    int max_chunk; /* no chunk is longer; 0: as memory allows */
    double effort; /* work of the exhaustive search, in millions of steps; 0: a default */
} jup_plan_problem_t;

/** The best plan found. JUP_EINPUT when nothing fits, saying what lacks and what would fit. */
jup_status_t jup_plan_make(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err);

/** Layers in even shares over the devices (as many as there are layers), one chunking for all. */
jup_status_t jup_plan_even(const jup_plan_problem_t *problem, int chunk, jup_plan_t *plan,
                           jup_error_t *err);

/**
 * Fills in memory and prediction of a plan whose stages (device, first, last) and chunks are given.
 * JUP_EINPUT when it does not fit the cluster, the model or the prompt.
 */
jup_status_t jup_plan_evaluate(const jup_plan_problem_t *problem, jup_plan_t *plan,
                               jup_error_t *err);

/** JUP_EINPUT when a stage needs more memory than its device gives: names it, and what to do. */
jup_status_t jup_plan_check_memory(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                                   jup_error_t *err);

#endif
