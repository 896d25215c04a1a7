/* Attention over paged caches: the fast one against the plain one, and against itself. */
#include "tensor/kernels.h"
#include "tensor/ops.h"
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

static jup_rng_t rng;

static float *random_floats(int64_t n)
{
    float *x = jup_new((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)jup_rng_normal(&rng);
    return x;
}

static double distance(const float *a, const float *b, int64_t n)
{
    double apart = 0.0, size = 0.0;
    for (int64_t i = 0; i < n; i++) {
        apart += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(apart / (size + 1e-30));
}

typedef struct shape {
    int heads, kv_heads, head_dim, page_slots;
    jup_dtype_t kv_dtype;
} shape_t;

/* A cache of `slots` tokens cut into runs at random places of as many pages. */
typedef struct cache {
    shape_t shape;
    int n_runs;
    jup_kv_run_t *runs; /* room for `slots`: a run holds one slot at least */
    int64_t slots;
} cache_t;

static void cache_init(cache_t *cache, shape_t shape, int64_t slots)
{
    *cache = (cache_t){.shape = shape, .slots = slots};
    cache->runs = jup_new((size_t)slots, sizeof *cache->runs);
    size_t elem = shape.kv_dtype == JUP_F16 ? 2 : 4;
    size_t page_bytes = (size_t)(shape.kv_heads * shape.page_slots * shape.head_dim) * elem;
    for (int64_t pos = 0; pos < slots;) {
        int slot = (int)jup_rng_below(&rng, (uint64_t)shape.page_slots);
        int64_t n = 1 + (int64_t)jup_rng_below(&rng, (uint64_t)(shape.page_slots - slot));
        n = n < slots - pos ? n : slots - pos;
        cache->runs[cache->n_runs++] = (jup_kv_run_t){
            jup_new(page_bytes, 1), jup_new(page_bytes, 1), slot, (int32_t)n, (int32_t)pos};
        pos += n;
    }
}

static void cache_reset(cache_t *cache)
{
    for (int i = 0; i < cache->n_runs; i++) {
        jup_free((void *)(uintptr_t)cache->runs[i].k);
        jup_free((void *)(uintptr_t)cache->runs[i].v);
    }
    jup_free(cache->runs);
}

static void cache_fill(cache_t *cache, jup_compute_t *c, const float *k, const float *v)
{
    const shape_t *s = &cache->shape;
    c->ops->store_kv(c, k, v, cache->slots, s->kv_heads, s->head_dim, s->page_slots, s->kv_dtype,
                     cache->runs, cache->n_runs);
}

static jup_compute_t make(const jup_ops_t *ops, int threads)
{
    jup_compute_t c;
    jup_error_t err;
    jup_compute_limits_t limits = {.rows = 128,
                                   .in = 1024,
                                   .out = 1024,
                                   .context = 512,
                                   .heads = 16,
                                   .kv_heads = 8,
                                   .head_dim = 128};
    ck_assert_int_eq(jup_compute_init(&c, ops, threads, &err), JUP_OK);
    ck_assert_int_eq(jup_compute_reserve(&c, &limits, &err), JUP_OK);
    return c;
}

/* A tree over `rows` nodes: node i hangs under a random earlier one. */
static uint64_t *random_tree(int64_t rows, int32_t *pos, int32_t first_pos)
{
    int64_t words = (rows + 63) / 64;
    uint64_t *mask = jup_new((size_t)(rows * words), sizeof *mask);
    for (int64_t i = 0; i < rows; i++) {
        pos[i] = first_pos;
        if (i > 0 && jup_rng_below(&rng, 4) > 0) {
            int64_t parent = (int64_t)jup_rng_below(&rng, (uint64_t)i);
            memcpy(mask + i * words, mask + parent * words, (size_t)words * sizeof *mask);
            pos[i] = pos[parent] + 1;
        }
        mask[i * words + i / 64] |= (uint64_t)1 << (i % 64);
    }
    return mask;
}

static float cap; /* of the scores, in all checks that follow */

static void check_once(shape_t shape, int64_t past, int64_t rows, bool tree, int window,
                       int threads)
{
    jup_compute_t naive = make(&jup_ops_naive, 1), blas = make(&jup_ops_blas, threads);
    int64_t slots = past + rows, width = shape.heads * shape.head_dim;
    float *k = random_floats(slots * shape.kv_heads * shape.head_dim);
    float *v = random_floats(slots * shape.kv_heads * shape.head_dim);
    float *q = random_floats(rows * width);
    float *a = jup_new((size_t)(rows * width), 4), *b = jup_new((size_t)(rows * width), 4);
    int32_t *pos = jup_new((size_t)rows, sizeof *pos);
    cache_t cache;
    cache_init(&cache, shape, slots);
    cache_fill(&cache, &blas, k, v);
    for (int64_t r = 0; r < rows; r++)
        pos[r] = (int32_t)(past + r);
    jup_attention_t task = {
        .q = q,
        .out = a,
        .rows = rows,
        .pos = pos,
        .tree = tree ? random_tree(rows, pos, (int32_t)past) : NULL,
        .runs = cache.runs,
        .n_runs = cache.n_runs,
        .heads = shape.heads,
        .kv_heads = shape.kv_heads,
        .head_dim = shape.head_dim,
        .page_slots = shape.page_slots,
        .kv_dtype = shape.kv_dtype,
        .window = window,
        .scale = 0.3f,
        .cap = cap,
    };
    naive.ops->attention(&naive, &task, 1);
    task.out = b;
    blas.ops->attention(&blas, &task, 1);
    double apart = distance(b, a, rows * width);
    ck_assert_msg(apart < 2e-6, "heads %d/%d dim %d past %d rows %d tree %d window %d: %g",
                  shape.heads, shape.kv_heads, shape.head_dim, (int)past, (int)rows, tree, window,
                  apart);
    jup_free((void *)(uintptr_t)task.tree);
    cache_reset(&cache);
    jup_free(k), jup_free(v), jup_free(q), jup_free(a), jup_free(b), jup_free(pos);
    jup_compute_reset(&naive), jup_compute_reset(&blas);
}

static void check(shape_t shape, int64_t past, int64_t rows, bool tree, int window, int threads)
{
    for (int i = 0; jup_kernels_at(i); i++) {
        setenv("JUPITER_KERNELS", jup_kernels_at(i)->name, 1);
        check_once(shape, past, rows, tree, window, threads);
    }
    unsetenv("JUPITER_KERNELS");
}

static const int head_dims[] = {8, 24, 32, 64, 80, 128};
enum { DIM_COUNT = sizeof head_dims / sizeof head_dims[0] };

START_TEST(head_dims_and_groups)
{
    static const int groups[][2] = {{4, 4}, {8, 2}, {7, 1}, {6, 3}};
    for (int d = 0; d < DIM_COUNT; d++)
        for (int g = 0; g < 4; g++)
            for (int t = 0; t < 2; t++) {
                shape_t shape = {groups[g][0], groups[g][1], head_dims[d], 32,
                                 t ? JUP_F16 : JUP_F32};
                check(shape, 0, 1, false, 0, 1);
                check(shape, 45, 1, false, 0, 2);
                check(shape, 30, 37, false, 0, 2);
            }
}
END_TEST

START_TEST(trees)
{
    shape_t shape = {8, 2, 64, 16, JUP_F16};
    for (int64_t rows = 1; rows <= 70; rows += rows < 16 ? 3 : 18) {
        check(shape, 0, rows, true, 0, 2);
        check(shape, 51, rows, true, 0, 2);
    }
}
END_TEST

START_TEST(capped_scores)
{
    shape_t shape = {4, 2, 32, 24, JUP_F16};
    for (cap = 0.5f; cap < 60.0f; cap *= 3.0f) {
        check(shape, 100, 1, false, 0, 1);
        check(shape, 60, 40, false, 30, 2);
        check(shape, 60, 9, true, 0, 2);
    }
    cap = 0;
}
END_TEST

START_TEST(windows)
{
    shape_t shape = {4, 2, 32, 24, JUP_F16};
    for (int window = 1; window <= 120; window += 17) {
        check(shape, 100, 1, false, window, 1);
        check(shape, 20, 40, false, window, 2);
        check(shape, 60, 9, true, window, 2);
    }
}
END_TEST

START_TEST(long_contexts)
{
    shape_t shape = {8, 2, 64, 64, JUP_F16};
    check(shape, 700, 1, false, 0, 2);
    check(shape, 700, 130, false, 0, 2);
    check(shape, 0, 300, false, 0, 3);
}
END_TEST

/* A prompt taken in chunks of any size gives the bits of one taken whole. */
START_TEST(chunks_do_not_matter)
{
    enum { TOKENS = 200, KV = 2 * 32, WIDTH = 8 * 32 };
    jup_compute_t c = make(&jup_ops_blas, 2);
    shape_t shape = {8, 2, 32, 16, JUP_F16};
    float *k = random_floats(TOKENS * KV), *v = random_floats(TOKENS * KV);
    float *q = random_floats(TOKENS * WIDTH);
    float *whole = jup_new(TOKENS * WIDTH, 4), *cut = jup_new(TOKENS * WIDTH, 4);
    int32_t pos[TOKENS];
    for (int32_t i = 0; i < TOKENS; i++)
        pos[i] = i;
    cache_t cache;
    cache_init(&cache, shape, TOKENS);
    cache_fill(&cache, &c, k, v);
    jup_attention_t task = {.q = q,
                            .out = whole,
                            .rows = TOKENS,
                            .pos = pos,
                            .runs = cache.runs,
                            .n_runs = cache.n_runs,
                            .heads = 8,
                            .kv_heads = 2,
                            .head_dim = 32,
                            .page_slots = 16,
                            .kv_dtype = JUP_F16,
                            .scale = 0.4f};
    c.ops->attention(&c, &task, 1);
    for (int64_t chunk = 1; chunk < TOKENS; chunk = chunk * 3 + 4) {
        for (int64_t at = 0; at < TOKENS; at += chunk) {
            int64_t rows = chunk < TOKENS - at ? chunk : TOKENS - at, left = at + rows;
            jup_kv_run_t *runs = jup_new((size_t)cache.n_runs, sizeof *runs);
            int n = 0;
            for (; left > 0; n++) {
                runs[n] = cache.runs[n];
                runs[n].n = (int32_t)(runs[n].n < left ? runs[n].n : left);
                left -= runs[n].n;
            }
            task.q = q + at * WIDTH, task.out = cut + at * WIDTH, task.rows = rows;
            task.pos = pos + at, task.runs = runs, task.n_runs = n;
            c.ops->attention(&c, &task, 1);
            jup_free(runs);
        }
        ck_assert_msg(!memcmp(whole, cut, TOKENS * WIDTH * 4), "chunk %d", (int)chunk);
    }
    cache_reset(&cache);
    jup_free(k), jup_free(v), jup_free(q), jup_free(whole), jup_free(cut);
    jup_compute_reset(&c);
}
END_TEST

/* Scores so large that exp() of them overflows. */
START_TEST(large_scores)
{
    jup_compute_t naive = make(&jup_ops_naive, 1), blas = make(&jup_ops_blas, 1);
    shape_t shape = {2, 1, 16, 32, JUP_F32};
    float *k = random_floats(64 * 16), *v = random_floats(64 * 16), *q = random_floats(2 * 16);
    for (int i = 0; i < 32; i++)
        q[i] *= 300.0f;
    float a[32], b[32];
    int32_t pos = 63;
    cache_t cache;
    cache_init(&cache, shape, 64);
    cache_fill(&cache, &naive, k, v);
    jup_attention_t task = {.q = q,
                            .out = a,
                            .rows = 1,
                            .pos = &pos,
                            .runs = cache.runs,
                            .n_runs = cache.n_runs,
                            .heads = 2,
                            .kv_heads = 1,
                            .head_dim = 16,
                            .page_slots = 32,
                            .kv_dtype = JUP_F32,
                            .scale = 1.0f};
    naive.ops->attention(&naive, &task, 1);
    task.out = b;
    blas.ops->attention(&blas, &task, 1);
    ck_assert_double_lt(distance(b, a, 32), 1e-4);
    cache_reset(&cache);
    jup_free(k), jup_free(v), jup_free(q);
    jup_compute_reset(&naive), jup_compute_reset(&blas);
}
END_TEST

/* Several sequences in one call give what each gives alone. */
START_TEST(many_sequences)
{
    jup_compute_t blas = make(&jup_ops_blas, 2);
    shape_t shape = {4, 2, 32, 16, JUP_F16};
    enum { N = 3 };
    jup_attention_t tasks[N];
    cache_t caches[N];
    float *q[N], *together[N], *alone[N];
    int32_t pos[N][8];
    for (int i = 0; i < N; i++) {
        int64_t rows = 1 + 3 * i, slots = 20 + 30 * i + rows;
        float *k = random_floats(slots * 64), *v = random_floats(slots * 64);
        cache_init(&caches[i], shape, slots);
        cache_fill(&caches[i], &blas, k, v);
        q[i] = random_floats(rows * 128);
        together[i] = jup_new((size_t)rows * 128, 4), alone[i] = jup_new((size_t)rows * 128, 4);
        for (int64_t r = 0; r < rows; r++)
            pos[i][r] = (int32_t)(slots - rows + r);
        tasks[i] = (jup_attention_t){.q = q[i],
                                     .out = together[i],
                                     .rows = rows,
                                     .pos = pos[i],
                                     .runs = caches[i].runs,
                                     .n_runs = caches[i].n_runs,
                                     .heads = 4,
                                     .kv_heads = 2,
                                     .head_dim = 32,
                                     .page_slots = 16,
                                     .kv_dtype = JUP_F16,
                                     .scale = 0.2f};
        jup_free(k), jup_free(v);
    }
    blas.ops->attention(&blas, tasks, N);
    for (int i = 0; i < N; i++) {
        tasks[i].out = alone[i];
        blas.ops->attention(&blas, &tasks[i], 1);
        ck_assert_mem_eq(alone[i], together[i], (size_t)tasks[i].rows * 128 * 4);
        cache_reset(&caches[i]);
        jup_free(q[i]), jup_free(together[i]), jup_free(alone[i]);
    }
    jup_compute_reset(&blas);
}
END_TEST

static Suite *suite(void)
{
    jup_rng_init(&rng, 2);
    Suite *s = suite_create("attention");
    unit_add(s, head_dims_and_groups, 120);
    unit_add(s, trees, 120);
    unit_add(s, capped_scores, 60);
    unit_add(s, windows, 120);
    unit_add(s, long_contexts, 120);
    unit_add(s, chunks_do_not_matter, 60);
    unit_add(s, large_scores, 30);
    unit_add(s, many_sequences, 30);
    return s;
}

UNIT_MAIN(suite)
