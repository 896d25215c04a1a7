/* y = x W^T: panels of the weight decoded in cache, all rows of x over each (kernels.h). */
#include "tensor/blas.h"

#include "base/checked.h"

#include <assert.h>
#include <cblas.h>
#include <omp.h>
#include <string.h>

enum {
    SERIAL_X = 1 << 14, /* elements of x that are not worth sharing out */
    SGEMM_ROWS = 16,    /* from here on OpenBLAS pays for its own packing */
    PAIR_ROWS = 3,      /* fewer wait for the memory, and for less of it with floats (Zen 4) */
};

/* A thread's buffers, in its own scratch. */
typedef struct buffers {
    float panel[JUP_PLAIN_CHUNK * JUP_PANEL]; /* or of JUP_F32_CHUNK, which is less */
    uint8_t panel_q[2 * JUP_I8_CHUNK * JUP_PANEL];
    float panel_scale[JUP_I8_CHUNK / 16 * JUP_PANEL];
    float panel_min[JUP_I8_CHUNK / 16 * JUP_PANEL];
    float panel_whole[JUP_I8_CHUNK / 128 * JUP_PANEL];
    float sums[]; /* (rows, 32) */
} buffers_t;

/* Some rows of x, on their way through one or more weights. */
typedef struct pass {
    const jup_blas_t *blas;
    const float *x; /* (rows, in) */
    int64_t rows, in;
    bool add;
    bool brain; /* all the weights are BF16, else none: x is laid out for one or the other */
} pass_t;

static bool is_i8(const jup_blas_t *b, const jup_linear_t *l)
{
    return !b->exact && jup_dtype_info((int)l->w.dtype)->block_elems > 1;
}

static bool is_sgemm(const pass_t *p)
{
    return p->blas->use_sgemm && p->rows >= SGEMM_ROWS;
}

/* ---- x ------------------------------------------------------------------------------------- */

/* Is x rounded to BF16? */
static bool is_rounded(const pass_t *p)
{
    return p->brain && !p->blas->exact;
}

static bool is_pairs(const pass_t *p)
{
    return is_rounded(p) && p->blas->kernels->pairs && p->rows >= PAIR_ROWS && !is_sgemm(p);
}

/* Words that so many columns of a row of x take in tiles. */
static int64_t words_of(const pass_t *p, int64_t columns)
{
    return jup_plain_words(p->brain ? JUP_BF16 : JUP_F32, is_pairs(p), columns);
}

/* What need not be laid out: what goes to sgemm, and a single row. */
static bool in_place(const pass_t *p)
{
    if (is_sgemm(p))
        return !is_rounded(p);
    return p->rows == 1 && p->in % 8 == 0 && !p->brain;
}

static int plain_tile(const pass_t *p)
{
    return is_sgemm(p) ? 1 : p->blas->kernels->plain_tile; /* 1: row after row */
}

/* Where column `at` of a tile of m rows from `row` on is laid out. */
static float *plain_place(const pass_t *p, int64_t row, int64_t m, int64_t at)
{
    const int64_t chunk = is_sgemm(p) ? p->in : JUP_PLAIN_CHUNK, start = at / chunk * chunk;
    return p->blas->x_plain + words_of(p, start) * p->rows +
           words_of(p, jup_min_i64(chunk, p->in - start)) * row + words_of(p, at - start) * m;
}

static const float *plain_tile_at(const pass_t *p, int64_t row, int64_t m, int64_t at)
{
    return in_place(p) ? p->x + row * p->in + at : plain_place(p, row, m, at);
}

/* Most rows of a tile of rounded x. */
static int i8_tile(const pass_t *p)
{
    const jup_kernels_t *k = p->blas->kernels;
    return p->rows <= k->few_i8 ? k->few_i8 : k->i8_tile;
}

static jup_i8_x_t i8_tile_at(const pass_t *p, int64_t row)
{
    const jup_i8_x_t *x = &p->blas->x_i8;
    return (jup_i8_x_t){x->q + row * p->in, x->parts + row * (p->in / JUP_X_BLOCK) * JUP_X_PARTS,
                        x->whole + row * (p->in / 256) * JUP_X_WHOLES,
                        x->wide ? x->wide + 2 * row * p->in : NULL};
}

/* The odd ones of each 16 columns, then the even ones; n is a multiple of 16. */
static void split_steps(const float *from, int64_t n, float *to)
{
    for (int64_t k = 0; k < n; k += 16)
        for (int64_t i = 0; i < 8; i++) {
            to[k + i] = from[k + 2 * i + 1];
            to[k + 8 + i] = from[k + 2 * i];
        }
}

/* The words that n columns of a row take, n <= JUP_PLAIN_CHUNK: as they are, or in `buffer`. */
static const float *words_of_row(const pass_t *p, const float *from, int64_t n, float *buffer)
{
    const int64_t words = words_of(p, n);
    if (!p->brain && words == n)
        return from;
    memset(buffer, 0, (size_t)words * sizeof *buffer);
    if (is_pairs(p)) {
        jup_quantize(JUP_BF16, from, buffer, n);
        return buffer;
    }
    float x[JUP_PLAIN_CHUNK] = {0};
    if (is_rounded(p)) {
        uint16_t brains[JUP_PLAIN_CHUNK];
        jup_quantize(JUP_BF16, from, brains, n);
        jup_dequantize(JUP_BF16, brains, x, n);
    } else {
        memcpy(x, from, (size_t)n * sizeof *x);
    }
    if (p->brain && !is_sgemm(p))
        split_steps(x, words, buffer);
    else
        memcpy(buffer, x, (size_t)n * sizeof *x);
    return buffer;
}

static void pack_plain_tile(const pass_t *p, int64_t row, int m)
{
    enum { STEP = 8, LINE = 16 };
    float buffer[JUP_PLAIN_CHUNK];
    for (int64_t at = 0; at < p->in; at += JUP_PLAIN_CHUNK) {
        const int64_t n = jup_min_i64(JUP_PLAIN_CHUNK, p->in - at), words = words_of(p, n);
        for (int r = 0; r < m; r++) {
            const float *from = p->x + (row + r) * p->in + at;
            for (int64_t i = 0; i < n; i += LINE) /* of the next row: it begins somewhere else */
                __builtin_prefetch(from + p->in + i);
            const float *of_row = words_of_row(p, from, n, buffer);
            float *to = plain_place(p, row, m, at) + r * STEP;
            for (int64_t i = 0; i < words; i += STEP, to += m * STEP)
                memcpy(to, of_row + i, STEP * sizeof *to);
        }
    }
}

static int64_t tile_count(const pass_t *p, int tile)
{
    int64_t rows = jup_tile_rows(p->rows, tile, 0);
    return (p->rows + rows - 1) / rows;
}

static void prepare_plain(const pass_t *p)
{
    int tile = plain_tile(p), even = jup_tile_rows(p->rows, tile, 0);
#pragma omp for schedule(static)
    for (int64_t t = 0; t < tile_count(p, tile); t++)
        pack_plain_tile(p, t * even, jup_tile_rows(p->rows, tile, t * even));
}

static void prepare_i8(const pass_t *p, bool whole, bool wide)
{
    int tile = i8_tile(p), even = jup_tile_rows(p->rows, tile, 0);
#pragma omp for schedule(static)
    for (int64_t t = 0; t < tile_count(p, tile); t++) {
        jup_i8_x_t to = i8_tile_at(p, t * even);
        to.whole = whole ? to.whole : NULL;
        to.wide = wide ? to.wide : NULL;
        p->blas->kernels->round_x(p->x + t * even * p->in, p->in,
                                  jup_tile_rows(p->rows, tile, t * even), p->in, &to);
    }
}

/* By the team, or by a single thread outside of one. Ends with all of x ready. */
static void prepare(const pass_t *p, const jup_linear_t *w, int n)
{
    const jup_kernels_t *k = p->blas->kernels;
    bool plain = false, i8 = false, whole = false, wide = false;
    for (int i = 0; i < n; i++) {
        bool rounded = is_i8(p->blas, &w[i]);
        i8 = i8 || rounded;
        plain = plain || !rounded;
        whole = whole || (rounded && k->is_whole(w[i].w.dtype));
        wide = wide || (rounded && k->is_wide(w[i].w.dtype) && p->rows > k->few_i8);
    }
    if (plain && !in_place(p))
        prepare_plain(p);
    if (i8)
        prepare_i8(p, whole, wide);
}

/* ---- panels -------------------------------------------------------------------------------- */

/* A panel to work on. */
typedef struct task {
    const jup_linear_t *linear;
    int64_t first;             /* output row */
    float *y;                  /* the linear's output */
    jup_rows_t rows;           /* the panel's, in the weight */
    const unsigned char *next; /* the panel that this thread will work on next, or NULL */
} task_t;

/* Where the next panel has the bytes that this one has from column `at` on, for all 32 rows. */
static const unsigned char *fetch_next(const pass_t *p, const task_t *task, int64_t at)
{
    if (!task->next || JUP_PANEL * task->rows.row_bytes > p->blas->fetch_bytes)
        return NULL;
    return task->next + JUP_PANEL * (int64_t)jup_dtype_bytes(task->rows.dtype, at);
}

/* Where the panel's outputs of m rows of x will be stored. Each row is in lines of its own, and
 * with many rows none is in the cache: stores one after another would wait for them. */
static void fetch_outputs(const task_t *task, int64_t row, int m)
{
    const int64_t stride = task->linear->w.rows;
    for (int r = 0; r < m; r++)
        for (int i = 0; i < JUP_PANEL; i += 16)
            __builtin_prefetch(task->y + (row + r) * stride + task->first + i, 1, 2);
}

/* A plain weight. */
static void panel_plain(const pass_t *p, task_t *task, buffers_t *own)
{
    const jup_kernels_t *k = p->blas->kernels;
    jup_rows_t *src = &task->rows;
    src->pairs = is_pairs(p);
    if (p->rows <= (src->dtype == JUP_F16 ? k->few_halves : k->few_plain)) {
        k->run_plain(src, (int)p->rows, p->in, plain_tile_at(p, 0, 0, 0), own->sums);
        return;
    }
    for (int64_t at = 0; at < p->in; at += JUP_PLAIN_CHUNK) {
        int64_t n = jup_min_i64(JUP_PLAIN_CHUNK, p->in - at);
        src->fetch = at + n < p->in ? src->first + jup_dtype_bytes(src->dtype, at + n) : task->next;
        k->pack_plain(src, at, n, own->panel);
        if (at + n == p->in)
            fetch_outputs(task, 0, (int)p->rows);
        k->tile_plain(src, (int)p->rows, n, plain_tile_at(p, 0, 0, at), own->panel, own->sums,
                      at > 0);
    }
}

/* A weight decoded to f32: for sgemm, or a quantised one with x as it is. */
static void panel_f32(const pass_t *p, task_t *task, buffers_t *own)
{
    const jup_kernels_t *k = p->blas->kernels;
    jup_rows_t *src = &task->rows;
    const int64_t stride = in_place(p) ? p->in : words_of(p, p->in);
    for (int64_t at = 0; at < p->in; at += JUP_F32_CHUNK) {
        int64_t n = jup_min_i64(JUP_F32_CHUNK, p->in - at);
        src->fetch = fetch_next(p, task, at);
        k->pack_f32(src, at, n, own->panel);
        if (is_sgemm(p)) {
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)p->rows, JUP_PANEL,
                        (blasint)n, 1.0f, plain_tile_at(p, 0, 1, at), (blasint)stride, own->panel,
                        JUP_PANEL, at > 0 ? 1.0f : 0.0f, own->sums, JUP_PANEL);
            continue;
        }
        for (int64_t row = 0; row < p->rows;) {
            int m = jup_tile_rows(p->rows, k->plain_tile, row);
            k->tile_f32(m, n, plain_tile_at(p, row, m, at), own->panel, own->sums + row * JUP_PANEL,
                        at > 0);
            row += m;
        }
    }
}

/*
 * All rows of x over a packed chunk, from column `at` on. Where several tiles pass, they fetch what
 * the next panel has there: the memory then works while sums are made, not while the panel waits
 * for it.
 */
static void tiles_i8(const pass_t *p, const task_t *task, int64_t at, int64_t n,
                     jup_i8_panel_t panel, float *sums)
{
    enum { LINE = 64 };
    const jup_kernels_t *k = p->blas->kernels;
    const jup_dtype_t dtype = task->rows.dtype;
    const int64_t blocks = n / JUP_X_BLOCK, tiles = tile_count(p, k->i8_tile);
    const int64_t bytes = JUP_PANEL * (int64_t)jup_dtype_bytes(dtype, n);
    const unsigned char *next = tiles > 1 ? fetch_next(p, task, at) : NULL;
    const unsigned char *end = next ? next + bytes : NULL;
    panel.x_columns = p->in;
    panel.fetch_bytes = (bytes / (tiles * blocks) + LINE - 1) / LINE * LINE;
    for (int64_t row = 0; row < p->rows;) {
        int m = jup_tile_rows(p->rows, k->i8_tile, row);
        jup_i8_x_t x = i8_tile_at(p, row);
        x.q += at * m;
        x.parts += at / JUP_X_BLOCK * JUP_X_PARTS * m;
        x.whole += at / 256 * JUP_X_WHOLES * m;
        x.wide = x.wide ? x.wide + 2 * at * m : NULL;
        panel.fetch = next < end ? next : NULL;
        if (at + n == p->in)
            fetch_outputs(task, row, m);
        k->tile_i8(dtype, m, n, &x, &panel, sums + row * JUP_PANEL, at > 0);
        next = panel.fetch ? next + blocks * panel.fetch_bytes : NULL;
        row += m;
    }
}

static void panel_i8(const pass_t *p, task_t *task, buffers_t *own)
{
    const jup_kernels_t *k = p->blas->kernels;
    jup_rows_t *src = &task->rows;
    const jup_i8_panel_t panel = {.q = own->panel_q,
                                  .scale = own->panel_scale,
                                  .min = own->panel_min,
                                  .whole = own->panel_whole};
    if (p->rows <= k->few_i8) {
        jup_i8_x_t x = i8_tile_at(p, 0);
        k->run_i8(src, (int)p->rows, p->in, &x, own->sums);
        return;
    }
    for (int64_t at = 0; at < p->in; at += k->i8_chunk) {
        int64_t n = jup_min_i64(k->i8_chunk, p->in - at);
        src->fetch = p->rows <= k->i8_tile ? fetch_next(p, task, at) : NULL;
        k->pack_i8(src, at, n, &panel);
        tiles_i8(p, task, at, n, panel, own->sums);
    }
}

/* y = or += sums + bias, for the panel's columns of y. */
static void finish(const pass_t *p, const task_t *task, const float *sums)
{
    const jup_linear_t *l = task->linear;
    int64_t n = task->rows.rows;
    float bias[JUP_PANEL] = {0};
    if (l->bias)
        memcpy(bias, l->bias + task->first, (size_t)n * sizeof *bias);
    for (int64_t r = 0; r < p->rows; r++) {
        const float *from = sums + r * JUP_PANEL;
        float *to = task->y + r * l->w.rows + task->first;
        if (p->add)
            for (int64_t i = 0; i < n; i++)
                to[i] += from[i] + bias[i];
        else
            for (int64_t i = 0; i < n; i++)
                to[i] = from[i] + bias[i];
    }
}

static void work_on(const pass_t *p, task_t *task, buffers_t *own)
{
    if (is_i8(p->blas, task->linear))
        panel_i8(p, task, own);
    else if (jup_dtype_info((int)task->rows.dtype)->block_elems == 1 && !is_sgemm(p))
        panel_plain(p, task, own);
    else
        panel_f32(p, task, own);
    finish(p, task, own->sums);
}

/* ---- operations ---------------------------------------------------------------------------- */

/* Weights that share x: their panels are numbered through. */
typedef struct work {
    const jup_linear_t *weights; /* (n) */
    float *const *y;             /* (n) */
    int n;
} work_t;

static int64_t panels_of(const jup_linear_t *l)
{
    return (l->w.rows + JUP_PANEL - 1) / JUP_PANEL;
}

static int64_t panels_of_all(const work_t *work)
{
    int64_t panels = 0;
    for (int i = 0; i < work->n; i++)
        panels += panels_of(&work->weights[i]);
    return panels;
}

static void find_task(const work_t *work, int64_t at, task_t *task)
{
    int i = 0;
    for (; at >= panels_of(&work->weights[i]); i++)
        at -= panels_of(&work->weights[i]);
    const jup_matrix_t *w = &work->weights[i].w;
    int64_t first = at * JUP_PANEL, row_bytes = (int64_t)jup_dtype_bytes(w->dtype, w->cols);
    *task = (task_t){.linear = &work->weights[i],
                     .first = first,
                     .y = work->y[i],
                     .rows = {.dtype = w->dtype,
                              .first = (const unsigned char *)w->data + first * row_bytes,
                              .row_bytes = row_bytes,
                              .rows = (int)jup_min_i64(JUP_PANEL, w->rows - first)}};
}

/*
 * Each thread goes through a run of its own, so that it can fetch the panel it will work on next,
 * and then helps the others with theirs: an interrupted one holds nobody up.
 */
static void go_through(const pass_t *p, const work_t *work, int threads, buffers_t *own)
{
    int me = omp_get_thread_num();
    for (int i = 0; i < threads; i++) {
        jup_share_t *share = &p->blas->shares[(me + i) % threads];
        int64_t at;
        while ((at = atomic_fetch_add(&share->next, 1)) < share->end) {
            task_t task, after;
            find_task(work, at, &task);
            if (at + 1 < share->end) {
                find_task(work, at + 1, &after);
                task.next = after.rows.first;
            }
            work_on(p, &task, own);
        }
    }
}

static void run_pass(jup_compute_t *c, const pass_t *p, const work_t *work)
{
    bool serial = p->rows * p->in <= SERIAL_X;
    int64_t panels = panels_of_all(work);
    for (int t = 0; t < c->threads; t++) {
        jup_share_t *share = &p->blas->shares[t];
        atomic_store(&share->next, panels * t / c->threads);
        share->end = panels * (t + 1) / c->threads;
    }
    if (serial)
        prepare(p, work->weights, work->n);
#pragma omp parallel num_threads(c->threads)
    {
        if (!serial)
            prepare(p, work->weights, work->n);
        go_through(p, work, c->threads, jup_blas_own(c));
    }
}

enum { MOST_WEIGHTS = 8 }; /* of one pass: experts of a row may be more */

/* A pass over those of the weights that are BF16, or over the others. */
static void pass_over(jup_compute_t *c, pass_t p, const work_t *all, bool brain)
{
    jup_linear_t weights[MOST_WEIGHTS];
    float *y[MOST_WEIGHTS];
    work_t work = {weights, y, 0};
    p.brain = brain;
    for (int i = 0; i < all->n; i++)
        if ((all->weights[i].w.dtype == JUP_BF16) == brain) {
            weights[work.n] = all->weights[i];
            y[work.n++] = all->y[i];
        }
    if (work.n > 0)
        run_pass(c, &p, &work);
}

/* At most MOST_WEIGHTS of them. */
static void linear_some(jup_compute_t *c, const jup_linear_t *w, int n, const float *x,
                        int64_t rows, float *const *y, bool add)
{
    const jup_blas_t *b = c->state;
    int64_t in = w[0].w.cols, at_once = b->kernels->rows;
    for (int64_t done = 0; done < rows; done += at_once) {
        float *to[MOST_WEIGHTS];
        for (int i = 0; i < n; i++) {
            assert(w[i].w.cols == in);
            to[i] = y[i] + done * w[i].w.rows;
        }
        const pass_t pass = {b, x + done * in, jup_min_i64(at_once, rows - done), in, add, false};
        const work_t work = {w, to, n};
        pass_over(c, pass, &work, false);
        pass_over(c, pass, &work, true);
    }
}

static void linear_any(jup_compute_t *c, const jup_linear_t *w, int n, const float *x, int64_t rows,
                       float *const *y, bool add)
{
    assert(n >= 1);
    jup_blas_need(c, rows, w[0].w.cols, 0);
    for (int at = 0; at < n; at += MOST_WEIGHTS)
        linear_some(c, w + at, n - at < MOST_WEIGHTS ? n - at : MOST_WEIGHTS, x, rows, y + at, add);
}

void jup_blas_linear(jup_compute_t *c, const jup_linear_t *w, int n, const float *x, int64_t rows,
                     float *const *y)
{
    linear_any(c, w, n, x, rows, y, false);
}

void jup_blas_linear_add(jup_compute_t *c, const jup_linear_t *w, const float *x, int64_t rows,
                         float *y)
{
    linear_any(c, w, 1, x, rows, &y, true);
}

size_t jup_blas_linear_bytes(int64_t rows)
{
    return sizeof(buffers_t) + (size_t)rows * JUP_PANEL * sizeof(float);
}
