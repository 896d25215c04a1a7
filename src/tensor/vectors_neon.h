/* What kernels_body.h needs of NEON vectors, but for the 8-bit products and their tiles. */

/* The compiler must not move loads up before it hands out registers: a tile fills all 32 of them,
 * and what it then has to put aside costs a fifth of the instructions (gcc 12). The pass after that
 * remains. */
#if !defined(__clang__)
#pragma GCC optimize("no-schedule-insns")
#endif

#include <arm_neon.h>

#include <stdint.h>
#include <string.h>

#define VECTOR 16
#define F32_ROWS 6
#define F32_VECS 4
#define Q8_BIAS 0
#define OWN_START

/*
 * Half of a first-level cache of 32 KiB with two lines to a set (A57, A72; later cores have as much
 * or twice that with four): 8 KiB of an i8 panel, up to 4 KiB of its scales
 * and mins, and 4 KiB of x. The other half is for what streams past: the weight, and x of the next
 * rows.
 */
#define I8_CHUNK 256

#define FEW "tensor/kernels_few_128.h"
#define FEW_ROWS 1

typedef float vf __attribute__((vector_size(VECTOR)));
typedef int32_t vi __attribute__((vector_size(VECTOR)));
#define INLINE static inline __attribute__((always_inline))

INLINE vi unpack_lo32(vi a, vi b)
{
    return (vi)vzip1q_s32((int32x4_t)a, (int32x4_t)b);
}

INLINE vi unpack_hi32(vi a, vi b)
{
    return (vi)vzip2q_s32((int32x4_t)a, (int32x4_t)b);
}

INLINE vi unpack_lo64(vi a, vi b)
{
    return (vi)vzip1q_s64((int64x2_t)a, (int64x2_t)b);
}

INLINE vi unpack_hi64(vi a, vi b)
{
    return (vi)vzip2q_s64((int64x2_t)a, (int64x2_t)b);
}

/* The words 2 i of both (odd: 2 i + 1), those of a first. */
INLINE vi unpair(vi a, vi b, const int odd)
{
    return (vi)(odd ? vuzp2q_s32((int32x4_t)a, (int32x4_t)b)
                    : vuzp1q_s32((int32x4_t)a, (int32x4_t)b));
}

INLINE vi load_16(const unsigned char *const p[1])
{
    return (vi)vld1q_u8(p[0]);
}

INLINE vi repeat_16(const void *p)
{
    return (vi)vld1q_u8(p);
}

INLINE vi look_up(vi table, vi numbers)
{
    return (vi)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)numbers);
}

INLINE vi add_16_where(vi q, vi bits, vi own)
{
    uint8x16_t set = vtstq_u8((uint8x16_t)bits, (uint8x16_t)own);
    return (vi)vbslq_u8(vdupq_n_u8(16), set, (uint8x16_t)q);
}

INLINE void split_halves(vi v, uint16_t *to)
{
    vst1_u16(to, vmovn_u32((uint32x4_t)v));
    vst1_u16(to + 4, vshrn_n_u32((uint32x4_t)v, 16));
}

INLINE vf load_halves(const void *p)
{
    return (vf)vcvt_f32_f16((float16x4_t)vld1_u8(p));
}

/* The first `n` words at p, or four where there are more; others 0. */
INLINE vi words_of(const int n, const void *p)
{
    int32_t last = 0;
    if (n >= 4)
        return (vi)vld1q_u8(p);
    memcpy(&last, (const char *)p + 4 * (n - 1), sizeof last);
    const int32x2_t one = {last}, none = {0};
    if (n == 1)
        return (vi)vcombine_s32(one, none);
    return (vi)vcombine_s32((int32x2_t)vld1_u8(p), n == 2 ? none : one);
}

/* Word `at` of v in every element. */
INLINE vi splat_word(vi v, const int at)
{
    switch (at) { /* the instruction wants a constant, even where the compiler does not fold */
    case 0:
        return (vi)vdupq_laneq_s32((int32x4_t)v, 0);
    case 1:
        return (vi)vdupq_laneq_s32((int32x4_t)v, 1);
    case 2:
        return (vi)vdupq_laneq_s32((int32x4_t)v, 2);
    default:
        return (vi)vdupq_laneq_s32((int32x4_t)v, 3);
    }
}
