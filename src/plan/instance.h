/**
 * A planning problem made ready: devices in classes of equal speed, chunk boundaries on a grid,
 * the time of a layer tabulated over the grid. Internal to the planners.
 *
 * Memory O(classes * positions^2); the grid is chosen so that this stays below 64 MiB.
 */
#ifndef JUP_PLAN_INSTANCE_H
#define JUP_PLAN_INSTANCE_H

#include "plan/planner.h"

/** What a class of devices needs for one layer, one step, the embedding and the head. */
typedef struct jup_class {
    const jup_profile_t *profile;
    double *layer_s;       /* of the grid's chunks, see jup_instance_layer_s() */
    double step_s;         /* a step on a stage */
    double embed_row_s;    /* the embedding of a token */
    double head_s;         /* the head for the last row of the prompt */
    double decode_layer_s; /* a layer for one row at the workload's mean context */
} jup_class_t;

typedef struct jup_instance {
    const jup_plan_problem_t *problem;
    int n_devices, n_layers, n_classes;
    int *class_of;        /* (n_devices) */
    int *twin_of;         /* (n_devices): the first device it cannot be told from (memory too) */
    jup_class_t *classes; /* (n_classes) */
    int32_t *position;    /* (n_positions + 1): 0, grain, 2 grain, ..., prompt */
    int n_positions;
    int32_t grain, min_chunk, max_chunk; /* tokens; max_chunk: by option alone */
    double laps;                         /* further tokens to be decoded */
} jup_instance_t;

/** The problem and its cluster stay with the caller. */
jup_status_t jup_instance_init(jup_instance_t *in, const jup_plan_problem_t *problem,
                               jup_error_t *err);
void jup_instance_reset(jup_instance_t *in);

/** Seconds of one layer for the chunk between the grid's positions i < j. */
static inline double jup_instance_layer_s(const jup_instance_t *in, int c, int i, int j)
{
    int64_t n = in->n_positions, row = i;
    return in->classes[c].layer_s[row * n - row * (row - 1) / 2 + (j - i - 1)];
}

/** Layers that fit a device with work space for `rows`; below 1: none. */
int jup_instance_most_layers(const jup_instance_t *in, int device, bool embedding, bool head,
                             int64_t rows);

/** Rows of work space that fit a device beside `layers`; below 1: none. */
int64_t jup_instance_most_rows(const jup_instance_t *in, int device, int layers, bool embedding,
                               bool head);

#endif
