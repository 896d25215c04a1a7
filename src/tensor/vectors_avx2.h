/* What kernels_body.h needs of 256-bit vectors, but for the 8-bit products. */
#include <immintrin.h>

#include <stdint.h>

#define VECTOR 32
#define F32_ROWS 6
#define F32_VECS 2
#define I8_VECS 2

typedef float vf __attribute__((vector_size(VECTOR)));
typedef int32_t vi __attribute__((vector_size(VECTOR)));
#define INLINE static inline __attribute__((always_inline))

INLINE vi unpack_lo32(vi a, vi b)
{
    return (vi)_mm256_unpacklo_epi32((__m256i)a, (__m256i)b);
}

INLINE vi unpack_hi32(vi a, vi b)
{
    return (vi)_mm256_unpackhi_epi32((__m256i)a, (__m256i)b);
}

INLINE vi even_words(vi a, vi b)
{
    return (vi)_mm256_shuffle_ps((__m256)a, (__m256)b, 0x88);
}

INLINE vi odd_words(vi a, vi b)
{
    return (vi)_mm256_shuffle_ps((__m256)a, (__m256)b, 0xdd);
}

INLINE vi pack_16(vi a, vi b)
{
    return (vi)_mm256_packs_epi32((__m256i)a, (__m256i)b);
}

INLINE vi sum_pairs(vi pairs)
{
    return (vi)_mm256_madd_epi16((__m256i)pairs, _mm256_set1_epi16(1));
}

INLINE vi unpack_lo64(vi a, vi b)
{
    return (vi)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b);
}

INLINE vi unpack_hi64(vi a, vi b)
{
    return (vi)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b);
}

INLINE vi first_halves(vi a, vi b)
{
    return (vi)_mm256_permute2x128_si256((__m256i)a, (__m256i)b, 0x20);
}

INLINE vi last_halves(vi a, vi b)
{
    return (vi)_mm256_permute2x128_si256((__m256i)a, (__m256i)b, 0x31);
}

INLINE __m128i load_128(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

INLINE vi load_16(const unsigned char *const p[2])
{
    __m256i v = _mm256_castsi128_si256(load_128(p[0]));
    return (vi)_mm256_inserti128_si256(v, load_128(p[1]), 1);
}

INLINE vi repeat_16(const void *p)
{
    return (vi)_mm256_broadcastsi128_si256(load_128(p));
}

INLINE vi look_up(vi table, vi numbers)
{
    return (vi)_mm256_shuffle_epi8((__m256i)table, (__m256i)numbers);
}

/* In that order: a compiler that is free to choose has more products waiting than registers. */
INLINE vi add_32_in_order(vi a, vi b)
{
    __asm__("vpaddd %2, %1, %0" : "=x"(a) : "x"(a), "x"(b));
    return a;
}

/* Sums of two products of 16 bits. */
INLINE vi multiply_wide(vi a, vi b)
{
    return (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}

#define dot_pairs dot_pairs
INLINE vi dot_pairs(vi sum, vi a, vi b)
{
    return add_32_in_order(sum, multiply_wide(a, b));
}

INLINE void split_halves(vi v, uint16_t *to)
{
    __m256i low = _mm256_and_si256((__m256i)v, _mm256_set1_epi32(0xffff));
    __m256i high = _mm256_srli_epi32((__m256i)v, 16);
    __m256i sorted = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
    _mm256_storeu_si256((__m256i *)(void *)to, sorted);
}

INLINE vi set_where(vi bits, vi own)
{
    return (vi)_mm256_cmpeq_epi8((__m256i)(bits & own), (__m256i)own);
}

INLINE vi add_where(vi q, vi bits, vi own, vi more)
{
    return (vi)_mm256_add_epi8((__m256i)q, (__m256i)(set_where(bits, own) & more));
}

INLINE vi add_16_where(vi q, vi bits, vi own)
{
    return q | (set_where(bits, own) & 0x10101010);
}

INLINE vf load_halves(const void *p)
{
    return (vf)_mm256_cvtph_ps(load_128(p));
}

/* The upper half of each element, the lower one 0. With the mask in memory: sums, x and weights of
 * plain types take all 16 registers, and a compiler that gives it one reads x over and over. */
#define OWN_UPPER_HALVES
INLINE vi upper_halves(vi v)
{
    static const vi mask = {-65536, -65536, -65536, -65536, -65536, -65536, -65536, -65536};
    __asm__("vpand %2, %1, %0" : "=x"(v) : "x"(v), "m"(mask));
    return v;
}

/* Sums of 128-bit lanes: 0 and 1 of a, then of b. */
INLINE vf add_quarters(vf a, vf b)
{
    return (vf)_mm256_permute2f128_ps((__m256)a, (__m256)b, 0x20) +
           (vf)_mm256_permute2f128_ps((__m256)a, (__m256)b, 0x31);
}
