#include "model/experts.h"

#include "base/mem.h"

#include <string.h>

/* ---- making and releasing -------------------------------------------------------------------- */

static jup_status_t new_floats(float **block, int64_t n, size_t *bytes, jup_error_t *err)
{
    void *data;
    JUP_TRY(jup_alloc(&data, (size_t)n, sizeof(float), "work buffers", err));
    *block = data;
    *bytes += (size_t)n * sizeof(float);
    return JUP_OK;
}

jup_status_t jup_experts_init(jup_experts_t *e, const jup_config_t *config, jup_compute_t *compute,
                              int64_t rows, size_t *bytes, jup_error_t *err)
{
    int64_t used = config->experts_used;
    memset(e, 0, sizeof *e);
    if (!config->experts)
        return JUP_OK;
    e->config = config;
    e->compute = compute;
    e->ids = jup_new((size_t)(rows * used), sizeof *e->ids);
    e->order = jup_new((size_t)(rows * used), sizeof *e->order);
    e->first = jup_new((size_t)config->experts + 1, sizeof *e->first);
    e->gate_up = jup_new(2 * (size_t)used, sizeof *e->gate_up);
    e->each = jup_new(2 * (size_t)used, sizeof *e->each);
    JUP_TRY(new_floats(&e->logits, rows * config->experts, bytes, err));
    JUP_TRY(new_floats(&e->shares, rows * used, bytes, err));
    return new_floats(&e->picked, rows * config->dim, bytes, err);
}

void jup_experts_reset(jup_experts_t *e)
{
    jup_free(e->logits);
    jup_free(e->ids);
    jup_free(e->shares);
    jup_free(e->order);
    jup_free(e->first);
    jup_free(e->picked);
    jup_free(e->gate_up);
    jup_free(e->each);
    memset(e, 0, sizeof *e);
}

/* ---- who goes where -------------------------------------------------------------------------- */

/* Fills `first` and the rows' `order`: counting, then placing. */
static void sort_rows(jup_experts_t *e, int64_t at, int64_t n)
{
    const int used = e->config->experts_used, experts = e->config->experts;
    const int32_t *ids = e->ids + at * used;
    int32_t *order = e->order + at * used;
    memset(e->first, 0, ((size_t)experts + 1) * sizeof *e->first);
    for (int64_t i = 0; i < n * used; i++)
        e->first[ids[i] + 1]++;
    for (int x = 0; x < experts; x++)
        e->first[x + 1] += e->first[x];
    for (int64_t i = 0; i < n * used; i++)
        order[e->first[ids[i]]++] = (int32_t)i;
    for (int x = experts; x > 0; x--)
        e->first[x] = e->first[x - 1];
    e->first[0] = 0;
}

/* Expert x's part of a stack of `experts` weights with `rows` rows each. */
static jup_linear_t expert_of(const jup_linear_t *stack, int x, int64_t rows)
{
    jup_linear_t one = {.w = stack->w};
    one.w.rows = rows;
    if (stack->w.data)
        one.w.data = (const char *)stack->w.data +
                     (size_t)x * jup_dtype_bytes(stack->w.dtype, rows * stack->w.cols);
    return one;
}

/* ---- gate and up ----------------------------------------------------------------------------- */

/* All experts of one row share its norm: one operation. */
static void one_row(jup_experts_t *e, const jup_layer_weights_t *w, const float *norm,
                    const int32_t *order, const int32_t *ids, float *gate, float *up)
{
    const int used = e->config->experts_used, ffn = e->config->ffn;
    for (int i = 0; i < used; i++) {
        int x = ids[order[i]];
        e->each[2 * i] = expert_of(&w->gate_up[0], x, ffn);
        e->each[2 * i + 1] = expert_of(&w->gate_up[1], x, ffn);
        e->gate_up[2 * i] = gate + (int64_t)i * ffn;
        e->gate_up[2 * i + 1] = up + (int64_t)i * ffn;
    }
    e->compute->ops->linear(e->compute, e->each, 2 * used, norm, 1, e->gate_up);
}

static void one_expert(jup_experts_t *e, const jup_layer_weights_t *w, int x, const float *norm,
                       const int32_t *order, int64_t n, float *gate, float *up)
{
    const int64_t dim = e->config->dim, ffn = e->config->ffn;
    const jup_linear_t both[2] = {expert_of(&w->gate_up[0], x, ffn),
                                  expert_of(&w->gate_up[1], x, ffn)};
    float *const to[2] = {gate, up};
    for (int64_t i = 0; i < n; i++)
        memcpy(e->picked + i * dim, norm + order[i] / e->config->experts_used * dim,
               (size_t)dim * sizeof *norm);
    e->compute->ops->linear(e->compute, both, 2, e->picked, n, to);
}

void jup_experts_gate_up(jup_experts_t *e, const jup_layer_weights_t *w, const float *norm,
                         int64_t at, int64_t n, float *gate, float *up)
{
    const jup_config_t *c = e->config;
    int32_t *ids = e->ids + at * c->experts_used;
    const int32_t *order = e->order + at * c->experts_used;
    e->compute->ops->linear(e->compute, &w->router, 1, norm, n, &e->logits);
    e->compute->ops->route(e->compute, e->logits, n, c->experts, c->experts_used, ids,
                           e->shares + at * c->experts_used);
    sort_rows(e, at, n);
    if (n == 1) {
        one_row(e, w, norm, order, ids, gate, up);
        return;
    }
    for (int x = 0; x < c->experts; x++) {
        int64_t first = e->first[x], rows = e->first[x + 1] - first;
        if (rows > 0)
            one_expert(e, w, x, norm, order + first, rows, gate + first * c->ffn,
                       up + first * c->ffn);
    }
}

/* ---- down ------------------------------------------------------------------------------------ */

void jup_experts_down(jup_experts_t *e, const jup_layer_weights_t *w, const float *gate, int64_t at,
                      int64_t n, float *y)
{
    const jup_config_t *c = e->config;
    const int32_t *order = e->order + at * c->experts_used;
    const float *shares = e->shares + at * c->experts_used;
    sort_rows(e, at, n);
    for (int x = 0; x < c->experts; x++) {
        int64_t first = e->first[x], rows = e->first[x + 1] - first;
        if (rows == 0)
            continue;
        const jup_linear_t down = expert_of(&w->down, x, c->dim);
        e->compute->ops->linear(e->compute, &down, 1, gate + first * c->ffn, rows, &e->picked);
        for (int64_t i = 0; i < rows; i++) {
            int32_t place = order[first + i];
            e->compute->ops->add(e->compute, e->picked + i * c->dim, c->dim, shares[place],
                                 y + place / c->experts_used * c->dim);
        }
    }
}
