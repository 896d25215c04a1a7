#include "strategy/hop.h"

#include "base/mem.h"
#include "strategy/wire.h"

#include <assert.h>
#include <string.h>

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
    hop->buffer_bytes = jup_step_max_bytes(max_rows) + jup_wire_bytes(wire, max_rows, dim);
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

void jup_hop_receive(jup_hop_t *hop, jup_step_t *step, float *x)
{
    assert(hop->posted != hop->used);
    int slot = (int)(hop->used++ % JUP_HOP_WINDOW);
    jup_pending_t *pending = &hop->pending[slot];
    jup_comm_end(hop->comm, pending);

    const char *in = jup_step_unpack(step, hop->buffers[slot], pending->bytes);
    size_t header = in ? (size_t)(in - hop->buffers[slot]) : 0;
    size_t bytes = pending->bytes - header;
    if (!in || !jup_wire_fits(hop->wire, rows_sent(step), hop->dim, bytes))
        jup_comm_die_unreadable(hop->comm, "a step", pending->bytes, hop->peer);
    jup_wire_unpack(hop->wire, in, bytes, rows_sent(step), hop->dim, x);
}

void jup_hop_send(jup_hop_t *hop, const jup_step_t *step, const float *x)
{
    int slot = (int)(hop->posted++ % JUP_HOP_WINDOW);
    jup_comm_end(hop->comm, &hop->pending[slot]);

    char *out = jup_step_pack(step, hop->buffers[slot]);
    out = jup_wire_pack(hop->wire, x, rows_sent(step), hop->dim, out);
    size_t bytes = (size_t)(out - hop->buffers[slot]);
    jup_comm_begin_send(hop->comm, hop->peer, JUP_MSG_STEP, step->id, hop->buffers[slot], bytes,
                        &hop->pending[slot]);
}

void jup_hop_flush(jup_hop_t *hop)
{
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_comm_end(hop->comm, &hop->pending[i]);
}
