/**
 * The blocks of the quantised types, as they lie in a GGUF file (its specification and the public
 * block structures of GGML). All are packed and little-endian; a half is its 16 bits.
 */
#ifndef JUP_TENSOR_BLOCKS_H
#define JUP_TENSOR_BLOCKS_H

#include <stdint.h>

/** 32 elements: d * (q - 8); byte i holds element i (low nibble) and i + 16 (high). */
typedef struct jup_block_q4_0 {
    uint16_t d;
    uint8_t q[16];
} jup_block_q4_0_t;

/** 32 elements: d * q. */
typedef struct jup_block_q8_0 {
    uint16_t d;
    int8_t q[32];
} jup_block_q8_0_t;

/**
 * 256 elements in 8 groups of 32: d * scale_g * q - dmin * min_g, with 6-bit scales and mins.
 * 32 bytes of q hold two groups: low nibbles the even one, high nibbles the odd one.
 */
typedef struct jup_block_q4_k {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t q[128];
} jup_block_q4_k_t;

/** The same with a fifth bit: bit g of high[i] belongs to element i of group g. */
typedef struct jup_block_q5_k {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t high[32];
    uint8_t q[128];
} jup_block_q5_k_t;

/**
 * 256 elements in 16 groups of 16: d * scale_g * (q - 32). Each half of 128 elements has 64 bytes
 * of low nibbles and 32 bytes of two high bits: element 32 j + i of the half (j < 4) takes its low
 * bits from low[32 (j & 1) + i], upper nibble for j >= 2, its high bits from high[i] >> 2 j.
 */
typedef struct jup_block_q6_k {
    uint8_t low[128];
    uint8_t high[64];
    int8_t scales[16];
    uint16_t d;
} jup_block_q6_k_t;

/** Scale and min of group g (0..7) from the 12 bytes of Q4_K and Q5_K. */
static inline void jup_k_scale_min(const uint8_t *scales, int g, uint8_t *scale, uint8_t *min)
{
    if (g < 4) {
        *scale = scales[g] & 63;
        *min = scales[g + 4] & 63;
    } else {
        *scale = (uint8_t)((scales[g + 4] & 15) | ((scales[g - 4] >> 6) << 4));
        *min = (uint8_t)((scales[g + 4] >> 4) | ((scales[g] >> 6) << 4));
    }
}

#endif
