/* Decoding by definition, one block at a time. */
#include "tensor/blocks.h"
#include "tensor/dtype.h"

#include <assert.h>
#include <string.h>

/* ---- blocks of 32: low nibbles for the first 16 elements, high ones for the others ------------
 */

static int nibble(const uint8_t *q, int e)
{
    return (q[e % 16] >> (4 * (e / 16))) & 15;
}

static int fifth_bit(const uint8_t *high, int e)
{
    return ((high[e / 8] >> (e % 8)) & 1) << 4;
}

static void decode_q4_0(const void *block, float *dst)
{
    const jup_block_q4_0_t *b = block;
    float d = jup_half_to_float(b->d);
    for (int e = 0; e < 32; e++)
        dst[e] = d * (float)(nibble(b->q, e) - 8);
}

static void decode_q4_1(const void *block, float *dst)
{
    const jup_block_q4_1_t *b = block;
    float d = jup_half_to_float(b->d), m = jup_half_to_float(b->m);
    for (int e = 0; e < 32; e++)
        dst[e] = d * (float)nibble(b->q, e) + m;
}

static void decode_q5_0(const void *block, float *dst)
{
    const jup_block_q5_0_t *b = block;
    float d = jup_half_to_float(b->d);
    for (int e = 0; e < 32; e++)
        dst[e] = d * (float)((nibble(b->q, e) | fifth_bit(b->high, e)) - 16);
}

static void decode_q5_1(const void *block, float *dst)
{
    const jup_block_q5_1_t *b = block;
    float d = jup_half_to_float(b->d), m = jup_half_to_float(b->m);
    for (int e = 0; e < 32; e++)
        dst[e] = d * (float)(nibble(b->q, e) | fifth_bit(b->high, e)) + m;
}

static void decode_q8_0(const void *block, float *dst)
{
    const jup_block_q8_0_t *b = block;
    float d = jup_half_to_float(b->d);
    for (int i = 0; i < 32; i++)
        dst[i] = d * (float)b->q[i];
}

static void decode_iq4_nl(const void *block, float *dst)
{
    const jup_block_iq4_nl_t *b = block;
    float d = jup_half_to_float(b->d);
    for (int e = 0; e < 32; e++)
        dst[e] = d * (float)jup_iq4_values[nibble(b->q, e)];
}

/* ---- blocks of 256 --------------------------------------------------------------------------- */

/* Element e's two bits of Q2_K, Q3_K and (as the high ones) Q6_K. */
static int two_bits(const uint8_t *q, int e)
{
    return (q[e / 128 * 32 + e % 32] >> (2 * (e % 128 / 32))) & 3;
}

static void decode_q2_k(const void *block, float *dst)
{
    const jup_block_q2_k_t *b = block;
    float d = jup_half_to_float(b->d), dmin = jup_half_to_float(b->dmin);
    for (int e = 0; e < 256; e++) {
        int scale = b->scales[e / 16] & 15, min = b->scales[e / 16] >> 4;
        dst[e] = d * (float)scale * (float)two_bits(b->q, e) - dmin * (float)min;
    }
}

static void decode_q3_k(const void *block, float *dst)
{
    const jup_block_q3_k_t *b = block;
    float d = jup_half_to_float(b->d);
    for (int e = 0; e < 256; e++) {
        int third = ((b->high[e % 32] >> (e / 32)) & 1) << 2;
        float step = d * (float)(jup_q3_k_scale(b->scales, e / 16) - 32);
        dst[e] = step * (float)((two_bits(b->q, e) | third) - 4);
    }
}

static void decode_q4_k(const void *block, float *dst)
{
    const jup_block_q4_k_t *b = block;
    float d = jup_half_to_float(b->d), dmin = jup_half_to_float(b->dmin);
    for (int g = 0; g < 8; g++) {
        uint8_t scale, min;
        jup_k_scale_min(b->scales, g, &scale, &min);
        float step = d * (float)scale, offset = dmin * (float)min;
        const uint8_t *q = b->q + 32 * (g / 2);
        for (int i = 0; i < 32; i++)
            dst[32 * g + i] = step * (float)((q[i] >> (4 * (g & 1))) & 15) - offset;
    }
}

static void decode_q5_k(const void *block, float *dst)
{
    const jup_block_q5_k_t *b = block;
    float d = jup_half_to_float(b->d), dmin = jup_half_to_float(b->dmin);
    for (int g = 0; g < 8; g++) {
        uint8_t scale, min;
        jup_k_scale_min(b->scales, g, &scale, &min);
        float step = d * (float)scale, offset = dmin * (float)min;
        const uint8_t *q = b->q + 32 * (g / 2);
        for (int i = 0; i < 32; i++) {
            int low = (q[i] >> (4 * (g & 1))) & 15, high = (b->high[i] >> g) & 1;
            dst[32 * g + i] = step * (float)(low | high << 4) - offset;
        }
    }
}

static void decode_q6_k(const void *block, float *dst)
{
    const jup_block_q6_k_t *b = block;
    float d = jup_half_to_float(b->d);
    for (int e = 0; e < 256; e++) {
        int half = e / 128, j = e % 128 / 32, i = e % 32;
        int low = (b->low[64 * half + 32 * (j & 1) + i] >> (4 * (j / 2))) & 15;
        int q = low | two_bits(b->high, e) << 4;
        dst[e] = d * (float)b->scales[e / 16] * (float)(q - 32);
    }
}

static void decode_iq4_xs(const void *block, float *dst)
{
    const jup_block_iq4_xs_t *b = block;
    float d = jup_half_to_float(b->d);
    for (int e = 0; e < 256; e++) {
        float step = d * (float)(jup_iq4_xs_scale(b, e / 32) - 32);
        dst[e] = step * (float)jup_iq4_values[nibble(b->q + e / 32 * 16, e % 32)];
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

static void decode_bf16(const void *src, float *dst, int64_t elems)
{
    const uint16_t *halves = src;
    for (int64_t i = 0; i < elems; i++) {
        uint32_t bits = (uint32_t)halves[i] << 16;
        memcpy(dst + i, &bits, sizeof bits);
    }
}

static void decode_blocks(void (*decode)(const void *block, float *dst),
                          const jup_dtype_info_t *info, const void *src, float *dst, int64_t elems)
{
    const char *block = src;
    assert(decode && elems % info->block_elems == 0);
    for (int64_t e = 0; e < elems; e += info->block_elems, block += info->block_bytes)
        decode(block, dst + e);
}

void jup_dequantize(jup_dtype_t dtype, const void *src, float *dst, int64_t elems)
{
    static void (*const decoders[])(const void *block, float *dst) = {
        [JUP_Q4_0] = decode_q4_0, [JUP_Q4_1] = decode_q4_1,     [JUP_Q5_0] = decode_q5_0,
        [JUP_Q5_1] = decode_q5_1, [JUP_Q8_0] = decode_q8_0,     [JUP_Q2_K] = decode_q2_k,
        [JUP_Q3_K] = decode_q3_k, [JUP_Q4_K] = decode_q4_k,     [JUP_Q5_K] = decode_q5_k,
        [JUP_Q6_K] = decode_q6_k, [JUP_IQ4_NL] = decode_iq4_nl, [JUP_IQ4_XS] = decode_iq4_xs,
    };
    if (dtype == JUP_F32)
        memcpy(dst, src, (size_t)elems * sizeof *dst);
    else if (dtype == JUP_F16)
        jup_f16_to_f32(src, dst, elems);
    else if (dtype == JUP_BF16)
        decode_bf16(src, dst, elems);
    else
        decode_blocks(decoders[dtype], jup_dtype_info((int)dtype), src, dst, elems);
}
