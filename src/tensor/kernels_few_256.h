/*
 * One row of x straight over the rows of a quantised weight, for 256-bit vectors: what
 * kernels_few_x86.h takes of them, and types whose groups have integer scales. Included by
 * kernels_body.h.
 */
#include "tensor/kernels_whole.h"

INLINE vi repeat_16(const int8_t *p)
{
    return (vi)_mm256_broadcastsi128_si256(load_128(p));
}

INLINE vi repeat_two(const int8_t *a, const int8_t *b)
{
    return load_16(
        (const unsigned char *const[2]){(const unsigned char *)a, (const unsigned char *)b});
}

INLINE vi repeat_32(const int8_t *p)
{
    return load_i(p);
}

INLINE vi load_32(const source_t *s, const int k, int64_t offset)
{
    return load_i(row_of(s, k) + offset);
}

INLINE void separate(vi a, vi b, vi both[2])
{
    both[0] = (vi)_mm256_permute2x128_si256((__m256i)a, (__m256i)b, 0x20);
    both[1] = (vi)_mm256_permute2x128_si256((__m256i)a, (__m256i)b, 0x31);
}

INLINE vi join(const quarter_int_t quarters[2])
{
    return (vi)_mm256_set_m128i((__m128i)quarters[1], (__m128i)quarters[0]);
}

INLINE vi with_fifth(vi q, const source_t *s, const int j, int64_t offset, const int from)
{
    const long long first = from * 0x0101010101010101, second = first + 0x0101010101010101;
    const __m256i bytes = _mm256_setr_epi64x(first, second, first, second);
    const __m256i own = _mm256_set1_epi64x((long long)0x8040201008040201u);
    __m256i bits = _mm256_shuffle_epi8((__m256i)load_rows(s, j, offset), bytes);
    return q | ((vi)_mm256_cmpeq_epi8(_mm256_and_si256(bits, own), own) & 0x10101010);
}

#include "tensor/kernels_few_x86.h"

/* ---- types whose scales are integers --------------------------------------------------------- */

/* The numbers of columns [32 part, 32 part + 32) of a block. */
INLINE vi numbers_of_256(const jup_dtype_t dtype, const unsigned char *b, const int part)
{
    const int half = part / 4, j = part % 4;
    if (dtype == JUP_Q2_K)
        return moved(load_i(b + offsetof(jup_block_q2_k_t, q) + 32 * half), 2 * j, 0) & 0x03030303;
    vi low = moved(load_i(b + offsetof(jup_block_q3_k_t, q) + 32 * half), 2 * j, 0) & 0x03030303;
    return low | (moved(load_i(b + offsetof(jup_block_q3_k_t, high)), part, 2) & 0x04040404);
}

/* The sums of the first 16 bytes' products of 8 vectors, one to an element, and of the last 16. */
INLINE void sum_halves(vi v[8], vi halves[2])
{
    __m256i pairs[4], fours[2];
    EACH (i, 4)
        pairs[i] = _mm256_hadd_epi32((__m256i)v[2 * i], (__m256i)v[2 * i + 1]);
    EACH (i, 2)
        fours[i] = _mm256_hadd_epi32(pairs[2 * i], pairs[2 * i + 1]);
    halves[0] = (vi)_mm256_permute2x128_si256(fours[0], fours[1], 0x20);
    halves[1] = (vi)_mm256_permute2x128_si256(fours[0], fours[1], 0x31);
}

/* 16 bits of groups 2 part and 2 part + 1, each throughout a lane. */
INLINE __m256i spread_groups(__m256i groups, const int part)
{
    const long long first = 0x0100010001000100 + part % 4 * 0x0404040404040404,
                    second = first + 0x0202020202020202;
    __m256i half = _mm256_permute2x128_si256(groups, groups, part < 4 ? 0x00 : 0x11);
    return _mm256_shuffle_epi8(half, _mm256_setr_epi64x(first, first, second, second));
}

/* The sums of 16 columns of x times the weights' zero point. */
INLINE void zeros_of_256(const int zero, const int32_t *parts, int16_t zeros[16])
{
    EACH (b, 8)
        EACH (half, 2)
            zeros[2 * b + half] = (int16_t)(zero * parts[b * JUP_X_PARTS + JUP_X_Q_FIRST + half]);
}

/* The sum of products with scales of 256 columns of a row, in 8 parts. */
INLINE vi whole_dots(const jup_dtype_t dtype, const unsigned char *block, const int8_t *q,
                     const int16_t *k, const int16_t *zeros)
{
    const __m256i scales = _mm256_mullo_epi16(whole_scales(dtype, block),
                                              _mm256_load_si256((const __m256i *)(const void *)k));
    vi dots = {0};
    if (form_of(dtype).zero)
        dots -=
            (vi)_mm256_madd_epi16(scales, _mm256_load_si256((const __m256i *)(const void *)zeros));
    EACH (part, 8) {
        __m256i x = (__m256i)load_i(q + 32 * part);
        __m256i pairs = _mm256_maddubs_epi16((__m256i)numbers_of_256(dtype, block, part), x);
        dots += (vi)_mm256_madd_epi16(pairs, spread_groups(scales, part));
    }
    return dots;
}

/* Adds 256 columns of 8 rows as whole_tile() does. */
INLINE vf add_whole(const jup_dtype_t dtype, source_t *s, jup_i8_x_t x, vf sum)
{
    const jup_i8_form_t form = form_of(dtype);
    _Alignas(32) int16_t k[16], sums[16], zeros[16];
    vi each[LANES], mins[LANES], dots[2], low[2] = {{0}};
    int32_t heads[LANES];
    float unit;
    _mm256_store_si256((__m256i *)(void *)k, double_k(x.whole));
    fold_mins(x.whole, sums);
    zeros_of_256(form.zero, x.parts, zeros);
    memcpy(&unit, x.whole + JUP_X_UNIT, sizeof unit);
    EACH (i, LANES) {
        const unsigned char *block = row_of(s, i);
        fetch_lines(s, block_bytes_of(dtype));
        each[i] = whole_dots(dtype, block, x.q, k, zeros);
        if (form.mins)
            mins[i] = (vi)whole_mins_of(block, sums);
        memcpy(&heads[i], block + block_bytes_of(dtype) - 4, sizeof heads[i]);
    }
    sum_halves(each, dots);
    if (form.mins)
        sum_halves(mins, low);
    vf even, odd;
    halves_to_floats(load_i(heads), &even, &odd);
    return with_whole(form, sum, dots[0] + dots[1], low[0] + low[1], form.mins ? even : odd, odd,
                      unit);
}

INLINE void run_whole(const jup_dtype_t dtype, const straight_t *rows, int64_t n,
                      const jup_i8_x_t *all, float *sums)
{
    for (int vec = 0; vec < VECS; vec++) {
        source_t s = source_at(rows, vec, 0);
        jup_i8_x_t x = *all;
        vf sum = {0};
        s.fetch = fetched_beside(&s);
        for (int64_t b = 0; b < n / 256; b++) {
            sum = add_whole(dtype, &s, x, sum);
            x.q += 256;
            x.parts += 8 * JUP_X_PARTS;
            x.whole += JUP_X_WHOLES;
            advance(&s, block_bytes_of(dtype));
        }
        store_f(sums + vec * LANES, sum);
    }
}
