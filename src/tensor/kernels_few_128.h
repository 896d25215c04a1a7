/*
 * One row of x straight over the rows of a quantised weight, for NEON: 4 rows side by side are read
 * in whole pieces, a row in a register each, and only the sums of their products are brought into
 * lanes. No panel lies in between, so that of a first-level cache of 32 KiB, two lines to a set
 * (Cortex-A57 and A72), 4 or 8 lines are in use at a time, however far the rows are apart. Included
 * by kernels_body.h. The sums are its tiles' to the bit: sums of integers are exact in any order.
 */
/* ---- numbers of quantised weights, 32 at a time -----------------------------------------------
 */

INLINE vi load_u8(const unsigned char *p)
{
    return (vi)vld1q_u8(p);
}

/* Bits [from, from + n) of the bytes. */
INLINE vi bits_of(vi v, const int from, const int n)
{
    vi low = from > 0 ? (vi)((vb)v >> from) : v;
    return from + n == 8 ? low : (vi)((vb)low & (uint8_t)((1 << n) - 1));
}

/* a, with the bits of b in its bytes that the mask has */
INLINE vi with_bits(vi a, vi b, const int mask)
{
    return (vi)vbslq_u8(vdupq_n_u8((uint8_t)mask), (uint8x16_t)b, (uint8x16_t)a);
}

/* Whether a bit of the mask is in each byte: -1 or 0. */
INLINE vi has_bits(vi v, vb mask)
{
    return (vi)vtstq_u8((uint8x16_t)v, (uint8x16_t)mask);
}

INLINE void nibbles_of(const unsigned char *p, vi w[2])
{
    vi both = load_u8(p);
    w[0] = bits_of(both, 0, 4);
    w[1] = bits_of(both, 4, 4);
}

/* The same with 32 fifth bits. */
INLINE void add_fifth(const unsigned char *p, vi w[2])
{
    const vb bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const vb byte = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
    int32_t bits;
    memcpy(&bits, p, sizeof bits);
    const vi all = {bits};
    EACH (half, 2) {
        vi each = look_up(all, (vi)(byte + (uint8_t)(2 * half)));
        w[half] = with_bits(w[half], has_bits(each, bit), 16);
    }
}

/* Columns [32 part, 32 part + 32) of a block of 256: 16 of them at i. */
INLINE vi numbers_of_256(const jup_dtype_t dtype, const unsigned char *b, const int part,
                         const int i)
{
    const int half = part / 4, j = part % 4;
    const vb bit = (vb){0} + (uint8_t)(1 << part);
    switch (dtype) {
    case JUP_Q2_K:
        return bits_of(load_u8(b + offsetof(jup_block_q2_k_t, q) + 32 * half + i), 2 * j, 2);
    case JUP_Q3_K: {
        vi low = load_u8(b + offsetof(jup_block_q3_k_t, q) + 32 * half + i);
        return with_bits(bits_of(low, 2 * j, 2), has_bits(load_u8(b + i), bit), 4);
    }
    case JUP_Q4_K:
        return bits_of(load_u8(b + offsetof(jup_block_q4_k_t, q) + 32 * (part / 2) + i),
                       part % 2 * 4, 4);
    case JUP_Q5_K: {
        vi low = load_u8(b + offsetof(jup_block_q5_k_t, q) + 32 * (part / 2) + i);
        vi fifth = has_bits(load_u8(b + offsetof(jup_block_q5_k_t, high) + i), bit);
        return with_bits(bits_of(low, part % 2 * 4, 4), fifth, 16);
    }
    default: { /* Q6_K */
        vi low = load_u8(b + 64 * half + 32 * (j % 2) + i);
        vi high = load_u8(b + offsetof(jup_block_q6_k_t, high) + 32 * half + i);
        vi moved = j < 2 ? (vi)((vb)high << (4 - 2 * j)) : (vi)((vb)high >> (2 * j - 4));
        return with_bits(bits_of(low, j / 2 * 4, 4), moved, 0x30);
    }
    }
}

/* The numbers of a block's 32 columns from 32 part on, as its i8 panel has them. */
INLINE void numbers_of(const jup_dtype_t dtype, const unsigned char *b, const int part, vi w[2])
{
    switch (dtype) {
    case JUP_Q4_0:
        nibbles_of(b + offsetof(jup_block_q4_0_t, q), w);
        break;
    case JUP_Q4_1:
        nibbles_of(b + offsetof(jup_block_q4_1_t, q), w);
        break;
    case JUP_Q5_0:
        nibbles_of(b + offsetof(jup_block_q5_0_t, q), w);
        add_fifth(b + offsetof(jup_block_q5_0_t, high), w);
        break;
    case JUP_Q5_1:
        nibbles_of(b + offsetof(jup_block_q5_1_t, q), w);
        add_fifth(b + offsetof(jup_block_q5_1_t, high), w);
        break;
    case JUP_Q8_0:
        w[0] = load_u8(b + offsetof(jup_block_q8_0_t, q));
        w[1] = load_u8(b + offsetof(jup_block_q8_0_t, q) + 16);
        break;
    case JUP_IQ4_NL:
    case JUP_IQ4_XS:
        nibbles_of(b + (dtype == JUP_IQ4_NL ? (int64_t)offsetof(jup_block_iq4_nl_t, q)
                                            : (int64_t)offsetof(jup_block_iq4_xs_t, q) + 16 * part),
                   w);
        w[0] = iq4_values(w[0]);
        w[1] = iq4_values(w[1]);
        break;
    default:
        w[0] = numbers_of_256(dtype, b, part, 0);
        w[1] = numbers_of_256(dtype, b, part, 16);
    }
}

/* The largest of a type's numbers, 127 where they have signs: row_dots() goes by it. */
INLINE int most_of(const jup_dtype_t dtype)
{
    switch (dtype) {
    case JUP_Q2_K:
        return 3;
    case JUP_Q3_K:
        return 7;
    case JUP_Q5_0:
    case JUP_Q5_1:
    case JUP_Q5_K:
        return 31;
    case JUP_Q6_K:
        return 63;
    case JUP_Q8_0:
    case JUP_IQ4_NL:
    case JUP_IQ4_XS:
        return 127;
    default:
        return 15;
    }
}

/* ---- one row of x over quantised weights ------------------------------------------------------
 */

/* Adds a group of rows in lanes as i8_tile() does; parts: of x in its block of 32. */
INLINE vf add_group(const jup_dtype_t dtype, vf sum, vi dot, vf scale, vf min, const int32_t *parts,
                    const int half)
{
    const jup_i8_form_t form = form_of(dtype);
    float x_scale, x_sum;
    int32_t zero = form.zero * parts[form.halves ? JUP_X_Q_FIRST + half : JUP_X_Q];
    memcpy(&x_scale, parts + JUP_X_SCALE, sizeof x_scale);
    memcpy(&x_sum, parts + (form.halves ? JUP_X_FIRST + half : JUP_X_SUM), sizeof x_sum);
    sum += to_float(dot - zero) * (scale * x_scale);
    if (form.mins)
        sum -= min * x_sum;
    return sum;
}

/* Integer sums of a part's 32 columns, or of its first and its last 16, of 4 rows. */
INLINE void dots_of_part(const jup_dtype_t dtype, const source_t *s, const int part,
                         const int8_t *q, vi dots[2])
{
    const int groups = form_of(dtype).halves ? 2 : 1, most = most_of(dtype);
    const vi x[2] = {load_i(q), load_i(q + 16)};
    vi each[2][LANES];
    EACH (i, LANES) {
        vi w[2];
        numbers_of(dtype, row_of(s, i), part, w);
        EACH (g, groups)
            each[g][i] = row_dots(most, 2 / groups, w + g, x + g);
    }
    EACH (g, groups)
        dots[g] = sum_rows(most, 2 / groups, each[g]);
}

INLINE float float_part(const int32_t *parts, const int part)
{
    float f;
    memcpy(&f, parts + part, sizeof f);
    return f;
}

/* Adds 32 columns of 4 rows as i8_tile() does; scales and mins are those of their groups. */
INLINE vf add_part(const jup_dtype_t dtype, const source_t *s, const int part, const int8_t *q,
                   const int32_t *parts, const vf *scales, const vf *mins, vf sum)
{
    const int groups = form_of(dtype).halves ? 2 : 1;
    vi dots[2];
    dots_of_part(dtype, s, part, q, dots);
    EACH (g, groups)
        sum = add_group(dtype, sum, dots[g], scales[g], mins[g], parts, g);
    return sum;
}

/* The scales (and mins) at the beginning of 4 rows' blocks of 32. */
INLINE void head_scales(const jup_dtype_t dtype, const source_t *s, vf *scale, vf *min)
{
    if (form_of(dtype).mins) {
        vi heads;
        EACH (i, LANES)
            memcpy((char *)&heads + 4 * i, row_of(s, i), 4);
        halves_to_floats(heads, scale, min);
        *min = -*min;
        return;
    }
    uint16_t heads[LANES];
    EACH (i, LANES)
        memcpy(&heads[i], row_of(s, i), sizeof heads[i]);
    *scale = load_halves(heads);
}

/* Fetches what `rows` rows below have in place of `bytes` bytes of each of these. */
INLINE const unsigned char *fetch_below(const unsigned char *below, const int rows,
                                        const int64_t bytes)
{
    EACH (line, (rows * bytes + 63) / 64)
        __builtin_prefetch(below + 64 * line, 0, FETCH_LEVEL);
    return below + rows * bytes;
}

/* Adds 256 columns of 4 rows as whole_tile() does. */
INLINE vf add_whole(const jup_dtype_t dtype, const source_t *s, jup_i8_x_t x, jup_i8_panel_t scales,
                    vf sum)
{
    const jup_i8_form_t form = form_of(dtype);
    vi all = {0};
    EACH (part, 8) {
        const int32_t *sums = x.parts + part * JUP_X_PARTS + JUP_X_Q_FIRST;
        vi dots[2];
        dots_of_part(dtype, s, part, x.q + 32 * part, dots);
        EACH (g, 2)
            all += (dots[g] - form.zero * sums[g]) *
                   (whole_scale(scales.scale, 2 * part + g) * x.whole[JUP_X_K + part]);
    }
    vi mins = form.mins ? whole_mins(1, scales.min, x.whole) : (vi){0};
    return with_whole(form, sum, all, mins, load_f(scales.whole), load_f(scales.whole + JUP_PANEL),
                      float_part(x.whole, JUP_X_UNIT));
}

/* 8 rows, n columns, of a type with blocks of 32: what belongs to x serves twice. */
INLINE void run_32(const jup_dtype_t dtype, source_t s[2], int64_t n, const jup_i8_x_t *x,
                   float *sums, bool add)
{
    const unsigned char *below = s[0].every_4th[0] + 2 * LANES * s[0].stride;
    const int32_t *parts = x->parts;
    vf sum[2] = {add ? load_f(sums) : (vf){0}, add ? load_f(sums + LANES) : (vf){0}};
    for (const int8_t *q = x->q; q < x->q + n; q += 32, parts += JUP_X_PARTS) {
        below = fetch_below(below, 2 * LANES, block_bytes_of(dtype));
        EACH (v, 2) {
            vf scale, min = {0};
            head_scales(dtype, &s[v], &scale, &min);
            sum[v] = add_part(dtype, &s[v], 0, q, parts, &scale, &min, sum[v]);
            advance(&s[v], block_bytes_of(dtype));
        }
    }
    store_f(sums, sum[0]);
    store_f(sums + LANES, sum[1]);
}

/* 4 rows, n columns, with blocks of 256. */
INLINE void run_256(const jup_dtype_t dtype, source_t s, int64_t n, const jup_i8_x_t *x,
                    float *sums, bool add)
{
    _Alignas(64) float scale[16 * JUP_PANEL], min[16 * JUP_PANEL], whole[2 * JUP_PANEL] = {0};
    const jup_i8_panel_t to = {.scale = scale, .min = min, .whole = whole};
    const int groups = form_of(dtype).halves ? 2 : 1;
    const unsigned char *below = s.every_4th[0] + LANES * s.stride;
    jup_i8_x_t at = *x;
    vf sum = add ? load_f(sums) : (vf){0};
    for (; at.q < x->q + n; at.q += 256, at.parts += 8 * JUP_X_PARTS) {
        below = fetch_below(below, LANES, block_bytes_of(dtype));
        store_scales(dtype, &s, to);
        if (form_of(dtype).whole) {
            sum = add_whole(dtype, &s, at, to, sum);
            at.whole += JUP_X_WHOLES;
            advance(&s, block_bytes_of(dtype));
            continue;
        }
        EACH (part, 8) {
            vf scales[2], mins[2] = {{0}};
            EACH (g, groups) {
                scales[g] = load_f(scale + (part * groups + g) * JUP_PANEL);
                if (form_of(dtype).mins)
                    mins[g] = load_f(min + (part * groups + g) * JUP_PANEL);
            }
            sum = add_part(dtype, &s, part, at.q + 32 * part, at.parts + part * JUP_X_PARTS, scales,
                           mins, sum);
        }
        advance(&s, block_bytes_of(dtype));
    }
    store_f(sums, sum);
}

INLINE void few_rows(const jup_dtype_t dtype, const int m, const straight_t *rows, int64_t n,
                     const jup_i8_x_t *x, float *sums, bool add)
{
    (void)m; /* 1 */
    for (int vec = 0; vec < VECS; vec += 2) {
        source_t s[2] = {source_at(rows, vec, 0), source_at(rows, vec + 1, 0)};
        if (columns_of(dtype) == 256)
            for (int v = 0; v < 2; v++)
                run_256(dtype, s[v], n, x, sums + (vec + v) * LANES, add);
        else
            run_32(dtype, s, n, x, sums + vec * LANES, add);
    }
}
