/*
 * One row of x straight over the rows of a quantised weight, for 512-bit vectors with VNNI: what
 * kernels_few_x86.h takes of them. Included by kernels_body.h.
 */
#include "tensor/kernels_whole.h"

INLINE vi repeat_16(const int8_t *p)
{
    return (vi)_mm512_broadcast_i32x4(load_128((const unsigned char *)p));
}

INLINE vi two_halves(const void *low, const void *high)
{
    __m512i v = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)low));
    return (vi)_mm512_inserti64x4(v, _mm256_loadu_si256((const __m256i *)high), 1);
}

INLINE vi repeat_32(const int8_t *p)
{
    return (vi)_mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

INLINE vi repeat_two(const int8_t *a, const int8_t *b)
{
    const unsigned char *first = (const unsigned char *)a, *second = (const unsigned char *)b;
    return load_16((const unsigned char *const[4]){first, second, first, second});
}

INLINE vi load_32(const source_t *s, const int k, int64_t offset)
{
    const int row = k / 4 * 8 + k % 4;
    return two_halves(row_of(s, row) + offset, row_of(s, row + 4) + offset);
}

INLINE void separate(vi a, vi b, vi both[2])
{
    both[0] = (vi)_mm512_shuffle_i32x4((__m512i)a, (__m512i)b, 0x88);
    both[1] = (vi)_mm512_shuffle_i32x4((__m512i)a, (__m512i)b, 0xdd);
}

INLINE vi join(const quarter_int_t quarters[4])
{
    __m512i v = _mm512_castsi128_si512((__m128i)quarters[0]);
    v = _mm512_inserti32x4(v, (__m128i)quarters[1], 1);
    v = _mm512_inserti32x4(v, (__m128i)quarters[2], 2);
    return (vi)_mm512_inserti32x4(v, (__m128i)quarters[3], 3);
}

INLINE vi with_fifth(vi q, const source_t *s, const int j, int64_t offset, const int from)
{
    uint64_t set = 0;
    EACH (i, 4) {
        uint16_t bits;
        memcpy(&bits, row_of(s, 4 * i + j) + offset + from, sizeof bits);
        set |= (uint64_t)bits << (16 * i);
    }
    return (vi)_mm512_mask_add_epi8((__m512i)q, set, (__m512i)q, _mm512_set1_epi8(16));
}

#include "tensor/kernels_few_x86.h"
#include "tensor/kernels_whole_512.h"
