/* AVX-512 with VNNI (Ice Lake, Zen 4 and later), and a table for those with BF16 products as well
 * (Cooper Lake, Sapphire Rapids, Zen 4 and later). */
#include "tensor/target.h"

#if defined(__x86_64__)
JUP_TARGET_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")
#include <immintrin.h>

#include <stdint.h>

#define TABLE jup_kernels_avx512
#define TABLE_NAME "avx512"
#define VECTOR 64
#define F32_ROWS 12
#define F32_VECS 2
#define I8_ROWS 6
#define I8_VECS 2
#define Q8_BIAS 0x80
#define MASKS 1
#define SCALED 1
#define FEW_ROWS 4
#define FEW "tensor/kernels_few_x86.h"
#define ALONE jup_kernels_avx512vl

typedef float vf __attribute__((vector_size(VECTOR)));
typedef int32_t vi __attribute__((vector_size(VECTOR)));
#define INLINE static inline __attribute__((always_inline))

INLINE vi unpack_lo32(vi a, vi b)
{
    return (vi)_mm512_unpacklo_epi32((__m512i)a, (__m512i)b);
}

INLINE vi unpack_hi32(vi a, vi b)
{
    return (vi)_mm512_unpackhi_epi32((__m512i)a, (__m512i)b);
}

INLINE vi even_words(vi a, vi b)
{
    return (vi)_mm512_shuffle_ps((__m512)a, (__m512)b, 0x88);
}

INLINE vi odd_words(vi a, vi b)
{
    return (vi)_mm512_shuffle_ps((__m512)a, (__m512)b, 0xdd);
}

INLINE vi pack_16(vi a, vi b)
{
    return (vi)_mm512_packs_epi32((__m512i)a, (__m512i)b);
}

INLINE vi sum_pairs(vi pairs)
{
    return (vi)_mm512_madd_epi16((__m512i)pairs, _mm512_set1_epi16(1));
}

INLINE vi unpack_lo64(vi a, vi b)
{
    return (vi)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b);
}

INLINE vi unpack_hi64(vi a, vi b)
{
    return (vi)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b);
}

INLINE __m128i load_128(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE vi load_16(const unsigned char *const p[4])
{
    __m512i v = _mm512_castsi128_si512(load_128(p[0]));
    v = _mm512_inserti32x4(v, load_128(p[1]), 1);
    v = _mm512_inserti32x4(v, load_128(p[2]), 2);
    return (vi)_mm512_inserti32x4(v, load_128(p[3]), 3);
}

INLINE vi repeat_16(const void *p)
{
    return (vi)_mm512_broadcast_i32x4(load_128(p));
}

INLINE vi load_halves_of(const unsigned char *low, const unsigned char *high)
{
    __m512i v = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)low));
    return (vi)_mm512_inserti64x4(v, _mm256_loadu_si256((const __m256i *)(const void *)high), 1);
}

INLINE vi repeat_32(const unsigned char *p)
{
    return (vi)_mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

INLINE vi join_halves(vi a, vi b)
{
    return (vi)_mm512_shuffle_i64x2((__m512i)a, (__m512i)b, 0xe4);
}

INLINE vi even_quarters(vi a, vi b)
{
    return (vi)_mm512_shuffle_i32x4((__m512i)a, (__m512i)b, 0x88);
}

INLINE vi odd_quarters(vi a, vi b)
{
    return (vi)_mm512_shuffle_i32x4((__m512i)a, (__m512i)b, 0xdd);
}

INLINE vi look_up(vi table, vi numbers)
{
    return (vi)_mm512_shuffle_epi8((__m512i)table, (__m512i)numbers);
}

INLINE vi add_where(vi q, vi bits, vi own, vi more)
{
    __mmask64 set = _mm512_test_epi8_mask((__m512i)bits, (__m512i)own);
    return (vi)_mm512_mask_add_epi8((__m512i)q, set, (__m512i)q, (__m512i)more);
}

INLINE vi add_16_where(vi q, vi bits, vi own)
{
    return add_where(q, bits, own, (vi)_mm512_set1_epi8(16));
}

INLINE vi add_16_at(vi q, uint64_t mask)
{
    return (vi)_mm512_mask_add_epi8((__m512i)q, mask, (__m512i)q, _mm512_set1_epi8(16));
}

INLINE vf load_halves(const void *p)
{
    return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

/* Eight words of a row; those of two rows: see kernels_plain.h. */
INLINE vf load_parts(const void *p, const void *q)
{
    __m512d v = _mm512_castpd256_pd512(_mm256_loadu_pd(p));
    return (vf)_mm512_insertf64x4(v, _mm256_loadu_pd(q), 1);
}

INLINE vf load_half_parts(const void *p, const void *q)
{
    __m512d v = _mm512_castpd256_pd512((__m256d)_mm256_cvtph_ps(load_128(p)));
    return (vf)_mm512_insertf64x4(v, (__m256d)_mm256_cvtph_ps(load_128(q)), 1);
}

/* Sums of 128-bit lanes: 0 and 1, 2 and 3 of a, then of b. */
INLINE vf add_quarters(vf a, vf b)
{
    return (vf)_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0x88) +
           (vf)_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0xdd);
}

INLINE vf repeat_part(const float *p)
{
    return (vf)_mm512_broadcast_f32x8(_mm256_loadu_ps(p));
}

INLINE void split_halves(vi v, uint16_t *to)
{
    const __m512i order =
        _mm512_set_epi16(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1, 30, 28, 26, 24,
                         22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi16(order, (__m512i)v));
}

INLINE vi dot_small(vi sum, vi w, vi x)
{
    return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, (__m512i)x);
}

#define dot_pairs dot_pairs
INLINE vi dot_pairs(vi sum, vi a, vi b)
{
    return (vi)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
}

/* Not by the compiler's own name for it, which it has only where all of the code may use it. */
#define BF16_TABLE jup_kernels_avx512bf16
#define BF16_NAME "avx512bf16"
INLINE vf add_bf16(vf sum, vf w, vf x)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
    return sum;
}

#include "tensor/kernels_body.h"

JUP_TARGET_END
#endif
