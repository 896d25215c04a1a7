/** What hybrid.c and hybrid_exhaust.c share. */
#ifndef JUP_PLAN_HYBRID_INNER_H
#define JUP_PLAN_HYBRID_INNER_H

#include "plan/grouping.h"
#include "plan/search.h"

typedef struct jup_hybrid {
    const jup_plan_problem_t *problem;
    jup_plan_t plan; /* the best so far; no stages: none */
    double value_s;
    jup_grouping_t best; /* it was made of */
    jup_grouping_t trial;
} jup_hybrid_t;

/** Takes what a search over the groups of `in` has found, if it has. */
void jup_hybrid_keep(jup_hybrid_t *x, const jup_instance_t *in, const jup_search_t *search,
                     const jup_grouping_t *grouping);

/** Every grouping, exhaustively; false when the meter did not suffice. */
bool jup_hybrid_exhaust(jup_hybrid_t *x);

#endif
