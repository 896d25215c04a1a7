/* The fast operations against the plain ones. */
#include "tensor/kernels.h"
#include "tensor/ops.h"
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define EACH_TYPE(t) for (int t = 0; jup_dtype_at(t); t++)

static jup_dtype_t type_at(int t)
{
    return jup_dtype_at(t)->dtype;
}

static bool is_plain(jup_dtype_t dtype)
{
    return jup_dtype_info((int)dtype)->block_elems == 1;
}

static jup_rng_t rng;

static float *random_floats(int64_t n, double scale)
{
    float *x = jup_new((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(jup_rng_normal(&rng) * scale);
    return x;
}

static jup_matrix_t random_matrix(jup_dtype_t dtype, int64_t rows, int64_t cols)
{
    float *plain = random_floats(rows * cols, 0.1);
    void *data = jup_new(jup_dtype_bytes(dtype, rows * cols), 1);
    jup_quantize(dtype, plain, data, rows * cols);
    jup_free(plain);
    return (jup_matrix_t){dtype, rows, cols, data};
}

static void free_matrix(jup_matrix_t *m)
{
    jup_free((void *)(uintptr_t)m->data);
}

static jup_compute_t make(const jup_ops_t *ops, int threads)
{
    jup_compute_t c;
    jup_error_t err;
    jup_compute_limits_t limits = {.rows = 128,
                                   .in = 1024,
                                   .out = 1024,
                                   .context = 512,
                                   .heads = 8,
                                   .kv_heads = 8,
                                   .head_dim = 128};
    ck_assert_int_eq(jup_compute_init(&c, ops, threads, &err), JUP_OK);
    ck_assert_int_eq(jup_compute_reserve(&c, &limits, &err), JUP_OK);
    return c;
}

/* How far a is from b, as a share of b's size but of no less than `usual` per element. */
static double distance(const float *a, const float *b, int64_t n, double usual)
{
    double apart = 0.0, size = 0.0;
    for (int64_t i = 0; i < n; i++) {
        apart += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(apart / fmax(size, usual * usual * (double)n));
}

static double tolerance(jup_dtype_t dtype, bool exact)
{
    return exact || is_plain(dtype) ? 3e-6 : 2e-2;
}

/* Is x rounded for such weights? To BF16 it is here as well, which leaves plain sums to compare. */
static bool is_rounded(jup_dtype_t dtype)
{
    return !is_plain(dtype) || dtype == JUP_BF16;
}

static float *brains_of(const float *x, int64_t n)
{
    uint16_t *brains = jup_new((size_t)n, sizeof *brains);
    float *rounded = jup_new((size_t)n, sizeof *rounded);
    jup_quantize(JUP_BF16, x, brains, n);
    jup_dequantize(JUP_BF16, brains, rounded, n);
    jup_free(brains);
    return rounded;
}

/* Runs a check with the kernels of every instruction set that this processor has. */
static int64_t stride; /* of shapes: the best kernels are tried with all of them */

static void with_all_kernels(void (*check)(void))
{
    for (int i = 0; jup_kernels_at(i); i++) {
        stride = (i == 0 ? 1 : 5) * UNIT_FEWER;
        setenv("JUPITER_KERNELS", jup_kernels_at(i)->name, 1);
        check();
    }
    unsetenv("JUPITER_KERNELS");
}

/* One linear and one linear_add, blas against naive. */
static void check_linear_as(jup_dtype_t dtype, int64_t rows, int64_t in, int64_t out, int threads,
                            bool with_bias, bool exact)
{
    jup_compute_t naive = make(&jup_ops_naive, 1), blas = make(&jup_ops_blas, threads);
    jup_compute_set_int8(&blas, !exact);
    jup_matrix_t m = random_matrix(dtype, out, in);
    float *x = random_floats(rows * in, 1.0), *bias = random_floats(out, 1.0);
    float *expected = random_floats(rows * out, 1.0), *got = jup_new((size_t)(rows * out), 4);
    float *start = jup_new((size_t)(rows * out), 4);
    memcpy(start, expected, (size_t)(rows * out) * 4);
    jup_linear_t l = {m, with_bias ? bias : NULL};
    float *brains = brains_of(x, rows * in);
    const float *of_naive = dtype == JUP_BF16 && !exact ? brains : x;

    naive.ops->linear(&naive, &l, 1, of_naive, rows, &expected);
    blas.ops->linear(&blas, &l, 1, x, rows, &got);
    double apart = distance(got, expected, rows * out, 0.1 * sqrt((double)in));
    ck_assert_msg(apart < tolerance(dtype, exact), "%s rows %d in %d out %d: %g",
                  jup_dtype_any_name((int)dtype), (int)rows, (int)in, (int)out, apart);

    memcpy(expected, start, (size_t)(rows * out) * 4);
    memcpy(got, start, (size_t)(rows * out) * 4);
    naive.ops->linear_add(&naive, &l, of_naive, rows, expected);
    blas.ops->linear_add(&blas, &l, x, rows, got);
    apart = distance(got, expected, rows * out, 0.1 * sqrt((double)in));
    ck_assert_msg(apart < tolerance(dtype, exact), "add %s rows %d in %d out %d: %g",
                  jup_dtype_any_name((int)dtype), (int)rows, (int)in, (int)out, apart);

    jup_free(x), jup_free(bias), jup_free(expected), jup_free(got), jup_free(start);
    jup_free(brains);
    free_matrix(&m);
    jup_compute_reset(&naive), jup_compute_reset(&blas);
}

static void check_linear(jup_dtype_t dtype, int64_t rows, int64_t in, int64_t out, int threads,
                         bool with_bias)
{
    check_linear_as(dtype, rows, in, out, threads, with_bias, false);
    if (is_rounded(dtype))
        check_linear_as(dtype, rows, in, out, threads, with_bias, true);
}

static void linear_every_row_count_once(void)
{
    EACH_TYPE(t)
    for (int64_t rows = 1; rows <= 70; rows += rows < 20 ? stride : 7 * stride)
        check_linear(type_at(t), rows, 256, 37, 2, rows % 2);
}

START_TEST(linear_every_row_count)
{
    with_all_kernels(linear_every_row_count_once);
}
END_TEST

static void linear_odd_widths_once(void)
{
    static const int64_t widths[] = {1, 3, 7, 8, 15, 17, 24, 31, 33, 63, 65, 100, 129, 259, 1031};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        EACH_TYPE(t)
    for (int64_t rows = 1; is_plain(type_at(t)) && rows <= 33; rows += 4 * stride)
        check_linear(type_at(t), rows, widths[i], 19, 1, true);
}

START_TEST(linear_odd_widths)
{
    with_all_kernels(linear_odd_widths_once);
}
END_TEST

static void linear_odd_outputs_once(void)
{
    static const int64_t outs[] = {1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 257};
    for (size_t i = 0; i < sizeof outs / sizeof outs[0]; i += (size_t)stride)
        EACH_TYPE(t)
        {
            check_linear(type_at(t), 1, 512, outs[i], 2, false);
            check_linear(type_at(t), 13, 512, outs[i], 3, true);
        }
}

START_TEST(linear_odd_outputs)
{
    with_all_kernels(linear_odd_outputs_once);
}
END_TEST

static void linear_long_rows_once(void)
{
    EACH_TYPE(t)
    {
        check_linear(type_at(t), 1, 11008, 40, 2, false);
        check_linear(type_at(t), 9, 5632, 40, 2, false);
        check_linear(type_at(t), stride < 5 ? 600 : 60, 768, 33, 2, false);
    }
}

START_TEST(linear_long_rows)
{
    with_all_kernels(linear_long_rows_once);
}
END_TEST

/* Where a block has its halves; -1 for none. All its other bytes may be anything. */
static const int halves_at[][2] = {
    [JUP_Q4_0] = {0, -1}, [JUP_Q4_1] = {0, 2},    [JUP_Q5_0] = {0, -1},   [JUP_Q5_1] = {0, 2},
    [JUP_Q8_0] = {0, -1}, [JUP_Q2_K] = {80, 82},  [JUP_Q3_K] = {108, -1}, [JUP_Q4_K] = {0, 2},
    [JUP_Q5_K] = {0, 2},  [JUP_Q6_K] = {208, -1}, [JUP_IQ4_NL] = {0, -1}, [JUP_IQ4_XS] = {0, -1},
};

/* Blocks that no rounding makes: every scale, every number. */
static jup_matrix_t any_matrix(jup_dtype_t dtype, int64_t rows, int64_t cols)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)dtype);
    size_t bytes = jup_dtype_bytes(dtype, rows * cols);
    unsigned char *data = jup_new(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)jup_rng_below(&rng, 256);
    for (size_t block = 0; block < bytes; block += (size_t)info->block_bytes)
        for (int i = 0; i < 2 && halves_at[dtype][i] >= 0; i++) {
            uint16_t half = jup_float_to_half((float)jup_rng_normal(&rng) * 1e-3f);
            memcpy(data + block + halves_at[dtype][i], &half, sizeof half);
        }
    return (jup_matrix_t){dtype, rows, cols, data};
}

static void any_blocks_once(void)
{
    enum { IN = 1280, OUT = 40, ROWS = 5 };
    jup_compute_t naive = make(&jup_ops_naive, 1), blas = make(&jup_ops_blas, 2);
    float *x = random_floats(ROWS * IN, 1.0);
    float *expected = jup_new(ROWS * OUT, 4), *got = jup_new(ROWS * OUT, 4);
    EACH_TYPE(t)
    {
        if (is_plain(type_at(t)))
            continue;
        jup_matrix_t m = any_matrix(type_at(t), OUT, IN);
        jup_linear_t l = {m, NULL};
        naive.ops->linear(&naive, &l, 1, x, ROWS, &expected);
        for (int exact = 0; exact < 2; exact++)
            for (int64_t rows = 1; rows <= ROWS; rows++) {
                jup_compute_set_int8(&blas, !exact);
                blas.ops->linear(&blas, &l, 1, x, rows, &got);
                double apart = distance(got, expected, rows * OUT, 0.0);
                ck_assert_msg(apart < tolerance(type_at(t), exact), "%s, %d rows: %g",
                              jup_dtype_any_name((int)type_at(t)), (int)rows, apart);
            }
        free_matrix(&m);
    }
    jup_free(x), jup_free(expected), jup_free(got);
    jup_compute_reset(&naive), jup_compute_reset(&blas);
}

START_TEST(any_blocks)
{
    with_all_kernels(any_blocks_once);
}
END_TEST

/* Several weights of several types share x; results equal those of separate calls bit by bit. */
START_TEST(linear_shared_input)
{
    jup_compute_t blas = make(&jup_ops_blas, 2);
    enum { N = 5 };
    jup_linear_t l[N] = {{random_matrix(JUP_Q4_K, 96, 512), NULL},
                         {random_matrix(JUP_BF16, 33, 512), NULL},
                         {random_matrix(JUP_Q6_K, 40, 512), NULL},
                         {random_matrix(JUP_F16, 17, 512), NULL},
                         {random_matrix(JUP_BF16, 5, 512), NULL}};
    for (int64_t rows = 1; rows <= 40; rows += 13) {
        float *x = random_floats(rows * 512, 1.0), *together[N], *alone;
        for (int i = 0; i < N; i++)
            together[i] = jup_new((size_t)(rows * l[i].w.rows), 4);
        blas.ops->linear(&blas, l, N, x, rows, together);
        for (int i = 0; i < N; i++) {
            alone = jup_new((size_t)(rows * l[i].w.rows), 4);
            blas.ops->linear(&blas, &l[i], 1, x, rows, &alone);
            ck_assert_mem_eq(alone, together[i], (size_t)(rows * l[i].w.rows) * 4);
            jup_free(alone), jup_free(together[i]);
        }
        jup_free(x);
    }
    for (int i = 0; i < N; i++)
        free_matrix(&l[i].w);
    jup_compute_reset(&blas);
}
END_TEST

START_TEST(linear_of_no_rows)
{
    jup_compute_t blas = make(&jup_ops_blas, 2);
    jup_linear_t l = {random_matrix(JUP_Q8_0, 8, 64), NULL};
    float y[8] = {1}, x[64] = {0}, *to = y;
    blas.ops->linear(&blas, &l, 1, x, 0, &to);
    ck_assert_float_eq(y[0], 1.0f);
    free_matrix(&l.w);
    jup_compute_reset(&blas);
}
END_TEST

/* Experts of a row share x and may be many: eight of Qwen 3 are 16 weights. */
START_TEST(linear_of_many_weights)
{
    enum { N = 19, IN = 256, OUT = 40, ROWS = 3 };
    jup_compute_t blas = make(&jup_ops_blas, 2);
    jup_linear_t l[N];
    float *x = random_floats(ROWS * IN, 1.0), *y[N], alone[ROWS * OUT], *to = alone;
    for (int i = 0; i < N; i++) {
        l[i] = (jup_linear_t){random_matrix(i % 3 ? JUP_Q8_0 : JUP_BF16, OUT, IN), NULL};
        y[i] = jup_new((size_t)(ROWS * OUT), sizeof **y);
    }
    blas.ops->linear(&blas, l, N, x, ROWS, y);
    for (int i = 0; i < N; i++) {
        blas.ops->linear(&blas, &l[i], 1, x, ROWS, &to);
        ck_assert_mem_eq(y[i], alone, sizeof alone);
        free_matrix(&l[i].w), jup_free(y[i]);
    }
    jup_free(x);
    jup_compute_reset(&blas);
}
END_TEST

static void norm_and_activations_once(void)
{
    jup_compute_t naive = make(&jup_ops_naive, 1), blas = make(&jup_ops_blas, 2);
    static const int64_t widths[] = {1, 7, 64, 100, 333, 2048};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (int64_t rows = 1; rows <= 65; rows += 16) {
            int64_t cols = widths[i], n = rows * cols;
            float *x = random_floats(n, 3.0), *w = random_floats(cols, 1.0);
            float *a = jup_new((size_t)n, 4), *b = jup_new((size_t)n, 4);
            naive.ops->rmsnorm(&naive, x, w, rows, cols, 1e-5f, a);
            blas.ops->rmsnorm(&blas, x, w, rows, cols, 1e-5f, b);
            ck_assert_double_lt(distance(b, a, n, 1e-3), 1e-6);
            memcpy(b, x, (size_t)n * 4); /* in place */
            blas.ops->rmsnorm(&blas, b, w, rows, cols, 1e-5f, b);
            ck_assert_double_lt(distance(b, a, n, 1e-3), 1e-6);

            float *up = random_floats(n, 1.0);
            for (int64_t j = 0; j < n; j += 5)
                x[j] *= 40.0f; /* where exp() overflows or vanishes */
            for (int how = JUP_SILU; how <= JUP_GELU; how++) {
                memcpy(a, x, (size_t)n * 4), memcpy(b, x, (size_t)n * 4);
                naive.ops->gated(&naive, (jup_activation_t)how, a, up, rows, cols);
                blas.ops->gated(&blas, (jup_activation_t)how, b, up, rows, cols);
                ck_assert_double_lt(distance(b, a, n, 1e-3), 1e-6);
            }
            for (int cap = 0; cap <= 50; cap += 25) {
                memcpy(a, x, (size_t)n * 4), memcpy(b, x, (size_t)n * 4);
                naive.ops->scale(&naive, a, n, 0.7f, (float)cap);
                blas.ops->scale(&blas, b, n, 0.7f, (float)cap);
                ck_assert_double_lt(distance(b, a, n, 1e-3), 1e-6);
            }
            jup_free(x), jup_free(w), jup_free(a), jup_free(b), jup_free(up);
        }
    jup_compute_reset(&naive), jup_compute_reset(&blas);
}

START_TEST(norm_and_activations)
{
    with_all_kernels(norm_and_activations_once);
}
END_TEST

START_TEST(rope_both_layouts)
{
    jup_compute_t naive = make(&jup_ops_naive, 1), blas = make(&jup_ops_blas, 2);
    static const int dims[][2] = {{8, 8}, {24, 24}, {64, 64}, {80, 20}, {128, 126}, {128, 128}};
    for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++)
        for (int layout = 0; layout < 2; layout++)
            for (int64_t rows = 1; rows <= 41; rows += 20) {
                int head_dim = dims[i][0], rot = dims[i][1], heads = 5;
                int64_t n = rows * heads * head_dim;
                float *a = random_floats(n, 1.0), *b = jup_new((size_t)n, 4);
                float *cosine = random_floats(rows * rot / 2, 1.0);
                float *sine = random_floats(rows * rot / 2, 1.0);
                jup_rope_angles_t angles = {cosine, sine, rot, (jup_rope_layout_t)layout};
                memcpy(b, a, (size_t)n * 4);
                naive.ops->rope(&naive, a, rows, heads, head_dim, &angles);
                blas.ops->rope(&blas, b, rows, heads, head_dim, &angles);
                ck_assert_double_lt(distance(b, a, n, 1e-3), 1e-6);
                jup_free(a), jup_free(b), jup_free(cosine), jup_free(sine);
            }
    jup_compute_reset(&naive), jup_compute_reset(&blas);
}
END_TEST

START_TEST(embed_every_type)
{
    jup_compute_t naive = make(&jup_ops_naive, 1), blas = make(&jup_ops_blas, 2);
    static const int32_t ids[] = {0, 29, 3, 3, 11};
    EACH_TYPE(t)
    {
        jup_matrix_t table = random_matrix(type_at(t), 30, 512);
        float a[5 * 512], b[5 * 512], row[512];
        naive.ops->embed(&naive, &table, ids, 5, a);
        blas.ops->embed(&blas, &table, ids, 5, b);
        ck_assert_mem_eq(a, b, sizeof a);
        jup_dequantize(type_at(t), (const char *)table.data + 29 * jup_dtype_bytes(type_at(t), 512),
                       row, 512);
        ck_assert_mem_eq(a + 512, row, sizeof row);
        free_matrix(&table);
    }
    jup_compute_reset(&naive), jup_compute_reset(&blas);
}
END_TEST

/* The same bits whatever the number of threads. */
START_TEST(threads_do_not_matter)
{
    jup_compute_t one = make(&jup_ops_blas, 1), three = make(&jup_ops_blas, 3);
    EACH_TYPE(t)
    for (int64_t rows = 1; rows <= 50; rows += 7) {
        jup_matrix_t m = random_matrix(type_at(t), 203, 512);
        jup_linear_t l = {m, NULL};
        float *x = random_floats(rows * 512, 1.0);
        float *a = jup_new((size_t)rows * 203, 4), *b = jup_new((size_t)rows * 203, 4);
        one.ops->linear(&one, &l, 1, x, rows, &a);
        three.ops->linear(&three, &l, 1, x, rows, &b);
        ck_assert_mem_eq(a, b, (size_t)rows * 203 * 4);
        jup_free(x), jup_free(a), jup_free(b);
        free_matrix(&m);
    }
    jup_compute_reset(&one), jup_compute_reset(&three);
}
END_TEST

/* A row's result has the same bits alone and among any others, in both ways of computing. */
static void row_counts_do_not_matter_once(int64_t most_in)
{
    enum { ROWS = 70, OUT = 45 }; /* a whole panel of outputs and a part of one */
    jup_compute_t c = make(&jup_ops_blas, 2);
    EACH_TYPE(t)
    for (int exact = 0; exact < 2; exact++) {
        int64_t in = jup_dtype_at(t)->block_elems > 32 ? most_in : most_in - 32;
        jup_matrix_t m = random_matrix(type_at(t), OUT, in);
        jup_linear_t l = {m, NULL};
        float *x = random_floats(ROWS * in, 1.0);
        float *all = jup_new(ROWS * OUT, 4), *part = jup_new(ROWS * OUT, 4);
        jup_compute_set_int8(&c, !exact);
        c.ops->linear(&c, &l, 1, x, ROWS, &all);
        for (int64_t rows = 1; rows < ROWS; rows = rows < 6 ? rows + 1 : rows * 3 / 2)
            for (int64_t at = 0; at + rows <= ROWS; at += rows < 6 ? 11 : rows) {
                c.ops->linear(&c, &l, 1, x + at * in, rows, &part);
                ck_assert_msg(!memcmp(part, all + at * OUT, (size_t)rows * OUT * 4),
                              "%s: rows %d to %d", jup_dtype_any_name((int)type_at(t)), (int)at,
                              (int)(at + rows));
            }
        jup_free(x), jup_free(all), jup_free(part);
        free_matrix(&m);
    }
    jup_compute_reset(&c);
}

START_TEST(row_counts_do_not_matter)
{
    /* but where OpenBLAS does the work, which is free to sum in another order */
    for (int i = 0; jup_kernels_at(i + 1); i++) {
        setenv("JUPITER_KERNELS", jup_kernels_at(i)->name, 1);
        row_counts_do_not_matter_once(1280);
        row_counts_do_not_matter_once(9472);
    }
    unsetenv("JUPITER_KERNELS");
}
END_TEST

/* Each product is off by 2^-8 of itself at most where x is rounded to BF16, and by less at all. */
static void brains_round_x_once(void)
{
    enum { IN = 1040, OUT = 37, ROWS = 5 };
    jup_compute_t naive = make(&jup_ops_naive, 1), blas = make(&jup_ops_blas, 2);
    jup_linear_t l = {random_matrix(JUP_BF16, OUT, IN), NULL};
    float *x = random_floats(ROWS * IN, 1.0), w[IN];
    float *expected = jup_new(ROWS * OUT, 4), *got = jup_new(ROWS * OUT, 4);
    naive.ops->linear(&naive, &l, 1, x, ROWS, &expected);
    blas.ops->linear(&blas, &l, 1, x, ROWS, &got);
    ck_assert_double_gt(distance(got, expected, ROWS * OUT, 0.0), 1e-4);
    for (int o = 0; o < OUT; o++) {
        jup_dequantize(JUP_BF16, (const char *)l.w.data + jup_dtype_bytes(JUP_BF16, o * IN), w, IN);
        for (int r = 0; r < ROWS; r++) {
            double size = 0.0;
            for (int i = 0; i < IN; i++)
                size += fabs((double)w[i] * (double)x[r * IN + i]);
            double apart = fabs((double)got[r * OUT + o] - (double)expected[r * OUT + o]);
            ck_assert_msg(apart <= (0x1p-8 + 1e-6) * size, "off by %g of %g", apart, size);
        }
    }
    jup_free(x), jup_free(expected), jup_free(got);
    free_matrix(&l.w);
    jup_compute_reset(&naive), jup_compute_reset(&blas);
}

START_TEST(brains_round_x)
{
    with_all_kernels(brains_round_x_once);
}
END_TEST

/* A board's kernels do not matter: products of BF16 are exact, and all tables add alike. */
START_TEST(brains_have_the_same_bits_everywhere)
{
    enum { MOST = 130, OUT = 45, IN = 1100 };
    jup_linear_t l = {random_matrix(JUP_BF16, OUT, IN), NULL};
    float *x = random_floats(MOST * IN, 1.0), *best = jup_new(MOST * OUT, 4);
    for (int i = 0; jup_kernels_at(i); i++) {
        setenv("JUPITER_KERNELS", jup_kernels_at(i)->name, 1);
        /* the portable ones leave more to OpenBLAS, which is free to sum in another order */
        const int64_t most = jup_kernels_at(i + 1) ? MOST : 15;
        jup_compute_t c = make(&jup_ops_blas, 2);
        for (int64_t rows = 1; rows <= most; rows = rows * 2 + 1) {
            float *got = jup_new((size_t)rows * OUT, 4);
            c.ops->linear(&c, &l, 1, x, rows, &got);
            if (i == 0)
                memcpy(best, got, (size_t)rows * OUT * 4);
            ck_assert_msg(!memcmp(got, best, (size_t)rows * OUT * 4), "%s, %d rows",
                          jup_kernels_at(i)->name, (int)rows);
            jup_free(got);
        }
        jup_compute_reset(&c);
    }
    unsetenv("JUPITER_KERNELS");
    jup_free(x), jup_free(best);
    free_matrix(&l.w);
}
END_TEST

START_TEST(nothing_is_left_behind)
{
    size_t before = jup_mem_live_bytes();
    jup_compute_t c = make(&jup_ops_blas, 2);
    ck_assert_uint_gt(jup_compute_scratch_bytes(&c), 0);
    size_t reserved = jup_mem_live_bytes();
    ck_assert_uint_ge(reserved - before, jup_compute_scratch_bytes(&c));
    jup_linear_t l = {random_matrix(JUP_Q4_K, 64, 1024), NULL};
    float *x = random_floats(128 * 1024, 1.0), *y = jup_new(128 * 64, 4);
    size_t ready = jup_mem_live_bytes();
    c.ops->linear(&c, &l, 1, x, 128, &y);
    c.ops->linear(&c, &l, 1, x, 1, &y);
    ck_assert_uint_eq(jup_mem_live_bytes(), ready); /* reserved means reserved */
    free_matrix(&l.w), jup_free(x), jup_free(y);
    jup_compute_reset(&c);
    ck_assert_uint_eq(jup_mem_live_bytes(), before);
}
END_TEST

START_TEST(by_name)
{
    ck_assert_ptr_eq(jup_ops_by_name("blas"), &jup_ops_blas);
    ck_assert_ptr_eq(jup_ops_by_name("naive"), &jup_ops_naive);
    ck_assert_ptr_null(jup_ops_by_name("magic"));
}
END_TEST

static Suite *suite(void)
{
    jup_rng_init(&rng, 1);
    Suite *s = suite_create("ops");
    unit_add(s, by_name, 10);
    unit_add(s, linear_every_row_count, 400);
    unit_add(s, linear_odd_widths, 400);
    unit_add(s, linear_odd_outputs, 400);
    unit_add(s, linear_long_rows, 400);
    unit_add(s, any_blocks, 30);
    unit_add(s, linear_shared_input, 60);
    unit_add(s, linear_of_many_weights, 60);
    unit_add(s, linear_of_no_rows, 10);
    unit_add(s, norm_and_activations, 60);
    unit_add(s, rope_both_layouts, 60);
    unit_add(s, embed_every_type, 60);
    unit_add(s, threads_do_not_matter, 60);
    unit_add(s, row_counts_do_not_matter, 400);
    unit_add(s, brains_round_x, 60);
    unit_add(s, brains_have_the_same_bits_everywhere, 60);
    unit_add(s, nothing_is_left_behind, 60);
    return s;
}

UNIT_MAIN(suite)
