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

/** The same with an offset: d * q + m. */
typedef struct jup_block_q4_1 {
    uint16_t d, m;
    uint8_t q[16];
} jup_block_q4_1_t;

/** As Q4_0 with a fifth bit, d * (q - 16): bit i of high (32 bits) belongs to element i. */
typedef struct jup_block_q5_0 {
    uint16_t d;
    uint8_t high[4];
    uint8_t q[16];
} jup_block_q5_0_t;

/** As Q4_1 with such a fifth bit: d * q + m. */
typedef struct jup_block_q5_1 {
    uint16_t d, m;
    uint8_t high[4];
    uint8_t q[16];
} jup_block_q5_1_t;

/** 32 elements as in Q4_0, each the number of a value: d * jup_iq4_values[q]. */
typedef struct jup_block_iq4_nl {
    uint16_t d;
    uint8_t q[16];
} jup_block_iq4_nl_t;

/** 32 elements: d * q. */
typedef struct jup_block_q8_0 {
    uint16_t d;
    int8_t q[32];
} jup_block_q8_0_t;

/**
 * 256 elements in 16 groups of 16: d * scale_g * q - dmin * min_g, scale_g the low and min_g the
 * high nibble of scales[g]. Element 32 j + i of a half of 128 elements (j < 4) takes two bits of
 * the half's 32 bytes: q[i] >> 2 j.
 */
typedef struct jup_block_q2_k {
    uint8_t scales[16];
    uint8_t q[64];
    uint16_t d, dmin;
} jup_block_q2_k_t;

/**
 * The same groups: d * (scale_g - 32) * (q - 4). Two low bits of q as in Q2_K; the third of element
 * 32 j + i of half h is bit 4 h + j of high[i]. Scales: see jup_q3_k_scale().
 */
typedef struct jup_block_q3_k {
    uint8_t high[32];
    uint8_t q[64];
    uint8_t scales[12];
    uint16_t d;
} jup_block_q3_k_t;

/**
 * 256 elements in 8 groups of 32: d * (scale_g - 32) * jup_iq4_values[q], 16 bytes of q a group as
 * in Q4_0. Scales: see jup_iq4_xs_scale().
 */
typedef struct jup_block_iq4_xs {
    uint16_t d;
    uint16_t scales_high;
    uint8_t scales_low[4];
    uint8_t q[128];
} jup_block_iq4_xs_t;

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

/** Scale of group g (0..15), 0..63: four bits in a nibble of the first 8 bytes, two in the last 4.
 */
static inline int jup_q3_k_scale(const uint8_t *scales, int g)
{
    int low = (scales[g % 8] >> (4 * (g / 8))) & 15,
        high = (scales[8 + g % 4] >> (2 * (g / 4))) & 3;
    return low | high << 4;
}

/** Scale of group g (0..7), 0..63. */
static inline int jup_iq4_xs_scale(const jup_block_iq4_xs_t *b, int g)
{
    int low = (b->scales_low[g / 2] >> (4 * (g & 1))) & 15, high = (b->scales_high >> (2 * g)) & 3;
    return low | high << 4;
}

/** The 16 values of IQ4_NL and IQ4_XS (the format's), denser around 0. */
static const int8_t jup_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

#endif
