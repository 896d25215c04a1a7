#include "tensor/blas.h"

#include "base/checked.h"
#include "base/mem.h"

#include <assert.h>
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

enum {
    PANEL_ROWS = 32, /* output rows decoded at a time by one thread */
    FEW_ROWS = 4,    /* up to here plain dot products beat sgemm's packing */
    PIECE = 256,     /* elements decoded at a time on the stack: a multiple of every block */
};

/* ---- scratch ------------------------------------------------------------------------------- */

jup_status_t jup_blas_init(jup_compute_t *c, jup_error_t *err)
{
    (void)err;
    openblas_set_num_threads(1); /* the threads are ours: each calls sgemm for its own panels */
    c->state = jup_new(1, sizeof(jup_blas_t));
    return JUP_OK;
}

static jup_status_t grow_panels(jup_compute_t *c, int64_t in, jup_error_t *err)
{
    jup_blas_t *b = c->state;
    if (b->panel_elems >= PANEL_ROWS * in)
        return JUP_OK;
    jup_free(b->panels);
    *b = (jup_blas_t){0};
    size_t elems = (size_t)(PANEL_ROWS * in);
    void *block;
    JUP_TRY(jup_alloc(&block, elems * (size_t)c->threads, sizeof(float), "weight panels", err));
    b->panels = block;
    b->panel_elems = (int64_t)elems;
    return JUP_OK;
}

jup_status_t jup_blas_reserve(jup_compute_t *c, const jup_compute_limits_t *limits,
                              jup_error_t *err)
{
    return grow_panels(c, limits->in, err);
}

size_t jup_blas_scratch_bytes(const jup_compute_t *c)
{
    const jup_blas_t *b = c->state;
    return (size_t)b->panel_elems * sizeof(float) * (size_t)c->threads;
}

void jup_blas_reset(jup_compute_t *c)
{
    jup_blas_t *b = c->state;
    if (b)
        jup_free(b->panels);
    jup_free(b);
    c->state = NULL;
}

/* ---- linear -------------------------------------------------------------------------------- */

static float dot(const float *x, const float *w, int64_t n)
{
    float sums[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int l = 0; l < 16; l++)
            sums[l] += x[i + l] * w[i + l];
    float sum = 0.0f;
    for (; i < n; i++)
        sum += x[i] * w[i];
    for (int l = 0; l < 16; l++)
        sum += sums[l];
    return sum;
}

/* y[:, first .. first + n) = or += x W[first .. first + n)^T + b */
static void panel(const jup_linear_t *l, int64_t first, int64_t n, const float *x, int64_t rows,
                  float *y, bool add, float *decoded)
{
    int64_t in = l->w.cols, out = l->w.rows;
    const char *src = (const char *)l->w.data + (size_t)first * jup_dtype_bytes(l->w.dtype, in);
    const float *w = decoded;
    if (l->w.dtype == JUP_F32)
        w = (const float *)(const void *)src;
    else
        jup_dequantize(l->w.dtype, src, decoded, n * in);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < n; o++) {
            float start = l->bias ? l->bias[first + o] : 0.0f;
            float *at = &y[r * out + first + o];
            *at = add ? *at + start : start;
        }
    if (rows > FEW_ROWS) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)rows, (blasint)n, (blasint)in,
                    1.0f, x, (blasint)in, w, (blasint)in, 1.0f, y + first, (blasint)out);
        return;
    }
    for (int64_t o = 0; o < n; o++)
        for (int64_t r = 0; r < rows; r++)
            y[r * out + first + o] += dot(x + r * in, w + o * in, in);
}

static void linear_any(jup_compute_t *c, const jup_linear_t *w, int n, const float *x, int64_t rows,
                       float *const *y, bool add)
{
    if (rows == 0)
        return;
    if (grow_panels(c, w[0].w.cols, NULL) != JUP_OK)
        jup_die(JUP_EENV, "not enough memory for weight panels");
    const jup_blas_t *b = c->state;
#pragma omp parallel num_threads(c->threads)
    {
        float *decoded = b->panels + omp_get_thread_num() * b->panel_elems;
        for (int i = 0; i < n; i++) {
            assert(w[i].w.cols == w[0].w.cols);
            int64_t out = w[i].w.rows;
#pragma omp for schedule(dynamic) nowait
            for (int64_t first = 0; first < out; first += PANEL_ROWS)
                panel(&w[i], first, jup_min_i64(PANEL_ROWS, out - first), x, rows, y[i], add,
                      decoded);
        }
    }
}

static void blas_linear(jup_compute_t *c, const jup_linear_t *w, int n, const float *x,
                        int64_t rows, float *const *y)
{
    linear_any(c, w, n, x, rows, y, false);
}

static void blas_linear_add(jup_compute_t *c, const jup_linear_t *w, const float *x, int64_t rows,
                            float *y)
{
    linear_any(c, w, 1, x, rows, &y, true);
}

/* ---- element by element -------------------------------------------------------------------- */

static void blas_rmsnorm(jup_compute_t *c, const float *x, const float *w, int64_t rows,
                         int64_t cols, float eps, float *y)
{
#pragma omp parallel for num_threads(c->threads) if (rows * cols > 1 << 16)
    for (int64_t r = 0; r < rows; r++) {
        const float *row = x + r * cols;
        float scale = 1.0f / sqrtf(dot(row, row, cols) / (float)cols + eps);
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

static void blas_swiglu(jup_compute_t *c, float *gate, const float *up, int64_t rows, int64_t cols)
{
#pragma omp parallel for num_threads(c->threads) if (rows * cols > 1 << 14)
    for (int64_t i = 0; i < rows * cols; i++)
        gate[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
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
    .linear = blas_linear,
    .linear_add = blas_linear_add,
    .rmsnorm = blas_rmsnorm,
    .rope = blas_rope,
    .store_kv = blas_store_kv,
    .attention = jup_blas_attention,
    .swiglu = blas_swiglu,
    .embed = blas_embed,
};
