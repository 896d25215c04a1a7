#include "plan/hybrid.h"

#include "base/mem.h"
#include "plan/hybrid_inner.h"
#include "plan/infeasible.h"
#include "plan/predict.h"
#include "plan/runs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEW_DEVICES = 4, MANY_DEVICES = 16, SKETCH_POSITIONS = 32 };
static const double sketch_effort = 0.01;

/* ---- one grouping --------------------------------------------------------------------------- */

void jup_hybrid_keep(jup_hybrid_t *x, const jup_instance_t *in, const jup_search_t *search,
                     const jup_grouping_t *grouping)
{
    if (!search->layout.n)
        return;
    jup_plan_reset(&x->plan);
    jup_plan_build(in, &search->layout, &search->cut, &x->plan);
    x->plan.proven = search->proven;
    x->value_s = search->value_s;
    if (grouping != &x->best)
        jup_grouping_copy(&x->best, grouping);
}

/* A sketch has a coarse grid and looks less far. */
static void try_grouping(jup_hybrid_t *x, const jup_grouping_t *grouping, bool sketch)
{
    jup_instance_t in;
    jup_plan_problem_t problem = *x->problem;
    int64_t prompt = problem.workload.prompt_tokens;
    int coarse = (int)((prompt + SKETCH_POSITIONS - 1) / SKETCH_POSITIONS);
    problem.effort = (problem.effort > 0 ? problem.effort : 1) * (sketch ? sketch_effort : 1);
    if (sketch && problem.grain < coarse)
        problem.grain = coarse;
    if (jup_instance_init(&in, &problem, grouping->specs, grouping->n, NULL) != JUP_OK)
        return;
    jup_search_t *search = jup_new(1, sizeof *search);
    jup_search_init(search, &in, problem.effort);
    search->value_s = x->value_s;
    search->sketch = sketch;
    jup_search_run(search);
    jup_hybrid_keep(x, &in, search, grouping);
    jup_search_reset(search);
    jup_free(search);
    jup_instance_reset(&in);
}

/* ---- orders of the devices ------------------------------------------------------------------ */

typedef struct ranked {
    double s;
    int device;
} ranked_t;

static int by_time(const void *a, const void *b)
{
    const ranked_t *x = a, *y = b;
    if (x->s != y->s)
        return x->s < y->s ? -1 : 1;
    return x->device - y->device;
}

/* Seconds of a layer for the request. */
static double layer_s(const jup_plan_problem_t *p, int device)
{
    const jup_workload_t *w = &p->workload;
    const jup_profile_t *profile = jup_cluster_profile(p->cluster, device);
    double laps = p->objective == JUP_OBJECTIVE_TOTAL ? (double)w->generate_tokens : 0;
    return jup_cost_layer_s(profile, &p->size, (double)w->prompt_tokens, 0) +
           laps * jup_cost_layer_s(profile, &p->size, 1, (double)w->prompt_tokens);
}

/* Quickest first, but for a device that stays first; false when that is the cluster's order. */
static bool order_by_speed(const jup_plan_problem_t *p, int *order)
{
    int n = p->cluster->n_devices, from = p->first_stays ? 1 : 0;
    bool differs = false;
    ranked_t *ranked = jup_new((size_t)n, sizeof *ranked);
    for (int d = 0; d < n; d++)
        ranked[d] = (ranked_t){layer_s(p, d), d};
    qsort(ranked + from, (size_t)(n - from), sizeof *ranked, by_time);
    for (int d = 0; d < n; d++) {
        order[d] = ranked[d].device;
        differs = differs || order[d] != d;
    }
    jup_free(ranked);
    return differs;
}

/* ---- candidates ----------------------------------------------------------------------------- */

/* Groups of `size` devices, and one of the rest. */
static void try_equal_groups(jup_hybrid_t *x, const int *order, jup_way_t way, int size)
{
    int n = x->problem->cluster->n_devices;
    jup_grouping_clear(&x->trial);
    for (int at = 0; at < n; at += size)
        jup_grouping_add(&x->trial, way, order + at, n - at < size ? n - at : size);
    try_grouping(x, &x->trial, true);
}

/* The quickest devices in one group, the others alone. */
static void try_one_group(jup_hybrid_t *x, const int *order, jup_way_t way, int size)
{
    jup_grouping_clear(&x->trial);
    jup_grouping_add(&x->trial, way, order, size);
    jup_grouping_fill(&x->trial);
    try_grouping(x, &x->trial, true);
}

static void try_partitions(jup_hybrid_t *x, const jup_runs_t *runs)
{
    const jup_workload_t *w = &x->problem->workload;
    double laps = jup_workload_laps(w);
    if (x->problem->objective != JUP_OBJECTIVE_TOTAL)
        laps = 0;
    const jup_run_goal_t goals[] = {{.prefill = 1, .slowest = true},
                                    {.prefill = 1, .laps = laps},
                                    {.prefill = 0.25, .laps = laps},
                                    {.laps = 1}};
    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++)
        if (jup_runs_partition(runs, goals[i], &x->trial)) {
            jup_grouping_fill(&x->trial);
            try_grouping(x, &x->trial, true);
        }
}

static void try_order(jup_hybrid_t *x, const int *order)
{
    jup_runs_t runs;
    int n = x->problem->cluster->n_devices;
    jup_runs_init(&runs, x->problem, order);
    try_partitions(x, &runs);
    jup_runs_reset(&runs);
    for (int size = 2; size <= n; size += n > MANY_DEVICES ? size : 1)
        for (int way = 0; way < JUP_RUN_WAYS; way++) {
            try_equal_groups(x, order, jup_run_ways[way], size);
            if (size < n && n <= MANY_DEVICES)
                try_one_group(x, order, jup_run_ways[way], size);
        }
}

/* ---- objectives ----------------------------------------------------------------------------- */

static void search_jointly(jup_hybrid_t *x, int *order)
{
    int n = x->problem->cluster->n_devices;
    jup_grouping_clear(&x->trial);
    jup_grouping_fill(&x->trial);
    try_grouping(x, &x->trial, false); /* all alone */
    bool proven = x->plan.n_stages && x->plan.proven;
    for (int d = 0; d < n; d++)
        order[d] = d;
    try_order(x, order);
    if (order_by_speed(x->problem, order))
        try_order(x, order);
    if (x->plan.n_stages)
        try_grouping(x, &x->best, false);
    double before_s = x->value_s;
    proven = n == 1 ? proven : n <= FEW_DEVICES && jup_hybrid_exhaust(x);
    if (x->value_s < before_s)
        try_grouping(x, &x->best, false); /* boundaries off the grid */
    x->plan.proven = proven;
}

static void search_slowest(jup_hybrid_t *x, int *order)
{
    jup_runs_t runs;
    const jup_run_goal_t goal = {.prefill = 1, .slowest = true};
    for (int d = 0; d < x->problem->cluster->n_devices; d++)
        order[d] = d;
    jup_runs_init(&runs, x->problem, order);
    if (jup_runs_partition(&runs, goal, &x->trial))
        try_grouping(x, &x->trial, false);
    jup_runs_reset(&runs);
}

jup_status_t jup_plan_hybrid(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err)
{
    jup_instance_t in; /* checks the problem */
    JUP_TRY(jup_instance_init(&in, problem, NULL, 0, err));
    jup_instance_reset(&in);
    jup_hybrid_t x = {.problem = problem, .value_s = INFINITY};
    int *order = jup_new((size_t)problem->cluster->n_devices, sizeof *order);
    jup_grouping_init(&x.best, problem);
    jup_grouping_init(&x.trial, problem);
    if (problem->objective == JUP_OBJECTIVE_SLOWEST)
        search_slowest(&x, order);
    else
        search_jointly(&x, order);
    jup_grouping_reset(&x.best);
    jup_grouping_reset(&x.trial);
    jup_free(order);
    if (!x.plan.n_stages)
        return jup_infeasible_report(problem, err);
    *plan = x.plan;
    snprintf(plan->strategy, sizeof plan->strategy, "hybrid");
    return JUP_OK;
}
