/**
 * The oracle: every operation by its definition, sums in double, one thread. What it shares with
 * the fast implementation is only the decoding by definition in dequantize.c.
 */
#include "tensor/ops.h"
#include "tensor/route.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { PIECE = 256 }; /* elements decoded at a time: a multiple of every block */

static double dot_row(const jup_matrix_t *w, int64_t row, const float *x)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)w->dtype);
    const char *blocks = (const char *)w->data + (size_t)row * jup_dtype_bytes(w->dtype, w->cols);
    double sum = 0.0;
    for (int64_t at = 0; at < w->cols; at += PIECE) {
        float decoded[PIECE];
        int64_t n = w->cols - at < PIECE ? w->cols - at : PIECE;
        const char *src = blocks + (size_t)(at / info->block_elems) * (size_t)info->block_bytes;
        jup_dequantize(w->dtype, src, decoded, n);
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[at + i] * (double)decoded[i];
    }
    return sum;
}

static void linear_one(const jup_linear_t *l, const float *x, int64_t rows, float *y, bool add)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < l->w.rows; o++) {
            double value = dot_row(&l->w, o, x + r * l->w.cols);
            if (l->bias)
                value += (double)l->bias[o];
            float *out = &y[r * l->w.rows + o];
            *out = (float)(add ? (double)*out + value : value);
        }
}

static void naive_linear(jup_compute_t *c, const jup_linear_t *w, int n, const float *x,
                         int64_t rows, float *const *y)
{
    (void)c;
    for (int i = 0; i < n; i++) {
        assert(w[i].w.cols == w[0].w.cols);
        linear_one(&w[i], x, rows, y[i], false);
    }
}

static void naive_linear_add(jup_compute_t *c, const jup_linear_t *w, const float *x, int64_t rows,
                             float *y)
{
    (void)c;
    linear_one(w, x, rows, y, true);
}

static void naive_rmsnorm(jup_compute_t *c, const float *x, const float *w, int64_t rows,
                          int64_t cols, float eps, float *y)
{
    (void)c;
    for (int64_t r = 0; r < rows; r++) {
        double squares = 0.0;
        for (int64_t i = 0; i < cols; i++)
            squares += (double)x[r * cols + i] * (double)x[r * cols + i];
        double scale = 1.0 / sqrt(squares / (double)cols + (double)eps);
        for (int64_t i = 0; i < cols; i++)
            y[r * cols + i] = (float)((double)x[r * cols + i] * scale * (double)w[i]);
    }
}

static void naive_rope(jup_compute_t *c, float *x, int64_t rows, int heads, int head_dim,
                       const jup_rope_angles_t *angles)
{
    (void)c;
    int half = angles->rot / 2;
    assert(angles->rot % 2 == 0 && angles->rot <= head_dim);
    for (int64_t r = 0; r < rows; r++)
        for (int h = 0; h < heads; h++)
            for (int i = 0; i < half; i++) {
                bool interleaved = angles->layout == JUP_ROPE_INTERLEAVED;
                float *head = x + (r * heads + h) * head_dim;
                float *a = head + (interleaved ? 2 * i : i);
                float *b = head + (interleaved ? 2 * i + 1 : i + half);
                double cosine = (double)angles->cos[r * half + i];
                double sine = (double)angles->sin[r * half + i];
                double first = (double)*a, second = (double)*b;
                *a = (float)(first * cosine - second * sine);
                *b = (float)(first * sine + second * cosine);
            }
}

static void store_element(void *page, int64_t at, float value, jup_dtype_t dtype)
{
    if (dtype == JUP_F16)
        ((uint16_t *)page)[at] = jup_float_to_half(value);
    else
        ((float *)page)[at] = value;
}

static double load_element(const void *page, int64_t at, jup_dtype_t dtype)
{
    if (dtype == JUP_F16)
        return (double)jup_half_to_float(((const uint16_t *)page)[at]);
    return (double)((const float *)page)[at];
}

/* A page's elements: (kv_heads, page_slots, head_dim). */
static int64_t slot_offset(int kv_head, int page_slots, int64_t slot, int head_dim)
{
    return ((int64_t)kv_head * page_slots + slot) * head_dim;
}

static void naive_store_kv(jup_compute_t *c, const float *k, const float *v, int64_t rows,
                           int kv_heads, int head_dim, int page_slots, jup_dtype_t kv_dtype,
                           const jup_kv_run_t *runs, int n_runs)
{
    (void)c;
    int64_t row = 0;
    for (int i = 0; i < n_runs; i++)
        for (int32_t s = 0; s < runs[i].n; s++, row++)
            for (int h = 0; h < kv_heads; h++) {
                int64_t to = slot_offset(h, page_slots, runs[i].slot + s, head_dim);
                int64_t from = (row * kv_heads + h) * head_dim;
                for (int d = 0; d < head_dim; d++) {
                    /* a run is written through here only, though reading is its usual purpose */
                    store_element((void *)(uintptr_t)runs[i].k, to + d, k[from + d], kv_dtype);
                    store_element((void *)(uintptr_t)runs[i].v, to + d, v[from + d], kv_dtype);
                }
            }
    assert(row == rows);
    (void)rows;
}

/* May row r see slot `index` (in run order, of `slots` in all), which has position `pos`? */
static bool sees(const jup_attention_t *a, int64_t r, int64_t index, int64_t slots, int32_t pos)
{
    int64_t own = index - (slots - a->rows);
    if (own >= 0) {
        int64_t words = (a->rows + 63) / 64;
        if (a->tree ? !(a->tree[r * words + own / 64] >> (own % 64) & 1) : own > r)
            return false;
    }
    return a->window <= 0 || pos > a->pos[r] - a->window;
}

static double capped(double x, double cap)
{
    return cap > 0 ? cap * tanh(x / cap) : x;
}

static double score(const jup_attention_t *a, int64_t r, int h, const jup_kv_run_t *run, int32_t s)
{
    const float *q = a->q + (r * a->heads + h) * a->head_dim;
    int64_t at =
        slot_offset(h / (a->heads / a->kv_heads), a->page_slots, run->slot + s, a->head_dim);
    double sum = 0.0;
    for (int d = 0; d < a->head_dim; d++)
        sum += (double)q[d] * load_element(run->k, at + d, a->kv_dtype);
    return capped(sum * (double)a->scale, (double)a->cap);
}

/* Two passes over the visible slots: the largest score, then the weighted sum. */
static void attend(const jup_attention_t *a, int64_t r, int h, int64_t slots)
{
    double largest = -INFINITY, total = 0.0;
    int64_t index = 0;
    for (int i = 0; i < a->n_runs; i++)
        for (int32_t s = 0; s < a->runs[i].n; s++, index++)
            if (sees(a, r, index, slots, a->runs[i].pos + s))
                largest = fmax(largest, score(a, r, h, &a->runs[i], s));
    assert(a->head_dim <= 1024);
    double sum[1024] = {0.0};
    index = 0;
    for (int i = 0; i < a->n_runs; i++)
        for (int32_t s = 0; s < a->runs[i].n; s++, index++) {
            if (!sees(a, r, index, slots, a->runs[i].pos + s))
                continue;
            double weight = exp(score(a, r, h, &a->runs[i], s) - largest);
            int64_t at = slot_offset(h / (a->heads / a->kv_heads), a->page_slots,
                                     a->runs[i].slot + s, a->head_dim);
            total += weight;
            for (int d = 0; d < a->head_dim; d++)
                sum[d] += weight * load_element(a->runs[i].v, at + d, a->kv_dtype);
        }
    for (int d = 0; d < a->head_dim; d++)
        a->out[(r * a->heads + h) * a->head_dim + d] = (float)(total > 0.0 ? sum[d] / total : 0.0);
}

static void naive_attention(jup_compute_t *c, const jup_attention_t *a, int n)
{
    (void)c;
    for (int i = 0; i < n; i++) {
        int64_t slots = 0;
        for (int j = 0; j < a[i].n_runs; j++)
            slots += a[i].runs[j].n;
        assert(slots >= a[i].rows && a[i].heads % a[i].kv_heads == 0);
        for (int64_t r = 0; r < a[i].rows; r++)
            for (int h = 0; h < a[i].heads; h++)
                attend(&a[i], r, h, slots);
    }
}

static double activate(jup_activation_t activation, double x)
{
    if (activation == JUP_SILU)
        return x / (1.0 + exp(-x));
    return 0.5 * x * (1.0 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

static void naive_gated(jup_compute_t *c, jup_activation_t activation, float *gate, const float *up,
                        int64_t rows, int64_t cols)
{
    (void)c;
    for (int64_t i = 0; i < rows * cols; i++)
        gate[i] = (float)(activate(activation, (double)gate[i]) * (double)up[i]);
}

static void naive_route(jup_compute_t *c, const float *logits, int64_t rows, int experts, int used,
                        int32_t *ids, float *shares)
{
    (void)c;
    jup_route_rows(logits, rows, experts, used, ids, shares);
}

static void naive_add(jup_compute_t *c, const float *x, int64_t n, float factor, float *y)
{
    (void)c;
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)((double)y[i] + (double)x[i] * (double)factor);
}

static void naive_scale(jup_compute_t *c, float *x, int64_t n, float factor, float cap)
{
    (void)c;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)capped((double)x[i] * (double)factor, (double)cap);
}

static void naive_embed(jup_compute_t *c, const jup_matrix_t *table, const int32_t *ids,
                        int64_t rows, float *y)
{
    (void)c;
    size_t row_bytes = jup_dtype_bytes(table->dtype, table->cols);
    for (int64_t r = 0; r < rows; r++) {
        assert(ids[r] >= 0 && ids[r] < table->rows);
        jup_dequantize(table->dtype, (const char *)table->data + (size_t)ids[r] * row_bytes,
                       y + r * table->cols, table->cols);
    }
}

const jup_ops_t jup_ops_naive = {
    .name = "naive",
    .linear = naive_linear,
    .linear_add = naive_linear_add,
    .rmsnorm = naive_rmsnorm,
    .rope = naive_rope,
    .store_kv = naive_store_kv,
    .attention = naive_attention,
    .gated = naive_gated,
    .route = naive_route,
    .add = naive_add,
    .scale = naive_scale,
    .embed = naive_embed,
};
