#include "strategy/hop.h"

#include "base/mem.h"
#include "model/half_row.h"

#include <assert.h>
#include <string.h>

static size_t row_bytes(const jup_hop_t *hop)
{
    return jup_dtype_bytes(hop->wire, hop->dim);
}

/* Rows whose activations travel with the step. */
static int32_t rows_sent(const jup_step_t *step)
{
    return step->kind == JUP_STEP_WORK ? step->rows : 0;
}

jup_status_t jup_hop_init(jup_hop_t *hop, jup_comm_t *comm, int peer, jup_dtype_t wire, int64_t dim,
                          int32_t max_rows, jup_error_t *err)
{
    memset(hop, 0, sizeof *hop);
    hop->comm = comm;
    hop->peer = peer;
    hop->wire = wire;
    hop->dim = dim;
    hop->buffer_bytes = jup_step_max_bytes(max_rows) + (size_t)max_rows * (row_bytes(hop) + 1);
    for (int i = 0; i < JUP_HOP_WINDOW; i++) {
        void *block;
        JUP_TRY(jup_alloc(&block, hop->buffer_bytes, 1, "message buffers", err));
        hop->buffers[i] = block;
    }
    return JUP_OK;
}

void jup_hop_reset(jup_hop_t *hop)
{
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_free(hop->buffers[i]);
    memset(hop, 0, sizeof *hop);
}

bool jup_hop_has_room(const jup_hop_t *hop)
{
    return hop->posted - hop->used < JUP_HOP_WINDOW;
}

void jup_hop_post(jup_hop_t *hop)
{
    assert(jup_hop_has_room(hop));
    int slot = (int)(hop->posted % JUP_HOP_WINDOW);
    jup_comm_begin_recv(hop->comm, hop->peer, JUP_MSG_STEP, (int32_t)hop->posted,
                        hop->buffers[slot], hop->buffer_bytes, &hop->pending[slot]);
    hop->posted++;
}

/* Rows in half precision; behind them, where one is not 0, the powers of two of all (a byte each).
 */
static char *halves_to_wire(const jup_hop_t *hop, const float *x, int32_t rows, char *out)
{
    signed char *powers = (signed char *)out + (size_t)rows * row_bytes(hop);
    int any = 0;
    for (int32_t r = 0; r < rows; r++) {
        uint16_t *halves = (uint16_t *)(void *)(out + (size_t)r * row_bytes(hop));
        any |= powers[r] = (signed char)jup_half_row_pack(x + r * hop->dim, hop->dim, halves);
    }
    return (char *)powers + (any ? rows : 0);
}

static char *to_wire(const jup_hop_t *hop, const float *x, int32_t rows, char *out)
{
    size_t bytes = (size_t)rows * row_bytes(hop);
    if (hop->wire == JUP_F16)
        return halves_to_wire(hop, x, rows, out);
    memcpy(out, x, bytes);
    return out + bytes;
}

/* Of `bytes`, which are as many as rows take, with or without powers. */
static void from_wire(const jup_hop_t *hop, const char *in, size_t bytes, int32_t rows, float *x)
{
    size_t plain = (size_t)rows * row_bytes(hop);
    if (hop->wire == JUP_F32) {
        memcpy(x, in, plain);
        return;
    }
    const signed char *powers = bytes > plain ? (const signed char *)in + plain : NULL;
    for (int32_t r = 0; r < rows; r++)
        jup_half_row_unpack((const uint16_t *)(const void *)(in + (size_t)r * row_bytes(hop)),
                            hop->dim, powers ? powers[r] : 0, x + r * hop->dim);
}

void jup_hop_receive(jup_hop_t *hop, jup_step_t *step, float *x)
{
    assert(hop->posted != hop->used);
    int slot = (int)(hop->used++ % JUP_HOP_WINDOW);
    jup_pending_t *pending = &hop->pending[slot];
    jup_comm_end(hop->comm, pending);

    const char *in = jup_step_unpack(step, hop->buffers[slot], pending->bytes);
    size_t header = in ? (size_t)(in - hop->buffers[slot]) : 0;
    size_t plain = (size_t)rows_sent(step) * row_bytes(hop), bytes = pending->bytes - header;
    size_t powers = hop->wire == JUP_F16 ? (size_t)rows_sent(step) : 0;
    if (!in || (bytes != plain && bytes != plain + powers))
        jup_comm_die_unreadable(hop->comm, "a step", pending->bytes, hop->peer);
    from_wire(hop, in, bytes, rows_sent(step), x);
}

void jup_hop_send(jup_hop_t *hop, const jup_step_t *step, const float *x)
{
    int slot = (int)(hop->posted++ % JUP_HOP_WINDOW);
    jup_comm_end(hop->comm, &hop->pending[slot]);

    char *out = jup_step_pack(step, hop->buffers[slot]);
    out = to_wire(hop, x, rows_sent(step), out);
    size_t bytes = (size_t)(out - hop->buffers[slot]);
    jup_comm_begin_send(hop->comm, hop->peer, JUP_MSG_STEP, step->id, hop->buffers[slot], bytes,
                        &hop->pending[slot]);
}

void jup_hop_flush(jup_hop_t *hop)
{
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_comm_end(hop->comm, &hop->pending[i]);
}
