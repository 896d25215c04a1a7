/**
 * The output head shared by rows (of the vocabulary) among the last stage's members. The leader
 * needs of the others only what its verdict may depend on: each row's best ids and their logits,
 * as many as the sampling looks at, or else all logits. What did not come is minus infinity. Where
 * log probabilities are told and the best alone travel, the log of the sum over each member's
 * logits comes with them.
 */
#ifndef JUP_STRATEGY_HEAD_H
#define JUP_STRATEGY_HEAD_H

#include "comm/comm.h"
#include "model/sampler.h"
#include "strategy/place.h"

#include <stdint.h>

typedef struct jup_head_share {
    jup_comm_t *comm;
    int leader, members, me;
    const int *vocab;         /* (members + 1), the place's */
    int32_t best;             /* ids of a row that travel; 0: all logits */
    bool told;                /* log probabilities may be told */
    int32_t rows;             /* with logits at most */
    char *buffer;             /* a message; the leader's: as many as fit */
    size_t buffer_bytes;      /* of the longest one at least */
    jup_pending_t *receiving; /* (members) the leader's */
    float *logits;            /* (rows, vocabulary), put together; the leader's */
    double *log_sums;         /* (rows) of all logits, where jup_head_share_sums(); the leader's */
    double *parts;            /* (rows, members) of each member's */
} jup_head_share_t;

/** Whether logs of sums travel. */
static inline bool jup_head_share_sums(const jup_head_share_t *share)
{
    return share->told && share->best > 0;
}

/** best: of each row, 0: all; told: log probabilities, too. The place, whose vocab is there, and
 * the comm outlive it. */
jup_status_t jup_head_share_init(jup_head_share_t *share, jup_comm_t *comm,
                                 const jup_place_t *place, int32_t best, bool told, int32_t rows,
                                 jup_error_t *err);
void jup_head_share_reset(jup_head_share_t *share);

/** A member that does not lead: hands over its logits (rows, own part of the vocabulary). */
void jup_head_share_send(jup_head_share_t *share, const float *own, int32_t rows);

/** The leader: puts its own and all others' together, in share->logits (rows, vocabulary). */
void jup_head_share_receive(jup_head_share_t *share, const float *own, int32_t rows);

#endif
