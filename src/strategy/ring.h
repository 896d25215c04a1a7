/**
 * Sums and rows among the members of a group: reduce-scatter (every member ends with the sum of its
 * own block) and all-gather (every member ends with all blocks), in turns that are begun and ended,
 * so that something can be computed while they travel; the blocking calls are end(begin()) of all
 * turns. Elements at[m] .. at[m + 1] of a vector are member m's block; at[0] is 0.
 *
 * Blocks go round the ring (Patarasu and Yuan 2009) or straight to where they belong; a short
 * vector goes whole to everyone: see comm/exchange.h. Whatever way, all members end with the same
 * bits, also where the wire rounds to half precision: what a member keeps for itself is rounded as
 * what it sends. A group of one sends and rounds nothing.
 */
#ifndef JUP_STRATEGY_RING_H
#define JUP_STRATEGY_RING_H

#include "comm/comm.h"
#include "comm/exchange.h"
#include "tensor/dtype.h"

typedef struct jup_ring {
    jup_comm_t *comm;
    int n, me;                          /* members, and which of them this rank is */
    int *members;                       /* (n) their ranks, owned */
    jup_dtype_t wire;                   /* JUP_F16 or JUP_F32 */
    int64_t room;                       /* elements of `in` */
    char *out, *in;                     /* in the wire's type, with a gap behind each block */
    size_t own_bytes;                   /* of the own block in `out`, while it is gathered */
    jup_pending_t *sending, *receiving; /* (n) by turn */
    jup_exchange_link_t link;
    jup_exchange_t exchange; /* AUTO: by the link and the bytes; may be changed between exchanges,
                                by all members alike */
    int32_t label;           /* of messages to come, for the trace */
} jup_ring_t;

/**
 * members (n): ranks of comm, this one's at `me`, the same list on all of them; it is copied.
 * Vectors have at most rows * dim elements. Of what is reduced in blocks, no block has more than
 * dim elements over the mean.
 */
jup_status_t jup_ring_init(jup_ring_t *ring, jup_comm_t *comm, const int *members, int n, int me,
                           jup_dtype_t wire, int64_t rows, int64_t dim, jup_error_t *err);
void jup_ring_reset(jup_ring_t *ring);

/** Turns of a reduce-scatter, and of an all-gather: n - 1. Other turns begin and end nothing. */
int jup_ring_turns(const jup_ring_t *ring);

/**
 * Turn t of a reduce-scatter sends this member's part of the block `me - 1 - t` (modulo n), to
 * which everything must have been added that is to go; y changes at its end only, and is this
 * member's sum after the end of the last turn, which adds to the block `me`.
 */
void jup_ring_begin_reduce(jup_ring_t *ring, int turn, const float *y, const int64_t *at);
void jup_ring_end_reduce(jup_ring_t *ring, int turn, float *y, const int64_t *at);

/**
 * Turn t of an all-gather brings the block `me - 1 - t` (modulo n); from the begin of turn 0, which
 * rounds the own block in place to what the others will have, until the end of the last turn no
 * block of y changes otherwise.
 */
void jup_ring_begin_gather(jup_ring_t *ring, int turn, float *y, const int64_t *at);
void jup_ring_end_gather(jup_ring_t *ring, int turn, float *y, const int64_t *at);

/** All turns of one, of the other, and of both: y is the sum on all members. */
void jup_ring_reduce_scatter(jup_ring_t *ring, float *y, const int64_t *at);
void jup_ring_all_gather(jup_ring_t *ring, float *y, const int64_t *at);
void jup_ring_all_reduce(jup_ring_t *ring, float *y, const int64_t *at);

/** Waits for all sends. */
void jup_ring_flush(jup_ring_t *ring);

#endif
