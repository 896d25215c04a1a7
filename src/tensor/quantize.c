/* Rounding to blocks: each group by its own range, no search for better scales. */
#include "tensor/blocks.h"
#include "tensor/dtype.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static int clamp_round(float x, int low, int high)
{
    float r = nearbyintf(x);
    if (!(r > (float)low)) /* also a NaN */
        return low;
    return r < (float)high ? (int)r : high;
}

static float inverse(float x)
{
    return x != 0.0f ? 1.0f / x : 0.0f;
}

static float largest_magnitude(const float *x, int n)
{
    float largest = 0.0f;
    for (int i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    return largest;
}

/* The one of largest magnitude, with its sign: it becomes the end of a range that reaches further
 * down than up. */
static float extreme_of(const float *x, int n)
{
    float extreme = 0.0f;
    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(extreme))
            extreme = x[i];
    return extreme;
}

/* The number of the value nearest to x. */
static uint8_t nearest_iq4(float x)
{
    int best = 0;
    for (int i = 1; i < 16; i++)
        if (fabsf(x - (float)jup_iq4_values[i]) < fabsf(x - (float)jup_iq4_values[best]))
            best = i;
    return (uint8_t)best;
}

/* ---- blocks of 32 ---------------------------------------------------------------------------- */

/* q (32) below 16 to 16 bytes; fifth bits to `high`, unless that is NULL. */
static void pack_32(const uint8_t *q, uint8_t *packed, uint8_t *high)
{
    for (int i = 0; i < 16; i++)
        packed[i] = (uint8_t)((q[i] & 15) | (q[i + 16] & 15) << 4);
    if (!high)
        return;
    memset(high, 0, 4);
    for (int e = 0; e < 32; e++)
        high[e / 8] |= (uint8_t)((q[e] >> 4) << (e % 8));
}

/* d and q in [0, 2 zero) of values d * (q - zero). */
static uint16_t divide_signed(const float *x, int zero, uint8_t *q)
{
    uint16_t d = jup_float_to_half(extreme_of(x, 32) / (float)-zero);
    float scale = inverse(jup_half_to_float(d));
    for (int i = 0; i < 32; i++)
        q[i] = (uint8_t)(clamp_round(x[i] * scale, -zero, zero - 1) + zero);
    return d;
}

/* d, m and q in [0, top] of values d * q + m. */
static uint16_t divide_range(const float *x, int top, uint16_t *m, uint8_t *q)
{
    float low = x[0], high = x[0];
    for (int i = 1; i < 32; i++) {
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    *m = jup_float_to_half(low);
    low = jup_half_to_float(*m);
    uint16_t d = jup_float_to_half((high - low) / (float)top);
    float scale = inverse(jup_half_to_float(d));
    for (int i = 0; i < 32; i++)
        q[i] = (uint8_t)clamp_round((x[i] - low) * scale, 0, top);
    return d;
}

static void encode_q4_0(const float *x, void *block)
{
    jup_block_q4_0_t *b = block;
    uint8_t q[32];
    b->d = divide_signed(x, 8, q);
    pack_32(q, b->q, NULL);
}

static void encode_q4_1(const float *x, void *block)
{
    jup_block_q4_1_t *b = block;
    uint8_t q[32];
    b->d = divide_range(x, 15, &b->m, q);
    pack_32(q, b->q, NULL);
}

static void encode_q5_0(const float *x, void *block)
{
    jup_block_q5_0_t *b = block;
    uint8_t q[32];
    b->d = divide_signed(x, 16, q);
    pack_32(q, b->q, b->high);
}

static void encode_q5_1(const float *x, void *block)
{
    jup_block_q5_1_t *b = block;
    uint8_t q[32];
    b->d = divide_range(x, 31, &b->m, q);
    pack_32(q, b->q, b->high);
}

static void encode_q8_0(const float *x, void *block)
{
    jup_block_q8_0_t *b = block;
    b->d = jup_float_to_half(largest_magnitude(x, 32) / 127.0f);
    float scale = inverse(jup_half_to_float(b->d));
    for (int i = 0; i < 32; i++)
        b->q[i] = (int8_t)clamp_round(x[i] * scale, -127, 127);
}

static void encode_iq4_nl(const float *x, void *block)
{
    jup_block_iq4_nl_t *b = block;
    uint8_t q[32];
    b->d = jup_float_to_half(extreme_of(x, 32) / (float)jup_iq4_values[0]);
    float scale = inverse(jup_half_to_float(b->d));
    for (int i = 0; i < 32; i++)
        q[i] = nearest_iq4(x[i] * scale);
    pack_32(q, b->q, NULL);
}

/* ---- blocks of 256 --------------------------------------------------------------------------- */

/* Groups of a block with scales and mins in whole numbers, and their quotients. */
typedef struct groups {
    uint16_t d, dmin;
    int scale[16], min[16];
    uint8_t q[256];
} groups_t;

/* n groups, scales and mins up to `limit`, q in [0, top]. */
static void divide_range_groups(const float *x, int n, int limit, int top, groups_t *to)
{
    float step[16], offset[16];
    int size = 256 / n;
    for (int g = 0; g < n; g++) {
        float low = 0.0f, high = 0.0f;
        for (int i = 0; i < size; i++) {
            low = fminf(low, x[size * g + i]);
            high = fmaxf(high, x[size * g + i]);
        }
        step[g] = (high - low) / (float)top;
        offset[g] = -low;
    }
    to->d = jup_float_to_half(largest_magnitude(step, n) / (float)limit);
    to->dmin = jup_float_to_half(largest_magnitude(offset, n) / (float)limit);
    float unit = jup_half_to_float(to->d), min_unit = jup_half_to_float(to->dmin);
    for (int g = 0; g < n; g++) {
        to->scale[g] = clamp_round(step[g] * inverse(unit), 0, limit);
        to->min[g] = clamp_round(offset[g] * inverse(min_unit), 0, limit);
    }
    for (int e = 0; e < 256; e++) {
        float inverse_step = inverse(unit * (float)to->scale[e / size]);
        float shift = min_unit * (float)to->min[e / size];
        to->q[e] = (uint8_t)clamp_round((x[e] + shift) * inverse_step, 0, top);
    }
}

/* Scales in [-limit - 1, limit] of n groups without mins whose extreme ones become `end`. */
static void divide_signed_groups(const float *x, int n, int limit, float end, groups_t *to)
{
    float step[16];
    for (int g = 0; g < n; g++)
        step[g] = extreme_of(x + 256 / n * g, 256 / n) / end;
    to->d = jup_float_to_half(largest_magnitude(step, n) / (float)limit);
    float scale = inverse(jup_half_to_float(to->d));
    for (int g = 0; g < n; g++)
        to->scale[g] = clamp_round(step[g] * scale, -limit - 1, limit);
}

/* jup_k_scale_min() backwards. */
static void pack_k_scales(const groups_t *from, uint8_t *packed)
{
    memset(packed, 0, 12);
    for (int g = 0; g < 4; g++) {
        packed[g] |= (uint8_t)from->scale[g];
        packed[g + 4] |= (uint8_t)from->min[g];
    }
    for (int g = 4; g < 8; g++) {
        packed[g + 4] = (uint8_t)((from->scale[g] & 15) | (from->min[g] & 15) << 4);
        packed[g - 4] |= (uint8_t)((from->scale[g] >> 4) << 6);
        packed[g] |= (uint8_t)((from->min[g] >> 4) << 6);
    }
}

static void pack_nibbles(const uint8_t *q, uint8_t *packed)
{
    for (int pair = 0; pair < 4; pair++)
        for (int i = 0; i < 32; i++) {
            int low = q[64 * pair + i] & 15, high = q[64 * pair + 32 + i] & 15;
            packed[32 * pair + i] = (uint8_t)(low | high << 4);
        }
}

/* The two bits of element 32 j + i of a half to bits 2 j of byte i. */
static void pack_two_bits(const uint8_t *q, uint8_t *packed)
{
    memset(packed, 0, 64);
    for (int e = 0; e < 256; e++)
        packed[e / 128 * 32 + e % 32] |= (uint8_t)((q[e] & 3) << (2 * (e % 128 / 32)));
}

static void encode_q2_k(const float *x, void *block)
{
    jup_block_q2_k_t *b = block;
    groups_t groups;
    divide_range_groups(x, 16, 15, 3, &groups);
    b->d = groups.d;
    b->dmin = groups.dmin;
    for (int g = 0; g < 16; g++)
        b->scales[g] = (uint8_t)(groups.scale[g] | groups.min[g] << 4);
    pack_two_bits(groups.q, b->q);
}

static void encode_q3_k(const float *x, void *block)
{
    jup_block_q3_k_t *b = block;
    groups_t groups;
    divide_signed_groups(x, 16, 31, -4.0f, &groups);
    b->d = groups.d;
    float unit = jup_half_to_float(b->d);
    memset(b->scales, 0, sizeof b->scales);
    memset(b->high, 0, sizeof b->high);
    for (int g = 0; g < 16; g++) {
        int scale = groups.scale[g] + 32;
        b->scales[g % 8] |= (uint8_t)((scale & 15) << (4 * (g / 8)));
        b->scales[8 + g % 4] |= (uint8_t)((scale >> 4) << (2 * (g / 4)));
    }
    for (int e = 0; e < 256; e++) {
        float scale = inverse(unit * (float)groups.scale[e / 16]);
        groups.q[e] = (uint8_t)(clamp_round(x[e] * scale, -4, 3) + 4);
        b->high[e % 32] |= (uint8_t)((groups.q[e] >> 2) << (e / 32));
    }
    pack_two_bits(groups.q, b->q);
}

static void encode_q4_k(const float *x, void *block)
{
    jup_block_q4_k_t *b = block;
    groups_t groups;
    divide_range_groups(x, 8, 63, 15, &groups);
    b->d = groups.d;
    b->dmin = groups.dmin;
    pack_k_scales(&groups, b->scales);
    pack_nibbles(groups.q, b->q);
}

static void encode_q5_k(const float *x, void *block)
{
    jup_block_q5_k_t *b = block;
    groups_t groups;
    divide_range_groups(x, 8, 63, 31, &groups);
    b->d = groups.d;
    b->dmin = groups.dmin;
    pack_k_scales(&groups, b->scales);
    pack_nibbles(groups.q, b->q);
    memset(b->high, 0, sizeof b->high);
    for (int e = 0; e < 256; e++)
        b->high[e % 32] |= (uint8_t)((groups.q[e] >> 4) << (e / 32));
}

static void encode_q6_k(const float *x, void *block)
{
    jup_block_q6_k_t *b = block;
    groups_t groups;
    divide_signed_groups(x, 16, 127, -32.0f, &groups);
    b->d = groups.d;
    float unit = jup_half_to_float(b->d);
    uint8_t high[256];
    memset(b->low, 0, sizeof b->low);
    for (int e = 0; e < 256; e++) {
        int half = e / 128, j = e % 128 / 32, i = e % 32, g = e / 16;
        b->scales[g] = (int8_t)groups.scale[g];
        int q = clamp_round(x[e] * inverse(unit * (float)groups.scale[g]), -32, 31) + 32;
        b->low[64 * half + 32 * (j & 1) + i] |= (uint8_t)((q & 15) << (4 * (j / 2)));
        high[e] = (uint8_t)(q >> 4);
    }
    pack_two_bits(high, b->high);
}

static void encode_iq4_xs(const float *x, void *block)
{
    jup_block_iq4_xs_t *b = block;
    groups_t groups;
    divide_signed_groups(x, 8, 31, (float)jup_iq4_values[0], &groups);
    b->d = groups.d;
    float unit = jup_half_to_float(b->d);
    b->scales_high = 0;
    memset(b->scales_low, 0, sizeof b->scales_low);
    for (int g = 0; g < 8; g++) {
        int scale = groups.scale[g] + 32;
        b->scales_low[g / 2] |= (uint8_t)((scale & 15) << (4 * (g & 1)));
        b->scales_high = (uint16_t)(b->scales_high | (scale >> 4) << (2 * g));
        float to_value = inverse(unit * (float)groups.scale[g]);
        for (int i = 0; i < 32; i++)
            groups.q[i] = nearest_iq4(x[32 * g + i] * to_value);
        pack_32(groups.q, b->q + 16 * g, NULL);
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

static uint16_t round_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static void encode_bf16(const float *src, void *dst, int64_t elems)
{
    uint16_t *halves = dst;
    for (int64_t i = 0; i < elems; i++)
        halves[i] = round_bf16(src[i]);
}

static void encode_blocks(void (*encode)(const float *x, void *block), const jup_dtype_info_t *info,
                          const float *src, void *dst, int64_t elems)
{
    char *block = dst;
    assert(encode && elems % info->block_elems == 0);
    for (int64_t e = 0; e < elems; e += info->block_elems, block += info->block_bytes)
        encode(src + e, block);
}

void jup_quantize(jup_dtype_t dtype, const float *src, void *dst, int64_t elems)
{
    static void (*const encoders[])(const float *x, void *block) = {
        [JUP_Q4_0] = encode_q4_0, [JUP_Q4_1] = encode_q4_1,     [JUP_Q5_0] = encode_q5_0,
        [JUP_Q5_1] = encode_q5_1, [JUP_Q8_0] = encode_q8_0,     [JUP_Q2_K] = encode_q2_k,
        [JUP_Q3_K] = encode_q3_k, [JUP_Q4_K] = encode_q4_k,     [JUP_Q5_K] = encode_q5_k,
        [JUP_Q6_K] = encode_q6_k, [JUP_IQ4_NL] = encode_iq4_nl, [JUP_IQ4_XS] = encode_iq4_xs,
    };
    if (dtype == JUP_F32)
        memcpy(dst, src, (size_t)elems * sizeof *src);
    else if (dtype == JUP_F16)
        jup_f32_to_f16(src, dst, elems);
    else if (dtype == JUP_BF16)
        encode_bf16(src, dst, elems);
    else
        encode_blocks(encoders[dtype], jup_dtype_info((int)dtype), src, dst, elems);
}
