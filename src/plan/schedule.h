/**
 * What a layout and a chunking take: the exact makespan of a permutation flow shop, stages and
 * links being its machines, chunks its jobs. Internal to the planners.
 *
 *   C(s, j) = max(A(s, j), C(s, j-1)) + t_s(j)        A(0, j) = 0
 *   A(s+1, j) = max(C(s, j), A(s+1, j-1)) + x_s(j)    a link carries one message at a time
 *
 * Time O(stages * chunks), memory O(stages).
 */
#ifndef JUP_PLAN_SCHEDULE_H
#define JUP_PLAN_SCHEDULE_H

#include "plan/instance.h"

enum { JUP_CUT_CHUNKS = 1024 }; /* the planners make no more */

/** Which group holds how many layers, in pipeline order. */
typedef struct jup_layout {
    int n;
    int group[JUP_MAX_LAYERS];
    int layers[JUP_MAX_LAYERS];
} jup_layout_t;

/** The prompt cut into chunks, with each class's time for a layer of each chunk. */
typedef struct jup_cut {
    int n;
    int32_t rows[JUP_PLAN_CHUNKS];
    double bytes[JUP_PLAN_CHUNKS]; /* of its message */
    double *layer_s;               /* (capacity, n_classes): [chunk][class], owned */
} jup_cut_t;

typedef struct jup_stage_cost {
    int class;
    double layers;       /* of a step of decoding */
    double chunk_layers; /* ... of a chunk: the model's last one counts little */
    double step_s;
    double row_s;             /* of each row: embedding it, telling the group of it */
    double head_s;            /* 0 but on the last */
    double decode_s;          /* a step of one branch, its layers included */
    double single_s;          /* of that, what a single row takes longer, rests or not */
    double rest_s;            /* ... takes so much longer where the stage never rests; 0 where the
                                 step has several rows */
    double more_s;            /* ... of each further branch in it, but for the layers */
    double latency_s, byte_s; /* of its link to the next stage; unused on the last */
} jup_stage_cost_t;

/** A layout made ready for timing. */
typedef struct jup_pipe {
    int n;
    jup_stage_cost_t stage[JUP_MAX_LAYERS];
    double result_s;  /* the answer from the last stage to the first */
    double rested_s;  /* one branch's step through all stages and back, if they rest enough ... */
    double lap_s;     /* ... or if the slowest does not */
    double slowest_s; /* the slowest stage or link of a lap */
    double branch_s;  /* between the laps of two branches, where all are under way */
    double decode_s;  /* all further tokens of the workload */
} jup_pipe_t;

void jup_pipe_set(jup_pipe_t *pipe, const jup_instance_t *in, const jup_layout_t *layout);

/** Room for `capacity` chunks, at most JUP_PLAN_CHUNKS. */
void jup_cut_init(jup_cut_t *cut, const jup_instance_t *in, int capacity);
void jup_cut_reset(jup_cut_t *cut);
void jup_cut_copy(jup_cut_t *cut, const jup_cut_t *from, const jup_instance_t *in);

/** Sets chunk k (rows over prefix) of a cut; from the grid's table by positions i < j. */
void jup_cut_set(jup_cut_t *cut, const jup_instance_t *in, int k, int32_t rows, int32_t prefix);
void jup_cut_set_grid(jup_cut_t *cut, const jup_instance_t *in, int k, int i, int j);

/** The whole cut: chunks of `rows` tokens, the last one shorter; or n chunks of nearly equal ones.
 */
void jup_cut_by_length(jup_cut_t *cut, const jup_instance_t *in, int32_t rows);
void jup_cut_in_equal(jup_cut_t *cut, const jup_instance_t *in, int n);

int32_t jup_cut_longest(const jup_cut_t *cut);

/** Seconds of stage s for chunk k of the cut. */
static inline double jup_stage_s(const jup_stage_cost_t *s, const jup_cut_t *cut,
                                 const double *layer_s, int k)
{
    return s->step_s + s->chunk_layers * layer_s[s->class] + s->row_s * cut->rows[k] +
           (k == cut->n - 1 ? s->head_s : 0);
}

/** The time to first token; or infinity as soon as it is sure to be `bound` or more. */
double jup_schedule_ttft_s(const jup_pipe_t *pipe, const jup_cut_t *cut, int n_classes,
                           double bound_s);

/** What the problem's objective makes of them: seconds to be minimised. */
double jup_schedule_value_s(const jup_instance_t *in, const jup_pipe_t *pipe, const jup_cut_t *cut,
                            double bound_s);

/** The part of it that does not depend on the chunks. */
double jup_schedule_fixed_s(const jup_instance_t *in, const jup_pipe_t *pipe);

/** Longest chunk that every stage of the layout has memory for; below 1: it does not fit. */
int32_t jup_layout_most_rows(const jup_instance_t *in, const jup_layout_t *layout);

#endif
