/*
 * Panels of forms that are whole, where products take any bytes (SCALED): numbers are multiplied by
 * their scales on packing, so that 32 columns are one sum, not two with scales between. Included by
 * kernels_body.h.
 *
 *   Q2_K  0..3 times 0..15: 0..45
 *   Q3_K  -4..3 times -32..31: -124..128. A signed byte holds the negative, and the number that
 *         256 columns are multiplied with is negative, too.
 */

/* How packed blocks are to be read in the panels that tile_i8() takes. */
INLINE jup_i8_form_t panel_form_of(const jup_dtype_t dtype)
{
    jup_i8_form_t form = form_of(dtype);
    if (!SCALED || !form.whole)
        return form;
    form.scaled = true;
    form.is_signed = dtype == JUP_Q3_K;
    form.zero = form.is_signed ? Q8_BIAS : 0;
    return form;
}

/* The scales' bytes of a block; stores what else there is of it. */
INLINE void load_factors(const jup_dtype_t dtype, const source_t *s, jup_i8_panel_t to,
                         vi factors[4])
{
    load_whole_scales(dtype, s, to, factors);
    if (dtype == JUP_Q3_K)
        store_f(to.whole, -load_f(to.whole));
}

/* Of 16 columns: what numbers come to. */
typedef struct factors {
    vi table; /* a row's word: of each value of the low two bits */
    vi more;  /* the same four times: what Q3_K's third bit adds */
} factors_t;

INLINE factors_t factors_of(const jup_dtype_t dtype, const vi scales[4], const int group)
{
    vi scale = byte_of(scales, group);
    if (dtype == JUP_Q2_K)
        return (factors_t){.table = scale * 0x03020100};
    /* (4 - number) * (scale - 32), and for 4 more 4 * (32 - scale); no byte leaves 0..255 before
     * the subtractions, which are of bytes */
    vb table = (vb)(scale * 0x01020304) - (vb)((vi){0} + 0x20406080);
    vb more = (vb)all_bytes(128) - (vb)((vu)scale * 0x04040404u);
    return (factors_t){.table = biased((vi)table), .more = (vi)more};
}

/* number_of() times the scale, as the form of the panel has it. */
INLINE vi product_of(const jup_dtype_t dtype, const int order, const stretch_t *from, int i,
                     const int j, const int k, const factors_t *factors)
{
#if SCALED
    const vi row = (vi)word_of_row(order, k);
    vi low = look_up(factors->table, bits_of(from->q[k], 2 * j, 2) | row);
    if (dtype == JUP_Q2_K)
        return low;
    vi more = order == IN_COLUMNS ? factors->more : look_up(factors->more, row);
    return add_where(low, from->bits[k], all_bytes(1 << (4 * i + j)), more);
#else
    (void)order, (void)factors;
    return number_of(dtype, order, from, i, j, k);
#endif
}
