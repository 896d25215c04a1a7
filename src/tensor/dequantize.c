/* Decoding by definition, one block at a time. */
#include "tensor/blocks.h"
#include "tensor/dtype.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static void decode_q4_0(const jup_block_q4_0_t *b, float *dst)
{
    float d = jup_half_to_float(b->d);
    for (int i = 0; i < 16; i++) {
        dst[i] = d * (float)((b->q[i] & 15) - 8);
        dst[i + 16] = d * (float)((b->q[i] >> 4) - 8);
    }
}

static void decode_q8_0(const jup_block_q8_0_t *b, float *dst)
{
    float d = jup_half_to_float(b->d);
    for (int i = 0; i < 32; i++)
        dst[i] = d * (float)b->q[i];
}

static void decode_q4_k(const jup_block_q4_k_t *b, float *dst)
{
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

static void decode_q5_k(const jup_block_q5_k_t *b, float *dst)
{
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

static void decode_q6_k(const jup_block_q6_k_t *b, float *dst)
{
    float d = jup_half_to_float(b->d);
    for (int e = 0; e < 256; e++) {
        int half = e / 128, j = e % 128 / 32, i = e % 32;
        int low = (b->low[64 * half + 32 * (j & 1) + i] >> (4 * (j / 2))) & 15;
        int high = (b->high[32 * half + i] >> (2 * j)) & 3;
        dst[e] = d * (float)b->scales[e / 16] * (float)((low | high << 4) - 32);
    }
}

static void decode_bf16(const uint16_t *src, float *dst, int64_t elems)
{
    for (int64_t i = 0; i < elems; i++) {
        uint32_t bits = (uint32_t)src[i] << 16;
        memcpy(dst + i, &bits, sizeof bits);
    }
}

void jup_dequantize(jup_dtype_t dtype, const void *src, float *dst, int64_t elems)
{
    switch (dtype) {
    case JUP_F32:
        memcpy(dst, src, (size_t)elems * sizeof *dst);
        return;
    case JUP_F16:
        jup_f16_to_f32(src, dst, elems);
        return;
    case JUP_BF16:
        decode_bf16(src, dst, elems);
        return;
    case JUP_Q4_0:
        assert(elems % 32 == 0);
        for (int64_t i = 0; i < elems / 32; i++)
            decode_q4_0((const jup_block_q4_0_t *)src + i, dst + 32 * i);
        return;
    case JUP_Q8_0:
        assert(elems % 32 == 0);
        for (int64_t i = 0; i < elems / 32; i++)
            decode_q8_0((const jup_block_q8_0_t *)src + i, dst + 32 * i);
        return;
    case JUP_Q4_K:
        assert(elems % 256 == 0);
        for (int64_t i = 0; i < elems / 256; i++)
            decode_q4_k((const jup_block_q4_k_t *)src + i, dst + 256 * i);
        return;
    case JUP_Q5_K:
        assert(elems % 256 == 0);
        for (int64_t i = 0; i < elems / 256; i++)
            decode_q5_k((const jup_block_q5_k_t *)src + i, dst + 256 * i);
        return;
    case JUP_Q6_K:
        assert(elems % 256 == 0);
        for (int64_t i = 0; i < elems / 256; i++)
            decode_q6_k((const jup_block_q6_k_t *)src + i, dst + 256 * i);
        return;
    }
    assert(false); /* a type this program cannot compute with */
}
