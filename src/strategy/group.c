#include "strategy/group.h"

#include "base/checked.h"
#include "base/mem.h"
#include "strategy/wire.h"

#include <assert.h>
#include <string.h>

/* ---- making and releasing -------------------------------------------------------------------- */

static bool leads(const jup_group_t *g)
{
    return g->me == 0;
}

static int member_of(const jup_group_options_t *options, int rank)
{
    int me = 0;
    while (options->members[me] != rank)
        me++;
    return me;
}

static void set_speeds(jup_group_t *g, const double *speed)
{
    double sum = 0;
    for (int m = 0; m < g->n; m++)
        sum += speed ? speed[m] : 1;
    for (int m = 0; m < g->n; m++)
        g->speed[m] = (speed ? speed[m] : 1) / sum;
}

static jup_status_t new_buffers(jup_group_t *g, const jup_group_options_t *options,
                                jup_error_t *err)
{
    int buffers = leads(g) ? JUP_GROUP_WINDOW : 1;
    g->buffer_bytes = jup_step_max_bytes(options->rows) +
                      jup_wire_bytes(options->wire, options->rows, options->dim);
    for (int i = 0; i < buffers && g->n > 1; i++) {
        void *block;
        JUP_TRY(jup_alloc(&block, g->buffer_bytes, 1, "message buffers", err));
        g->buffers[i] = block;
        g->pending[i] = jup_new((size_t)g->n, sizeof *g->pending[i]);
    }
    return JUP_OK;
}

jup_status_t jup_group_init(jup_group_t *g, jup_comm_t *comm, const jup_group_options_t *options,
                            jup_error_t *err)
{
    memset(g, 0, sizeof *g);
    g->comm = comm;
    g->n = options->n;
    g->me = member_of(options, comm->rank);
    g->dim = options->dim;
    g->original_every = options->original_every ? options->original_every : 2;
    g->speed = jup_new((size_t)g->n, sizeof *g->speed);
    g->row = jup_new((size_t)g->n + 1, sizeof *g->row);
    g->at = jup_new((size_t)g->n + 1, sizeof *g->at);
    set_speeds(g, options->speed);
    jup_status_t status =
        jup_ring_init(&g->ring, comm, options->members, g->n, g->me, options->wire, options->rows,
                      jup_max_i64(options->dim, options->kv_dim), err);
    g->ring.link = options->link;
    g->ring.exchange = options->exchange;
    if (status == JUP_OK)
        status = new_buffers(g, options, err);
    if (status != JUP_OK)
        jup_group_reset(g);
    return status;
}

void jup_group_reset(jup_group_t *g)
{
    for (int i = 0; i < JUP_GROUP_WINDOW; i++) {
        jup_free(g->buffers[i]);
        jup_free(g->pending[i]);
    }
    jup_free(g->speed);
    jup_free(g->row);
    jup_free(g->at);
    jup_held_reset(&g->held);
    jup_ring_reset(&g->ring);
    memset(g, 0, sizeof *g);
}

/* ---- the step -------------------------------------------------------------------------------- */

/* The step, then its rows where they travel; what the leader keeps is what the others get. */
static size_t pack(jup_group_t *g, const jup_step_t *step, float *x, char *buffer)
{
    char *out = jup_step_pack(step, buffer);
    if (x && step->rows) {
        char *rows = out;
        out = jup_wire_pack(g->ring.wire, x, step->rows, g->dim, rows);
        jup_wire_unpack(g->ring.wire, rows, (size_t)(out - rows), step->rows, g->dim, x);
    }
    return (size_t)(out - buffer);
}

/* What every member does with every step, so that all know the same. */
static void take_note(jup_group_t *g, const jup_step_t *step)
{
    g->ring.label = step->id;
    g->together = jup_held_take(&g->held, step, step->rows >= g->n);
}

void jup_group_tell(jup_group_t *g, const jup_step_t *step, float *x)
{
    assert(leads(g));
    take_note(g, step);
    if (g->n == 1)
        return;
    int slot = (int)(g->told++ % JUP_GROUP_WINDOW);
    for (int m = 1; m < g->n; m++)
        jup_comm_end(g->comm, &g->pending[slot][m]);
    size_t bytes = pack(g, step, x, g->buffers[slot]);
    for (int m = 1; m < g->n; m++)
        jup_comm_begin_send(g->comm, g->ring.members[m], JUP_MSG_GROUP, step->id, g->buffers[slot],
                            bytes, &g->pending[slot][m]);
}

/* Receives are posted ahead: the next one as soon as the last has been read. It may be done long
   before it is asked for, since whoever waits for anything moves all messages. */
static void listen(jup_group_t *g)
{
    if (g->told == g->heard)
        jup_comm_begin_recv(g->comm, g->ring.members[0], JUP_MSG_GROUP, (int32_t)g->told++,
                            g->buffers[0], g->buffer_bytes, g->pending[0]);
}

bool jup_group_hear(jup_group_t *g, jup_step_t *step, float *x)
{
    assert(!leads(g));
    listen(g);
    jup_comm_end(g->comm, g->pending[0]);
    g->heard++;
    size_t bytes = g->pending[0]->bytes;
    const char *in = jup_step_unpack(step, g->buffers[0], bytes);
    size_t header = in ? (size_t)(in - g->buffers[0]) : 0;
    bool rows_came = in && bytes > header;
    int64_t rows = rows_came ? step->rows : 0;
    if (!in || !jup_wire_fits(g->ring.wire, rows, g->dim, bytes - header))
        jup_comm_die_unreadable(g->comm, "a step", bytes, g->ring.members[0]);
    jup_wire_unpack(g->ring.wire, in, bytes - header, rows, g->dim, x);
    take_note(g, step);
    if (step->kind != JUP_STEP_STOP)
        listen(g);
    return rows_came;
}

void jup_group_flush(jup_group_t *g)
{
    jup_ring_flush(&g->ring);
    for (int i = 0; i < JUP_GROUP_WINDOW && leads(g) && g->n > 1; i++)
        for (int m = 1; m < g->n; m++)
            jup_comm_end(g->comm, &g->pending[i][m]);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void divide_elements(jup_group_t *g, int64_t elems)
{
    for (int m = 0; m <= g->n; m++)
        g->at[m] = elems * m / g->n;
}

static void keep_own(float *x, const int64_t *at, int me, int n)
{
    memset(x, 0, (size_t)at[me] * sizeof *x);
    memset(x + at[me + 1], 0, (size_t)(at[n] - at[me + 1]) * sizeof *x);
}

void jup_group_keep_share(jup_group_t *g, float *x, int64_t rows)
{
    divide_elements(g, rows * g->dim);
    keep_own(x, g->at, g->me, g->n);
}

void jup_group_sum(jup_group_t *g, float *x, int64_t rows)
{
    divide_elements(g, rows * g->dim);
    jup_ring_all_reduce(&g->ring, x, g->at);
}

/* ---- rows ------------------------------------------------------------------------------------ */

jup_rows_t jup_group_divide(jup_group_t *g, int64_t rows, bool by_speed)
{
    assert(rows >= g->n);
    double before = 0;
    for (int m = 0; m < g->n; m++) {
        int64_t others = rows - g->n;
        g->row[m] = by_speed ? m + (int64_t)(before * (double)others) : rows * m / g->n;
        before += g->speed[m];
    }
    g->row[g->n] = rows;
    return (jup_rows_t){g->row[g->me], g->row[g->me + 1] - g->row[g->me]};
}

static jup_rows_t rows_back(const jup_group_t *g, int steps)
{
    int m = (g->me + 2 * g->n - steps) % g->n;
    return (jup_rows_t){g->row[m], g->row[m + 1] - g->row[m]};
}

jup_rows_t jup_group_gather_rows(const jup_group_t *g, int t)
{
    return rows_back(g, t);
}

jup_rows_t jup_group_reduce_rows(const jup_group_t *g, int t)
{
    return rows_back(g, t + 1);
}

const int64_t *jup_group_blocks(jup_group_t *g, int64_t width)
{
    for (int m = 0; m <= g->n; m++)
        g->at[m] = g->row[m] * width;
    return g->at;
}

void jup_group_keep_rows(jup_group_t *g, float *x)
{
    keep_own(x, jup_group_blocks(g, g->dim), g->me, g->n);
}

void jup_group_gather(jup_group_t *g, float *x, int64_t width)
{
    jup_ring_all_gather(&g->ring, x, jup_group_blocks(g, width));
}
