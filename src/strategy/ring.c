#include "strategy/ring.h"

#include "base/checked.h"
#include "base/mem.h"
#include "strategy/wire.h"

#include <assert.h>
#include <string.h>

enum { GAP = 2 }; /* bytes behind a block, for its power of two; halves stay aligned */

/* ---- making and releasing -------------------------------------------------------------------- */

static jup_status_t new_buffer(const jup_ring_t *ring, char **buffer, int64_t elems,
                               jup_error_t *err)
{
    void *block;
    size_t bytes = jup_dtype_bytes(ring->wire, elems) + (size_t)ring->n * GAP;
    JUP_TRY(jup_alloc(&block, bytes, 1, "message buffers", err));
    *buffer = block;
    return JUP_OK;
}

jup_status_t jup_ring_init(jup_ring_t *ring, jup_comm_t *comm, const int *members, int n, int me,
                           jup_dtype_t wire, int64_t rows, int64_t dim, jup_error_t *err)
{
    assert(members[me] == comm->rank);
    memset(ring, 0, sizeof *ring);
    ring->comm = comm;
    ring->n = n;
    ring->me = me;
    ring->wire = wire;
    ring->members = jup_new((size_t)n, sizeof *members);
    memcpy(ring->members, members, (size_t)n * sizeof *members);
    ring->sending = jup_new((size_t)n, sizeof *ring->sending);
    ring->receiving = jup_new((size_t)n, sizeof *ring->receiving);
    int64_t blocks = n > 1 ? (rows + n) * dim : 0; /* n - 1 of about rows * dim / n, too */
    int64_t whole = jup_min_i64(rows * dim, JUP_EXCHANGE_LONG / (int64_t)jup_dtype_bytes(wire, 1));
    ring->room = jup_max_i64(blocks, (n - 1) * whole);
    JUP_TRY(new_buffer(ring, &ring->out, blocks, err));
    return new_buffer(ring, &ring->in, ring->room, err);
}

void jup_ring_reset(jup_ring_t *ring)
{
    jup_free(ring->members);
    jup_free(ring->sending);
    jup_free(ring->receiving);
    jup_free(ring->out);
    jup_free(ring->in);
    memset(ring, 0, sizeof *ring);
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* Where a block lies in `in` or `out`: elements and gaps before it. */
typedef struct spot {
    int64_t at;
    int gaps;
} spot_t;

/* One turn: a block of ours goes to one member, another block comes from one. */
typedef struct turn {
    int to, from, sends, brings;
    spot_t lands; /* in `in` */
} turn_t;

/* The member, or block, so many steps on (back: negative) round the ring. */
static int around(const jup_ring_t *ring, int steps)
{
    return (ring->me + steps + ring->n) % ring->n;
}

static int64_t size_of(const int64_t *at, int block)
{
    return at[block + 1] - at[block];
}

static bool goes_round(const jup_ring_t *ring)
{
    return jup_exchange_in_blocks(ring->exchange, &ring->link, ring->n) == JUP_EXCHANGE_RING;
}

static turn_t reduce_turn(const jup_ring_t *ring, int t, const int64_t *at)
{
    int block = around(ring, -1 - t), next = around(ring, -2 - t);
    if (goes_round(ring))
        return (turn_t){around(ring, 1), around(ring, -1), block, next, {at[next], next}};
    return (turn_t){block, around(ring, 1 + t), block, ring->me, {t * size_of(at, ring->me), t}};
}

static turn_t gather_turn(const jup_ring_t *ring, int t, const int64_t *at)
{
    int comes = around(ring, -1 - t);
    if (goes_round(ring))
        return (turn_t){
            around(ring, 1), around(ring, -1), around(ring, -t), comes, {at[comes], comes}};
    return (turn_t){around(ring, 1 + t), comes, ring->me, comes, {at[comes], comes}};
}

int jup_ring_turns(const jup_ring_t *ring)
{
    return ring->n - 1;
}

static bool exists(const jup_ring_t *ring, int turn)
{
    return turn >= 0 && turn < jup_ring_turns(ring);
}

/* ---- messages -------------------------------------------------------------------------------- */

static char *place(const jup_ring_t *ring, char *block, spot_t spot)
{
    return block + jup_dtype_bytes(ring->wire, spot.at) + spot.gaps * GAP;
}

/* A block as it travels. */
typedef struct packed {
    const char *data;
    size_t bytes;
} packed_t;

static packed_t pack(jup_ring_t *ring, const float *y, spot_t spot, int64_t n)
{
    char *out = place(ring, ring->out, spot);
    return (packed_t){out, (size_t)(jup_wire_pack(ring->wire, y + spot.at, 1, n, out) - out)};
}

static void begin_send(jup_ring_t *ring, int t, int kind, int to, packed_t block)
{
    jup_comm_begin_send(ring->comm, ring->members[to], kind, ring->label, block.data, block.bytes,
                        &ring->sending[t]);
}

static void begin_receive(jup_ring_t *ring, int t, int kind, int from, spot_t lands, int64_t n)
{
    assert(lands.at + n <= ring->room && lands.gaps < ring->n);
    jup_comm_begin_recv(ring->comm, ring->members[from], kind, ring->label,
                        place(ring, ring->in, lands), jup_wire_bytes(ring->wire, 1, n),
                        &ring->receiving[t]);
}

/* Waits for the message of turn t, n elements. */
static packed_t received(jup_ring_t *ring, int t, spot_t lands, int64_t n)
{
    jup_pending_t *pending = &ring->receiving[t];
    jup_comm_end(ring->comm, pending);
    if (!jup_wire_fits(ring->wire, 1, n, pending->bytes))
        jup_comm_die_unreadable(ring->comm, "a block", pending->bytes, pending->peer);
    return (packed_t){place(ring, ring->in, lands), pending->bytes};
}

void jup_ring_flush(jup_ring_t *ring)
{
    for (int t = 0; t < jup_ring_turns(ring); t++)
        jup_comm_end(ring->comm, &ring->sending[t]);
}

/* ---- reduce-scatter -------------------------------------------------------------------------- */

void jup_ring_begin_reduce(jup_ring_t *ring, int turn, const float *y, const int64_t *at)
{
    if (!exists(ring, turn))
        return;
    if (turn == 0)
        jup_ring_flush(ring); /* `out` is free from here on */
    turn_t t = reduce_turn(ring, turn, at);
    begin_receive(ring, turn, JUP_MSG_REDUCE, t.from, t.lands, size_of(at, t.brings));
    packed_t sent = pack(ring, y, (spot_t){at[t.sends], t.sends}, size_of(at, t.sends));
    begin_send(ring, turn, JUP_MSG_REDUCE, t.to, sent);
}

static void add(jup_ring_t *ring, int turn, float *y, const int64_t *at)
{
    turn_t t = reduce_turn(ring, turn, at);
    int64_t n = size_of(at, t.brings);
    packed_t block = received(ring, turn, t.lands, n);
    jup_wire_add(ring->wire, block.data, block.bytes, n, y + at[t.brings]);
}

/*
 * What goes round must be added before it goes on. What comes straight is all for the own block,
 * and waits for the last turn: so the sum has the same order however much of y was computed when.
 */
void jup_ring_end_reduce(jup_ring_t *ring, int turn, float *y, const int64_t *at)
{
    if (!exists(ring, turn))
        return;
    if (goes_round(ring)) {
        add(ring, turn, y, at);
    } else if (turn + 1 < jup_ring_turns(ring)) {
        jup_comm_progress(ring->comm);
    } else {
        for (int t = 0; t < jup_ring_turns(ring); t++)
            add(ring, t, y, at);
    }
}

void jup_ring_reduce_scatter(jup_ring_t *ring, float *y, const int64_t *at)
{
    for (int t = 0; t < jup_ring_turns(ring); t++) {
        jup_ring_begin_reduce(ring, t, y, at);
        jup_ring_end_reduce(ring, t, y, at);
    }
}

/* ---- all-gather ------------------------------------------------------------------------------ */

/* The own block leaves as it is rounded, and stays here so too. */
static packed_t pack_own(jup_ring_t *ring, float *y, const int64_t *at)
{
    int64_t n = size_of(at, ring->me);
    jup_ring_flush(ring);
    packed_t own = pack(ring, y, (spot_t){at[ring->me], ring->me}, n);
    jup_wire_unpack(ring->wire, own.data, own.bytes, 1, n, y + at[ring->me]);
    ring->own_bytes = own.bytes;
    return own;
}

static void begin_turn_of_gather(jup_ring_t *ring, int turn, float *y, const int64_t *at)
{
    turn_t t = gather_turn(ring, turn, at);
    spot_t from = {at[t.sends], t.sends};
    packed_t block = {place(ring, ring->out, from), ring->own_bytes};
    begin_receive(ring, turn, JUP_MSG_ALL_GATHER, t.from, t.lands, size_of(at, t.brings));
    if (turn == 0)
        block = pack_own(ring, y, at);
    else if (t.sends != ring->me)
        block = pack(ring, y, from, size_of(at, t.sends));
    begin_send(ring, turn, JUP_MSG_ALL_GATHER, t.to, block);
}

/* What goes straight is all there from the beginning. */
void jup_ring_begin_gather(jup_ring_t *ring, int turn, float *y, const int64_t *at)
{
    if (!exists(ring, turn))
        return;
    if (goes_round(ring))
        begin_turn_of_gather(ring, turn, y, at);
    else
        for (int t = 0; turn == 0 && t < jup_ring_turns(ring); t++)
            begin_turn_of_gather(ring, t, y, at);
}

void jup_ring_end_gather(jup_ring_t *ring, int turn, float *y, const int64_t *at)
{
    if (!exists(ring, turn))
        return;
    turn_t t = gather_turn(ring, turn, at);
    int64_t n = size_of(at, t.brings);
    packed_t block = received(ring, turn, t.lands, n);
    jup_wire_unpack(ring->wire, block.data, block.bytes, 1, n, y + at[t.brings]);
}

void jup_ring_all_gather(jup_ring_t *ring, float *y, const int64_t *at)
{
    for (int t = 0; t < jup_ring_turns(ring); t++) {
        jup_ring_begin_gather(ring, t, y, at);
        jup_ring_end_gather(ring, t, y, at);
    }
}

/* ---- all-reduce ------------------------------------------------------------------------------ */

static bool goes_whole(const jup_ring_t *ring, int64_t elems)
{
    double bytes = (double)jup_dtype_bytes(ring->wire, elems);
    return jup_exchange_choose(ring->exchange, &ring->link, ring->n, bytes) == JUP_EXCHANGE_WHOLE;
}

/* Everyone has everyone's vector, and adds them in rank order. */
static void sum_whole(jup_ring_t *ring, float *y, int64_t elems)
{
    jup_ring_flush(ring);
    packed_t own = pack(ring, y, (spot_t){0, 0}, elems);
    for (int t = 0; t < jup_ring_turns(ring); t++) {
        begin_receive(ring, t, JUP_MSG_REDUCE, around(ring, -1 - t), (spot_t){t * elems, t}, elems);
        begin_send(ring, t, JUP_MSG_REDUCE, around(ring, 1 + t), own);
    }
    memset(y, 0, (size_t)elems * sizeof *y);
    for (int member = 0; member < ring->n; member++) {
        int t = around(ring, -1 - member);
        packed_t block =
            member == ring->me ? own : received(ring, t, (spot_t){t * elems, t}, elems);
        jup_wire_add(ring->wire, block.data, block.bytes, elems, y);
    }
}

void jup_ring_all_reduce(jup_ring_t *ring, float *y, const int64_t *at)
{
    if (ring->n == 1)
        return;
    if (goes_whole(ring, at[ring->n])) {
        sum_whole(ring, y, at[ring->n]);
        return;
    }
    jup_ring_reduce_scatter(ring, y, at);
    jup_ring_all_gather(ring, y, at);
}
