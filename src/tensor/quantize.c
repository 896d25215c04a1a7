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

static void encode_q4_0(const float *x, jup_block_q4_0_t *b)
{
    float extreme = 0.0f; /* with its sign: it becomes -8, the wider end */
    for (int i = 0; i < 32; i++)
        if (fabsf(x[i]) > fabsf(extreme))
            extreme = x[i];
    b->d = jup_float_to_half(extreme / -8.0f);
    float scale = inverse(jup_half_to_float(b->d));
    for (int i = 0; i < 16; i++) {
        int low = clamp_round(x[i] * scale, -8, 7) + 8;
        int high = clamp_round(x[i + 16] * scale, -8, 7) + 8;
        b->q[i] = (uint8_t)(low | high << 4);
    }
}

static void encode_q8_0(const float *x, jup_block_q8_0_t *b)
{
    b->d = jup_float_to_half(largest_magnitude(x, 32) / 127.0f);
    float scale = inverse(jup_half_to_float(b->d));
    for (int i = 0; i < 32; i++)
        b->q[i] = (int8_t)clamp_round(x[i] * scale, -127, 127);
}

/* The 6-bit scales and mins of 8 groups, and the quotients q in [0, top] that go with them. */
static void encode_k_groups(const float *x, int top, uint16_t *d, uint16_t *dmin, uint8_t *packed,
                            uint8_t *q)
{
    float step[8], offset[8];
    for (int g = 0; g < 8; g++) {
        float low = 0.0f, high = 0.0f;
        for (int i = 0; i < 32; i++) {
            low = fminf(low, x[32 * g + i]);
            high = fmaxf(high, x[32 * g + i]);
        }
        step[g] = (high - low) / (float)top;
        offset[g] = -low;
    }
    *d = jup_float_to_half(largest_magnitude(step, 8) / 63.0f);
    *dmin = jup_float_to_half(largest_magnitude(offset, 8) / 63.0f);
    float unit = jup_half_to_float(*d), min_unit = jup_half_to_float(*dmin);
    memset(packed, 0, 12);
    for (int g = 0; g < 8; g++) {
        int scale = clamp_round(step[g] * inverse(unit), 0, 63);
        int min = clamp_round(offset[g] * inverse(min_unit), 0, 63);
        if (g < 4) {
            packed[g] |= (uint8_t)scale;
            packed[g + 4] |= (uint8_t)min;
        } else {
            packed[g + 4] = (uint8_t)((scale & 15) | (min & 15) << 4);
            packed[g - 4] |= (uint8_t)((scale >> 4) << 6);
            packed[g] |= (uint8_t)((min >> 4) << 6);
        }
        float inverse_step = inverse(unit * (float)scale), shift = min_unit * (float)min;
        for (int i = 0; i < 32; i++)
            q[32 * g + i] = (uint8_t)clamp_round((x[32 * g + i] + shift) * inverse_step, 0, top);
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

static void encode_q4_k(const float *x, jup_block_q4_k_t *b)
{
    uint8_t q[256];
    encode_k_groups(x, 15, &b->d, &b->dmin, b->scales, q);
    pack_nibbles(q, b->q);
}

static void encode_q5_k(const float *x, jup_block_q5_k_t *b)
{
    uint8_t q[256];
    encode_k_groups(x, 31, &b->d, &b->dmin, b->scales, q);
    pack_nibbles(q, b->q);
    memset(b->high, 0, sizeof b->high);
    for (int e = 0; e < 256; e++)
        b->high[e % 32] |= (uint8_t)((q[e] >> 4) << (e / 32));
}

static void encode_q6_k(const float *x, jup_block_q6_k_t *b)
{
    float step[16];
    for (int g = 0; g < 16; g++)
        step[g] = largest_magnitude(x + 16 * g, 16) / 31.0f;
    b->d = jup_float_to_half(largest_magnitude(step, 16) / 127.0f);
    float unit = jup_half_to_float(b->d);
    memset(b->low, 0, sizeof b->low);
    memset(b->high, 0, sizeof b->high);
    for (int e = 0; e < 256; e++) {
        int half = e / 128, j = e % 128 / 32, i = e % 32, g = e / 16;
        int scale = clamp_round(step[g] * inverse(unit), -128, 127);
        b->scales[g] = (int8_t)scale;
        int q = clamp_round(x[e] * inverse(unit * (float)scale), -32, 31) + 32;
        b->low[64 * half + 32 * (j & 1) + i] |= (uint8_t)((q & 15) << (4 * (j / 2)));
        b->high[32 * half + i] |= (uint8_t)((q >> 4) << (2 * j));
    }
}

static uint16_t round_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

void jup_quantize(jup_dtype_t dtype, const float *src, void *dst, int64_t elems)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)dtype);
    assert(info && elems % info->block_elems == 0);
    int64_t blocks = elems / info->block_elems;
    switch (dtype) {
    case JUP_F32:
        memcpy(dst, src, (size_t)elems * sizeof *src);
        return;
    case JUP_F16:
        jup_f32_to_f16(src, dst, elems);
        return;
    case JUP_BF16:
        for (int64_t i = 0; i < elems; i++)
            ((uint16_t *)dst)[i] = round_bf16(src[i]);
        return;
    case JUP_Q4_0:
        for (int64_t i = 0; i < blocks; i++)
            encode_q4_0(src + 32 * i, (jup_block_q4_0_t *)dst + i);
        return;
    case JUP_Q8_0:
        for (int64_t i = 0; i < blocks; i++)
            encode_q8_0(src + 32 * i, (jup_block_q8_0_t *)dst + i);
        return;
    case JUP_Q4_K:
        for (int64_t i = 0; i < blocks; i++)
            encode_q4_k(src + 256 * i, (jup_block_q4_k_t *)dst + i);
        return;
    case JUP_Q5_K:
        for (int64_t i = 0; i < blocks; i++)
            encode_q5_k(src + 256 * i, (jup_block_q5_k_t *)dst + i);
        return;
    case JUP_Q6_K:
        for (int64_t i = 0; i < blocks; i++)
            encode_q6_k(src + 256 * i, (jup_block_q6_k_t *)dst + i);
        return;
    }
}
