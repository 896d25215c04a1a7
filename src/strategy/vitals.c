#include "strategy/vitals.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

void jup_vitals_take(jup_vitals_t *vitals, const jup_comm_t *comm, const jup_place_t *place,
                     const jup_forward_t *forward, const jup_recorder_t *recorder)
{
    *vitals = (jup_vitals_t){
        .at_s = jup_clock_now_s(),
        .busy_s = recorder->busy_s,
        .wait_recv_s = recorder->wait_recv_s,
        .wait_send_s = recorder->wait_send_s,
        .sent_bytes = (int64_t)comm->sent_bytes,
        .sent_messages = (int64_t)comm->sent_messages,
        .resident_bytes = (int64_t)jup_mem_resident_bytes(),
        .kv_bytes = (int64_t)jup_kv_bytes(&forward->kv),
        .kv_pages = forward->kv.pages_in_use,
        .stage = place->stage,
        .member = jup_place_member(place),
        .layer_first = forward->weights->shard.first,
        .layer_last = forward->weights->shard.last,
    };
}

void jup_vitals_send(jup_vitals_answer_t *answer, jup_comm_t *comm, const jup_vitals_t *vitals)
{
    jup_comm_end(comm, &answer->pending);
    answer->vitals = *vitals;
    jup_comm_begin_send(comm, 0, JUP_MSG_VITALS, -1, &answer->vitals, sizeof answer->vitals,
                        &answer->pending);
}

/* ---- rank 0 ---------------------------------------------------------------------------------- */

void jup_vitals_board_init(jup_vitals_board_t *board, int32_t ranks)
{
    memset(board, 0, sizeof *board);
    board->n = ranks;
    board->now = jup_new((size_t)ranks, sizeof *board->now);
    board->before = jup_new((size_t)ranks, sizeof *board->before);
    board->coming = jup_new((size_t)ranks, sizeof *board->coming);
}

void jup_vitals_board_reset(jup_vitals_board_t *board)
{
    jup_free(board->now);
    jup_free(board->before);
    jup_free(board->coming);
    memset(board, 0, sizeof *board);
}

void jup_vitals_await(jup_vitals_board_t *board, jup_comm_t *comm, const jup_vitals_t *own)
{
    assert(!board->awaited);
    board->awaited = true;
    board->coming[0].vitals = *own;
    for (int32_t r = 1; r < board->n; r++)
        jup_comm_begin_recv(comm, r, JUP_MSG_VITALS, -1, &board->coming[r].vitals,
                            sizeof board->coming[r].vitals, &board->coming[r].pending);
}

static bool all_came(const jup_vitals_board_t *board)
{
    for (int32_t r = 1; r < board->n; r++)
        if (board->coming[r].pending.active)
            return false;
    return true;
}

bool jup_vitals_collect(jup_vitals_board_t *board, jup_comm_t *comm, bool wait)
{
    for (int32_t r = 1; r < board->n && wait && board->awaited; r++)
        jup_comm_end(comm, &board->coming[r].pending);
    if (!board->awaited || !all_came(board))
        return false;
    for (int32_t r = 0; r < board->n; r++) {
        board->before[r] = board->now[r];
        board->now[r] = board->coming[r].vitals;
    }
    board->awaited = false;
    board->rounds++;
    return true;
}
