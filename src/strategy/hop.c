#include "strategy/hop.h"

#include "base/mem.h"

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
    hop->buffer_bytes = jup_step_max_bytes(max_rows) + (size_t)max_rows * row_bytes(hop);
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

static void from_wire(const jup_hop_t *hop, const char *in, int64_t elems, float *x)
{
    if (hop->wire == JUP_F32)
        memcpy(x, in, (size_t)elems * sizeof *x);
    else
        jup_f16_to_f32((const uint16_t *)(const void *)in, x, elems);
}

void jup_hop_receive(jup_hop_t *hop, jup_step_t *step, float *x)
{
    assert(hop->posted != hop->used);
    int slot = (int)(hop->used++ % JUP_HOP_WINDOW);
    jup_pending_t *pending = &hop->pending[slot];
    jup_comm_end(hop->comm, pending);

    const char *in = jup_step_unpack(step, hop->buffers[slot], pending->bytes);
    size_t header = in ? (size_t)(in - hop->buffers[slot]) : 0;
    if (!in || header + (size_t)rows_sent(step) * row_bytes(hop) != pending->bytes)
        jup_die(JUP_EENV,
                "rank %d got a step of %zu bytes from rank %d that it cannot read; do all ranks "
                "run the same version of the program?",
                hop->comm->rank, pending->bytes, hop->peer);
    from_wire(hop, in, rows_sent(step) * hop->dim, x);
}

void jup_hop_send(jup_hop_t *hop, const jup_step_t *step, const float *x)
{
    int slot = (int)(hop->posted++ % JUP_HOP_WINDOW);
    jup_comm_end(hop->comm, &hop->pending[slot]);

    char *out = jup_step_pack(step, hop->buffers[slot]);
    int64_t elems = rows_sent(step) * hop->dim;
    if (hop->wire == JUP_F32)
        memcpy(out, x, (size_t)elems * sizeof *x);
    else
        jup_f32_to_f16(x, (uint16_t *)(void *)out, elems);
    size_t bytes = (size_t)(out - hop->buffers[slot]) + (size_t)rows_sent(step) * row_bytes(hop);
    jup_comm_begin_send(hop->comm, hop->peer, JUP_MSG_STEP, step->id, hop->buffers[slot], bytes,
                        &hop->pending[slot]);
}

void jup_hop_flush(jup_hop_t *hop)
{
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_comm_end(hop->comm, &hop->pending[i]);
}
