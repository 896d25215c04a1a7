/*
 * Sums of byte products without the instructions for them (Haswell, Zen), included by
 * kernels_body.h. Pairs of products are added up in 16 bits for as long as they fit, and then
 * widened: 4 times 2 of weights below 32, 2 times 2 of weights below 64 (as in products_neon.h).
 */

/* Columns [4 from, 4 from + 4 steps) of a block, weights without sign. */
INLINE void add_pairs(const int m, const int from, const int steps, const uint8_t *w,
                      const int8_t *q, vi dots[I8_ROWS][I8_VECS])
{
    vi pairs[I8_ROWS][I8_VECS];
    EACH (i, steps) {
        const int k = from + i;
        EACH (r, m) {
            int32_t four;
            memcpy(&four, q + 4 * (k * m + r), sizeof four);
            EACH (v, I8_VECS) {
                vi column = load_i(w + k * 4 * JUP_PANEL + v * VECTOR);
                vi more = multiply_pairs(column, splat_i(four));
                pairs[r][v] = i ? add_16_in_order(pairs[r][v], more) : more;
            }
        }
    }
    EACH (r, m)
        EACH (v, I8_VECS)
            dots[r][v] = add_32_in_order(dots[r][v], sum_pairs(pairs[r][v]));
}

/*
 * With signed weights two products of bytes fill 16 bits, and their signs would have to be brought
 * over to x first: for each product as much work for multipliers as three of 16 bits. So both
 * factors are taken as 16 bits, bytes 0 and 2 of each four together, and 1 and 3: those of the
 * weight lie so in the panel, x's in x->wide.
 */

/* All 32 columns of a block: nothing is in the sums before. */
INLINE void set_signed(const int m, const uint8_t *w, const int8_t *x, vi dots[I8_ROWS][I8_VECS])
{
    EACH (k, 8) {
        EACH (odd, 2) {
            vi columns[I8_VECS];
            EACH (v, I8_VECS)
                columns[v] = load_i(w + (2 * k + odd) * 4 * JUP_PANEL + v * VECTOR);
            EACH (r, m) {
                const int at = 4 * (k * m + r); /* among bytes */
                int32_t two;
                memcpy(&two, x + at / VECTOR * 2 * VECTOR + odd * VECTOR + at % VECTOR, sizeof two);
                EACH (v, I8_VECS)
                    dots[r][v] = k + odd == 0 ? multiply_wide(columns[v], splat_i(two))
                                              : dot_pairs(dots[r][v], columns[v], splat_i(two));
            }
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
        set_signed(m, w, q, dots);
        return;
    }
    add_pairs(m, from, steps, w, q, dots);
    add_pairs(m, from + steps, steps, w, q, dots);
}
