/*
 * Few rows of x for x86's vectors: as many rows of the weight as a vector has lanes, side by side.
 * Included by kernels_few.h.
 */
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
    switch (dtype) {
    case JUP_Q4_0:
    case JUP_Q4_1:
    case JUP_Q4_K: /* groups of 8 quads */
    case JUP_Q2_K:
    case JUP_Q3_K: /* 4 */
        return true;
    default:
        return false;
    }
#endif
    (void)dtype;
    return false;
}

#ifdef PAIRS

INLINE vi add_pairs_of(const jup_dtype_t dtype, const int m, vi sum, const vi w[4], const int8_t *q)
{
    const int fit = dtype == JUP_Q6_K ? 2 : 4;
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

#endif

INLINE vi add_quads(const jup_dtype_t dtype, const int m, vi sum, const vi w[4], const int8_t *q)
{
    const bool is_signed = form_of(dtype).is_signed;
#ifdef PAIRS
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

/* Products IN_ROWS, after those in the sum: where they are of pairs of 16 bits (PAIRS), two of
 * weights below 32 fit and then two such sums, or one of weights below 64. */
INLINE vi add_rows(const jup_dtype_t dtype, vi sum, vi w, vi x)
{
    if (form_of(dtype).is_signed)
        return dot_q8(sum, w, x);
#ifdef PAIRS
    return add_16(sum, multiply_pairs(w, x));
#else
    return dot_small(sum, w, x);
#endif
}

/* Within each 128 bits: (a0 + a2, b0 + b2, a1 + a3, b1 + b3). */
INLINE vi fold_pair(const jup_dtype_t dtype, vi a, vi b)
{
    vi low = unpack_lo32(a, b), high = unpack_hi32(a, b);
#ifdef PAIRS
    if (!form_of(dtype).is_signed)
        return sum_pairs(add_16(low, high));
#endif
    (void)dtype;
    return low + high;
}

/* Element i of 128-bit lane l: the sum of lane l of v[i]. */
INLINE vi fold(const jup_dtype_t dtype, const vi v[4])
{
    vi ab = fold_pair(dtype, v[0], v[1]), cd = fold_pair(dtype, v[2], v[3]);
    return unpack_lo64(ab, cd) + unpack_hi64(ab, cd);
}

/* The sums of integers of a group and row r of x, with the zero point of the weights taken off. */
INLINE vi finish_dots(const jup_dtype_t dtype, const int m, const vi *dots, const int r,
                      const int32_t *sums_of_x)
{
    vi sum = order_of(dtype, m) == IN_ROWS ? fold(dtype, dots) : dots[r];
#ifdef PAIRS
    if (order_of(dtype, m) == IN_COLUMNS && stays_pairs(dtype))
        sum = sum_pairs(sum);
#endif
    return form_of(dtype).zero ? sum - splat_i(sums_of_x[r]) * form_of(dtype).zero : sum;
}

INLINE float float_part(const int32_t *parts, const int at)
{
    float f;
    memcpy(&f, parts + at, sizeof f);
    return f;
}

/* Adds a group of columns to the sums of m rows of x as i8_tile() does; parts: of x. */
INLINE void add_group(const jup_dtype_t dtype, const int m, const int half, const vi *dots,
                      vf scale, vf min, const int32_t *parts, vf *sum)
{
    const jup_i8_form_t form = form_of(dtype);
    const int q_at = form.halves ? JUP_X_Q_FIRST + half : JUP_X_Q;
    const int sum_at = form.halves ? JUP_X_FIRST + half : JUP_X_SUM;
    EACH (r, m) {
        vi dot = finish_dots(dtype, m, dots, r, parts + q_at * m);
        sum[r] += to_float(dot) * (scale * float_part(parts, JUP_X_SCALE * m + r));
        if (form.mins)
            sum[r] -= min * float_part(parts, sum_at * m + r);
    }
}

/* Adds a block of 32 of a form that is whole as add_whole_block() does; dots: of its halves, scales
 * of both; k: of x */
INLINE void add_whole_32(const jup_dtype_t dtype, const int m, vi (*dots)[FEW_ROWS], vi scales,
                         const int32_t *parts, const int32_t *k, vi *whole)
{
    EACH (r, m) {
        vi first = finish_dots(dtype, m, dots[0], r, parts + JUP_X_Q_FIRST * m);
        vi last = finish_dots(dtype, m, dots[1], r, parts + JUP_X_Q_LAST * m);
        whole[r] = dot_pairs(whole[r], pair_up(first, last), times_both(scales, (int16_t)k[r]));
    }
}

/* Of as many rows as a vector has lanes. */
INLINE int64_t stretch_bytes(const jup_dtype_t dtype)
{
    return LANES * block_bytes_of(dtype) * stretch_columns(dtype) / columns_of(dtype);
}

/* Of what is fetched during a stretch, the lines of share i of n: many at once would wait for each
 * other. */
INLINE void fetch_share(const jup_dtype_t dtype, const unsigned char *fetch, const int i,
                        const int n)
{
    const int lines = (int)(stretch_bytes(dtype) + 63) / 64;
    __asm__ volatile(""); /* a compiler would put all of them first */
    for (int line = lines * i / n; line < lines * (i + 1) / n; line++)
        __builtin_prefetch(fetch + 64 * line, 0, FETCH_LEVEL);
}

/* Adds products of the 16 columns from 16 at on, in stretch i; x: at the stretch, or dots of one
 * row IN_ROWS, of FEW_ROWS vectors. */
INLINE void dot_16(const jup_dtype_t dtype, const int m, const stretch_t *numbers, int i,
                   const int at, const jup_i8_x_t *x, vi *dots)
{
    const int order = order_of(dtype, m);
    vi w[4];
    EACH (k, 4)
        w[k] = number_of(dtype, order, numbers, i, at / 2, at % 2 * 4 + k);
    if (order == IN_ROWS)
        EACH (j, 4)
            dots[j] = add_rows(dtype, dots[j], w[j], repeat_16(x->q + 16 * at));
    else
        EACH (r, m)
            dots[r] = add_quads(dtype, m, dots[r], w, x->q + 16 * at * m + r * X_RUN);
}

/* Adds what 256 columns of forms that are whole come to. */
INLINE void add_whole(const jup_dtype_t dtype, const int m, const jup_i8_panel_t *scales,
                      const jup_i8_x_t *x, const vi *whole, vf *sum)
{
    const jup_i8_form_t form = form_of(dtype);
    EACH (r, m) {
        vi mins = form.mins ? whole_mins(m, scales->min, x->whole + r) : (vi){0};
        sum[r] =
            with_whole(form, sum[r], whole[r], mins, load_f(scales->whole),
                       load_f(scales->whole + JUP_PANEL), float_part(x->whole, JUP_X_UNIT * m + r));
    }
}

/* Adds stretch i of a block of each row to sums, or to those of integers where the form is whole.
 */
INLINE void add_stretch(const jup_dtype_t dtype, const int m, source_t *s, int i,
                        stretch_t *numbers, const jup_i8_panel_t *scales, const jup_i8_x_t *x,
                        vf *sum, vi *whole)
{
    const jup_i8_form_t form = form_of(dtype);
    const int sixteens = stretch_columns(dtype) / 16, of_piece = piece_sixteens(dtype);
    const int each = form.halves ? 1 : 2, first = i * sixteens / each; /* of a group; group */
    const jup_i8_x_t at = {x->q + i * sixteens * 16 * m,
                           x->parts + i * sixteens / 2 * JUP_X_PARTS * m,
                           x->whole + i * sixteens / 2 * m};
    const int shares = sixteens + sixteens / each; /* of what is fetched */
    vi dots[8][FEW_ROWS] = {{{0}}};
    EACH (p, stretch_pieces(dtype)) {
        load_piece(dtype, order_of(dtype, m), s, i, p, numbers);
        EACH (g, of_piece) {
            const int to = sixteen_at(dtype, p, g);
            fetch_share(dtype, s->fetch, p * of_piece + g, shares);
            dot_16(dtype, m, numbers, i, to, &at, dots[to / each]);
        }
    }
    EACH (g, sixteens / each) {
        fetch_share(dtype, s->fetch, sixteens + g, shares);
        const float *scale = scales->scale + (first + g) * JUP_PANEL;
        const float *min = scales->min + (first + g) * JUP_PANEL;
        const int32_t *parts = at.parts + g * each / 2 * JUP_X_PARTS * m;
        if (!form.whole)
            add_group(dtype, m, each == 1 ? g % 2 : 0, dots[g], load_f(scale),
                      form.mins ? load_f(min) : (vf){0}, parts, sum);
        else if (g % 2 == 0)
            add_whole_32(dtype, m, dots + g, load_i(scale), parts, at.whole + (JUP_X_K + g / 2) * m,
                         whole);
    }
    s->fetch += stretch_bytes(dtype);
}

/* Adds a block of each row. One row of x has a block in one piece of code, which is a tenth to a
 * third quicker; others have more of it. */
INLINE void add_block(const jup_dtype_t dtype, const int m, source_t *s, const jup_i8_x_t *x,
                      vf *sum)
{
    const int stretches = columns_of(dtype) / stretch_columns(dtype);
    _Alignas(64) float scale[16 * JUP_PANEL], min[16 * JUP_PANEL], of_all[2 * JUP_PANEL];
    const jup_i8_panel_t scales = {.scale = scale, .min = min, .whole = of_all};
    stretch_t numbers;
    vi whole[FEW_ROWS] = {{0}};
    store_scales(dtype, s, scales);
    if (m == 1) {
        EACH (i, stretches)
            add_stretch(dtype, m, s, i, &numbers, &scales, x, sum, whole);
    } else {
        ONE_BY_ONE (i, stretches)
            add_stretch(dtype, m, s, i, &numbers, &scales, x, sum, whole);
    }
    if (form_of(dtype).whole)
        add_whole(dtype, m, &scales, x, whole, sum);
}

/* As many rows as a vector has lanes: sums = or += */
INLINE void add_rows_of(const jup_dtype_t dtype, const int m, source_t s, int64_t n, jup_i8_x_t x,
                        float *sums, bool add)
{
    const int columns = columns_of(dtype);
    vf sum[FEW_ROWS];
    EACH (r, m)
        sum[r] = add ? load_f(sums + r * JUP_PANEL) : (vf){0};
    for (; n > 0; n -= columns) {
        add_block(dtype, m, &s, &x, sum);
        advance(&s, block_bytes_of(dtype));
        x.q += columns * m;
        x.parts += columns / JUP_X_BLOCK * JUP_X_PARTS * m;
        x.whole += JUP_X_WHOLES * m;
    }
    EACH (r, m)
        store_f(sums + r * JUP_PANEL, sum[r]);
}

/*
 * 32 rows. What is fetched meanwhile are rows that come later, twice as far as those go that are
 * side by side: the next ones alone would be too near for the memory's delay (Zen 4).
 */
INLINE void few_rows(const jup_dtype_t dtype, const int m, const straight_t *rows, int64_t n,
                     const jup_i8_x_t *x, float *sums, bool add)
{
    for (int vec = 0; vec < VECS; vec++) {
        source_t s = source_at(rows, vec, 0);
        s.fetch = s.every_4th[0] + 2 * LANES * s.stride;
        add_rows_of(dtype, m, s, n, *x, sums + vec * LANES, add);
    }
}
