/*
 * Few rows of x with x86's vectors. Included by kernels_few.h, which says what each of these is.
 * Besides what kernels_body.h asks for:
 *
 *   even_words, odd_words   words 0 and 2, or 1 and 3, of each 128 bits of two vectors
 *   pack_16, sum_pairs      their words as 16 bits, where they fit; the sums of each two of these
 *   first_halves ..         with 256 bits: halves of two vectors together (kernels_lines_x86.h)
 *   join_halves, repeat_32  with 512 bits: halves of two vectors; 32 bytes twice
 */
enum { FEW_DOTS = 4 };
#define LINES "tensor/kernels_lines_x86.h"

/* Four columns of a row of x, in all elements; q is where the row's tile has them. */
INLINE vi four_of_x(const int m, const int8_t *q, const int k)
{
    int32_t four;
    memcpy(&four, q + k / X_QUADS * X_RUN * m + k % X_QUADS * 4, sizeof four);
    return splat_i(four);
}

/*
 * Sums of products with 4 quads of numbers, after those that are in the sum already. Without
 * instructions for sums of four (PAIRS) they stay sums of two in 16 bits for as long as these fit:
 * 2 quads of weights below 64, 4 of weights below 32, 8 of weights below 16.
 */
INLINE bool stays_pairs(const jup_dtype_t dtype)
{
#ifdef PAIRS
    return most_of(dtype) < 16; /* groups have 8 quads at most */
#else
    (void)dtype;
    return false;
#endif
}

#ifdef PAIRS

INLINE vi add_pairs_of(const jup_dtype_t dtype, const int m, vi sum, const vi w[4], const int8_t *q)
{
    const int fit = most_of(dtype) < 32 ? 4 : 2;
    vi pairs = stays_pairs(dtype) ? sum : (vi){0};
    EACH (k, 4) {
        pairs = add_16(pairs, multiply_pairs(w[k], four_of_x(m, q, k)));
        if (!stays_pairs(dtype) && (k + 1) % fit == 0) {
            sum += sum_pairs(pairs);
            pairs = (vi){0};
        }
    }
    return stays_pairs(dtype) ? pairs : sum;
}

/* The same where a form is whole: a group's 4 quads. */
INLINE vi pairs_of_group(const int m, const vi w[4], const int8_t *q)
{
    vi pairs = multiply_pairs(w[0], four_of_x(m, q, 0));
    EACH (k, 3)
        pairs = add_16_in_order(pairs, multiply_pairs(w[k + 1], four_of_x(m, q, k + 1)));
    return pairs;
}

#endif

INLINE vi add_quads(const jup_dtype_t dtype, const int m, vi sum, const vi w[4], const int8_t *q)
{
    const bool is_signed = form_of(dtype).is_signed;
#ifdef PAIRS
    if (form_of(dtype).whole)
        return pairs_of_group(m, w, q);
    if (!is_signed)
        return add_pairs_of(dtype, m, sum, w, q);
#endif
    EACH (k, 4)
        sum = is_signed ? dot_q8(sum, w[k], four_of_x(m, q, k))
                        : dot_small(sum, w[k], four_of_x(m, q, k));
    return sum;
}

/*
 * One row of x takes numbers as they lie, IN_ROWS: their products with the same 16 columns need not
 * be turned into lanes, only sums of four vectors of them. Where groups are 16 columns and their
 * sums stay integers, that would be as much to turn.
 */
INLINE int order_of(const jup_dtype_t dtype, const int m)
{
    return m == 1 && !form_of(dtype).whole ? IN_ROWS : IN_COLUMNS;
}

INLINE bool by_pieces(const jup_dtype_t dtype, const int m)
{
    (void)dtype, (void)m;
    return true;
}

INLINE int side_by_side(const jup_dtype_t dtype, const int m)
{
    (void)dtype, (void)m;
    return 1;
}

INLINE bool scales_at_use(const jup_dtype_t dtype, const int m)
{
    (void)dtype, (void)m;
    return false;
}

/* All products of 16 columns fit 32 bits. In 16 bits (PAIRS) 4 * 2 * 4 * 7 * 127 fit, so that the
 * last two blocks of a stretch share what shifts. */
INLINE int place_of(const jup_dtype_t dtype, const int j)
{
    if (!form_of(dtype).whole)
        return 0;
#ifdef PAIRS
    return j % 2 * 2;
#else
    return j < 3 || dtype == JUP_Q2_K ? 2 * j : 0;
#endif
}

INLINE vf times_part(vf v, const int m, const int32_t *parts, const int r)
{
    (void)m;
    return v * float_of(parts + r);
}

INLINE vf plus_part(vf sum, vf v, const int m, const int32_t *parts, const int r)
{
    (void)m;
    return sum + v * float_of(parts + r);
}

INLINE vf less_part(vf sum, vf v, const int m, const int32_t *parts, const int r)
{
    (void)m;
    return sum - v * float_of(parts + r);
}

#ifdef PAIRS

#define HALVES_ALONE 1
INLINE vi add_half(vi all, vi dots, const float *scales, const int m, const int32_t *k, const int r)
{
    (void)m;
    return dot_pairs(all, dots, times_both(load_i(scales), (int16_t)k[r]));
}

#endif

INLINE vi add_halves(vi all, vi first, vi last, const float *scales, const int m, const int32_t *k,
                     const int r)
{
    (void)m;
    return dot_pairs(all, pair_up(first, last), times_both(load_i(scales), (int16_t)k[r]));
}

/* Products IN_ROWS, after those in the sum: where they are of pairs of 16 bits (PAIRS), two of
 * weights below 32 fit and then two such sums, or one of weights below 64. */
INLINE vi add_rows(const jup_dtype_t dtype, vi sum, vi w, vi x)
{
#ifdef OWN_MAGNITUDES
    if (dtype == JUP_IQ4_NL || dtype == JUP_IQ4_XS) /* their numbers begin with -127 */
        return dot_from_127(sum, w, x);
#endif
    if (form_of(dtype).is_signed)
        return dot_q8(sum, w, x);
#ifdef PAIRS
    return add_16(sum, multiply_pairs(w, x));
#else
    return dot_small(sum, w, x);
#endif
}

#ifdef PAIRS

/* Within each 128 bits: (a0 + a2, b0 + b2, a1 + a3, b1 + b3). */
INLINE vi fold_pair(const jup_dtype_t dtype, vi a, vi b)
{
    vi low = unpack_lo32(a, b), high = unpack_hi32(a, b);
    return form_of(dtype).is_signed ? low + high : sum_pairs(add_16(low, high));
}

/* Element i of 128-bit lane l: the sum of lane l of v[i]. */
INLINE vi fold(const jup_dtype_t dtype, const bool fit, const vi v[4])
{
    vi ab = fold_pair(dtype, v[0], v[1]), cd = fold_pair(dtype, v[2], v[3]);
    (void)fit;
    return unpack_lo64(ab, cd) + unpack_hi64(ab, cd);
}

#else

/* In each 128 bits: sums of two neighbours, of a and then of b. Do they fit 16 bits? */
INLINE vi fold_pair(const bool fit, vi a, vi b)
{
    return fit ? sum_pairs(pack_16(a, b)) : even_words(a, b) + odd_words(a, b);
}

/* The same. Sums of four products of numbers below 64 fit 16 bits in groups of 16 columns, and of
 * numbers below 32 in groups of 32. Do sums of eight products? */
INLINE vi fold(const jup_dtype_t dtype, const bool fit, const vi v[4])
{
    const bool four_fit = !form_of(dtype).is_signed;
    return fold_pair(fit, fold_pair(four_fit, v[0], v[1]), fold_pair(four_fit, v[2], v[3]));
}

#endif

/* The sums are 0 to start with. */
INLINE void dot_16(const jup_dtype_t dtype, const int m, const bool first, const vi w[4],
                   const int8_t *q, const int32_t *sums_of_x, vi *dots)
{
    (void)first, (void)sums_of_x;
    if (order_of(dtype, m) == IN_ROWS)
        EACH (j, 4)
            dots[j] = add_rows(dtype, dots[j], w[j], repeat_16(q));
    else
        EACH (r, m)
            dots[r] = add_quads(dtype, m, dots[r], w, q + r * X_RUN);
}

/* A sum of products with the zero point of the weights taken off. */
INLINE vi without_zero(const jup_dtype_t dtype, vi dot, const int32_t sum_of_x)
{
    vi x = splat_i(sum_of_x);
    __asm__("" : "+v"(x)); /* or it is multiplied in other registers, and moved over */
    return form_of(dtype).zero ? dot - x * form_of(dtype).zero : dot;
}

INLINE vi dots_of_row(const jup_dtype_t dtype, const int m, const int place, const vi *dots,
                      const int r, const int32_t *sums_of_x)
{
    vi sum = order_of(dtype, m) == IN_ROWS ? fold(dtype, most_of(dtype) < 16, dots) : dots[r];
#ifdef PAIRS
    typedef int16_t halves_t __attribute__((vector_size(VECTOR)));
    if (form_of(dtype).whole)
        return less_zero(form_of(dtype).zero, (vi)((halves_t)sum >> place), sums_of_x[r]);
    if (order_of(dtype, m) == IN_COLUMNS && stays_pairs(dtype))
        sum = sum_pairs(sum);
#endif
    return without_zero(dtype, sum >> place, sums_of_x[r]);
}
