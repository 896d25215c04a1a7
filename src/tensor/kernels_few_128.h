/*
 * Few rows of x with NEON. 4 rows of the weight are read in whole pieces, so that of a first-level
 * cache of 32 KiB, two lines to a set (Cortex-A57 and A72), 4 or 8 lines are in use at a time,
 * however far the rows are apart. Included by kernels_few.h, which says what each of these is;
 * PRODUCTS has the others.
 */

/* Registers are too few for the sums of a stretch. */
INLINE bool by_pieces(const jup_dtype_t dtype, const int m)
{
    (void)dtype, (void)m;
    return false;
}

INLINE int place_of(const jup_dtype_t dtype, const int j)
{
    (void)dtype, (void)j;
    return 0;
}

/* A row of x is loaded half as often; blocks of 256, or more rows, fill the registers alone. */
INLINE int side_by_side(const jup_dtype_t dtype, const int m)
{
    return m == 1 && columns_of(dtype) == 32 ? 2 : 1;
}

/* Where a block is in one piece of code: none has to be stored. */
INLINE bool scales_at_use(const jup_dtype_t dtype, const int m)
{
    return m == 1 && columns_of(dtype) == 256 && !form_of(dtype).whole;
}

INLINE vf times_part(vf v, const int m, const int32_t *parts, const int r)
{
    if (m == 1)
        return v * float_of(parts); /* a single word needs no vector around it */
    return times_float(v, words_of(m, parts), r);
}

INLINE vf plus_part(vf sum, vf v, const int m, const int32_t *parts, const int r)
{
    if (m == 1)
        return sum + v * float_of(parts);
    return plus_float(sum, v, words_of(m, parts), r);
}

INLINE vf less_part(vf sum, vf v, const int m, const int32_t *parts, const int r)
{
    if (m == 1)
        return sum - v * float_of(parts);
    return less_float(sum, v, words_of(m, parts), r);
}

INLINE vi add_halves(vi all, vi first, vi last, const float *scales, const int m, const int32_t *k,
                     const int r)
{
    const vi of_x = words_of(m, k);
    all = plus_product(all, first, times_word(whole_scale(scales, 0), of_x, r));
    return plus_product(all, last, times_word(whole_scale(scales, 1), of_x, r));
}

/* Numbers as they lie (IN_ROWS): x in the same order, and a vector of sums for each row of both. */
INLINE void dot_16_in_rows(const jup_dtype_t dtype, const int m, const bool first, const vi w[4],
                           const int8_t *q, vi *dots)
{
    vi x[FEW_ROWS];
    load_16_of_rows(m, q, x);
    EACH (r, m)
        EACH (j, 4)
            dots[4 * r + j] = add_row(most_of(dtype), first, dots[4 * r + j], w[j], x[r]);
}

INLINE void dot_16(const jup_dtype_t dtype, const int m, const bool first, const vi w[4],
                   const int8_t *q, const int32_t *sums_of_x, vi *dots)
{
    if (order_of(dtype, m) == IN_ROWS) {
        dot_16_in_rows(dtype, m, first, w, q, dots);
        return;
    }
    if (first)
        start_in_lanes(form_of(dtype).zero, m, sums_of_x, dots);
    dot_16_in_lanes(m, w, q, dots);
}

INLINE vi dots_of_row(const jup_dtype_t dtype, const int m, const int place, const vi *dots,
                      const int r, const int32_t *sums_of_x)
{
    (void)place;
    const int zero = form_of(dtype).zero;
    if (order_of(dtype, m) != IN_ROWS)
        return dots_in_lanes(dots, r);
    vi sum = sum_rows(most_of(dtype), form_of(dtype).halves ? 1 : 2, dots + 4 * r);
    return zero ? less_word(sum, splat_i(zero), words_of(m, sums_of_x), r) : sum;
}
