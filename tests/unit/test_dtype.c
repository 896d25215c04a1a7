#include "tensor/dtype.h"
#include "unit.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

/* The format's own numbers and blocks; `ours`: of those that are computed with. */
static const struct {
    int number;
    const char *name;
    int block_elems, block_bytes;
    bool ours;
} known_types[] = {
    {0, "F32", 1, 4, true},
    {1, "F16", 1, 2, true},
    {2, "Q4_0", 32, 18, true},
    {3, "Q4_1", 32, 20, true},
    {4, "Q4_2", 16, 10, false},
    {5, "Q4_3", 16, 12, false},
    {6, "Q5_0", 32, 22, true},
    {7, "Q5_1", 32, 24, true},
    {8, "Q8_0", 32, 34, true},
    {9, "Q8_1", 32, 36, false},
    {10, "Q2_K", 256, 84, true},
    {11, "Q3_K", 256, 110, true},
    {12, "Q4_K", 256, 144, true},
    {13, "Q5_K", 256, 176, true},
    {14, "Q6_K", 256, 210, true},
    {15, "Q8_K", 256, 292, false},
    {16, "IQ2_XXS", 256, 66, false},
    {17, "IQ2_XS", 256, 74, false},
    {18, "IQ3_XXS", 256, 98, false},
    {19, "IQ1_S", 256, 50, false},
    {20, "IQ4_NL", 32, 18, true},
    {21, "IQ3_S", 256, 110, false},
    {22, "IQ2_S", 256, 82, false},
    {23, "IQ4_XS", 256, 136, true},
    {24, "I8", 1, 1, false},
    {25, "I16", 1, 2, false},
    {26, "I32", 1, 4, false},
    {27, "I64", 1, 8, false},
    {28, "F64", 1, 8, false},
    {29, "IQ1_M", 256, 56, false},
    {30, "BF16", 1, 2, true},
    {31, "Q4_0_4_4", 32, 18, false},
    {32, "Q4_0_4_8", 32, 18, false},
    {33, "Q4_0_8_8", 32, 18, false},
    {34, "TQ1_0", 256, 54, false},
    {35, "TQ2_0", 256, 66, false},
    {36, "IQ4_NL_4_4", 32, 18, false},
    {37, "IQ4_NL_4_8", 32, 18, false},
    {38, "IQ4_NL_8_8", 32, 18, false},
    {39, "MXFP4", 32, 17, false},
    {40, "NVFP4", 64, 36, false},
    {41, "Q1_0", 128, 18, false},
};
enum { KNOWN_TYPES = sizeof known_types / sizeof known_types[0] };

#define EACH_TYPE(t) for (int t = 0; jup_dtype_at(t); t++)

static jup_dtype_t type_at(int t)
{
    return jup_dtype_at(t)->dtype;
}

START_TEST(names_and_sizes)
{
    int ours = 0;
    for (int i = 0; i < KNOWN_TYPES; i++) {
        const jup_dtype_info_t *any = jup_dtype_any(known_types[i].number);
        const jup_dtype_info_t *info = jup_dtype_info(known_types[i].number);
        ck_assert_ptr_nonnull(any);
        ck_assert_int_eq((int)any->dtype, known_types[i].number);
        ck_assert_str_eq(any->name, known_types[i].name);
        ck_assert_str_eq(jup_dtype_any_name(known_types[i].number), known_types[i].name);
        ck_assert_int_eq(any->block_elems, known_types[i].block_elems);
        ck_assert_int_eq(any->block_bytes, known_types[i].block_bytes);
        ck_assert_ptr_eq(info, known_types[i].ours ? any : NULL);
        ck_assert_ptr_eq(jup_dtype_by_name(known_types[i].name), info);
        if (info)
            ck_assert_ptr_eq(jup_dtype_at(ours++), info);
    }
    ck_assert_ptr_null(jup_dtype_at(ours));
    ck_assert_ptr_null(jup_dtype_at(-1));
}
END_TEST

START_TEST(no_such_type)
{
    static const int numbers[] = {-3, -1, 42, 99, 5000};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ck_assert_ptr_null(jup_dtype_info(numbers[i]));
        ck_assert_ptr_null(jup_dtype_any(numbers[i]));
        ck_assert_str_eq(jup_dtype_any_name(numbers[i]), "unknown");
    }
    ck_assert_ptr_null(jup_dtype_by_name("Q9_9"));
    ck_assert_ptr_eq(jup_dtype_by_name("q4_k"), jup_dtype_info(JUP_Q4_K));
    ck_assert_str_eq(jup_dtype_names().text, "F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, "
                                             "Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS or BF16");
    ck_assert_uint_eq(jup_dtype_bytes(JUP_F32, 3), 12);
    ck_assert_uint_eq(jup_dtype_bytes(JUP_Q4_0, 64), 36);
    ck_assert_uint_eq(jup_dtype_bytes(JUP_Q4_K, 512), 288);
}
END_TEST

START_TEST(half_known_values)
{
    static const struct {
        uint16_t h;
        float f;
    } known[] = {
        {0x0000, 0.0f},
        {0x3c00, 1.0f},
        {0xc000, -2.0f},
        {0x7bff, 65504.0f},
        {0x0400, 0x1p-14f},
        {0x0001, 0x1p-24f},
        {0x03ff, 1023 * 0x1p-24f},
        {0x3555, 0.333251953125f},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        ck_assert_float_eq(jup_half_to_float(known[i].h), known[i].f);
        ck_assert_uint_eq(jup_float_to_half(known[i].f), known[i].h);
    }
    ck_assert_uint_eq(jup_float_to_half(65519.9f), 0x7bff);
    ck_assert_uint_eq(jup_float_to_half(65520.0f), 0x7c00);
    ck_assert_uint_eq(jup_float_to_half(-1e30f), 0xfc00);
    ck_assert_uint_eq(jup_float_to_half(0x1p-25f), 0); /* a tie goes to even */
    ck_assert_uint_eq(jup_float_to_half(0x1.8p-24f), 2);
    ck_assert_uint_eq(jup_float_to_half(1.0f + 0x1p-11f), 0x3c00);
    ck_assert_uint_eq(jup_float_to_half(1.0f + 0x3p-11f), 0x3c02);
    ck_assert(isinf(jup_half_to_float(0x7c00)));
    ck_assert(isnan(jup_half_to_float(0x7e01)));
    ck_assert(isnan(jup_half_to_float(jup_float_to_half(NAN))));
}
END_TEST

/* Every half survives the way there and back, and the vector forms agree with the scalar ones. */
START_TEST(half_every_value)
{
    enum { N = 65536 };
    uint16_t *h = malloc(N * sizeof *h), *back = malloc(N * sizeof *back);
    float *f = malloc(N * sizeof *f);
    for (int i = 0; i < N; i++)
        h[i] = (uint16_t)i;
    jup_f16_to_f32(h, f, N);
    jup_f32_to_f16(f, back, N);
    for (int i = 0; i < N; i++) {
        float scalar = jup_half_to_float(h[i]);
        if (isnan(scalar)) {
            ck_assert(isnan(f[i]));
            continue;
        }
        ck_assert_mem_eq(&scalar, &f[i], sizeof scalar);
        ck_assert_uint_eq(jup_float_to_half(scalar), h[i]);
        ck_assert_uint_eq(back[i], h[i]);
    }
    free(h), free(back), free(f);
}
END_TEST

START_TEST(half_rounding_matches_scalar)
{
    enum { N = 4099 };
    static float f[N];
    static uint16_t h[N];
    jup_rng_t rng;
    jup_rng_init(&rng, 5);
    for (int i = 0; i < N; i++)
        f[i] = (float)(jup_rng_normal(&rng) * pow(2.0, (double)jup_rng_below(&rng, 44) - 28.0));
    jup_f32_to_f16(f, h, N);
    for (int i = 0; i < N; i++)
        ck_assert_uint_eq(h[i], jup_float_to_half(f[i]));
}
END_TEST

/* Blocks written out by hand, decoded by hand. */
START_TEST(known_blocks_of_32)
{
    float out[32];
    uint8_t q4_0[18] = {0x00, 0x38}; /* d = 0.5 */
    q4_0[2] = 0xf1, q4_0[17] = 0x8a;
    jup_dequantize(JUP_Q4_0, q4_0, out, 32);
    ck_assert_float_eq(out[0], 0.5f * (1 - 8));
    ck_assert_float_eq(out[16], 0.5f * (15 - 8));
    ck_assert_float_eq(out[15], 0.5f * (10 - 8));
    ck_assert_float_eq(out[31], 0.0f);
    ck_assert_float_eq(out[1], -4.0f);

    uint8_t q4_1[20] = {0x00, 0x38, 0x00, 0xc2}; /* d = 0.5, m = -3 */
    q4_1[4] = 0xf1, q4_1[19] = 0x8a;
    jup_dequantize(JUP_Q4_1, q4_1, out, 32);
    ck_assert_float_eq(out[0], -2.5f);
    ck_assert_float_eq(out[16], 4.5f);
    ck_assert_float_eq(out[15], 2.0f);
    ck_assert_float_eq(out[31], 1.0f);
    ck_assert_float_eq(out[1], -3.0f);

    uint8_t q5_0[22] = {0x00, 0x38, 0x01, 0x80, 0x04, 0x40}; /* fifth bits: 0, 15, 18, 30 */
    q5_0[6] = 0xf1, q5_0[21] = 0x8a;
    jup_dequantize(JUP_Q5_0, q5_0, out, 32);
    ck_assert_float_eq(out[0], 0.5f * (17 - 16));
    ck_assert_float_eq(out[16], 0.5f * (15 - 16));
    ck_assert_float_eq(out[15], 0.5f * (26 - 16));
    ck_assert_float_eq(out[31], 0.5f * (8 - 16));
    ck_assert_float_eq(out[18], 0.0f);
    ck_assert_float_eq(out[30], 0.0f);
    ck_assert_float_eq(out[1], -8.0f);

    uint8_t q5_1[24] = {0x00, 0x38, 0x00, 0xc2, 0x01, 0x80, 0x04, 0x40};
    q5_1[8] = 0xf1, q5_1[23] = 0x8a;
    jup_dequantize(JUP_Q5_1, q5_1, out, 32);
    ck_assert_float_eq(out[0], 0.5f * 17 - 3);
    ck_assert_float_eq(out[16], 0.5f * 15 - 3);
    ck_assert_float_eq(out[15], 0.5f * 26 - 3);
    ck_assert_float_eq(out[18], 0.5f * 16 - 3);

    uint8_t q8_0[34] = {0x00, 0xc0}; /* d = -2 */
    q8_0[2] = 0x80, q8_0[33] = 3;
    jup_dequantize(JUP_Q8_0, q8_0, out, 32);
    ck_assert_float_eq(out[0], 256.0f);
    ck_assert_float_eq(out[31], -6.0f);

    uint8_t iq4_nl[18] = {0x00, 0x38};
    iq4_nl[2] = 0xf1, iq4_nl[17] = 0x8a;
    jup_dequantize(JUP_IQ4_NL, iq4_nl, out, 32);
    ck_assert_float_eq(out[0], 0.5f * -104);
    ck_assert_float_eq(out[16], 0.5f * 113);
    ck_assert_float_eq(out[15], 0.5f * 25);
    ck_assert_float_eq(out[31], 0.5f * 1);
    ck_assert_float_eq(out[1], 0.5f * -127);
}
END_TEST

START_TEST(known_blocks_of_256)
{
    float out[256];
    uint8_t q2_k[84] = {0};
    q2_k[81] = 0x3c, q2_k[83] = 0x40; /* d = 1, dmin = 2 */
    q2_k[13] = 0x75;                  /* elements 208..223: scale 5, min 7 */
    q2_k[16 + 32 + 20] = 0xb0;        /* second half, element 20 of j = 2: 3 */
    jup_dequantize(JUP_Q2_K, q2_k, out, 256);
    ck_assert_float_eq(out[128 + 64 + 20], 5.0f * 3 - 2.0f * 7);
    ck_assert_float_eq(out[128 + 64 + 21], -14.0f);
    ck_assert_float_eq(out[0], 0.0f);

    uint8_t q3_k[110] = {0};
    q3_k[109] = 0x3c;          /* d = 1 */
    q3_k[20] = 0x40;           /* third bit of second half, j = 2, element 20 */
    q3_k[32 + 32 + 20] = 0xb0; /* its low bits: 3 */
    q3_k[96 + 5] = 0x90;       /* group 13, elements 208..223: low bits 9 */
    q3_k[96 + 8 + 1] = 0xc0;   /* high bits 3 */
    jup_dequantize(JUP_Q3_K, q3_k, out, 256);
    ck_assert_float_eq(out[128 + 64 + 20], (57.0f - 32) * (7 - 4));
    ck_assert_float_eq(out[128 + 64 + 21], (57.0f - 32) * -4);
    ck_assert_float_eq(out[16], -32.0f * -4);
    ck_assert_float_eq(out[96 + 3], -32.0f * -4);

    uint8_t iq4_xs[136] = {0x00, 0x3c, 0x00, 0x0c}; /* group 5: high bits 3 */
    iq4_xs[4 + 2] = 0x90;                           /* ... low bits 9 */
    iq4_xs[8 + 16 * 5 + 4] = 0xf1;
    jup_dequantize(JUP_IQ4_XS, iq4_xs, out, 256);
    ck_assert_float_eq(out[160 + 4], (57.0f - 32) * -104);
    ck_assert_float_eq(out[160 + 20], (57.0f - 32) * 113);
    ck_assert_float_eq(out[160], (57.0f - 32) * -127);
    ck_assert_float_eq(out[0], -32.0f * -127);

    uint8_t q4_k[144] = {0x00, 0x3c, 0x00, 0x40}; /* d = 1, dmin = 2 */
    q4_k[4 + 1] = 0x83;       /* group 1: scale 3; top bits of group 5's scale: 2 */
    q4_k[4 + 5] = 0x45;       /* group 1: min 5; top bits of group 5's min: 1 */
    q4_k[4 + 9] = 0xa7;       /* group 5: scale 7 + 32, min 10 + 16 */
    q4_k[16 + 4] = 0x90;      /* group 1, element 4: 9 */
    q4_k[16 + 64 + 6] = 0xb2; /* group 5, element 6: 11 */
    jup_dequantize(JUP_Q4_K, q4_k, out, 256);
    ck_assert_float_eq(out[32 + 4], 3.0f * 9 - 2.0f * 5);
    ck_assert_float_eq(out[160 + 6], 39.0f * 11 - 2.0f * 26);
    ck_assert_float_eq(out[0], 0.0f);

    uint8_t q5_k[176] = {0x00, 0x3c, 0x00, 0x40};
    q5_k[4 + 1] = 0x03, q5_k[4 + 5] = 0x05;
    q5_k[16 + 4] = 0x02; /* fifth bit of group 1, element 4 */
    q5_k[48 + 4] = 0x90;
    jup_dequantize(JUP_Q5_K, q5_k, out, 256);
    ck_assert_float_eq(out[32 + 4], 3.0f * 25 - 2.0f * 5);
    ck_assert_float_eq(out[32 + 5], -10.0f);

    uint8_t q6_k[210] = {0};
    q6_k[209] = 0x3c;          /* d = 1 */
    q6_k[64 + 32 + 3] = 0xc0;  /* second half, j = 3, element 3: low bits 12 */
    q6_k[128 + 32 + 3] = 0xc0; /* high bits 3 */
    q6_k[192 + 8 + 6] = 0xfe;  /* scale -2 of the group of elements 224.. */
    jup_dequantize(JUP_Q6_K, q6_k, out, 256);
    ck_assert_float_eq(out[128 + 96 + 3], -2.0f * (60 - 32));
    ck_assert_float_eq(out[128 + 96 + 4], -2.0f * (0 - 32));
}
END_TEST

/* What comes back is as near as the type's steps allow; twice rounded is once rounded. */
START_TEST(round_trip)
{
    static const float steps[] = {
        [JUP_F16] = 0x1p-11f, [JUP_BF16] = 0x1p-8f, [JUP_Q4_0] = 0.125f, [JUP_Q4_1] = 0.07f,
        [JUP_Q5_0] = 0.063f,  [JUP_Q5_1] = 0.035f,  [JUP_Q8_0] = 0.004f, [JUP_Q2_K] = 0.45f,
        [JUP_Q3_K] = 0.26f,   [JUP_Q4_K] = 0.09f,   [JUP_Q5_K] = 0.05f,  [JUP_Q6_K] = 0.035f,
        [JUP_IQ4_NL] = 0.12f, [JUP_IQ4_XS] = 0.13f,
    };
    enum { N = 1024 };
    static float src[N], once[N];
    static char blocks[N * 4];
    jup_rng_t rng;
    jup_rng_init(&rng, 9);
    EACH_TYPE(t)
    {
        for (int i = 0; i < N; i++)
            src[i] = (float)jup_rng_normal(&rng) * 0.02f;
        jup_quantize(type_at(t), src, blocks, N);
        jup_dequantize(type_at(t), blocks, once, N);
        int block = jup_dtype_info((int)type_at(t))->block_elems;
        for (int i = 0; i < N; i++) {
            float range = 0.0f;
            for (int j = i / block * block; j < i / block * block + block; j++)
                range = fmaxf(range, fabsf(src[j]));
            ck_assert_float_le(fabsf(once[i] - src[i]), steps[type_at(t)] * range + 1e-7f);
        }
    }
}
END_TEST

START_TEST(zeros_and_extremes)
{
    static float src[256], dst[256];
    static char blocks[1024];
    EACH_TYPE(t)
    {
        memset(src, 0, sizeof src);
        jup_quantize(type_at(t), src, blocks, 256);
        jup_dequantize(type_at(t), blocks, dst, 256);
        for (int i = 0; i < 256; i++)
            ck_assert_float_eq(dst[i], 0.0f);
        for (int i = 0; i < 256; i++)
            src[i] = i == 77 ? 3.0f : 0.0f;
        jup_quantize(type_at(t), src, blocks, 256);
        jup_dequantize(type_at(t), blocks, dst, 256);
        ck_assert_float_eq_tol(dst[77], 3.0f, 0.08f);
        ck_assert_float_eq(dst[0], 0.0f);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("dtype");
    unit_add(s, names_and_sizes, 10);
    unit_add(s, no_such_type, 10);
    unit_add(s, half_known_values, 10);
    unit_add(s, half_every_value, 30);
    unit_add(s, half_rounding_matches_scalar, 30);
    unit_add(s, known_blocks_of_32, 10);
    unit_add(s, known_blocks_of_256, 10);
    unit_add(s, round_trip, 10);
    unit_add(s, zeros_and_extremes, 10);
    return s;
}

UNIT_MAIN(suite)
