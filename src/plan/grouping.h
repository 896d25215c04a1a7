/**
 * A cluster's devices put into groups, each with its way: what a hybrid plan is searched over.
 * Internal to the planners.
 *
 * Members stand in the cluster's order; where the leader decodes alone (sequence) the quickest one
 * is first, unless the first device of all has to stay first. Groups stand in the order in which
 * they came, but that of device 0 is group 0.
 */
#ifndef JUP_PLAN_GROUPING_H
#define JUP_PLAN_GROUPING_H

#include "plan/instance.h"

typedef struct jup_grouping {
    const jup_plan_problem_t *problem;
    int n;                   /* groups */
    jup_group_spec_t *specs; /* (devices of the cluster), owned; n are used */
    int *device;             /* (devices of the cluster), owned; where the specs point to */
    int used;                /* of it */
} jup_grouping_t;

void jup_grouping_init(jup_grouping_t *grouping, const jup_plan_problem_t *problem);
void jup_grouping_copy(jup_grouping_t *copy, const jup_grouping_t *grouping); /* of one problem */
void jup_grouping_reset(jup_grouping_t *grouping);

/** Without any group. */
void jup_grouping_clear(jup_grouping_t *grouping);

/** One group more; a single device is alone, whatever the way. */
void jup_grouping_add(jup_grouping_t *grouping, jup_way_t way, const int *device, int n);

/** The rest of the devices, each alone. */
void jup_grouping_fill(jup_grouping_t *grouping);

/** What jup_plan_group_init() takes for these devices; `device` is put in order. */
jup_group_spec_t jup_grouping_spec(const jup_plan_problem_t *problem, jup_way_t way, int *device,
                                   int n);

#endif
