/*
 * Brute force over plans: every ordered subset of the units (devices, or groups of them), every
 * share of the layers, every cut of the prompt, timed by a schedule written here from what a
 * stage's work costs, which the caller tells. It shares nothing with the planners.
 */
#ifndef JUP_TESTS_BRUTE_H
#define JUP_TESTS_BRUTE_H

#include "base/rng.h"
#include "plan/planner.h"

#include <stdbool.h>

enum { BRUTE_MOST = 8 };

typedef struct brute brute_t;

/* What the units are. Stage s of a plan is the unit b->unit[s], with b->layers[s] layers. */
typedef struct brute_units {
    /* rows through a stage behind `prefix` tokens; head: the last stage's, too; decode: a lap */
    double (*busy_s)(const brute_t *b, int s, int rows, double prefix, bool head, bool decode);
    double (*rest_s)(const brute_t *b, int s);      /* what rests save of a single row's step ... */
    double (*rest_most_s)(const brute_t *b, int s); /* ... and can save at most; 0: that */
    int (*device)(const brute_t *b, int unit);      /* its first one */
    bool (*fits)(const brute_t *b, int rows);       /* all stages into their memories */
} brute_units_t;

struct brute {
    const jup_plan_problem_t *p;
    const brute_units_t *units;
    void *self; /* the caller's */
    int n;      /* units */
    bool barred[BRUTE_MOST], used[BRUTE_MOST];
    int S, K, unit[BRUTE_MOST], layers[BRUTE_MOST], chunks[BRUTE_MOST];
    double best_s; /* so far; begins at INFINITY */
    double fixed_s;
};

/* All plans of the units that are not barred. */
void brute_share(brute_t *b, int layers);

/* All cuts of the prompt for the stages that there are. */
void brute_cut(brute_t *b);

/* The busiest stage, with the prompt in one piece. */
double brute_slowest_s(const brute_t *b);

/* What the plan's objective says of it. */
double brute_value_s(const jup_plan_t *plan);

/* Random, all orders of magnitude alike. */
double brute_between(jup_rng_t *rng, double low, double high);

#endif
