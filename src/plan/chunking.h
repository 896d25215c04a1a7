/**
 * The sequence partition: how to cut the prompt for a given layout, which is to minimise the time
 * to first token (the exact makespan, plan/schedule.h). G: positions of the grid, S: stages.
 *
 * jup_chunk_search    heuristic. Uniform chunks of many lengths; then, as in TeraPipe (Li et al.
 *                     2021), for many bounds on a chunk's time the cut of least total bottleneck
 *                     time, f(j) = min_i { f(i) + t(i, j) : t(i, j) <= bound }, where t is the
 *                     slowest stage's or link's time; all judged by the exact makespan; the best
 *                     one's boundaries moved, merged and split as long as that helps.
 *                     Time O(G^2 (S' + bounds) + moves * S * chunks), S' distinct stages.
 * jup_chunk_exact     exact on the grid. Labels are vectors of completion times of all stages and
 *                     links at a position; one that is nowhere earlier than another is dropped, as
 *                     is one that cannot beat the incumbent. Exponential at worst, hence metered.
 */
#ifndef JUP_PLAN_CHUNKING_H
#define JUP_PLAN_CHUNKING_H

#include "plan/schedule.h"

/** Work that may still be done, in cells of a schedule (a stage doing a chunk). */
typedef struct jup_meter {
    double left;
} jup_meter_t;

static inline bool jup_meter_spend(jup_meter_t *meter, double cells)
{
    meter->left -= cells;
    return meter->left > 0;
}

/**
 * The best cut found with chunks of at most most_rows; scratch is another cut. Returns its time to
 * first token, infinite when no cut obeys the limits.
 */
double jup_chunk_search(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                        jup_meter_t *meter, jup_cut_t *best, jup_cut_t *scratch);

/**
 * The best of the uniform cuts (every chunk of one length but the last; any length), at most
 * JUP_CUT_CHUNKS chunks. The same conventions.
 */
double jup_chunk_uniform(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                         jup_cut_t *best, jup_cut_t *scratch);

/** Moves boundaries of `cut` (time `now_s`) by tokens, merges and splits while it helps. */
double jup_chunk_refine(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                        jup_meter_t *meter, jup_cut_t *cut, double now_s);

typedef enum jup_exact {
    JUP_EXACT_BETTER,  /* found a cut below the bound; it is the best one on the grid */
    JUP_EXACT_NONE,    /* proved that there is none below the bound */
    JUP_EXACT_GAVE_UP, /* the meter ran out */
} jup_exact_t;

jup_exact_t jup_chunk_exact(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                            double bound_s, jup_meter_t *meter, jup_cut_t *best, double *ttft_s);

#endif
