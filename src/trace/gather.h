/** From the recorders of all ranks to one run on rank 0. */
#ifndef JUP_TRACE_GATHER_H
#define JUP_TRACE_GATHER_H

#include "trace/run.h"

/**
 * Measures this clock against rank 0's and notes it in the recorder. Call it once before the run;
 * the gather measures again, so that a drift between the clocks of two boards is taken out.
 * Collective. Ranks of one machine (same boot) share a clock: their offset is 0.
 */
void jup_trace_sync_clocks(jup_comm_t *comm, jup_recorder_t *recorder);

/**
 * Collects spans, messages, tokens and `mine` of all ranks in *run (initialised, empty) on rank 0;
 * elsewhere *run stays as it is. Times become rank 0's (in the recorder too), from the first span
 * on; the two sides of each message become one. Recording stops: recorder->on becomes false
 * and the comm is no longer observed. Where a rank ran out of room for events, the run has what
 * happened until then, and totals of its requests to the end (run->totals). JUP_EENV when events
 * were lost or have no room on a disk. Collective.
 */
jup_status_t jup_trace_gather(jup_comm_t *comm, jup_recorder_t *recorder,
                              const jup_rank_record_t *mine, jup_run_t *run, jup_error_t *err);

/**
 * Matches sides into messages: the n-th send from src to dst of a kind, in the order of posting, is
 * the n-th receive of that kind there (messages of one tag do not overtake each other). *messages
 * is a new block for the caller to jup_free(), stream by stream.
 */
jup_status_t jup_trace_match(const jup_message_record_t *sides, size_t n_sides,
                             jup_message_t **messages, size_t *n_messages, jup_error_t *err);

#endif
