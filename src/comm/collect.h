/** Rank 0 and the others: sharing rank 0's bytes, gathering everyone's, agreeing on a verdict. */
#ifndef JUP_COMM_COLLECT_H
#define JUP_COMM_COLLECT_H

#include "comm/comm.h"

/**
 * Every rank gets rank 0's bytes. On rank 0, *data / *bytes are given and stay; elsewhere *data is
 * a new block for the caller to jup_free(). Collective.
 */
void jup_comm_share(jup_comm_t *comm, void **data, size_t *bytes);

/** The same for a block of a size that every rank knows, in place. Collective. */
void jup_comm_share_fixed(jup_comm_t *comm, void *data, size_t bytes);

/**
 * Rank 0 gets every rank's bytes, one after the other in rank order: a new block in *all and the
 * offsets (size + 1 of them) in *offsets, both for the caller to jup_free(). Elsewhere both become
 * NULL. Collective.
 */
void jup_comm_gather(jup_comm_t *comm, const void *data, size_t bytes, void **all,
                     size_t **offsets);

/**
 * The same in two halves, between which rank 0 makes the room: the offsets, for jup_free(), NULL
 * elsewhere; then the bytes into a block of offsets[size]. Collective, both.
 */
size_t *jup_comm_gather_sizes(jup_comm_t *comm, size_t bytes);
void jup_comm_gather_bytes(jup_comm_t *comm, const void *data, size_t bytes, void *all,
                           const size_t *offsets);

/**
 * Every rank brings its status; all return the same one: JUP_OK when all are well, else that of the
 * lowest failing rank, whose message rank 0 then holds in *err (with the rank named unless it is
 * rank 0). Nobody waits for a rank that has left. Collective.
 */
jup_status_t jup_comm_agree(jup_comm_t *comm, jup_status_t mine, jup_error_t *err);

/**
 * This rank's clock minus rank 0's, in seconds: the quickest of several round trips decides
 * (Cristian 1989). Collective; 0 on rank 0.
 */
double jup_comm_clock_offset_s(jup_comm_t *comm);

#endif
