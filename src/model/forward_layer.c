/* The lines of a layer. What sets families apart stands in the config, and in weights that are
 * there or not. */
#include "model/forward.h"

#include "base/checked.h"
#include "model/forward_narrow.h"
#include "model/half_row.h"

#include <assert.h>
#include <string.h>

int jup_forward_depth(const jup_forward_t *f)
{
    return f->weights->shard.last - f->weights->shard.first;
}

void jup_forward_norm(jup_forward_t *f, jup_half_t half, int layer, int64_t at, int64_t n)
{
    const jup_config_t *c = f->config;
    const jup_layer_weights_t *w = &f->weights->layers[layer];
    const float *weight = half == JUP_ATTENTION ? w->attn_norm : w->ffn_norm;
    const float *x = f->x + at * c->dim;
    float *norm = f->norm + at * c->dim;
    if (jup_family(c->arch)->no_pre_norm)
        memcpy(norm, x, (size_t)(n * c->dim) * sizeof *x);
    else
        f->compute->ops->rmsnorm(f->compute, x, weight, n, c->dim, c->norm_eps, norm);
}

/* Norms x, n rows of `heads` heads, head by head or row by row. */
static void norm_heads(jup_forward_t *f, const float *weight, float *x, int64_t n, int heads)
{
    const jup_config_t *c = f->config;
    jup_qk_norm_t over = jup_family(c->arch)->qk_norm;
    if (over == JUP_QK_BY_HEAD)
        f->compute->ops->rmsnorm(f->compute, x, weight, n * heads, c->head_dim, c->norm_eps, x);
    if (over == JUP_QK_BY_ROW)
        f->compute->ops->rmsnorm(f->compute, x, weight, n, (int64_t)heads * c->head_dim,
                                 c->norm_eps, x);
}

static int window_of(const jup_forward_t *f, int layer)
{
    return jup_config_window(f->config, f->weights->shard.first + layer);
}

enum { Q, K, V, QKV };

/* Q, K and V from `first` on, n of them, of `rows` rows from `at` on. */
static void project(jup_forward_t *f, int layer, int first, int n, int64_t at, int64_t rows)
{
    const jup_config_t *c = f->config;
    const jup_ops_t *ops = f->compute->ops;
    int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    float *const qkv[QKV] = {f->q + at * q, f->k + at * kv, f->v + at * kv};
    const jup_layer_weights_t *w = &f->weights->layers[layer];
    bool local = f->local_rope.rot && window_of(f, layer);
    jup_rope_angles_t angles = jup_rope_from(local ? &f->local_angles : &f->angles, at);

    ops->linear(f->compute, w->qkv + first, n, f->norm + at * c->dim, rows, qkv + first);
    for (int i = first; i < first + n && i < V; i++) {
        int heads = i == Q ? c->heads : c->kv_heads;
        norm_heads(f, i == Q ? w->q_norm : w->k_norm, qkv[i], rows, heads);
        ops->rope(f->compute, qkv[i], rows, heads, c->head_dim, &angles);
    }
}

void jup_forward_qkv(jup_forward_t *f, int layer, int64_t at, int64_t n)
{
    project(f, layer, Q, QKV, at, n);
}

void jup_forward_cache(jup_forward_t *f, const jup_step_t *step, int layer)
{
    const jup_config_t *c = f->config;
    int runs = 0;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        int32_t length = jup_kv_seq(&f->kv, segment->seq)->length;
        runs += jup_kv_runs(&f->kv, segment->seq, layer, length - segment->rows, length,
                            f->new_runs + runs);
    }
    f->compute->ops->store_kv(f->compute, f->k, f->v, step->rows, c->kv_heads, c->head_dim,
                              JUP_KV_PAGE_SLOTS, f->limits.kv_dtype, f->new_runs, runs);
}

const jup_step_t *jup_forward_qkv_and_cache(jup_forward_t *f, const jup_step_t *step, int layer)
{
    if (!jup_forward_narrows(f, step, layer)) {
        jup_forward_qkv(f, layer, 0, step->rows);
        jup_forward_cache(f, step, layer);
        return step;
    }
    project(f, layer, K, 2, 0, step->rows);
    jup_forward_cache(f, step, layer);
    step = jup_forward_narrow(f, step);
    if (step->rows > 0)
        project(f, layer, Q, 1, 0, step->rows);
    return step;
}

/* Over rows [row, row + rows) of the step; neither runs nor a tree yet. */
static jup_attention_t attention_of(jup_forward_t *f, int64_t row, int64_t rows)
{
    const jup_config_t *c = f->config;
    int64_t q = (int64_t)c->heads * c->head_dim;
    return (jup_attention_t){
        .q = f->q + row * q,
        .out = f->attended + row * q,
        .rows = rows,
        .pos = f->pos + row,
        .heads = c->heads,
        .kv_heads = c->kv_heads,
        .head_dim = c->head_dim,
        .page_slots = JUP_KV_PAGE_SLOTS,
        .kv_dtype = f->limits.kv_dtype,
        .scale = jup_config_score_scale(c),
        .cap = c->attn_cap,
    };
}

void jup_forward_attend(jup_forward_t *f, const jup_step_t *step, int layer, int64_t at, int64_t n)
{
    int segments = 0;
    int64_t first = 0;
    jup_kv_run_t *runs = f->runs;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        int64_t end = first + segment->rows;
        int64_t from = jup_max_i64(at, first), to = jup_min_i64(at + n, end);
        if (from < to) {
            jup_attention_t *a = &f->attention[segments++];
            int32_t unseen = (int32_t)(end - to); /* rows behind those wanted */
            int32_t seen = jup_kv_seq(&f->kv, segment->seq)->length - unseen;
            assert(!segment->tree || to - from == segment->rows);
            *a = attention_of(f, from, to - from);
            a->window = window_of(f, layer);
            a->tree = f->trees[s];
            a->runs = runs;
            a->n_runs = jup_kv_runs(&f->kv, segment->seq, layer, 0, seen, runs);
            runs += a->n_runs;
        }
        first = end;
    }
    if (segments)
        f->compute->ops->attention(f->compute, f->attention, segments);
}

/* sum = or, where it is x, += W y. */
static void sum_up(jup_forward_t *f, const jup_linear_t *w, const float *y, int64_t at, int64_t n)
{
    float *sum = f->sum + at * f->config->dim;
    if (f->sum == f->x)
        f->compute->ops->linear_add(f->compute, w, y, n, sum);
    else
        f->compute->ops->linear(f->compute, w, 1, y, n, &sum);
}

void jup_forward_out(jup_forward_t *f, int layer, int64_t at, int64_t n)
{
    const jup_config_t *c = f->config;
    sum_up(f, &f->weights->layers[layer].out, f->attended + at * c->heads * c->head_dim, at, n);
}

void jup_forward_add(jup_forward_t *f, jup_half_t half, int layer, int64_t at, int64_t n)
{
    const jup_config_t *c = f->config;
    const jup_layer_weights_t *w = &f->weights->layers[layer];
    float *x = f->x + at * c->dim, *sum = f->sum + at * c->dim;
    if (f->sum == f->x)
        return;
    if (jup_family(c->arch)->post_norm)
        f->compute->ops->rmsnorm(f->compute, sum,
                                 half == JUP_ATTENTION ? w->attn_post_norm : w->ffn_post_norm, n,
                                 c->dim, c->norm_eps, sum);
    float scale = c->residual_scale > 0 ? c->residual_scale : 1;
    f->compute->ops->add(f->compute, sum, n * c->dim, scale, x);
}

/* Columns of gate and up that a row has. */
static int64_t gates(const jup_config_t *c)
{
    return c->experts ? (int64_t)c->experts_used * c->ffn : c->ffn;
}

void jup_forward_gate_up(jup_forward_t *f, int layer, int64_t at, int64_t n)
{
    const jup_config_t *c = f->config;
    const jup_layer_weights_t *w = &f->weights->layers[layer];
    float *const gate_up[2] = {f->gate + at * gates(c), f->up + at * gates(c)};
    const float *norm = f->norm + at * c->dim;
    if (c->experts)
        jup_experts_gate_up(&f->experts, w, norm, at, n, gate_up[0], gate_up[1]);
    else
        f->compute->ops->linear(f->compute, w->gate_up, 2, norm, n, gate_up);
}

void jup_forward_down(jup_forward_t *f, int layer, int64_t at, int64_t n)
{
    const jup_config_t *c = f->config;
    const jup_layer_weights_t *w = &f->weights->layers[layer];
    float *gate = f->gate + at * gates(c), *sum = f->sum + at * c->dim;
    f->compute->ops->gated(f->compute, jup_family(c->arch)->activation, gate, f->up + at * gates(c),
                           n, gates(c));
    if (!c->experts) {
        sum_up(f, &w->down, gate, at, n);
        return;
    }
    if (f->sum != f->x)
        memset(sum, 0, (size_t)(n * c->dim) * sizeof *sum);
    jup_experts_down(&f->experts, w, gate, at, n, sum);
}

void jup_forward_round_rows(jup_forward_t *f, int64_t at, int64_t n)
{
    int64_t dim = f->config->dim;
    for (int64_t row = at; f->limits.residual_dtype == JUP_F16 && row < at + n; row++) {
        int power = jup_half_row_pack(f->x + row * dim, dim, f->halves);
        jup_half_row_unpack(f->halves, dim, power, f->x + row * dim);
        f->stretched += power > 0;
    }
}
