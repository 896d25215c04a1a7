/**
 * The LLM partition over groups: runs of consecutive devices of an order become groups, any way, or
 * are left out,
 *
 *   A(y, d) = min over n layers, g devices and ways of join{ A(y - n, d - g), t(n) }
 *
 * where t is what a group of the devices d - g .. d takes for n layers, and joining is the larger
 * (the paper's objective, the slowest stage) or the sum. Exact for these values; what is wanted of
 * it otherwise are the groups, to be planned with. Time O(L^2 D G), G sizes times ways of a group.
 * Internal to the planners.
 */
#ifndef JUP_PLAN_RUNS_H
#define JUP_PLAN_RUNS_H

#include "plan/grouping.h"

enum { JUP_RUN_WAYS = 3 };

/** The ways that are searched: lossless ones. */
extern const jup_way_t jup_run_ways[JUP_RUN_WAYS];

/** What n layers on a run take: fixed_s + n * each_s, and more on the ends of the pipeline. */
typedef struct jup_run_s {
    double fixed_s, each_s, first_s, last_s;
} jup_run_s_t;

typedef struct jup_run {
    bool possible;
    jup_run_s_t prefill, lap; /* the whole prompt; one row */
    int most[4];              /* layers by memory: [embedding + 2 * head] */
} jup_run_t;

/** All runs of an order of the devices. */
typedef struct jup_runs {
    const jup_plan_problem_t *problem;
    int n_sizes, *sizes; /* ascending, from 1, owned */
    int *order;          /* (devices), owned */
    jup_run_t *runs;     /* (devices, n_sizes, JUP_RUN_WAYS) by the run's first device, owned */
} jup_runs_t;

void jup_runs_init(jup_runs_t *runs, const jup_plan_problem_t *problem, const int *order);
void jup_runs_reset(jup_runs_t *runs);

/** What is joined: weights of the prefill and of a lap, and whether the slowest counts. */
typedef struct jup_run_goal {
    double prefill, laps;
    bool slowest;
} jup_run_goal_t;

/** The groups of the best partition, in their order; false when nothing fits. */
bool jup_runs_partition(const jup_runs_t *runs, jup_run_goal_t goal, jup_grouping_t *grouping);

#endif
