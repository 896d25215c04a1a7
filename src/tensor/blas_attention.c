/*
 * Attention with online softmax (Milakov and Gimelshein, 2018), blocked: 64 slots of the cache are
 * decoded once for all heads of a group and many rows. Blocks are counted from the first slot, so
 * that a row's sums are formed in one order, however the prompt was cut.
 */
#include "tensor/blas.h"

#include "base/checked.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <string.h>

enum { SLOTS = JUP_SLOTS, QUERIES = JUP_ATTENTION_ROWS };

/* Some rows and heads of one sequence that share a kv head. A query is one (row, head) of them. */
typedef struct task {
    const jup_attention_t *a;
    int kv_head, first_head, heads;
    int64_t first_row, rows;
    int64_t slots; /* in all runs */
} task_t;

/* What of a thread's scratch holds what. */
typedef struct workspace {
    float *q;       /* tiles of (head_dim, m) */
    float *scores;  /* (queries, 64) */
    float *k;       /* 2 panels (head_dim, 32) */
    float *v;       /* a panel (64, 32) */
    float *sums;    /* (panels of head_dim, queries, 32) */
    float *largest; /* (queries) */
    float *total;   /* (queries) */
    float *keep;    /* (queries): what sums are to be multiplied with */
} workspace_t;

/* Up to 64 slots, wherever they lie. */
typedef struct block {
    int n;
    const unsigned char *k[SLOTS], *v[SLOTS];
    int32_t pos[SLOTS];
} block_t;

/* The place in the runs that the next block starts from. */
typedef struct cursor {
    int run;
    int32_t at;
} cursor_t;

static int64_t dim_panels(int64_t head_dim)
{
    return (head_dim + JUP_PANEL - 1) / JUP_PANEL;
}

static int64_t workspace_floats(int64_t head_dim)
{
    return QUERIES * head_dim + QUERIES * SLOTS + 2 * JUP_PANEL * head_dim + SLOTS * JUP_PANEL +
           dim_panels(head_dim) * QUERIES * JUP_PANEL + 3 * QUERIES;
}

size_t jup_blas_attention_bytes(int64_t head_dim)
{
    return (size_t)workspace_floats(head_dim) * sizeof(float);
}

static workspace_t cut_workspace(float *own, int64_t head_dim)
{
    workspace_t w;
    w.q = own;
    w.scores = w.q + QUERIES * head_dim;
    w.k = w.scores + QUERIES * SLOTS;
    w.v = w.k + 2 * JUP_PANEL * head_dim;
    w.sums = w.v + SLOTS * JUP_PANEL;
    w.largest = w.sums + dim_panels(head_dim) * QUERIES * JUP_PANEL;
    w.total = w.largest + QUERIES;
    w.keep = w.total + QUERIES;
    return w;
}

/* ---- the cache ----------------------------------------------------------------------------- */

static void next_block(const task_t *t, cursor_t *cursor, block_t *block)
{
    const jup_attention_t *a = t->a;
    size_t slot_bytes = (size_t)a->head_dim * (a->kv_dtype == JUP_F16 ? 2 : 4);
    block->n = 0;
    while (block->n < SLOTS && cursor->run < a->n_runs) {
        const jup_kv_run_t *run = &a->runs[cursor->run];
        if (cursor->at == run->n) {
            *cursor = (cursor_t){cursor->run + 1, 0};
            continue;
        }
        size_t slot = (size_t)t->kv_head * (size_t)a->page_slots + (size_t)run->slot;
        size_t offset = (slot + (size_t)cursor->at) * slot_bytes;
        block->k[block->n] = (const unsigned char *)run->k + offset;
        block->v[block->n] = (const unsigned char *)run->v + offset;
        block->pos[block->n++] = run->pos + cursor->at++;
    }
}

static uint64_t low_bits(int64_t n)
{
    return n >= 64 ? ~(uint64_t)0 : n <= 0 ? 0 : ((uint64_t)1 << n) - 1;
}

/* 64 bits of a row's tree mask from bit `at` on; bits before the first are 1 (the past). */
static uint64_t tree_bits(const uint64_t *mask, int64_t words, int64_t at)
{
    if (at <= -64)
        return ~(uint64_t)0;
    if (at < 0)
        return mask[0] << -at | low_bits(-at);
    int64_t word = at / 64, shift = at % 64;
    uint64_t bits = word < words ? mask[word] >> shift : 0;
    if (shift > 0 && word + 1 < words)
        bits |= mask[word + 1] << (64 - shift);
    return bits;
}

/* Which slots of the block that starts at index `at` the row sees. */
static uint64_t visible_slots(const task_t *t, int64_t row, const block_t *block, int64_t at)
{
    const jup_attention_t *a = t->a;
    int64_t own = at - (t->slots - a->rows);
    uint64_t bits;
    if (a->tree) {
        int64_t words = (a->rows + 63) / 64;
        bits = tree_bits(a->tree + row * words, words, own);
    } else {
        bits = low_bits(row + 1 - own);
    }
    bits &= low_bits(block->n);
    if (a->window > 0)
        for (int s = 0; s < block->n; s++)
            if (block->pos[s] <= a->pos[row] - a->window)
                bits &= ~((uint64_t)1 << s);
    return bits;
}

/* ---- one task ------------------------------------------------------------------------------ */

static int64_t query_offset(const task_t *t, int64_t query)
{
    int64_t row = t->first_row + query / t->heads, head = t->first_head + query % t->heads;
    return (row * t->a->heads + head) * t->a->head_dim;
}

static void load_queries(const task_t *t, const jup_kernels_t *k, const workspace_t *w)
{
    int64_t queries = t->rows * t->heads, dim = t->a->head_dim;
    for (int64_t at = 0, m; at < queries; at += m) {
        m = jup_tile_rows(queries, k->f32_tile, at);
        for (int64_t r = 0; r < m; r++) {
            const float *from = t->a->q + query_offset(t, at + r);
            for (int64_t d = 0; d < dim; d++)
                w->q[at * dim + d * m + r] = from[d];
        }
    }
}

static void score_block(const task_t *t, const jup_kernels_t *k, const workspace_t *w,
                        const block_t *block)
{
    int64_t queries = t->rows * t->heads, dim = t->a->head_dim;
    for (int first = 0; first < block->n; first += JUP_PANEL) {
        float *panel = w->k + first * dim;
        jup_rows_t rows = {.dtype = t->a->kv_dtype,
                           .list = block->k + first,
                           .rows = (int)jup_min_i64(JUP_PANEL, block->n - first)};
        k->pack_f32(&rows, 0, dim, panel);
        for (int64_t at = 0, m; at < queries; at += m) {
            m = jup_tile_rows(queries, k->f32_tile, at);
            k->tile_scores((int)m, dim, w->q + at * dim, panel, w->scores + at * SLOTS + first);
        }
    }
}

/* Scores to weights; what each query has gathered before will shrink by what its maximum grew. */
static void soften_block(const task_t *t, const jup_kernels_t *k, const workspace_t *w, int n,
                         const uint64_t *visible)
{
    const jup_attention_t *a = t->a;
    const int64_t queries = t->rows * t->heads;
    if (a->cap > 0)
        k->scale(w->scores, queries * SLOTS, a->scale, a->cap);
    k->soften(w->scores, (int)queries, n, visible, t->heads, a->cap > 0 ? 1.0f : a->scale,
              w->largest, w->total, w->keep);
}

static void gather_block(const task_t *t, const jup_kernels_t *k, const workspace_t *w,
                         const block_t *block)
{
    int64_t queries = t->rows * t->heads;
    for (int d = 0, p = 0; d < t->a->head_dim; d += JUP_PANEL, p++) {
        int width = (int)jup_min_i64(JUP_PANEL, t->a->head_dim - d);
        k->pack_values(t->a->kv_dtype, block->v, block->n, d, width, w->v);
        for (int64_t at = 0, m; at < queries; at += m) {
            m = jup_tile_rows(queries, k->f32_tile, at);
            k->tile_weights((int)m, block->n, w->scores + at * SLOTS, w->v, w->keep + at,
                            w->sums + (p * QUERIES + at) * JUP_PANEL);
        }
    }
}

static void write_out(const task_t *t, const workspace_t *w)
{
    for (int64_t i = 0; i < t->rows * t->heads; i++) {
        float *out = t->a->out + query_offset(t, i);
        float share = w->total[i] > 0.0f ? 1.0f / w->total[i] : 0.0f;
        for (int64_t d = 0; d < t->a->head_dim; d++)
            out[d] = w->sums[(d / JUP_PANEL * QUERIES + i) * JUP_PANEL + d % JUP_PANEL] * share;
    }
}

static void run_task(const task_t *t, const jup_kernels_t *k, float *own)
{
    workspace_t w = cut_workspace(own, t->a->head_dim);
    int64_t queries = t->rows * t->heads, past = t->slots - t->a->rows;
    int64_t end = t->a->tree ? t->slots : past + t->first_row + t->rows;
    for (int64_t i = 0; i < queries; i++) {
        w.largest[i] = -INFINITY;
        w.total[i] = 0.0f;
    }
    for (int64_t p = 0; p < dim_panels(t->a->head_dim); p++)
        memset(w.sums + p * QUERIES * JUP_PANEL, 0, (size_t)queries * JUP_PANEL * sizeof(float));
    load_queries(t, k, &w);
    cursor_t cursor = {0, 0};
    for (int64_t at = 0; at < end; at += SLOTS) {
        block_t block;
        uint64_t visible[QUERIES], any = 0;
        next_block(t, &cursor, &block);
        for (int64_t r = 0; r < t->rows; r++)
            any |= visible[r] = visible_slots(t, t->first_row + r, &block, at);
        if (!any)
            continue;
        block.n = 64 - __builtin_clzll(any);
        score_block(t, k, &w, &block);
        soften_block(t, k, &w, block.n, visible);
        gather_block(t, k, &w, &block);
    }
    write_out(t, &w);
}

/* ---- sharing out --------------------------------------------------------------------------- */

/* How one sequence is cut into tasks. */
typedef struct cut {
    int64_t slots, rows_per_task, row_tasks;
    int heads_per_task, head_tasks;
} cut_t;

static cut_t cut_sequence(const jup_attention_t *a, int threads)
{
    int group = a->heads / a->kv_heads;
    cut_t cut = {.heads_per_task = (int)jup_min_i64(group, QUERIES)};
    for (int i = 0; i < a->n_runs; i++)
        cut.slots += a->runs[i].n;
    if (a->rows * a->kv_heads < threads) /* few: the heads of a group apart, for all threads */
        cut.heads_per_task = (int)jup_max_i64(1, group * a->rows * a->kv_heads / threads);
    cut.head_tasks = (group + cut.heads_per_task - 1) / cut.heads_per_task;
    cut.rows_per_task = QUERIES / cut.heads_per_task;
    cut.row_tasks = (a->rows + cut.rows_per_task - 1) / cut.rows_per_task;
    while (cut.row_tasks * cut.head_tasks * a->kv_heads < threads && cut.rows_per_task > 1) {
        cut.rows_per_task = (cut.rows_per_task + 1) / 2;
        cut.row_tasks = (a->rows + cut.rows_per_task - 1) / cut.rows_per_task;
    }
    return cut;
}

static void run_sequence(jup_compute_t *c, const jup_attention_t *a)
{
    const jup_blas_t *b = c->state;
    const cut_t cut = cut_sequence(a, c->threads);
    int64_t per_head = cut.row_tasks * cut.head_tasks, tasks = per_head * a->kv_heads;
#pragma omp for schedule(dynamic) nowait
    for (int64_t i = 0; i < tasks; i++) {
        int64_t kv_head = i % a->kv_heads, rest = i / a->kv_heads;
        int64_t head = rest % cut.head_tasks * cut.heads_per_task;
        int64_t row = (cut.row_tasks - 1 - rest / cut.head_tasks) * cut.rows_per_task;
        int group = a->heads / a->kv_heads; /* the last rows, which see most, go first */
        task_t t = {.a = a,
                    .kv_head = (int)kv_head,
                    .first_head = (int)(kv_head * group + head),
                    .heads = (int)jup_min_i64(cut.heads_per_task, group - head),
                    .first_row = row,
                    .rows = jup_min_i64(cut.rows_per_task, a->rows - row),
                    .slots = cut.slots};
        run_task(&t, b->kernels, jup_blas_own(c));
    }
}

void jup_blas_attention(jup_compute_t *c, const jup_attention_t *a, int n)
{
    int64_t head_dim = 0;
    for (int i = 0; i < n; i++) {
        assert(a[i].head_dim <= JUP_MAX_HEAD_DIM && a[i].heads % a[i].kv_heads == 0);
        head_dim = jup_max_i64(head_dim, a[i].head_dim);
    }
    jup_blas_need(c, 1, 1, head_dim);
#pragma omp parallel num_threads(c->threads)
    for (int i = 0; i < n; i++)
        run_sequence(c, &a[i]);
}
