/*
 * AVX-512's instructions on vectors of 256 bits. They take one row of x for the tables of
 * kernels_avx512.c, which are quicker in all else: one row waits for the memory, and eight rows of
 * a weight side by side come from there up to a quarter faster than 16 (Zen 5, one and two threads;
 * of Q8_0 also a Zen 4).
 */
#include "tensor/target.h"

#if defined(__x86_64__)
JUP_TARGET_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")
#define TABLE jup_kernels_avx512vl
#define TABLE_NAME "avx512vl"
#define I8_ROWS 6
#define Q8_BIAS 0x80
#define MASKS 1
#define SCALED 1
#include "tensor/vectors_avx2.h"

INLINE vi add_16_at(vi q, uint64_t mask)
{
    return (vi)_mm256_mask_add_epi8((__m256i)q, (__mmask32)mask, (__m256i)q, _mm256_set1_epi8(16));
}

INLINE vi dot_small(vi sum, vi w, vi x)
{
    return (vi)_mm256_dpbusd_epi32((__m256i)sum, (__m256i)w, (__m256i)x);
}

#define FEW_ROWS 4
#define FEW "tensor/kernels_few_x86.h"
#include "tensor/kernels_body.h"

JUP_TARGET_END
#endif
