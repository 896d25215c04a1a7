#include "tensor/blas.h"
#include "tensor/route.h"

#include "base/checked.h"
#include "base/mem.h"

#include <assert.h>
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

/* ---- scratch ------------------------------------------------------------------------------- */

jup_status_t jup_blas_init(jup_compute_t *c, jup_error_t *err)
{
    (void)err;
    openblas_set_num_threads(1); /* the threads are ours: each calls sgemm for its own panels */
    jup_blas_t *b = jup_new(1, sizeof *b);
    b->kernels = jup_kernels_choose();
    long cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    b->fetch_bytes = (cache > 0 ? cache : 1 << 20) * 3 / 8;
    b->use_sgemm = b->kernels == &jup_kernels_portable;
    b->shares = jup_new((size_t)c->threads, sizeof *b->shares);
    c->state = b;
    return JUP_OK;
}

static void free_buffers(jup_blas_t *b)
{
    jup_free(b->x_plain);
    jup_free(b->x_i8.q);
    jup_free(b->x_i8.parts);
    jup_free(b->x_i8.whole);
    jup_free(b->x_i8.wide);
    jup_free(b->own);
    b->x_plain = NULL;
    b->x_i8 = (jup_i8_x_t){NULL, NULL, NULL, NULL};
    b->own = NULL;
    b->rows = b->in = b->head_dim = 0;
    b->scratch_bytes = 0;
}

static jup_status_t take(jup_blas_t *b, void **block, size_t count, size_t size, const char *what,
                         jup_error_t *err)
{
    JUP_TRY(jup_alloc(block, count, size, what, err));
    jup_mem_use_large_pages(*block);
    b->scratch_bytes += count * size;
    return JUP_OK;
}

static jup_status_t take_buffers(jup_compute_t *c, jup_error_t *err)
{
    jup_blas_t *b = c->state;
    size_t elems = (size_t)(b->rows * ((b->in + 15) / 16 * 16)), threads = (size_t)c->threads;
    size_t blocks = (size_t)(b->rows * ((b->in + JUP_X_BLOCK - 1) / JUP_X_BLOCK));
    size_t linear = jup_blas_linear_bytes(b->rows);
    size_t attention = b->head_dim > 0 ? jup_blas_attention_bytes(b->head_dim) : 0;
    b->own_bytes = ((linear > attention ? linear : attention) + 4095) / 4096 * 4096;
    void *block;
    JUP_TRY(take(b, &block, elems, sizeof(float), "activations in tiles", err));
    b->x_plain = block;
    JUP_TRY(take(b, &block, elems, 1, "rounded activations", err));
    b->x_i8.q = block;
    JUP_TRY(take(b, &block, blocks, JUP_X_PARTS * sizeof(int32_t), "activation scales", err));
    b->x_i8.parts = block;
    JUP_TRY(
        take(b, &block, blocks / 8 + 1, JUP_X_WHOLES * sizeof(int32_t), "activation scales", err));
    b->x_i8.whole = block;
    if (b->kernels->is_wide(JUP_Q8_0)) {
        JUP_TRY(take(b, &block, elems, sizeof(int16_t), "rounded activations", err));
        b->x_i8.wide = block;
    }
    JUP_TRY(take(b, &block, threads, b->own_bytes, "panels of the threads", err));
    b->own = block;
    return JUP_OK;
}

static jup_status_t grow(jup_compute_t *c, int64_t rows, int64_t in, int64_t head_dim,
                         jup_error_t *err)
{
    jup_blas_t *b = c->state;
    rows = jup_min_i64(rows, b->kernels->rows);
    if (b->own && rows <= b->rows && in <= b->in && head_dim <= b->head_dim)
        return JUP_OK;
    rows = jup_max_i64(rows, b->rows);
    in = jup_max_i64(in, b->in);
    head_dim = jup_max_i64(head_dim, b->head_dim);
    free_buffers(b);
    b->rows = rows;
    b->in = in;
    b->head_dim = head_dim;
    jup_status_t status = take_buffers(c, err);
    if (status != JUP_OK)
        free_buffers(b);
    return status;
}

jup_status_t jup_blas_reserve(jup_compute_t *c, const jup_compute_limits_t *limits,
                              jup_error_t *err)
{
    return grow(c, limits->rows, limits->in, limits->head_dim, err);
}

void jup_blas_need(jup_compute_t *c, int64_t rows, int64_t in, int64_t head_dim)
{
    jup_error_t err;
    if (grow(c, rows, in, head_dim, &err) != JUP_OK)
        jup_die(err.code, "%s", err.text);
}

void *jup_blas_own(const jup_compute_t *c)
{
    const jup_blas_t *b = c->state;
    return b->own + (size_t)omp_get_thread_num() * b->own_bytes;
}

size_t jup_blas_scratch_bytes(const jup_compute_t *c)
{
    return ((const jup_blas_t *)c->state)->scratch_bytes;
}

void jup_blas_set_int8(jup_compute_t *c, bool on)
{
    ((jup_blas_t *)c->state)->exact = !on;
}

void jup_blas_reset(jup_compute_t *c)
{
    jup_blas_t *b = c->state;
    if (b) {
        free_buffers(b);
        jup_free(b->shares);
    }
    jup_free(b);
    c->state = NULL;
}

/* ---- element by element -------------------------------------------------------------------- */

static void blas_rmsnorm(jup_compute_t *c, const float *x, const float *w, int64_t rows,
                         int64_t cols, float eps, float *y)
{
    const jup_blas_t *b = c->state;
#pragma omp parallel for num_threads(c->threads) if (rows * cols > 1 << 16)
    for (int64_t r = 0; r < rows; r++) {
        const float *row = x + r * cols;
        float scale = 1.0f / sqrtf(b->kernels->dot(row, row, cols) / (float)cols + eps);
        for (int64_t i = 0; i < cols; i++)
            y[r * cols + i] = row[i] * scale * w[i];
    }
}

static void rotate_head(float *head, const float *cosine, const float *sine, int half,
                        jup_rope_layout_t layout)
{
    int step = layout == JUP_ROPE_INTERLEAVED ? 2 : 1;
    float *first = head, *second = layout == JUP_ROPE_INTERLEAVED ? head + 1 : head + half;
    for (int i = 0; i < half; i++) {
        float a = first[i * step], b = second[i * step];
        first[i * step] = a * cosine[i] - b * sine[i];
        second[i * step] = a * sine[i] + b * cosine[i];
    }
}

static void blas_rope(jup_compute_t *c, float *x, int64_t rows, int heads, int head_dim,
                      const jup_rope_angles_t *angles)
{
    int half = angles->rot / 2;
    assert(angles->rot % 2 == 0 && angles->rot <= head_dim);
#pragma omp parallel for num_threads(c->threads) if (rows * heads * head_dim > 1 << 16)
    for (int64_t r = 0; r < rows; r++)
        for (int h = 0; h < heads; h++)
            rotate_head(x + (r * heads + h) * head_dim, angles->cos + r * half,
                        angles->sin + r * half, half, angles->layout);
}

enum { PIECE = 4096 }; /* elements that one thread takes at a time */

static void blas_gated(jup_compute_t *c, jup_activation_t activation, float *gate, const float *up,
                       int64_t rows, int64_t cols)
{
    const jup_kernels_t *k = ((const jup_blas_t *)c->state)->kernels;
    int64_t n = rows * cols;
#pragma omp parallel for num_threads(c->threads) if (n > 1 << 15)
    for (int64_t i = 0; i < n; i += PIECE)
        (activation == JUP_SILU ? k->swiglu : k->geglu)(gate + i, up + i,
                                                        jup_min_i64(PIECE, n - i));
}

static void blas_route(jup_compute_t *c, const float *logits, int64_t rows, int experts, int used,
                       int32_t *ids, float *shares)
{
    (void)c;
    jup_route_rows(logits, rows, experts, used, ids, shares);
}

static void blas_add(jup_compute_t *c, const float *x, int64_t n, float factor, float *y)
{
#pragma omp parallel for num_threads(c->threads) if (n > 1 << 16)
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i] * factor;
}

static void blas_scale(jup_compute_t *c, float *x, int64_t n, float factor, float cap)
{
    const jup_kernels_t *k = ((const jup_blas_t *)c->state)->kernels;
#pragma omp parallel for num_threads(c->threads) if (n > 1 << 15)
    for (int64_t i = 0; i < n; i += PIECE)
        k->scale(x + i, jup_min_i64(PIECE, n - i), factor, cap);
}

static void blas_embed(jup_compute_t *c, const jup_matrix_t *table, const int32_t *ids,
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

/* ---- cache --------------------------------------------------------------------------------- */

static void store_head(const float *src, const void *page, int64_t at, int head_dim,
                       jup_dtype_t kv_dtype)
{
    void *writable = (void *)(uintptr_t)page; /* a run usually serves reading; here it is filled */
    if (kv_dtype == JUP_F16)
        jup_f32_to_f16(src, (uint16_t *)writable + at, head_dim);
    else
        memcpy((float *)writable + at, src, (size_t)head_dim * sizeof *src);
}

static void blas_store_kv(jup_compute_t *c, const float *k, const float *v, int64_t rows,
                          int kv_heads, int head_dim, int page_slots, jup_dtype_t kv_dtype,
                          const jup_kv_run_t *runs, int n_runs)
{
    (void)c;
    int64_t row = 0;
    for (int i = 0; i < n_runs; i++)
        for (int32_t s = 0; s < runs[i].n; s++, row++)
            for (int h = 0; h < kv_heads; h++) {
                int64_t to = ((int64_t)h * page_slots + runs[i].slot + s) * head_dim;
                int64_t from = (row * kv_heads + h) * head_dim;
                store_head(k + from, runs[i].k, to, head_dim, kv_dtype);
                store_head(v + from, runs[i].v, to, head_dim, kv_dtype);
            }
    assert(row == rows);
    (void)rows;
}

const jup_ops_t jup_ops_blas = {
    .name = "blas",
    .linear = jup_blas_linear,
    .linear_add = jup_blas_linear_add,
    .rmsnorm = blas_rmsnorm,
    .rope = blas_rope,
    .store_kv = blas_store_kv,
    .attention = jup_blas_attention,
    .gated = blas_gated,
    .route = blas_route,
    .add = blas_add,
    .scale = blas_scale,
    .embed = blas_embed,
};
