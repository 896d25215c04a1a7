/*
 * Sums of byte products without the instructions for them (Haswell, Zen), included by
 * kernels_body.h. Pairs of products are added up in 16 bits for as long as they fit, and then
 * widened: 4 times 2 of weights below 32, 2 times 2 of weights below 64 (as in products_neon.h).
 */

/* Columns [4 from, 4 from + 4 steps) of a block, weights without sign. */
INLINE void add_pairs(const int m, const int from, const int steps, const uint8_t *w,
                      const int8_t *q, vi dots[I8_ROWS][I8_VECS])
{
    __m256i pairs[I8_ROWS][I8_VECS];
    EACH (i, steps) {
        const int k = from + i;
        EACH (r, m) {
            int32_t four;
            memcpy(&four, q + 4 * (k * m + r), sizeof four);
            EACH (v, I8_VECS) {
                vi column = load_i(w + k * 4 * JUP_PANEL + v * VECTOR);
                __m256i more = (__m256i)multiply_pairs(column, splat_i(four));
                pairs[r][v] = i ? _mm256_add_epi16(pairs[r][v], more) : more;
            }
        }
    }
    EACH (r, m)
        EACH (v, I8_VECS)
            dots[r][v] += sum_pairs((vi)pairs[r][v]);
}

/* The same with signs, which each leave no room for another pair. */
INLINE void add_signed(const int m, const int from, const int to, const uint8_t *w, const int8_t *q,
                       vi dots[I8_ROWS][I8_VECS])
{
    EACH (i, to - from) {
        const int k = from + i;
        EACH (r, m) {
            int32_t four;
            memcpy(&four, q + 4 * (k * m + r), sizeof four);
            EACH (v, I8_VECS)
                dots[r][v] =
                    dot_q8(dots[r][v], load_i(w + k * 4 * JUP_PANEL + v * VECTOR), splat_i(four));
        }
    }
}

/* Columns [4 from, 4 to) of a block. A form with groups of 32 columns (to - from = 8) has weights
 * below 32, one with groups of 16 below 64. */
INLINE void add_products(const bool is_signed, const int m, const int from, const int to,
                         const uint8_t *w, const int8_t *q, vi dots[I8_ROWS][I8_VECS])
{
    const int steps = (to - from) / 2;
    if (is_signed) {
        add_signed(m, from, to, w, q, dots);
        return;
    }
    add_pairs(m, from, steps, w, q, dots);
    add_pairs(m, from + steps, steps, w, q, dots);
}
