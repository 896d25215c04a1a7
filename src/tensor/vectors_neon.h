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

/*
 * Few rows: with what goes with it, rounded x takes 1.9 bytes a column and row. 4 rows of 2048
 * columns are 15 KiB, half of such a cache, and stay there while the weight streams past, 4 rows of
 * it or 8 at a time; of 5632 columns they are 42 KiB and come from the second level for each of
 * these, 8 bytes for the 3 to 7 instructions that a column takes. Chunks of columns would keep them
 * near, but read the weight in short pieces. A fifth row would leave registers no room.
 */
#define FEW "tensor/kernels_few_128.h"
#define FEW_ROWS 4

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

INLINE vi add_where(vi q, vi bits, vi own, vi more)
{
    uint8x16_t set = vtstq_u8((uint8x16_t)bits, (uint8x16_t)own);
    return (vi)vaddq_u8((uint8x16_t)q, set & (uint8x16_t)more);
}

INLINE vi add_16_where(vi q, vi bits, vi own)
{
    uint8x16_t set = vtstq_u8((uint8x16_t)bits, (uint8x16_t)own);
    return (vi)vbslq_u8(vdupq_n_u8(16), set, (uint8x16_t)q);
}

#define OWN_BITS

INLINE vi bits_of(vi v, const int from, const int n)
{
    uint8x16_t low = from > 0 ? (uint8x16_t)v >> from : (uint8x16_t)v;
    return (vi)(from + n == 8 ? low : low & vdupq_n_u8((uint8_t)((1 << n) - 1)));
}

INLINE vi with_bits(vi low, vi bits, const int from, const int to, const int n)
{
    uint8x16_t all = (uint8x16_t)bits;
    if (n == 1)
        all = vtstq_u8(all, vdupq_n_u8((uint8_t)(1 << from)));
    else
        all = to > from ? all << (to - from) : all >> (from - to);
    return (vi)vbslq_u8(vdupq_n_u8((uint8_t)(((1 << n) - 1) << to)), all, (uint8x16_t)low);
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

#define OWN_WORDS

/* Four words or halves, each `stride` bytes after the one before: loads into lanes that move the
 * address on, which the compiler does not make of them (gcc 12). */
INLINE vi words_apart(const unsigned char *p, int64_t stride)
{
    int32x4_t v;
    const unsigned char *next;
    __asm__("ldr %s0, [%2]\n\t"
            "add %1, %2, %3\n\t"
            "ld1 {%0.s}[1], [%1], %3\n\t"
            "ld1 {%0.s}[2], [%1], %3\n\t"
            "ld1 {%0.s}[3], [%1]"
            : "=&w"(v), "=&r"(next)
            : "r"(p), "r"(stride), "m"(*(const unsigned char(*)[])p));
    return (vi)v;
}

INLINE vf halves_apart(const unsigned char *p, int64_t stride)
{
    float16x4_t v;
    const unsigned char *next;
    __asm__("ldr %h0, [%2]\n\t"
            "add %1, %2, %3\n\t"
            "ld1 {%0.h}[1], [%1], %3\n\t"
            "ld1 {%0.h}[2], [%1], %3\n\t"
            "ld1 {%0.h}[3], [%1]"
            : "=&w"(v), "=&r"(next)
            : "r"(p), "r"(stride), "m"(*(const unsigned char(*)[])p));
    return (vf)vcvt_f32_f16(v);
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

/* 16 columns of each of m rows of x, which lie by fours. */
INLINE void load_16_of_rows(const int m, const int8_t *q, vi *x)
{
    const int32_t *words = (const int32_t *)(const void *)q;
    if (m == 1) {
        x[0] = (vi)vld1q_s8(q);
    } else if (m == 2) {
        int32x4x2_t rows = vld2q_s32(words);
        x[0] = (vi)rows.val[0], x[1] = (vi)rows.val[1];
    } else if (m == 3) {
        int32x4x3_t rows = vld3q_s32(words);
        x[0] = (vi)rows.val[0], x[1] = (vi)rows.val[1], x[2] = (vi)rows.val[2];
    } else {
        int32x4x4_t rows = vld4q_s32(words);
        x[0] = (vi)rows.val[0], x[1] = (vi)rows.val[1];
        x[2] = (vi)rows.val[2], x[3] = (vi)rows.val[3];
    }
}

/*
 * Products with one of four words, as instructions: the compiler (gcc 12) makes shifts of factors
 * that it knows, and copies of words that are used twice.
 */
#define BY_LANE(text, to, v, words, lane)                                                          \
    switch (lane) {                                                                                \
    case 0:                                                                                        \
        __asm__(text "[0]" : to : "w"(v), "w"(words));                                             \
        break;                                                                                     \
    case 1:                                                                                        \
        __asm__(text "[1]" : to : "w"(v), "w"(words));                                             \
        break;                                                                                     \
    case 2:                                                                                        \
        __asm__(text "[2]" : to : "w"(v), "w"(words));                                             \
        break;                                                                                     \
    default:                                                                                       \
        __asm__(text "[3]" : to : "w"(v), "w"(words));                                             \
    }

INLINE vf times_float(vf v, vi words, const int lane)
{
    vf product;
    BY_LANE("fmul %0.4s, %1.4s, %2.s", "=w"(product), v, words, lane)
    return product;
}

/* sum + v * the word, and sum - v * it, rounded once */
INLINE vf plus_float(vf sum, vf v, vi words, const int lane)
{
    BY_LANE("fmla %0.4s, %1.4s, %2.s", "+w"(sum), v, words, lane)
    return sum;
}

INLINE vf less_float(vf sum, vf v, vi words, const int lane)
{
    BY_LANE("fmls %0.4s, %1.4s, %2.s", "+w"(sum), v, words, lane)
    return sum;
}

INLINE vi times_word(vi v, vi words, const int lane)
{
    vi product;
    BY_LANE("mul %0.4s, %1.4s, %2.s", "=w"(product), v, words, lane)
    return product;
}

INLINE vi less_word(vi sum, vi v, vi words, const int lane)
{
    BY_LANE("mls %0.4s, %1.4s, %2.s", "+w"(sum), v, words, lane)
    return sum;
}

/* sum + a * b, here and now: a compiler would put such sums off while registers are filled. */
INLINE vi plus_product(vi sum, vi a, vi b)
{
    __asm__("mla %0.4s, %1.4s, %2.4s" : "+w"(sum) : "w"(a), "w"(b));
    return sum;
}
