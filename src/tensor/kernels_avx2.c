/* AVX2 and FMA (Haswell, Zen and later). */
#include "tensor/target.h"

#if defined(__x86_64__)
JUP_TARGET_BEGIN("avx2,fma,f16c")
#define TABLE jup_kernels_avx2
#define TABLE_NAME "avx2"
#define I8_ROWS 4
#define Q8_BIAS 0
#include "tensor/vectors_avx2.h"

/* |w| <= 63 and |x| <= 127: a pair of products fits 16 bits. */
INLINE vi multiply_pairs(vi w, vi x)
{
    return (vi)_mm256_maddubs_epi16((__m256i)w, (__m256i)x);
}

INLINE vi dot_small(vi sum, vi w, vi x)
{
    return sum + sum_pairs(multiply_pairs(w, x));
}

#define PAIRS
INLINE vi add_16(vi a, vi b)
{
    return (vi)_mm256_add_epi16((__m256i)a, (__m256i)b);
}

/* As add_32_in_order(). */
INLINE vi add_16_in_order(vi a, vi b)
{
    __asm__("vpaddw %2, %1, %0" : "=x"(a) : "x"(a), "x"(b));
    return a;
}

/* Signed weights: the sign moves over to x; 128 * 127 * 2 still fits. */
INLINE vi dot_q8(vi sum, vi w, vi x)
{
    __m256i magnitude = _mm256_abs_epi8((__m256i)w);
    return dot_small(sum, (vi)magnitude, (vi)_mm256_sign_epi8((__m256i)x, (__m256i)w));
}

/* The same where no weight is -128: the sign moves over from x, whose magnitudes are then made once
 * for all the weights that it meets. */
#define OWN_MAGNITUDES
INLINE vi dot_from_127(vi sum, vi w, vi x)
{
    __m256i magnitude = _mm256_abs_epi8((__m256i)x);
    return dot_small(sum, (vi)magnitude, (vi)_mm256_sign_epi8((__m256i)w, (__m256i)x));
}

#define OWN_WIDE
INLINE vi even_bytes(vi v)
{
    typedef int16_t halves_t __attribute__((vector_size(VECTOR)));
    return (vi)((halves_t)v << 8 >> 8);
}

INLINE vi odd_bytes(vi v)
{
    typedef int16_t halves_t __attribute__((vector_size(VECTOR)));
    return (vi)((halves_t)v >> 8);
}

#define PRODUCTS "tensor/products_avx2.h"
#define FEW_ROWS 4
#define FEW "tensor/kernels_few_x86.h"
#include "tensor/kernels_body.h"

JUP_TARGET_END
#endif
