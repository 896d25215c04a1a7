/*
 * The best kernels for this processor, for every element type: near the plain definition, and to
 * the bit what the portable table gives, whatever the number of rows. Needs no library, so that it
 * can be built for other processors and run in an emulator of them.
 *
 *   kernels NAME    NAME: the table that has to be chosen here
 */
#include "tensor/kernels.h"
#include "tensor/ops.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUT = 75, MOST_ROWS = 24, MOST_IN = 1280 };

static int failures;

#define EXPECT(good, ...)                                                                          \
    do {                                                                                           \
        if (!(good)) {                                                                             \
            printf("FAIL " __VA_ARGS__);                                                           \
            putchar('\n');                                                                         \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

typedef struct bench {
    jup_rng_t rng;
    float *x, *expected, *portable, *got; /* (rows, in), (rows, OUT) */
    unsigned char *weights;
} bench_t;

static void fill_normal(bench_t *b, float *to, int64_t n, double scale)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (float)(jup_rng_normal(&b->rng) * scale);
}

/* Where a block has its halves; -1 for none. All its other bytes may be anything. */
static const int halves_at[][2] = {
    [JUP_Q4_0] = {0, -1}, [JUP_Q4_1] = {0, 2},    [JUP_Q5_0] = {0, -1},   [JUP_Q5_1] = {0, 2},
    [JUP_Q8_0] = {0, -1}, [JUP_Q2_K] = {80, 82},  [JUP_Q3_K] = {108, -1}, [JUP_Q4_K] = {0, 2},
    [JUP_Q5_K] = {0, 2},  [JUP_Q6_K] = {208, -1}, [JUP_IQ4_NL] = {0, -1}, [JUP_IQ4_XS] = {0, -1},
};

/* Blocks with every scale and number there is. */
static void fill_weights(bench_t *b, const jup_dtype_info_t *info, int64_t elems)
{
    size_t bytes = jup_dtype_bytes(info->dtype, elems);
    if (info->block_elems == 1) {
        float *plain = jup_new((size_t)elems, sizeof *plain);
        fill_normal(b, plain, elems, 0.1);
        jup_quantize(info->dtype, plain, b->weights, elems);
        jup_free(plain);
        return;
    }
    for (size_t i = 0; i < bytes; i++)
        b->weights[i] = (unsigned char)jup_rng_below(&b->rng, 256);
    for (size_t block = 0; block < bytes; block += (size_t)info->block_bytes)
        for (int i = 0; i < 2 && halves_at[info->dtype][i] >= 0; i++) {
            uint16_t half = jup_float_to_half((float)jup_rng_normal(&b->rng) * 1e-3f);
            memcpy(b->weights + block + halves_at[info->dtype][i], &half, sizeof half);
        }
}

static double distance(const float *a, const float *b, int64_t n)
{
    double apart = 0.0, size = 0.0;
    for (int64_t i = 0; i < n; i++) {
        apart += pow((double)a[i] - (double)b[i], 2);
        size += pow((double)b[i], 2);
    }
    return sqrt(apart / size);
}

/* ---- linear -------------------------------------------------------------------------------- */

static void run_linear(const char *table, bench_t *b, const jup_linear_t *l, int64_t rows,
                       bool exact, float *y)
{
    jup_compute_t c;
    jup_error_t err;
    setenv("JUPITER_KERNELS", table, 1);
    if (jup_compute_init(&c, &jup_ops_blas, 1, &err) != JUP_OK)
        jup_die(err.code, "%s", err.text);
    jup_compute_set_int8(&c, !exact);
    c.ops->linear(&c, l, 1, b->x, rows, &y);
    jup_compute_reset(&c);
}

/* Is x rounded for such weights? */
static bool is_rounded(jup_dtype_t dtype)
{
    return dtype == JUP_BF16 || jup_dtype_info((int)dtype)->block_elems > 1;
}

/* The results for `rows` rows; the portable ones are of all rows. */
static void check_rows(bench_t *b, const char *type, const jup_linear_t *l, int64_t rows,
                       bool exact)
{
    const char *table = jup_kernels_at(0)->name;
    memset(b->got, 0, (size_t)(rows * OUT) * sizeof *b->got);
    run_linear(table, b, l, rows, exact, b->got);
    double apart = distance(b->got, b->expected, rows * OUT);
    double allowed = exact || !is_rounded(l->w.dtype) ? 3e-6
                     : l->w.dtype == JUP_BF16         ? 0x1p-8
                                                      : 2e-2;
    EXPECT(apart < allowed, "%s %s, %d columns, %d rows%s: off by %g", table, type, (int)l->w.cols,
           (int)rows, exact ? ", exact" : "", apart);
    EXPECT(!memcmp(b->got, b->portable, (size_t)(rows * OUT) * sizeof *b->got),
           "%s %s, %d columns, %d rows%s: not the portable table's bits", table, type,
           (int)l->w.cols, (int)rows, exact ? ", exact" : "");
}

/* The portable table leaves 16 rows and more to BLAS where they are not rounded. */
static void fill_portable(bench_t *b, const jup_linear_t *l, bool exact)
{
    enum { AT_ONCE = 12 };
    const float *x = b->x;
    for (int64_t at = 0; at < MOST_ROWS; at += AT_ONCE) {
        b->x = (float *)(uintptr_t)x + at * l->w.cols;
        run_linear("portable", b, l, AT_ONCE, exact, b->portable + at * OUT);
    }
    b->x = (float *)(uintptr_t)x;
}

static void check_type(bench_t *b, const jup_dtype_info_t *info, int64_t in)
{
    static const int64_t row_counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, MOST_ROWS};
    jup_compute_t naive;
    jup_error_t err;
    jup_linear_t l = {{info->dtype, OUT, in, b->weights}, NULL};
    fill_weights(b, info, OUT * in);
    fill_normal(b, b->x, MOST_ROWS * in, 1.0);
    if (jup_compute_init(&naive, &jup_ops_naive, 1, &err) != JUP_OK)
        jup_die(err.code, "%s", err.text);
    naive.ops->linear(&naive, &l, 1, b->x, MOST_ROWS, &b->expected);
    for (int exact = 0; exact < (is_rounded(info->dtype) ? 2 : 1); exact++) {
        fill_portable(b, &l, exact);
        for (size_t i = 0; i < sizeof row_counts / sizeof row_counts[0]; i++)
            check_rows(b, info->name, &l, row_counts[i], exact);
    }
    jup_compute_reset(&naive);
}

/* ---- the small ones ------------------------------------------------------------------------ */

enum { N = 333, SCORED = 3 };

static void run_small(const jup_kernels_t *k, const float *x, const float *up, float *to)
{
    memcpy(to, x, N * sizeof *to);
    k->swiglu(to, up, N);
    memcpy(to + N, x, N * sizeof *to);
    k->geglu(to + N, up, N);
    memcpy(to + 2 * N, x, N * sizeof *to);
    k->scale(to + 2 * N, N, 0.7f, 3.0f);
    const uint64_t visible[SCORED] = {~(uint64_t)0, 0xfedcba9876543210u, 0};
    memcpy(to + 3 * N, x, SCORED * JUP_SLOTS * sizeof *to);
    float *rest = to + 3 * N + SCORED * JUP_SLOTS;
    for (int r = 0; r < SCORED; r++)
        rest[r] = r == 0 ? 1.5f : -INFINITY, rest[SCORED + r] = r == 0 ? 2.0f : 0.0f;
    k->soften(to + 3 * N, SCORED, JUP_SLOTS, visible, 1, 0.1f, rest, rest + SCORED,
              rest + 2 * SCORED);
    rest[3 * SCORED] = k->dot(x, up, N);
}

static void check_small(bench_t *b)
{
    enum { ALL = 3 * N + SCORED * JUP_SLOTS + 3 * SCORED + 1 };
    float portable[ALL], got[ALL];
    fill_normal(b, b->x, N, 20.0);
    fill_normal(b, b->x + N, N, 1.0);
    run_small(&jup_kernels_portable, b->x, b->x + N, portable);
    run_small(jup_kernels_at(0), b->x, b->x + N, got);
    EXPECT(!memcmp(got, portable, sizeof got), "%s: gates, scores or sums are not portable's",
           jup_kernels_at(0)->name);
}

/* The name, as it has to be, before anything overrides the choice. */
static int check_chosen(int argc, char **argv)
{
    const char *chosen = jup_kernels_choose()->name;
    if (argc == 2 && !strcmp(chosen, argv[1]))
        return 1;
    printf("FAIL %s is chosen here, not %s\n", chosen, argc == 2 ? argv[1] : "(one argument)");
    return 0;
}

int main(int argc, char **argv)
{
    static const int64_t widths[] = {256, MOST_IN};
    bench_t b = {0};
    if (!check_chosen(argc, argv))
        return EXIT_FAILURE;
    jup_rng_init(&b.rng, 7);
    b.x = jup_new(MOST_ROWS * MOST_IN, sizeof *b.x);
    b.expected = jup_new(MOST_ROWS * OUT, sizeof *b.x);
    b.portable = jup_new(MOST_ROWS * OUT, sizeof *b.x);
    b.got = jup_new(MOST_ROWS * OUT, sizeof *b.x);
    b.weights = jup_new(OUT * MOST_IN, sizeof(float));
    check_small(&b);
    for (int t = 0; jup_dtype_at(t); t++)
        for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
            check_type(&b, jup_dtype_at(t), widths[i]);
    if (failures == 0)
        printf("%s: right, and the portable table's bits\n", argv[1]);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
