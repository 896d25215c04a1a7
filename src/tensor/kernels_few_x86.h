/*
 * One row of x straight over the rows of a quantised weight, for x86's vectors: as many rows as a
 * vector has lanes, side by side, as many in each load as it has quarters of 128 bits. 16 bytes of
 * each are multiplied with the same columns of x, and only the sums of their products are brought
 * into lanes, without a panel in between. Included by kernels_few_256.h and kernels_few_512.h,
 * which have
 *
 *   repeat_16, repeat_two, repeat_32   16, two times 16, 32 bytes, again and again
 *   load_32     32 bytes of a row, or of two, four rows apart: load k of 8
 *   separate    folded sums of the first four such loads and of the last: of the first 16 bytes, of
 *               the last, in the order of rows
 *   join        a vector of its quarters
 *   with_fifth  16 added to the bytes of load_rows() whose bit is set in the two bytes from `from`
 *               on of the rows' bytes at `offset`
 *   run_whole   types whose groups have integer scales
 *
 * The sums are the tiles' of kernels_body.h to the bit: sums of integers are exact in any order.
 */

/* ---- sums of products ------------------------------------------------------------------------ */

/* Where products are pairs of 16 bits (PAIRS), two of them may be added up, and then two such
 * sums: 4 * 2 products of weights below 32, or 4 of weights below 64. */

/* Products of the same columns of some rows with x. */
INLINE vi multiply(const bool is_signed, vi w, vi x)
{
    if (is_signed)
        return dot_q8((vi){0}, w, x);
#ifdef PAIRS
    return multiply_pairs(w, x);
#else
    return dot_small((vi){0}, w, x);
#endif
}

/* The same with those of other columns added. */
INLINE vi multiply_more(const bool is_signed, vi sums, vi w, vi x)
{
    if (is_signed)
        return dot_q8(sums, w, x);
#ifdef PAIRS
    return add_16(sums, multiply_pairs(w, x));
#else
    return dot_small(sums, w, x);
#endif
}

/* Within each 128 bits: (a0 + a2, b0 + b2, a1 + a3, b1 + b3). */
INLINE vi fold_pair(const bool is_signed, vi a, vi b)
{
    vi low = unpack_lo32(a, b), high = unpack_hi32(a, b);
#ifdef PAIRS
    if (!is_signed)
        return sum_pairs(add_16(low, high));
#endif
    (void)is_signed;
    return low + high;
}

/* Element i of 128-bit lane l: the sum of lane l of v[i]. */
INLINE vi fold(const bool is_signed, const vi v[4])
{
    vi ab = fold_pair(is_signed, v[0], v[1]), cd = fold_pair(is_signed, v[2], v[3]);
    return unpack_lo64(ab, cd) + unpack_hi64(ab, cd);
}

/* ---- blocks of 32 ---------------------------------------------------------------------------- */

/* The scales of the rows' blocks, and their offsets where they have some. */
INLINE vf load_heads(const jup_dtype_t dtype, const source_t *s, vf *offset)
{
    typedef uint16_t halves_t __attribute__((vector_size(2 * LANES)));
    vf scale;
    if (form_of(dtype).mins) {
        quarter_int_t words[VECTOR / 16];
        EACH (i, LANES) {
            int32_t word;
            memcpy(&word, row_of(s, i), sizeof word);
            words[i / 4][i % 4] = word;
        }
        halves_to_floats(join(words), &scale, offset);
        return scale;
    }
    halves_t halves;
    EACH (i, LANES) {
        uint16_t half;
        memcpy(&half, row_of(s, i), sizeof half);
        halves[i] = half;
    }
    *offset = (vf){0};
    return load_halves(&halves);
}

/* The sums of a block of 32 with nibbles, whose first 16 columns are the low ones. */
INLINE vi dots_of_nibbles(const jup_dtype_t dtype, const source_t *s, int64_t at, const vi x[2])
{
    const bool is_signed = form_of(dtype).is_signed;
    vi dots[4];
    EACH (j, 4) {
        vi q = load_rows(s, j, at), low = low_nibbles(q), high = high_nibbles(q);
        if (dtype == JUP_Q5_0 || dtype == JUP_Q5_1) {
            low = with_fifth(low, s, j, at - 4, 0);
            high = with_fifth(high, s, j, at - 4, 2);
        }
        if (dtype == JUP_IQ4_NL)
            low = iq4_values(low), high = iq4_values(high);
        dots[j] = multiply_more(is_signed, multiply(is_signed, low, x[0]), high, x[1]);
    }
    return fold(is_signed, dots);
}

INLINE vi dots_of_q8_0(const source_t *s, const vi x[2])
{
    vi dots[4];
    EACH (j, 4)
        dots[j] = multiply_more(true, multiply(true, biased(load_rows(s, j, 2)), x[0]),
                                biased(load_rows(s, j, 18)), x[1]);
    return fold(true, dots);
}

/* 32 columns of x: the first 16 and the last. */
INLINE void load_x(const int8_t *q, vi x[2])
{
    EACH (i, 2)
        x[i] = repeat_16(q + 16 * i);
}

INLINE vf add_block_of_32(const jup_dtype_t dtype, const source_t *s, const jup_i8_x_t *x, vf sum)
{
    vi of_x[2];
    vf offset, scale = load_heads(dtype, s, &offset);
    load_x(x->q, of_x);
    vi dots = dtype == JUP_Q8_0 ? dots_of_q8_0(s, of_x)
                                : dots_of_nibbles(dtype, s, block_bytes_of(dtype) - 16, of_x);
    return add_group(dtype, sum, dots, scale, -offset, x->parts, 0);
}

/* ---- blocks of 256 --------------------------------------------------------------------------- */

/* Of what is fetched while a block is read, the lines of share `i` of 16: many at once would wait
 * for each other. */
INLINE void fetch_share(const jup_dtype_t dtype, const source_t *s, const int i)
{
    const int lines = (int)((LANES * block_bytes_of(dtype) + 63) / 64);
    __asm__ volatile(""); /* a compiler would put all of them first */
    for (int line = lines * i / 16; line < lines * (i + 1) / 16; line++)
        __builtin_prefetch(s->fetch + 64 * line, 0, FETCH_LEVEL);
}

/* Bits of all bytes, from bit `from` of each to bit `to`; what crosses a byte is masked by the
 * caller. */
INLINE vi moved(vi v, const int from, const int to)
{
    return to > from ? v << (to - from) : shift_right(v, from - to);
}

/* Adds groups of columns as i8_tile() does: g counts those of a block. */
INLINE vf add_group_of_256(const jup_dtype_t dtype, const jup_i8_panel_t *scales, const int g,
                           vi dots, const int32_t *parts, vf sum)
{
    const jup_i8_form_t form = form_of(dtype);
    const int halves = form.halves ? 2 : 1;
    vf min = form.mins ? load_f(scales->min + g * JUP_PANEL) : (vf){0};
    return add_group(dtype, sum, dots, load_f(scales->scale + g * JUP_PANEL), min,
                     parts + g / halves * JUP_X_PARTS, g % halves);
}

/* Q4_K and Q5_K: two groups of 32, in the low and in the high nibbles of 32 bytes. */
INLINE vf add_two_groups(const jup_dtype_t dtype, const source_t *s, const int pair,
                         const jup_i8_panel_t *scales, const jup_i8_x_t *x, vf sum)
{
    const int64_t at = dtype == JUP_Q4_K ? (int64_t)offsetof(jup_block_q4_k_t, q)
                                         : (int64_t)offsetof(jup_block_q5_k_t, q);
    const int64_t fifth = (int64_t)offsetof(jup_block_q5_k_t, high);
    vi dots[2][4], of_x[4];
    load_x(x->q + 64 * pair, of_x);
    load_x(x->q + 64 * pair + 32, of_x + 2);
    EACH (j, 4) {
        fetch_share(dtype, s, 4 * pair + j);
        EACH (part, 2) {
            vi q = load_rows(s, j, at + 32 * pair + 16 * part);
            vi low = low_nibbles(q), high = high_nibbles(q);
            if (dtype == JUP_Q5_K) {
                vi bits = load_rows(s, j, fifth + 16 * part);
                low |= moved(bits, 2 * pair, 4) & 0x10101010;
                high |= moved(bits, 2 * pair + 1, 4) & 0x10101010;
            }
            dots[0][j] = part ? multiply_more(false, dots[0][j], low, of_x[1])
                              : multiply(false, low, of_x[0]);
            dots[1][j] = part ? multiply_more(false, dots[1][j], high, of_x[3])
                              : multiply(false, high, of_x[2]);
        }
    }
    EACH (i, 2)
        sum = add_group_of_256(dtype, scales, 2 * pair + i, fold(false, dots[i]), x->parts, sum);
    return sum;
}

/*
 * Groups whose bytes are next to each other: 32 bytes of two of them are loaded at a time, of a row
 * or of two, `k` counts these loads. dots[k] then has the products of both groups.
 */
enum { LOADS = 8 };

INLINE vf add_pair(const jup_dtype_t dtype, const int g, const vi dots[LOADS],
                   const jup_i8_panel_t *scales, const jup_i8_x_t *x, vf sum)
{
    const bool is_signed = form_of(dtype).is_signed;
    vi both[2];
    separate(fold(is_signed, dots), fold(is_signed, dots + 4), both);
    EACH (i, 2)
        sum = add_group_of_256(dtype, scales, g + i, both[i], x->parts, sum);
    return sum;
}

/* Half a block of Q6_K: four times 32 columns. */
INLINE vf add_half_of_q6_k(const source_t *s, const int half, const jup_i8_panel_t *scales,
                           const jup_i8_x_t *x, vf sum)
{
    const int64_t high = (int64_t)offsetof(jup_block_q6_k_t, high);
    vi dots[4][LOADS], of_x[4];
    EACH (i, 4)
        of_x[i] = repeat_32(x->q + 128 * half + 32 * i);
    EACH (k, LOADS) {
        fetch_share(JUP_Q6_K, s, 8 * half + k);
        vi first = load_32(s, k, 64 * half), second = load_32(s, k, 64 * half + 32);
        vi bits = load_32(s, k, high + 32 * half);
        vi w[4] = {low_nibbles(first), low_nibbles(second), high_nibbles(first),
                   high_nibbles(second)};
        EACH (i, 4)
            dots[i][k] = multiply(false, w[i] | (moved(bits, 2 * i, 4) & 0x30303030), of_x[i]);
    }
    EACH (i, 4)
        sum = add_pair(JUP_Q6_K, 8 * half + 2 * i, dots[i], scales, x, sum);
    return sum;
}

/* Two groups of 32 columns of IQ4_XS. */
INLINE vf add_two_of_iq4_xs(const source_t *s, const int pair, const jup_i8_panel_t *scales,
                            const jup_i8_x_t *x, vf sum)
{
    const int64_t at = (int64_t)offsetof(jup_block_iq4_xs_t, q) + 32 * pair;
    const int8_t *q = x->q + 64 * pair;
    vi dots[LOADS], low_x = repeat_two(q, q + 32), high_x = repeat_two(q + 16, q + 48);
    EACH (k, LOADS) {
        if (k % 2 == 0)
            fetch_share(JUP_IQ4_XS, s, 4 * pair + k / 2);
        vi w = load_32(s, k, at);
        dots[k] = multiply_more(true, multiply(true, iq4_values(low_nibbles(w)), low_x),
                                iq4_values(high_nibbles(w)), high_x);
    }
    return add_pair(JUP_IQ4_XS, 2 * pair, dots, scales, x, sum);
}

INLINE vf add_block_of_256(const jup_dtype_t dtype, source_t *s, const jup_i8_x_t *x, vf sum)
{
    _Alignas(64) float scale[16 * JUP_PANEL], min[16 * JUP_PANEL];
    const jup_i8_panel_t scales = {.scale = scale, .min = min};
    store_scales_256(dtype, s, scales);
    if (dtype == JUP_Q6_K)
        EACH (half, 2)
            sum = add_half_of_q6_k(s, half, &scales, x, sum);
    else if (dtype == JUP_IQ4_XS)
        EACH (pair, 4)
            sum = add_two_of_iq4_xs(s, pair, &scales, x, sum);
    else
        EACH (pair, 4)
            sum = add_two_groups(dtype, s, pair, &scales, x, sum);
    s->fetch += LANES * block_bytes_of(dtype);
    return sum;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/*
 * As many rows as a vector has lanes. What is fetched meanwhile are rows that come later, twice as
 * far as they go: the next ones alone would be too near for the memory's delay (Zen 4).
 */
INLINE const unsigned char *fetched_beside(const source_t *s)
{
    return s->every_4th[0] + 2 * LANES * s->stride;
}

INLINE vf run_blocks_of_32(const jup_dtype_t dtype, source_t s, int64_t blocks, jup_i8_x_t x)
{
    const int64_t bytes = block_bytes_of(dtype);
    const unsigned char *fetch = fetched_beside(&s);
    int64_t fetched = 0;
    vf sum = {0};
    for (int64_t b = 0; b < blocks; b++) {
        for (; fetched < LANES * (b + 1) * bytes; fetched += 64)
            __builtin_prefetch(fetch + fetched, 0, FETCH_LEVEL);
        sum = add_block_of_32(dtype, &s, &x, sum);
        x.q += 32;
        x.parts += JUP_X_PARTS;
        advance(&s, bytes);
    }
    return sum;
}

INLINE vf run_blocks_of_256(const jup_dtype_t dtype, source_t s, int64_t blocks, jup_i8_x_t x)
{
    vf sum = {0};
    s.fetch = fetched_beside(&s);
    for (int64_t b = 0; b < blocks; b++) {
        sum = add_block_of_256(dtype, &s, &x, sum);
        x.q += 256;
        x.parts += 8 * JUP_X_PARTS;
        advance(&s, block_bytes_of(dtype));
    }
    return sum;
}

INLINE void run_whole(const jup_dtype_t dtype, const straight_t *rows, int64_t n,
                      const jup_i8_x_t *x, float *sums);

INLINE void run_rows(const jup_dtype_t dtype, const straight_t *rows, int64_t n,
                     const jup_i8_x_t *x, float *sums)
{
    if (form_of(dtype).whole) {
        run_whole(dtype, rows, n, x, sums);
        return;
    }
    for (int vec = 0; vec < VECS; vec++) {
        source_t s = source_at(rows, vec, 0);
        store_f(sums + vec * LANES, is_of_256(dtype) ? run_blocks_of_256(dtype, s, n / 256, *x)
                                                     : run_blocks_of_32(dtype, s, n / 32, *x));
    }
}

/* 32 columns, or 256 of types with such blocks. */
static int row_columns(jup_dtype_t dtype)
{
    return is_of_256(dtype) ? 256 : 32;
}
