/*
 * One row of x straight over the rows of a quantised weight, for 256-bit vectors: 8 rows side by
 * side are read in whole pieces, and only the sums of their products are brought into lanes,
 * without a panel in between. Included by kernels_body.h. The sums are its tiles' to the bit: sums
 * of integers are exact in any order.
 */
#include "tensor/kernels_whole.h"

/* ---- quantised weights ----------------------------------------------------------------------- */

/* The low nibbles of 16 bytes, then the high ones. */
INLINE vi nibbles_of(const unsigned char *p)
{
    __m256i both = _mm256_broadcastsi128_si256(load_128(p));
    return low_nibbles((vi)_mm256_srlv_epi32(both, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4)));
}

/* Bit e of 32 to bit 4 of byte e. */
INLINE vi fifth_of(const unsigned char *p)
{
    const __m256i byte =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201u);
    int32_t bits;
    memcpy(&bits, p, sizeof bits);
    __m256i each = _mm256_shuffle_epi8(_mm256_set1_epi32(bits), byte);
    return (vi)_mm256_cmpeq_epi8(_mm256_and_si256(each, bit), bit) & 0x10101010;
}

/* The low or the high nibbles of 32 bytes. */
INLINE vi nibbles_at(const unsigned char *p, bool high)
{
    return high ? high_nibbles(load_i(p)) : low_nibbles(load_i(p));
}

/* Bits of 32 bytes, from bit `from` of each to bit `to`; the mask is where they come to lie. */
INLINE vi bits_at(const unsigned char *p, const int from, const int to, int32_t mask)
{
    vi v = load_i(p);
    return (to > from ? v << (to - from) : shift_right(v, from - to)) & mask;
}

/* The numbers of columns [32 part, 32 part + 32) of a block of 256. */
INLINE vi numbers_of_256(const jup_dtype_t dtype, const unsigned char *b, const int part)
{
    const int half = part / 4, j = part % 4;
    switch (dtype) {
    case JUP_Q2_K:
        return bits_at(b + offsetof(jup_block_q2_k_t, q) + 32 * half, 2 * j, 0, 0x03030303);
    case JUP_Q3_K:
        return bits_at(b + offsetof(jup_block_q3_k_t, q) + 32 * half, 2 * j, 0, 0x03030303) |
               bits_at(b, part, 2, 0x04040404);
    case JUP_Q4_K:
        return nibbles_at(b + offsetof(jup_block_q4_k_t, q) + 32 * (part / 2), part % 2);
    case JUP_Q5_K:
        return nibbles_at(b + offsetof(jup_block_q5_k_t, q) + 32 * (part / 2), part % 2) |
               bits_at(b + offsetof(jup_block_q5_k_t, high), part, 4, 0x10101010);
    case JUP_Q6_K:
        return nibbles_at(b + 64 * half + 32 * (j % 2), j / 2) |
               bits_at(b + offsetof(jup_block_q6_k_t, high) + 32 * half, 2 * j, 4, 0x30303030);
    default:
        return iq4_values(nibbles_of(b + offsetof(jup_block_iq4_xs_t, q) + 16 * part));
    }
}

/* The same of any type. */
INLINE vi numbers_of(const jup_dtype_t dtype, const unsigned char *b, const int part)
{
    switch (dtype) {
    case JUP_Q4_0:
        return nibbles_of(b + offsetof(jup_block_q4_0_t, q));
    case JUP_Q4_1:
        return nibbles_of(b + offsetof(jup_block_q4_1_t, q));
    case JUP_Q5_0:
        return nibbles_of(b + offsetof(jup_block_q5_0_t, q)) |
               fifth_of(b + offsetof(jup_block_q5_0_t, high));
    case JUP_Q5_1:
        return nibbles_of(b + offsetof(jup_block_q5_1_t, q)) |
               fifth_of(b + offsetof(jup_block_q5_1_t, high));
    case JUP_Q8_0:
        return biased(load_i(b + offsetof(jup_block_q8_0_t, q)));
    case JUP_IQ4_NL:
        return iq4_values(nibbles_of(b + offsetof(jup_block_iq4_nl_t, q)));
    default:
        return numbers_of_256(dtype, b, part);
    }
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

/* The integer sums of 8 rows' products of 16 columns and of the next 16. */
INLINE void halves_of_part(const jup_dtype_t dtype, const source_t *s, const int part,
                           const int8_t *q, vi halves[2])
{
    const vi x = load_i(q);
    vi each[LANES];
    EACH (i, LANES) {
        vi w = numbers_of(dtype, row_of(s, i), part);
        each[i] = form_of(dtype).is_signed ? dot_q8((vi){0}, w, x) : dot_small((vi){0}, w, x);
    }
    sum_halves(each, halves);
}

/* Adds 32 columns of 8 rows; scales and mins are those of their groups. */
INLINE vf add_part(const jup_dtype_t dtype, const source_t *s, const int part, const int8_t *q,
                   const int32_t *parts, const float *scales, const float *mins, vf sum)
{
    const jup_i8_form_t form = form_of(dtype);
    const int groups = form.halves ? 2 : 1;
    vi halves[2];
    halves_of_part(dtype, s, part, q, halves);
    if (!form.halves)
        halves[0] += halves[1];
    EACH (g, groups) {
        vf min = form.mins ? load_f(mins + g * JUP_PANEL) : (vf){0};
        sum = add_group(dtype, sum, halves[g], load_f(scales + g * JUP_PANEL), min, parts, g);
    }
    return sum;
}

/* The scales (and mins) at the beginning of 8 rows' blocks of 32. */
INLINE void head_scales(const jup_dtype_t dtype, const source_t *s, jup_i8_panel_t to)
{
    int32_t heads[LANES];
    vf scale, offset;
    EACH (i, LANES)
        memcpy(&heads[i], row_of(s, i), sizeof heads[i]);
    halves_to_floats(load_i(heads), &scale, &offset);
    store_f(to.scale, scale);
    if (form_of(dtype).mins)
        store_f(to.min, -offset);
}

/* 16 bits of groups 2 part and 2 part + 1, each throughout a lane. */
INLINE __m256i spread_groups(__m256i groups, const int part)
{
    const long long first = 0x0100010001000100 + part % 4 * 0x0404040404040404,
                    second = first + 0x0202020202020202;
    __m256i half = _mm256_permute2x128_si256(groups, groups, part < 4 ? 0x00 : 0x11);
    return _mm256_shuffle_epi8(half, _mm256_setr_epi64x(first, first, second, second));
}

/* The sum of products with scales of 256 columns of a row, in 8 parts. */
INLINE vi whole_dots(const jup_dtype_t dtype, const unsigned char *block, const int8_t *q,
                     const int16_t *k)
{
    const __m256i scales = _mm256_mullo_epi16(whole_scales(dtype, block),
                                              _mm256_load_si256((const __m256i *)(const void *)k));
    const __m256i zeros = _mm256_set1_epi8((char)form_of(dtype).zero);
    vi dots = {0};
    EACH (part, 8) {
        __m256i x = (__m256i)load_i(q + 32 * part);
        __m256i pairs = _mm256_maddubs_epi16((__m256i)numbers_of_256(dtype, block, part), x);
        if (form_of(dtype).zero)
            pairs = _mm256_sub_epi16(pairs, _mm256_maddubs_epi16(zeros, x));
        dots += (vi)_mm256_madd_epi16(pairs, spread_groups(scales, part));
    }
    return dots;
}

/* Adds 256 columns of 8 rows as whole_tile() does. */
INLINE vf add_whole(const jup_dtype_t dtype, source_t *s, jup_i8_x_t x, vf sum)
{
    const jup_i8_form_t form = form_of(dtype);
    _Alignas(32) int16_t k[16], sums[16];
    vi each[LANES], mins[LANES], dots[2], low[2] = {{0}};
    int32_t heads[LANES];
    float unit;
    _mm256_store_si256((__m256i *)(void *)k, double_k(x.whole));
    fold_mins(x.whole, sums);
    memcpy(&unit, x.whole + JUP_X_UNIT, sizeof unit);
    EACH (i, LANES) {
        const unsigned char *block = row_of(s, i);
        fetch_lines(s, block_bytes_of(dtype));
        each[i] = whole_dots(dtype, block, x.q, k);
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

/* Adds a block of 8 rows. What is fetched is spread over it: many at once would wait for each
 * other.
 */
INLINE vf add_block(const jup_dtype_t dtype, source_t *s, jup_i8_x_t x, jup_i8_panel_t to, vf sum)
{
    const int groups = form_of(dtype).halves ? 2 : 1, parts = is_of_256(dtype) ? 8 : 1;
    if (form_of(dtype).whole)
        return add_whole(dtype, s, x, sum);
    if (is_of_256(dtype))
        store_scales_256(dtype, s, to);
    else
        head_scales(dtype, s, to);
    EACH (part, parts) {
        if (parts > 1)
            fetch_lines(s, LANES * block_bytes_of(dtype) / parts);
        sum =
            add_part(dtype, s, part, x.q + 32 * part, x.parts + part * JUP_X_PARTS,
                     to.scale + part * groups * JUP_PANEL, to.min + part * groups * JUP_PANEL, sum);
    }
    return sum;
}

/* 8 rows, n columns. */
INLINE void run_side_by_side(const jup_dtype_t dtype, source_t s, int64_t n, jup_i8_x_t x,
                             float *sums)
{
    _Alignas(64) float scale[16 * JUP_PANEL], min[16 * JUP_PANEL];
    const jup_i8_panel_t scales = {.scale = scale, .min = min};
    const int64_t bytes = block_bytes_of(dtype);
    const int64_t columns = is_of_256(dtype) ? 256 : 32;
    vf sum = {0};
    s.fetch = s.every_4th[0] + LANES * s.stride;
    int64_t fetched = 0;
    for (int64_t b = 0; b < n / columns; b++) {
        for (; columns == 32 && fetched < LANES * (b + 1) * bytes; fetched += 64)
            __builtin_prefetch(s.fetch + fetched, 0, FETCH_LEVEL);
        sum = add_block(dtype, &s, x, scales, sum);
        x.q += columns;
        x.parts += columns / 32 * JUP_X_PARTS;
        x.whole += columns / 256 * JUP_X_WHOLES;
        advance(&s, bytes);
    }
    store_f(sums, sum);
}

INLINE void run_rows(const jup_dtype_t dtype, const straight_t *rows, int64_t n,
                     const jup_i8_x_t *x, float *sums)
{
    for (int vec = 0; vec < VECS; vec++)
        run_side_by_side(dtype, source_at(rows, vec, 0), n, *x, sums + vec * LANES);
}

/* 32 columns, or 256 of types with such blocks. */
static int row_columns(jup_dtype_t dtype)
{
    return is_of_256(dtype) ? 256 : 32;
}
