#include "comm/collect.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

void jup_comm_share_fixed(jup_comm_t *comm, void *data, size_t bytes)
{
    if (comm->rank != 0) {
        jup_comm_recv(comm, 0, JUP_MSG_SHARE, data, bytes);
        return;
    }
    for (int rank = 1; rank < comm->size; rank++)
        jup_comm_send(comm, rank, JUP_MSG_SHARE, data, bytes);
}

void jup_comm_share(jup_comm_t *comm, void **data, size_t *bytes)
{
    uint64_t size = comm->rank == 0 ? *bytes : 0;
    jup_comm_share_fixed(comm, &size, sizeof size);
    if (comm->rank != 0) {
        *bytes = (size_t)size;
        *data = jup_new(*bytes, 1);
    }
    if (size)
        jup_comm_share_fixed(comm, *data, *bytes);
}

size_t *jup_comm_gather_sizes(jup_comm_t *comm, size_t bytes)
{
    uint64_t size = bytes;
    if (comm->rank != 0) {
        jup_comm_send(comm, 0, JUP_MSG_GATHER, &size, sizeof size);
        return NULL;
    }
    size_t *offsets = jup_new((size_t)comm->size + 1, sizeof *offsets);
    offsets[1] = bytes;
    for (int rank = 1; rank < comm->size; rank++) {
        jup_comm_recv(comm, rank, JUP_MSG_GATHER, &size, sizeof size);
        offsets[rank + 1] = offsets[rank] + (size_t)size;
    }
    return offsets;
}

/* Of a long block: transports count bytes in an int. */
static const size_t piece_bytes = (size_t)1 << 26;

static size_t piece_of(size_t left)
{
    return left < piece_bytes ? left : piece_bytes;
}

void jup_comm_gather_bytes(jup_comm_t *comm, const void *data, size_t bytes, void *all,
                           const size_t *offsets)
{
    char *block = all;
    for (size_t at = 0; comm->rank != 0 && at < bytes; at += piece_bytes)
        jup_comm_send(comm, 0, JUP_MSG_GATHER, (const char *)data + at, piece_of(bytes - at));
    if (comm->rank != 0)
        return;
    if (bytes)
        memcpy(block, data, bytes);
    for (int rank = 1; rank < comm->size; rank++)
        for (size_t at = offsets[rank]; at < offsets[rank + 1]; at += piece_bytes)
            jup_comm_recv(comm, rank, JUP_MSG_GATHER, block + at, piece_of(offsets[rank + 1] - at));
}

void jup_comm_gather(jup_comm_t *comm, const void *data, size_t bytes, void **all, size_t **offsets)
{
    *offsets = jup_comm_gather_sizes(comm, bytes);
    *all = *offsets ? jup_new((*offsets)[comm->size] ? (*offsets)[comm->size] : 1, 1) : NULL;
    jup_comm_gather_bytes(comm, data, bytes, *all, *offsets);
}

typedef struct verdict {
    int32_t status;
    char text[sizeof((jup_error_t *)0)->text];
} verdict_t;

/* Rank 0: takes in the other ranks' verdicts; the lowest failing rank's one stands. */
static void judge(jup_comm_t *comm, verdict_t *standing)
{
    for (int rank = 1; rank < comm->size; rank++) {
        verdict_t theirs;
        jup_comm_recv(comm, rank, JUP_MSG_VERDICT, &theirs, sizeof theirs);
        if (standing->status != JUP_OK || theirs.status == JUP_OK)
            continue;
        standing->status = theirs.status;
        snprintf(standing->text, sizeof standing->text, "rank %d: %.*s", rank,
                 (int)sizeof theirs.text - 20, theirs.text);
    }
}

jup_status_t jup_comm_agree(jup_comm_t *comm, jup_status_t mine, jup_error_t *err)
{
    verdict_t verdict = {.status = (int32_t)mine};
    if (mine != JUP_OK)
        memcpy(verdict.text, err->text, sizeof verdict.text);
    if (comm->rank == 0)
        judge(comm, &verdict);
    else
        jup_comm_send(comm, 0, JUP_MSG_VERDICT, &verdict, sizeof verdict);
    jup_comm_share_fixed(comm, &verdict.status, sizeof verdict.status);
    if (verdict.status != JUP_OK)
        return jup_fail(err, (jup_status_t)verdict.status, "%s",
                        comm->rank == 0 ? verdict.text : "rank 0 has the message");
    return JUP_OK;
}

enum { PINGS = 20 };

static double measure_offset(jup_comm_t *comm)
{
    double best_trip_s = 1e9, offset_s = 0;
    for (int i = 0; i < PINGS; i++) {
        double sent_s = jup_clock_now_s(), root_s = 0;
        jup_comm_send(comm, 0, JUP_MSG_PING, &sent_s, sizeof sent_s);
        jup_comm_recv(comm, 0, JUP_MSG_PING, &root_s, sizeof root_s);
        double back_s = jup_clock_now_s();
        if (back_s - sent_s < best_trip_s) {
            best_trip_s = back_s - sent_s;
            offset_s = 0.5 * (sent_s + back_s) - root_s;
        }
    }
    return offset_s;
}

double jup_comm_clock_offset_s(jup_comm_t *comm)
{
    if (comm->rank != 0)
        return measure_offset(comm);
    for (int rank = 1; rank < comm->size; rank++) {
        for (int i = 0; i < PINGS; i++) {
            double theirs_s, mine_s;
            jup_comm_recv(comm, rank, JUP_MSG_PING, &theirs_s, sizeof theirs_s);
            mine_s = jup_clock_now_s();
            jup_comm_send(comm, rank, JUP_MSG_PING, &mine_s, sizeof mine_s);
        }
    }
    return 0;
}
