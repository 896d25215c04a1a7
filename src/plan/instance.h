/**
 * A planning problem made ready: groups of devices in classes of equal speed, chunk boundaries on a
 * grid, the time of a layer tabulated over the grid. Which devices form which group is given; most
 * often each is alone. Planning then chooses which groups to use, in which order, with how many
 * layers. Internal to the planners.
 *
 * Memory O(classes * positions^2); the grid is chosen so that this stays below 64 MiB.
 */
#ifndef JUP_PLAN_INSTANCE_H
#define JUP_PLAN_INSTANCE_H

#include "plan/ways.h"

/** What a class of groups needs for one layer and one step, in the prefill and in decoding. */
typedef struct jup_class {
    const jup_plan_group_t *group;
    double *layer_s;         /* of the grid's chunks, see jup_instance_layer_s() */
    jup_group_step_t step;   /* of the prefill */
    jup_group_step_t decode; /* of one row */
    double decode_layer_s;   /* a layer for a branch's rows at the workload's mean context */
    double *lap_layer_s; /* (branches): ... for those of 1, 2, ... branches in one step, owned */
} jup_class_t;

typedef struct jup_instance {
    const jup_plan_problem_t *problem;
    int n_groups, n_layers, n_classes;
    jup_plan_group_t *groups; /* (n_groups), owned */
    int *class_of;            /* (n_groups) */
    int *twin_of;             /* (n_groups): the first group it cannot be told from (memory too) */
    jup_class_t *classes;     /* (n_classes) */
    int32_t *position;        /* (n_positions + 1): 0, grain, 2 grain, ..., prompt */
    int n_positions;
    int32_t grain, min_chunk, max_chunk; /* tokens; max_chunk: by option alone */
    double serial_laps, branch_laps;     /* of decoding */
} jup_instance_t;

/**
 * specs (n): the groups, no device in two of them; NULL: every device alone. The problem and its
 * cluster stay with the caller.
 */
jup_status_t jup_instance_init(jup_instance_t *in, const jup_plan_problem_t *problem,
                               const jup_group_spec_t *specs, int n, jup_error_t *err);
void jup_instance_reset(jup_instance_t *in);

/** Seconds of one layer for the chunk between the grid's positions i < j. */
static inline double jup_instance_layer_s(const jup_instance_t *in, int c, int i, int j)
{
    int64_t n = in->n_positions, row = i;
    return in->classes[c].layer_s[row * n - row * (row - 1) / 2 + (j - i - 1)];
}

/** The link from a group's leader to another's. */
jup_link_t jup_instance_link(const jup_instance_t *in, int from, int to);

/** Layers that fit all members of a group with work space for `rows`; below 1: none. */
int jup_instance_most_layers(const jup_instance_t *in, int group, bool embedding, bool head,
                             int64_t rows);

/** Rows of work space that fit all members of a group beside `layers`; below 1: none. */
int64_t jup_instance_most_rows(const jup_instance_t *in, int group, int layers, bool embedding,
                               bool head);

#endif
