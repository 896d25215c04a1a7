#include "tensor/dtype.h"
#include "unit.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

static const jup_dtype_t all_types[] = {JUP_F32,  JUP_F16,  JUP_BF16, JUP_Q4_0,
                                        JUP_Q8_0, JUP_Q4_K, JUP_Q5_K, JUP_Q6_K};
enum { TYPE_COUNT = sizeof all_types / sizeof all_types[0] };

START_TEST(names_and_sizes)
{
    ck_assert_ptr_null(jup_dtype_info(7));
    ck_assert_ptr_null(jup_dtype_info(-1));
    ck_assert_str_eq(jup_dtype_any_name(7), "Q5_1");
    ck_assert_str_eq(jup_dtype_any_name(17), "IQ2_XS");
    ck_assert_str_eq(jup_dtype_any_name(5000), "unknown");
    ck_assert_str_eq(jup_dtype_any_name(-3), "unknown");
    ck_assert_ptr_null(jup_dtype_by_name("Q9_9"));
    for (int i = 0; i < TYPE_COUNT; i++) {
        const jup_dtype_info_t *info = jup_dtype_info((int)all_types[i]);
        ck_assert_ptr_nonnull(info);
        ck_assert_str_eq(jup_dtype_any_name((int)all_types[i]), info->name);
        ck_assert_ptr_eq(jup_dtype_by_name(info->name), info);
    }
    ck_assert_ptr_eq(jup_dtype_by_name("q4_k"), jup_dtype_info(JUP_Q4_K));
    ck_assert_uint_eq(jup_dtype_bytes(JUP_F32, 3), 12);
    ck_assert_uint_eq(jup_dtype_bytes(JUP_Q4_0, 64), 36);
    ck_assert_uint_eq(jup_dtype_bytes(JUP_Q8_0, 64), 68);
    ck_assert_uint_eq(jup_dtype_bytes(JUP_Q4_K, 512), 288);
    ck_assert_uint_eq(jup_dtype_bytes(JUP_Q5_K, 256), 176);
    ck_assert_uint_eq(jup_dtype_bytes(JUP_Q6_K, 256), 210);
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
START_TEST(known_blocks)
{
    float out[256];
    uint8_t q4_0[18] = {0x00, 0x38}; /* d = 0.5 */
    q4_0[2] = 0xf1, q4_0[17] = 0x8a;
    jup_dequantize(JUP_Q4_0, q4_0, out, 32);
    ck_assert_float_eq(out[0], 0.5f * (1 - 8));
    ck_assert_float_eq(out[16], 0.5f * (15 - 8));
    ck_assert_float_eq(out[15], 0.5f * (10 - 8));
    ck_assert_float_eq(out[31], 0.0f);
    ck_assert_float_eq(out[1], -4.0f);

    uint8_t q8_0[34] = {0x00, 0xc0}; /* d = -2 */
    q8_0[2] = 0x80, q8_0[33] = 3;
    jup_dequantize(JUP_Q8_0, q8_0, out, 32);
    ck_assert_float_eq(out[0], 256.0f);
    ck_assert_float_eq(out[31], -6.0f);

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
    static const float steps[] = {0, 0x1p-11f, 0x1p-8f, 0.125f, 0.5f / 127, 0.09f, 0.05f, 0.035f};
    enum { N = 1024 };
    static float src[N], once[N];
    static char blocks[N * 4];
    jup_rng_t rng;
    jup_rng_init(&rng, 9);
    for (int t = 0; t < TYPE_COUNT; t++) {
        for (int i = 0; i < N; i++)
            src[i] = (float)jup_rng_normal(&rng) * 0.02f;
        jup_quantize(all_types[t], src, blocks, N);
        jup_dequantize(all_types[t], blocks, once, N);
        int block = jup_dtype_info((int)all_types[t])->block_elems;
        for (int i = 0; i < N; i++) {
            float range = 0.0f;
            for (int j = i / block * block; j < i / block * block + block; j++)
                range = fmaxf(range, fabsf(src[j]));
            ck_assert_float_le(fabsf(once[i] - src[i]), steps[t] * range + 1e-7f);
        }
    }
}
END_TEST

START_TEST(zeros_and_extremes)
{
    static float src[256], dst[256];
    static char blocks[1024];
    for (int t = 0; t < TYPE_COUNT; t++) {
        memset(src, 0, sizeof src);
        jup_quantize(all_types[t], src, blocks, 256);
        jup_dequantize(all_types[t], blocks, dst, 256);
        for (int i = 0; i < 256; i++)
            ck_assert_float_eq(dst[i], 0.0f);
        for (int i = 0; i < 256; i++)
            src[i] = i == 77 ? 3.0f : 0.0f;
        jup_quantize(all_types[t], src, blocks, 256);
        jup_dequantize(all_types[t], blocks, dst, 256);
        ck_assert_float_eq_tol(dst[77], 3.0f, 0.08f);
        ck_assert_float_eq(dst[0], 0.0f);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("dtype");
    unit_add(s, names_and_sizes, 10);
    unit_add(s, half_known_values, 10);
    unit_add(s, half_every_value, 30);
    unit_add(s, half_rounding_matches_scalar, 30);
    unit_add(s, known_blocks, 10);
    unit_add(s, round_trip, 10);
    unit_add(s, zeros_and_extremes, 10);
    return s;
}

UNIT_MAIN(suite)
