/*
 * The work of arm_kernels.c by llama.cpp's kernels for ARM: built by bench/arm with its sources,
 * wherever those are, and never without.
 *
 *   arm_llama plain|repacked TYPE COLUMNS ROWS PANELS
 *
 * `plain` calls a dot product for every row of x and of the weight, or for two and two where the
 * type has that; `repacked` takes weights that were brought into another order on loading. Rounding
 * x to 8 bits is not part of it, as it is not of what is counted of ours.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* As in its headers, but that all data may be anything. */
typedef void dot_t(int n, float *s, size_t bs, const void *x, size_t bx, const void *y, size_t by,
                   int nrc);
typedef void mat_t(int n, float *s, size_t bs, const void *x, const void *y, int nr, int nc);

/* Not every source can be built by every compiler. */
#define WEAK __attribute__((weak))
WEAK dot_t ggml_vec_dot_f32, ggml_vec_dot_f16, ggml_vec_dot_bf16, ggml_vec_dot_q4_0_q8_0,
    ggml_vec_dot_q4_1_q8_1, ggml_vec_dot_q5_0_q8_0, ggml_vec_dot_q5_1_q8_1, ggml_vec_dot_q8_0_q8_0,
    ggml_vec_dot_q2_K_q8_K, ggml_vec_dot_q3_K_q8_K, ggml_vec_dot_q4_K_q8_K, ggml_vec_dot_q5_K_q8_K,
    ggml_vec_dot_q6_K_q8_K, ggml_vec_dot_iq4_nl_q8_0, ggml_vec_dot_iq4_xs_q8_K;

/* The order that it repacks to goes by the instructions. */
#if defined(__ARM_FEATURE_MATMUL_INT8)
#define ORDER_32 4x8_q8_0
#define ORDER_256 8x8_q8_K
#define HAS_PAIRS true
#else
#define ORDER_32 4x4_q8_0
#define ORDER_256 8x4_q8_K
#define HAS_PAIRS false
#endif
#define JOIN(a, b) a##b
#define NAME(stem, order) JOIN(stem, order)
#define MAT(which, type, order) NAME(ggml_##which##_##type##_, order)

#if defined(__ARM_FEATURE_DOTPROD)
#define MATS(type, order) MAT(gemv, type, order), MAT(gemm, type, order)
WEAK mat_t MATS(q4_0, ORDER_32), MATS(q8_0, ORDER_32), MATS(q4_K, ORDER_256), MATS(q5_K, ORDER_256),
    MATS(q6_K, ORDER_256), MATS(iq4_nl, 4x4_q8_0);
#else
#define MATS(type, order) NULL, NULL /* it repacks for none */
#endif

typedef struct kernels {
    const char *name;
    dot_t *dot;
    bool pairs;         /* two rows by two with i8mm */
    mat_t *gemv, *gemm; /* of repacked weights */
} kernels_t;

static const kernels_t types[] = {
    {"F32", ggml_vec_dot_f32, false, NULL, NULL},
    {"F16", ggml_vec_dot_f16, false, NULL, NULL},
    {"BF16", ggml_vec_dot_bf16, false, NULL, NULL},
    {"Q4_0", ggml_vec_dot_q4_0_q8_0, true, MATS(q4_0, ORDER_32)},
    {"Q4_1", ggml_vec_dot_q4_1_q8_1, true, NULL, NULL},
    {"Q5_0", ggml_vec_dot_q5_0_q8_0, false, NULL, NULL},
    {"Q5_1", ggml_vec_dot_q5_1_q8_1, false, NULL, NULL},
    {"Q8_0", ggml_vec_dot_q8_0_q8_0, true, MATS(q8_0, ORDER_32)},
    {"Q2_K", ggml_vec_dot_q2_K_q8_K, false, NULL, NULL},
    {"Q3_K", ggml_vec_dot_q3_K_q8_K, false, NULL, NULL},
    {"Q4_K", ggml_vec_dot_q4_K_q8_K, true, MATS(q4_K, ORDER_256)},
    {"Q5_K", ggml_vec_dot_q5_K_q8_K, false, MATS(q5_K, ORDER_256)},
    {"Q6_K", ggml_vec_dot_q6_K_q8_K, true, MATS(q6_K, ORDER_256)},
    {"IQ4_NL", ggml_vec_dot_iq4_nl_q8_0, false, MATS(iq4_nl, 4x4_q8_0)},
    {"IQ4_XS", ggml_vec_dot_iq4_xs_q8_K, false, NULL, NULL},
};

static const kernels_t *find(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(types[i].name, name))
            return &types[i];
    return NULL;
}

enum { MOST_BYTES = 4 }; /* of an element, whatever the type */

/* A panel: 32 rows of the weight. */
typedef struct work {
    int in, rows, out;
    char *w, *x;
    float *y;
} work_t;

static void run_plain(const kernels_t *k, const work_t *p)
{
    const size_t row = (size_t)p->in * MOST_BYTES;
    const int step = HAS_PAIRS && k->pairs && p->rows > 1 ? 2 : 1;
    for (int o = 0; o < p->out; o += step)
        for (int r = 0; r < p->rows; r += step)
            k->dot(p->in, p->y + (ptrdiff_t)r * p->out + o, (size_t)p->out, p->w + (size_t)o * row,
                   row, p->x + (size_t)r * row, row, step);
}

static void run_repacked(const kernels_t *k, const work_t *p)
{
    int fours = p->rows / 4 * 4;
    if (fours)
        k->gemm(p->in, p->y, (size_t)p->out, p->w, p->x, fours, p->out);
    for (int r = fours; r < p->rows; r++)
        k->gemv(p->in, p->y + (ptrdiff_t)r * p->out, (size_t)p->out, p->w, p->x, 1, p->out);
}

int main(int argc, char **argv)
{
    const kernels_t *k = argc == 6 ? find(argv[2]) : NULL;
    const bool repacked = argc == 6 && !strcmp(argv[1], "repacked");
    if (!k || !(repacked ? (void *)k->gemv : (void *)k->dot))
        return EXIT_FAILURE;
    work_t p = {.in = atoi(argv[3]), .rows = atoi(argv[4]), .out = 32};
    p.w = calloc((size_t)p.out * (size_t)p.in, MOST_BYTES); /* the same again for each */
    p.x = calloc((size_t)p.rows * (size_t)p.in, MOST_BYTES);
    p.y = calloc((size_t)p.rows * (size_t)p.out, sizeof *p.y);
    if (!p.w || !p.x || !p.y)
        return EXIT_FAILURE;
    for (int panel = 0; panel < atoi(argv[5]); panel++)
        (repacked ? run_repacked : run_plain)(k, &p);
    return EXIT_SUCCESS;
}
