/**
 * Word of steps whose guesses proved wrong: from the first stage, which knows first, straight to
 * every other stage, past the steps that are in the pipe before it. A stage that hears in time
 * leaves the rows of such a step uncomputed; the step itself still goes its way, for the caches'
 * sake. The word may be late, or be left out where the one before has not been received yet: then
 * rows are computed in vain, nothing more.
 */
#ifndef JUP_STRATEGY_CANCEL_H
#define JUP_STRATEGY_CANCEL_H

#include "comm/comm.h"

typedef struct jup_cancel {
    jup_comm_t *comm;
    int32_t window; /* steps in the air at most, and so steps in one word */
    int32_t *steps; /* (n <= 2 * window) cancelled, not yet seen */
    int32_t n;
    int32_t *words; /* (n_receivers, window) on their way; others than rank 0: (1, window) */
    jup_pending_t *pending; /* (n_receivers); others than rank 0: (1) */
    const int *receivers;   /* rank 0: (n_receivers) who listens, the caller's */
    int32_t n_receivers;
} jup_cancel_t;

/**
 * Rank 0 and the receivers (n), ascending, with the same window. Ranks other than 0 listen from now
 * on.
 */
void jup_cancel_init(jup_cancel_t *c, jup_comm_t *comm, const int *receivers, int32_t n,
                     int32_t window);
void jup_cancel_reset(jup_cancel_t *c);

/** Rank 0: tells all ranks, itself too. steps (n <= window). */
void jup_cancel_tell(jup_cancel_t *c, const int32_t *steps, int32_t n);

/** Other ranks: takes in what has come; the comm has made progress. */
void jup_cancel_hear(jup_cancel_t *c);

/** Whether a step is cancelled; earlier ones are forgotten. Steps are asked for in order. */
bool jup_cancel_has(jup_cancel_t *c, int32_t step);

/** The end on every rank, after the last step: no word is on its way afterwards. */
void jup_cancel_stop(jup_cancel_t *c);

#endif
