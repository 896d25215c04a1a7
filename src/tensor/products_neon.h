/*
 * Sums of byte products without dot product instructions (Cortex-A53, A57, A72), included by
 * kernels_body.h. Products are added up in 16 bits for as long as they fit, which takes two
 * multiply-adds for 16 of them; one widening and folding then serves all. |x| <= 127 throughout:
 *
 *   weights 0..15   16 * 15 * 127 = 30480 fit
 *   weights 0..31    8 * 31 * 127 = 31496
 *   weights 0..63    4 * 63 * 127 = 32004
 *   signed ones      2 * 128 * 127 = 32512
 */

#include "tensor/products_start.h"

/* sum += four products each: as add_products() for a single vector */
INLINE vi dot_small(vi sum, vi w, vi x)
{
    int16x8_t low = vmull_s8(vget_low_s8((int8x16_t)w), vget_low_s8((int8x16_t)x));
    int16x8_t high = vmull_high_s8((int8x16_t)w, (int8x16_t)x);
    return (vi)vpadalq_s16((int32x4_t)sum, vpaddq_s16(low, high));
}

/* acc[0] and acc[1] += the products of the first and the last 8 bytes. */
INLINE void add_16_bit(int16x8_t acc[2], int8x16_t w, int8x16_t x, const bool first)
{
    if (first) {
        acc[0] = vmull_s8(vget_low_s8(w), vget_low_s8(x));
        acc[1] = vmull_high_s8(w, x);
    } else {
        acc[0] = vmlal_s8(acc[0], vget_low_s8(w), vget_low_s8(x));
        acc[1] = vmlal_high_s8(acc[1], w, x);
    }
}

/* Sums of four in a row, the first acc's then the second's. */
INLINE vi fold_16_bit(const int16x8_t acc[2])
{
    return (vi)vpaddq_s32(vpaddlq_s16(acc[0]), vpaddlq_s16(acc[1]));
}

/*
 * Columns [4 from, 4 to) of a block. A form with groups of 32 columns (to - from = 8) has weights
 * below 32, one with groups of 16 below 64: neither's sums leave 16 bits before all are in.
 */
INLINE void add_products(const bool is_signed, const int m, const int from, const int to,
                         const uint8_t *w, const int8_t *q, vi dots[I8_ROWS][I8_VECS])
{
    const int most = is_signed ? 2 : to - from; /* products to a lane that fit */
    for (int at = from; at < to; at += most) {
        int16x8_t acc[I8_ROWS][I8_VECS][2];
        EACH (i, most) {
            const int k = at + i;
            int8x16_t column[I8_VECS];
            EACH (v, I8_VECS)
                column[v] = (int8x16_t)load_i(w + k * 4 * JUP_PANEL + v * VECTOR);
            EACH (r, m) {
                vi rows = words_of(m - r / 4 * 4, q + 4 * (k * m + r / 4 * 4));
                EACH (v, I8_VECS)
                    add_16_bit(acc[r][v], column[v], (int8x16_t)splat_word(rows, r % 4), i == 0);
            }
        }
        EACH (r, m)
            EACH (v, I8_VECS)
                dots[r][v] += fold_16_bit(acc[r][v]);
    }
}

/* ---- few rows of x (kernels_few_128.h) ---------------------------------------------------------
 */

enum { FEW_DOTS = 4 * FEW_ROWS };

INLINE int order_of(const jup_dtype_t dtype, const int m)
{
    (void)dtype, (void)m;
    return IN_ROWS; /* products of other orders take words of x in all lanes, one by one */
}

/* sum, or 0 first, += products of 16 bytes, weights up to `most` or of any sign where that is 127.
 * Two times 16 fit, but the latter. */
INLINE vi add_row(const int most, const bool first, vi sum, vi w, vi x)
{
    const bool more = !first && most < 127;
    int16x8_t dots =
        more ? vmlal_s8((int16x8_t)sum, vget_low_s8((int8x16_t)w), vget_low_s8((int8x16_t)x))
             : vmull_s8(vget_low_s8((int8x16_t)w), vget_low_s8((int8x16_t)x));
    dots = vmlal_high_s8(dots, (int8x16_t)w, (int8x16_t)x);
    if (most < 127)
        return (vi)dots;
    return (vi)(first ? vpaddlq_s16(dots) : vpadalq_s16((int32x4_t)sum, dots));
}

/* All of each row's sums of n times 16 bytes, row i in element i. */
INLINE vi sum_rows(const int most, const int n, const vi each[4])
{
    if (most == 127)
        return (vi)vpaddq_s32(vpaddq_s32((int32x4_t)each[0], (int32x4_t)each[1]),
                              vpaddq_s32((int32x4_t)each[2], (int32x4_t)each[3]));
    int16x8_t low = vpaddq_s16((int16x8_t)each[0], (int16x8_t)each[1]);
    int16x8_t high = vpaddq_s16((int16x8_t)each[2], (int16x8_t)each[3]);
    if (8 * n * most * 127 <= INT16_MAX)
        return (vi)vpaddlq_s16(vpaddq_s16(low, high));
    return (vi)vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
}

/* No type's. */
INLINE void start_in_lanes(const int zero, const int m, const int32_t *sums_of_x, vi *dots)
{
    (void)zero, (void)m, (void)sums_of_x, (void)dots;
}

INLINE void dot_16_in_lanes(const int m, const vi w[4], const int8_t *q, vi *dots)
{
    (void)m, (void)w, (void)q, (void)dots;
}

INLINE vi dots_in_lanes(const vi *dots, const int r)
{
    return dots[r];
}
