/*
 * Speed of the operations, each checked against the naive ones first.
 *
 * Usage: kernels [THREADS [JSON-FILE [TYPE... ROWS...]]]; JSON-FILE may be -, for none
 *
 * What a machine gives at a moment is measured at that moment: every timing of an operation stands
 * between one of reading memory and one of OpenBLAS's sgemm, all on the same threads, and shares
 * are medians over such triples. Weights are too many for any cache, as in a model. "Of limit" is
 * the share of what could be at best, if nothing but products were made, or nothing but reading
 * took time (bench/peaks.h), whichever takes longer.
 */
#include "tensor/kernels.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "peaks.h"
#include "tensor/ops.h"

#include <cblas.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MOST_ROWS = 512,
    REPEATS = 9,
    CHECKED_OUT = 64, /* outputs compared with the naive ones */
    SGEMM_N = 1024,   /* the yardstick: 256 x 1024 x 1024 per thread */
    SGEMM_M = 256,
    PRODUCTS = 200000,     /* a third: so many times 12 */
    READ_BYTES = 192 << 20 /* the other yardstick */
};
static const size_t weight_bytes = (size_t)768 << 20; /* passed through before any is met again */

typedef struct bench {
    jup_compute_t blas, naive;
    int threads;
    FILE *json;
    bool first_entry;
    jup_rng_t rng;
    unsigned char *weights; /* weight_bytes of them, then as many more as a read needs */
    float *x, *y, *a, *b, *c;
    char **chosen; /* the words that name types and numbers of rows, NULL-terminated */
} bench_t;

typedef struct result {
    double seconds, gflops, gbytes; /* per second; medians */
    double of_sgemm, of_read;       /* shares */
    double of_limit;                /* 0 where there is none */
} result_t;

/*
 * One thread is timed by the processor time it takes, which neighbours on the same machine hardly
 * change; several by the clock.
 */
static double now_s(const bench_t *b)
{
    struct timespec t;
    if (b->threads > 1 || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
        return jup_clock_now_s();
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- yardsticks ---------------------------------------------------------------------------- */

static double sgemm_flops_per_s(bench_t *b)
{
    const size_t each = (size_t)SGEMM_N * SGEMM_N;
    double start = now_s(b);
#pragma omp parallel for num_threads(b->threads)
    for (int t = 0; t < b->threads; t++)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, SGEMM_M, SGEMM_N, SGEMM_N, 1.0f, b->a,
                    SGEMM_N, b->b + (size_t)t * each, SGEMM_N, 0.0f, b->c + (size_t)t * each,
                    SGEMM_N);
    return 2.0 * SGEMM_M * SGEMM_N * SGEMM_N * b->threads / (now_s(b) - start);
}

typedef uint64_t line_t __attribute__((vector_size(64)));

/* By the widest loads there are: with 16 bytes at a time a Zen 4 reads at two thirds of its rate.
 */
#if defined(__x86_64__) && !defined(__clang__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
static uint64_t
read_all(const unsigned char *p, size_t bytes)
{
    line_t even = {0}, odd = {0};
    for (size_t i = 0; i + 128 <= bytes; i += 128) {
        const line_t *lines = (const line_t *)(const void *)(p + i);
        __builtin_prefetch(p + i + 4096, 0, 2);
        __builtin_prefetch(p + i + 4096 + 64, 0, 2);
        even ^= lines[0];
        odd ^= lines[1];
    }
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++)
        sum ^= even[i] ^ odd[i];
    return sum;
}

static double read_bytes_per_s(bench_t *b)
{
    static size_t at; /* goes round, so that nothing is found in a cache */
    static volatile uint64_t sink;
    uint64_t sum = 0;
    size_t share = READ_BYTES / (size_t)b->threads / 64 * 64;
    at = at + 2 * READ_BYTES <= weight_bytes ? at + READ_BYTES : 0;
    double start = now_s(b);
#pragma omp parallel for num_threads(b->threads) reduction(^ : sum)
    for (int t = 0; t < b->threads; t++)
        sum ^= read_all(b->weights + at + (size_t)t * share, share);
    double seconds = now_s(b) - start;
    sink = sum;
    (void)sink;
    return (double)READ_BYTES / seconds;
}

/* 0 where the kernels have no instruction of their own. */
static double product_ops_per_s(bench_t *b, jup_product_t product)
{
    const char *table = jup_kernels_choose()->name;
    double ops = 0, start = now_s(b);
#pragma omp parallel for num_threads(b->threads) reduction(+ : ops)
    for (int t = 0; t < b->threads; t++)
        ops += jup_peaks_run(table, product, PRODUCTS);
    return ops / (now_s(b) - start);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_size);
    return values[n / 2];
}

/* ---- timing -------------------------------------------------------------------------------- */

typedef void (*work_t)(bench_t *b, void *arg);

/* What an operation has to do at least. */
typedef struct least {
    double flops, bytes;
    jup_product_t product; /* JUP_PRODUCTS: neither is a limit */
} least_t;

static double share_of_limit(bench_t *b, least_t least, double seconds, double read_per_s)
{
    double peak = least.product == JUP_PRODUCTS ? 0 : product_ops_per_s(b, least.product);
    return peak > 0 ? fmax(least.flops / peak, least.bytes / read_per_s) / seconds : 0;
}

static result_t time_it(bench_t *b, work_t work, void *arg, least_t least)
{
    double seconds[REPEATS], of_sgemm[REPEATS], of_read[REPEATS], of_limit[REPEATS];
    int calls = 1;
    double start = now_s(b);
    work(b, arg);
    for (double once = now_s(b) - start; once * calls < 0.02 && calls < 64;)
        calls *= 2;
    for (int i = 0; i < REPEATS; i++) {
        double read = read_bytes_per_s(b);
        start = now_s(b);
        for (int j = 0; j < calls; j++)
            work(b, arg);
        seconds[i] = (now_s(b) - start) / calls;
        double sgemm = sgemm_flops_per_s(b);
        of_sgemm[i] = least.flops / seconds[i] / sgemm;
        of_read[i] = least.bytes / seconds[i] / read;
        of_limit[i] = share_of_limit(b, least, seconds[i], read);
    }
    double typical = median(seconds, REPEATS);
    return (result_t){typical,
                      1e-9 * least.flops / typical,
                      1e-9 * least.bytes / typical,
                      median(of_sgemm, REPEATS),
                      median(of_read, REPEATS),
                      median(of_limit, REPEATS)};
}

static void report(bench_t *b, const char *op, const char *shape, const char *type, int64_t rows,
                   result_t r)
{
    char limit[16] = "-";
    if (r.of_limit > 0)
        snprintf(limit, sizeof limit, "%.0f%%", 100 * r.of_limit);
    printf("%-10s %-16s %-6s %5d %10.3f %9.1f %8.1f %8.0f%% %8.0f%% %9s\n", op, shape, type,
           (int)rows, 1e3 * r.seconds, r.gflops, r.gbytes, 100 * r.of_sgemm, 100 * r.of_read,
           limit);
    fflush(stdout);
    if (!b->json)
        return;
    fprintf(b->json,
            "%s\n  {\"op\": \"%s\", \"shape\": \"%s\", \"type\": \"%s\", \"rows\": %d, "
            "\"threads\": %d, \"seconds\": %.6g, \"gflops_per_s\": %.4g, \"gbytes_per_s\": %.4g, "
            "\"of_sgemm\": %.4g, \"of_read\": %.4g, \"of_limit\": %.4g}",
            b->first_entry ? "" : ",", op, shape, type, (int)rows, b->threads, r.seconds, r.gflops,
            r.gbytes, r.of_sgemm, r.of_read, r.of_limit);
    b->first_entry = false;
}

static void expect_near(const char *what, const float *got, const float *expected, int64_t n,
                        double tolerance)
{
    double apart = 0.0, size = 0.0;
    for (int64_t i = 0; i < n; i++) {
        apart += pow((double)got[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    if (sqrt(apart) <= tolerance * sqrt(size))
        return;
    fprintf(stderr, "kernels: %s is wrong: off by %g, allowed %g\n", what, sqrt(apart / size),
            tolerance);
    exit(EXIT_FAILURE);
}

/* ---- linear -------------------------------------------------------------------------------- */

typedef struct linear_work {
    jup_linear_t l;
    int64_t rows, copies, next;
    size_t bytes;
    const unsigned char *all;
} linear_work_t;

static void run_linear(bench_t *b, void *arg)
{
    linear_work_t *w = arg;
    w->l.w.data = w->all + (size_t)(w->next++ % w->copies) * w->bytes;
    b->blas.ops->linear(&b->blas, &w->l, 1, b->x, w->rows, &b->y);
}

/* What x is multiplied as, and how far off that may be. */
static jup_product_t product_of(jup_dtype_t dtype)
{
    if (jup_dtype_info((int)dtype)->block_elems > 1)
        return JUP_PRODUCT_I8;
    return dtype == JUP_BF16 ? JUP_PRODUCT_BF16 : JUP_PRODUCT_F32;
}

static const double tolerances[JUP_PRODUCTS] = {
    [JUP_PRODUCT_F32] = 3e-6, [JUP_PRODUCT_I8] = 0.02, [JUP_PRODUCT_BF16] = 0x1p-8};

static void check_linear(bench_t *b, const linear_work_t *w, bool exact)
{
    jup_linear_t few = w->l;
    few.w.rows = CHECKED_OUT;
    few.w.data = w->all;
    float *expected = b->y + MOST_ROWS * CHECKED_OUT;
    b->naive.ops->linear(&b->naive, &few, 1, b->x, 4, &expected);
    jup_compute_set_int8(&b->blas, !exact);
    b->blas.ops->linear(&b->blas, &few, 1, b->x, 4, &b->y);
    jup_product_t product = exact ? JUP_PRODUCT_F32 : product_of(few.w.dtype);
    expect_near(jup_dtype_any_name((int)few.w.dtype), b->y, expected, 4 * CHECKED_OUT,
                tolerances[product]);
    jup_compute_set_int8(&b->blas, true);
}

/* Rows of random weights, the first 64 again and again. */
static void fill_weights(bench_t *b, jup_dtype_t dtype, int64_t in)
{
    size_t row_bytes = jup_dtype_bytes(dtype, in), period = 64 * row_bytes;
    for (int64_t r = 0; r < 64; r++) {
        for (int64_t i = 0; i < in; i++)
            b->a[i] = (float)jup_rng_normal(&b->rng) * 0.02f;
        jup_quantize(dtype, b->a, b->weights + (size_t)r * row_bytes, in);
    }
    for (size_t at = period; at < weight_bytes; at += period)
        memcpy(b->weights + at, b->weights,
               period < weight_bytes - at ? period : weight_bytes - at);
}

/* Is the word chosen, or none of its kind, numbers or names? */
static bool wanted(const bench_t *b, const char *word)
{
    bool any = false;
    for (char **chosen = b->chosen; *chosen; chosen++) {
        if (!strcmp(*chosen, word))
            return true;
        any = any || !isdigit((unsigned char)**chosen) == !isdigit((unsigned char)*word);
    }
    return !any;
}

static void bench_linear(bench_t *b, jup_dtype_t dtype, int64_t in, int64_t out, const char *shape)
{
    static const int64_t row_counts[] = {1, 2, 4, 8, 16, 32, 64, 128, 512};
    linear_work_t w = {.l = {{dtype, out, in, NULL}, NULL}, .all = b->weights};
    w.bytes = jup_dtype_bytes(dtype, in * out);
    w.copies = (int64_t)(weight_bytes / w.bytes);
    fill_weights(b, dtype, in);
    check_linear(b, &w, false);
    check_linear(b, &w, true);
    for (size_t i = 0; i < sizeof row_counts / sizeof row_counts[0]; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", (int)row_counts[i]);
        if (!wanted(b, number))
            continue;
        w.rows = row_counts[i];
        least_t least = {2.0 * (double)(in * out) * (double)w.rows, (double)w.bytes,
                         product_of(dtype)};
        report(b, "linear", shape, jup_dtype_any_name((int)dtype), w.rows,
               time_it(b, run_linear, &w, least));
    }
}

/* ---- attention ----------------------------------------------------------------------------- */

static void run_attention(bench_t *b, void *arg)
{
    b->blas.ops->attention(&b->blas, arg, 1);
}

/* 32 heads of 64, 4 kv heads, as in TinyLlama; the new rows come after `past` tokens. */
static void bench_attention(bench_t *b, int64_t past, int64_t rows)
{
    enum { HEADS = 32, KV_HEADS = 4, DIM = 64, PAGE = 4096 };
    int64_t slots = past + rows;
    int32_t pos[MOST_ROWS];
    for (int32_t i = 0; i < rows; i++)
        pos[i] = (int32_t)past + i;
    size_t page = (size_t)KV_HEADS * PAGE * DIM;
    uint16_t *k = jup_new(page, 2), *v = jup_new(page, 2);
    jup_kv_run_t run = {k, v, 0, (int32_t)slots, 0};
    for (int64_t at = 0; at < slots; at++) {
        jup_kv_run_t one = {k, v, (int32_t)at, 1, 0};
        b->blas.ops->store_kv(&b->blas, b->x + at * 64, b->x + at * 96, 1, KV_HEADS, DIM, PAGE,
                              JUP_F16, &one, 1);
    }
    jup_attention_t a = {.q = b->x,
                         .out = b->y,
                         .rows = rows,
                         .pos = pos,
                         .runs = &run,
                         .n_runs = 1,
                         .heads = HEADS,
                         .kv_heads = KV_HEADS,
                         .head_dim = DIM,
                         .page_slots = PAGE,
                         .kv_dtype = JUP_F16,
                         .scale = 0.125f};
    jup_attention_t check = a;
    check.rows = rows < 8 ? rows : 8;
    check.pos = pos + rows - check.rows;
    check.q += (rows - check.rows) * HEADS * DIM;
    check.out = b->y + MOST_ROWS * HEADS * DIM;
    b->naive.ops->attention(&b->naive, &check, 1);
    run_attention(b, &a);
    expect_near("attention", b->y + (rows - check.rows) * HEADS * DIM, check.out,
                check.rows * HEADS * DIM, 3e-6);
    char shape[32];
    snprintf(shape, sizeof shape, "past %d", (int)past);
    double seen = (double)rows * (double)past + 0.5 * (double)rows * (double)(rows + 1);
    least_t least = {4.0 * HEADS * DIM * seen, (double)slots * KV_HEADS * DIM * 4, JUP_PRODUCT_F32};
    report(b, "attention", shape, "F16", rows, time_it(b, run_attention, &a, least));
    jup_free(k), jup_free(v);
}

/* ---- the small ones ------------------------------------------------------------------------ */

typedef struct small_work {
    int64_t rows;
    jup_rope_angles_t angles;
} small_work_t;

static void run_norm(bench_t *b, void *arg)
{
    small_work_t *w = arg;
    b->blas.ops->rmsnorm(&b->blas, b->x, b->a, w->rows, 2048, 1e-5f, b->y);
}

static void run_swiglu(bench_t *b, void *arg)
{
    small_work_t *w = arg;
    memcpy(b->y, b->x, (size_t)w->rows * 5632 * sizeof *b->y); /* or it would run off to zero */
    b->blas.ops->gated(&b->blas, JUP_SILU, b->y, b->x + 5632, w->rows, 5632);
}

static void run_rope(bench_t *b, void *arg)
{
    small_work_t *w = arg;
    b->blas.ops->rope(&b->blas, b->y, w->rows, 32, 64, &w->angles);
}

static void bench_small(bench_t *b, int64_t rows)
{
    small_work_t w = {rows, {b->a, b->b, 64, JUP_ROPE_INTERLEAVED}};
    for (int64_t i = 0; i < rows * 32; i++) {
        b->a[i] = cosf((float)i);
        b->b[i] = sinf((float)i);
    }
    double n = (double)rows * 2048;
    report(b, "rmsnorm", "2048", "F32", rows,
           time_it(b, run_norm, &w, (least_t){4 * n, 8 * n, JUP_PRODUCTS}));
    report(b, "rope", "32 x 64", "F32", rows,
           time_it(b, run_rope, &w, (least_t){3 * n, 8 * n, JUP_PRODUCTS}));
    n = (double)rows * 5632;
    report(b, "swiglu", "5632", "F32", rows,
           time_it(b, run_swiglu, &w, (least_t){25 * n, 12 * n, JUP_PRODUCTS}));
}

/* ---- all ----------------------------------------------------------------------------------- */

static void set_up(bench_t *b, int threads)
{
    jup_error_t err;
    const jup_compute_limits_t limits = {.rows = MOST_ROWS,
                                         .in = 5632,
                                         .out = 5632,
                                         .context = 4096,
                                         .heads = 32,
                                         .kv_heads = 4,
                                         .head_dim = 64};
    size_t elems = (size_t)4 * MOST_ROWS * 5632;
    if (jup_compute_init(&b->blas, &jup_ops_blas, threads, &err) ||
        jup_compute_init(&b->naive, &jup_ops_naive, 1, &err) ||
        jup_compute_reserve(&b->blas, &limits, &err)) {
        fprintf(stderr, "kernels: %s\n", err.text);
        exit((int)err.code);
    }
    b->threads = b->blas.threads;
    b->first_entry = true;
    jup_rng_init(&b->rng, 1);
    size_t square = (size_t)SGEMM_N * SGEMM_N * (size_t)b->threads;
    b->weights = jup_new(weight_bytes, 1);
    jup_mem_use_large_pages(b->weights); /* as a rank's own are */
    b->x = jup_new(elems, sizeof(float)), b->y = jup_new(elems, sizeof(float));
    b->a = jup_new(square, sizeof(float)), b->b = jup_new(square, sizeof(float));
    b->c = jup_new(square, sizeof(float));
    for (size_t i = 0; i < elems; i++)
        b->x[i] = (float)jup_rng_normal(&b->rng);
    for (size_t i = 0; i < square; i++)
        b->b[i] = b->x[i % elems];
}

int main(int argc, char **argv)
{
    jup_blas_set_environment(argv);
    bench_t b = {0};
    set_up(&b, argc > 1 ? atoi(argv[1]) : 1);
    b.chosen = argv + (argc > 3 ? 3 : argc);
    if (argc > 2 && strcmp(argv[2], "-") && !(b.json = fopen(argv[2], "w"))) {
        perror(argv[2]);
        return EXIT_FAILURE;
    }
    fill_weights(&b, JUP_F16, 2048); /* untouched memory may read faster than any real one */
    double sgemm[REPEATS], read[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
        sgemm[i] = sgemm_flops_per_s(&b);
        read[i] = read_bytes_per_s(&b);
    }
    double top_sgemm = 1e-9 * median(sgemm, REPEATS), top_read = 1e-9 * median(read, REPEATS);
    printf("kernels %s, OpenBLAS %s, %d threads: sgemm %.0f GFLOP/s, read %.1f GB/s\n",
           jup_kernels_choose()->name, jup_blas_core(), b.threads, top_sgemm, top_read);
    printf("%-10s %-16s %-6s %5s %10s %9s %8s %9s %9s %9s\n", "op", "shape", "type", "rows", "ms",
           "GFLOP/s", "GB/s", "of sgemm", "of read", "of limit");
    if (b.json)
        fprintf(b.json,
                "{\"kernels\": \"%s\", \"core\": \"%s\", \"threads\": %d, "
                "\"sgemm_gflops_per_s\": %.4g, \"read_gbytes_per_s\": %.4g, \"results\": [",
                jup_kernels_choose()->name, jup_blas_core(), b.threads, top_sgemm, top_read);
    for (int t = 0; jup_dtype_at(t); t++)
        if (wanted(&b, jup_dtype_at(t)->name)) {
            bench_linear(&b, jup_dtype_at(t)->dtype, 2048, 5632, "2048 -> 5632");
            bench_linear(&b, jup_dtype_at(t)->dtype, 5632, 2048, "5632 -> 2048");
        }
    if (wanted(&b, "others")) {
        static const int64_t pasts[] = {0, 512, 2048};
        for (int i = 0; i < 3; i++) {
            bench_attention(&b, pasts[i], 512);
            if (pasts[i] > 0) {
                bench_attention(&b, pasts[i], 1);
                bench_attention(&b, pasts[i], 16);
            }
        }
        bench_small(&b, 1);
        bench_small(&b, MOST_ROWS);
    }
    if (b.json)
        fprintf(b.json, "\n]}\n");
    return b.json && fclose(b.json) ? EXIT_FAILURE : EXIT_SUCCESS;
}
