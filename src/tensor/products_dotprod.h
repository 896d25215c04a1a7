/*
 * Sums of byte products with the instructions for them: sdot, and where panels are PAIRED smmla,
 * which does twice as many at once. Included by kernels_body.h.
 */

INLINE vi dot_small(vi sum, vi w, vi x)
{
    return (vi)vdotq_s32((int32x4_t)sum, (int8x16_t)w, (int8x16_t)x);
}

#if PAIRED

/* Rows 2 p and 2 p + 1 of x, 8 columns each; a missing one is 0. */
INLINE int8x16_t pair_of_x(const int m, const int8_t *q, const int p)
{
    if (2 * p + 1 < m)
        return vld1q_s8(q + 16 * p);
    return vcombine_s8(vld1_s8(q + 16 * p), vdup_n_s8(0));
}

/* What add_products() begins with, which takes the weights' zero point off: two rows of x, twice.
 */
INLINE void start_dots(const int m, const int32_t *parts, const int part, const int zero,
                       vi dots[I8_ROWS][I8_VECS])
{
    EACH (p, (m + 1) / 2) {
        const int32_t *sums = parts + part * m + 2 * p;
        int64_t both = 0;
        memcpy(&both, sums, 2 * p + 1 < m ? 8 : 4);
        EACH (v, I8_VECS)
            dots[2 * p][v] = (vi)vdupq_n_s64(both) * -zero;
    }
}

/* Columns [4 from, 4 to) of a block: of four rows of the weight and two of x, two by two. */
INLINE void add_products(const bool is_signed, const int m, const int from, const int to,
                         const uint8_t *w, const int8_t *q, vi dots[I8_ROWS][I8_VECS])
{
    enum { PAIRS = I8_ROWS / 2 };
    const int pairs = (m + 1) / 2;
    int32x4_t sums[PAIRS][I8_VECS][2];
    (void)is_signed;
    EACH (p, pairs)
        EACH (v, I8_VECS)
            sums[p][v][0] = sums[p][v][1] = (int32x4_t)dots[2 * p][v];
    EACH (i, (to - from) / 2) {
        const int k = from / 2 + i;
        EACH (v, I8_VECS) {
            const uint8_t *at = w + k * 8 * JUP_PANEL + v * VECTOR;
            int8x16_t first = (int8x16_t)load_i(at), last = (int8x16_t)load_i(at + 4 * JUP_PANEL);
            EACH (p, pairs) {
                int8x16_t x = pair_of_x(m, q + 8 * k * m, p);
                sums[p][v][0] = vmmlaq_s32(sums[p][v][0], first, x);
                sums[p][v][1] = vmmlaq_s32(sums[p][v][1], last, x);
            }
        }
    }
    EACH (r, m)
        EACH (v, I8_VECS)
            dots[r][v] = unpair((vi)sums[r / 2][v][0], (vi)sums[r / 2][v][1], r % 2);
}

#else

#include "tensor/products_start.h"

/* sum += the bytes of w times those of element `lane` of x, four by four */
INLINE vi dot_lane(vi sum, vi w, int8x16_t x, const int lane)
{
    switch (lane) { /* the instruction wants a constant, even where the compiler does not fold */
    case 0:
        return (vi)vdotq_laneq_s32((int32x4_t)sum, (int8x16_t)w, x, 0);
    case 1:
        return (vi)vdotq_laneq_s32((int32x4_t)sum, (int8x16_t)w, x, 1);
    case 2:
        return (vi)vdotq_laneq_s32((int32x4_t)sum, (int8x16_t)w, x, 2);
    default:
        return (vi)vdotq_laneq_s32((int32x4_t)sum, (int8x16_t)w, x, 3);
    }
}

/* Columns [4 from, 4 to) of a block: x goes by lanes, so that four rows of it are one load. */
INLINE void add_products(const bool is_signed, const int m, const int from, const int to,
                         const uint8_t *w, const int8_t *q, vi dots[I8_ROWS][I8_VECS])
{
    (void)is_signed;
    EACH (i, to - from) {
        const int k = from + i;
        vi column[I8_VECS];
        EACH (v, I8_VECS)
            column[v] = load_i(w + k * 4 * JUP_PANEL + v * VECTOR);
        EACH (r, m) {
            int8x16_t x = (int8x16_t)words_of(m - r / 4 * 4, q + 4 * (k * m + r / 4 * 4));
            EACH (v, I8_VECS)
                dots[r][v] = dot_lane(dots[r][v], column[v], x, r % 4);
        }
    }
}

#endif

/* ---- few rows of x (kernels_few_128.h) ---------------------------------------------------------
 */

enum { FEW_DOTS = 4 };

/* One row takes numbers as they lie; to turn them pays from the second one on. */
INLINE int order_of(const jup_dtype_t dtype, const int m)
{
    (void)dtype;
    return m == 1 ? IN_ROWS : PAIRED ? IN_PAIRS : IN_COLUMNS;
}

/* sum, or 0 first, += products of 16 bytes, whatever the weights' range. */
INLINE vi add_row(const int most, const bool first, vi sum, vi w, vi x)
{
    (void)most;
    if (first)
        return dot_small((vi){0}, w, x);
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(w), "w"(x)); /* or gcc 12 copies it */
    return sum;
}

/* All of each row's sums, row i in element i. */
INLINE vi sum_rows(const int most, const int n, const vi each[4])
{
    (void)most, (void)n;
    return (vi)vpaddq_s32(vpaddq_s32((int32x4_t)each[0], (int32x4_t)each[1]),
                          vpaddq_s32((int32x4_t)each[2], (int32x4_t)each[3]));
}

#if PAIRED

/* dots: two vectors for each two rows of x, of two rows of the weight each */
INLINE void start_in_lanes(const int zero, const int m, const int32_t *sums_of_x, vi *dots)
{
    EACH (p, (m + 1) / 2) {
        vi start = {0};
        if (zero) {
            int32x2_t both = {sums_of_x[2 * p], 2 * p + 1 < m ? sums_of_x[2 * p + 1] : 0};
            start = (vi)(vcombine_s32(both, both) * -zero);
        }
        dots[2 * p] = dots[2 * p + 1] = start;
    }
}

INLINE void dot_16_in_lanes(const int m, const vi w[4], const int8_t *q, vi *dots)
{
    EACH (half, 2)
        EACH (p, (m + 1) / 2) {
            int8x16_t x = pair_of_x(m, q + 8 * half * m, p);
            EACH (v, 2) {
                vi *sum = &dots[2 * p + v];
                *sum = (vi)vmmlaq_s32((int32x4_t)*sum, (int8x16_t)w[2 * half + v], x);
            }
        }
}

INLINE vi dots_in_lanes(const vi *dots, const int r)
{
    return unpair(dots[r / 2 * 2], dots[r / 2 * 2 + 1], r % 2);
}

#else

/* dots: a vector for each row of x */
INLINE void start_in_lanes(const int zero, const int m, const int32_t *sums_of_x, vi *dots)
{
    EACH (r, m)
        dots[r] = zero ? times_word(splat_i(-zero), words_of(m, sums_of_x), r) : (vi){0};
}

/* Word k m + r of x are columns [4 k, 4 k + 4) of row r. */
INLINE void dot_16_in_lanes(const int m, const vi w[4], const int8_t *q, vi *dots)
{
    int8x16_t x[FEW_ROWS];
    EACH (i, m)
        x[i] = vld1q_s8(q + 16 * i);
    EACH (k, 4)
        EACH (r, m)
            dots[r] = dot_lane(dots[r], w[k], x[(k * m + r) / 4], (k * m + r) % 4);
}

INLINE vi dots_in_lanes(const vi *dots, const int r)
{
    return dots[r];
}

#endif
