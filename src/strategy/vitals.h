/**
 * How the ranks are while they work: rank 0 asks by an edit that goes with a step through all
 * stages; each rank answers with one small message as the step passes.
 */
#ifndef JUP_STRATEGY_VITALS_H
#define JUP_STRATEGY_VITALS_H

#include "comm/comm.h"
#include "model/forward.h"
#include "strategy/place.h"
#include "trace/recorder.h"

/** Sums since the rank's start, and what it holds now. Plain data. */
typedef struct jup_vitals {
    double at_s; /* of the rank's clock */
    double busy_s, wait_recv_s, wait_send_s;
    int64_t sent_bytes, sent_messages;
    int64_t resident_bytes, kv_bytes;
    int32_t kv_pages; /* in use */
    int32_t stage, member, layer_first, layer_last;
} jup_vitals_t;

/** This rank's. */
void jup_vitals_take(jup_vitals_t *vitals, const jup_comm_t *comm, const jup_place_t *place,
                     const jup_forward_t *forward, const jup_recorder_t *recorder);

/** A rank's answer on its way to rank 0. */
typedef struct jup_vitals_answer {
    jup_vitals_t vitals;
    jup_pending_t pending;
} jup_vitals_answer_t;

void jup_vitals_send(jup_vitals_answer_t *answer, jup_comm_t *comm, const jup_vitals_t *vitals);

/** Rank 0's: of all ranks (n), the newest that came; and what is being awaited. */
typedef struct jup_vitals_board {
    int32_t n;
    jup_vitals_t *now, *before; /* (n) the newest, and the ones before them */
    jup_vitals_answer_t *coming;
    bool awaited;
    int64_t rounds; /* that are complete */
} jup_vitals_board_t;

void jup_vitals_board_init(jup_vitals_board_t *board, int32_t ranks);
void jup_vitals_board_reset(jup_vitals_board_t *board);

/** The step that asks goes out: awaits all answers; `own` is rank 0's. */
void jup_vitals_await(jup_vitals_board_t *board, jup_comm_t *comm, const jup_vitals_t *own);

/** Takes in a complete round, if it is there (or waits for it); true then. */
bool jup_vitals_collect(jup_vitals_board_t *board, jup_comm_t *comm, bool wait);

#endif
