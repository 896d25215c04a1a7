/*
 * What the blocks of quantised types (blocks.h) hold, of as many rows as a vector has lanes, side
 * by side: their form, scales and numbers. Included by kernels_body.h, for panels (kernels_pack.h)
 * and for few rows of x (kernels_few.h).
 */

/* of(name, dtype) for each of these types, its name being the end of functions' own. */
#define I8_TYPES(of)                                                                               \
    of(q4_0, JUP_Q4_0) of(q4_1, JUP_Q4_1) of(q5_0, JUP_Q5_0) of(q5_1, JUP_Q5_1) of(q8_0, JUP_Q8_0) \
        of(q2_k, JUP_Q2_K) of(q3_k, JUP_Q3_K) of(q4_k, JUP_Q4_K) of(q5_k, JUP_Q5_K)                \
            of(q6_k, JUP_Q6_K) of(iq4_nl, JUP_IQ4_NL) of(iq4_xs, JUP_IQ4_XS)

/* How the packed blocks of a type are to be read. */
INLINE jup_i8_form_t form_of(const jup_dtype_t dtype)
{
    switch (dtype) {
    case JUP_Q4_0:
        return (jup_i8_form_t){.zero = 8};
    case JUP_Q5_0:
        return (jup_i8_form_t){.zero = 16};
    case JUP_Q2_K:
        return (jup_i8_form_t){.halves = true, .mins = true, .whole = true};
    case JUP_Q3_K:
        return (jup_i8_form_t){.halves = true, .whole = true, .zero = 4};
    case JUP_Q6_K:
        return (jup_i8_form_t){.halves = true, .zero = 32};
    case JUP_Q8_0:
    case JUP_IQ4_NL:
    case JUP_IQ4_XS:
        return (jup_i8_form_t){.is_signed = true, .zero = Q8_BIAS};
    default: /* Q4_1, Q5_1, Q4_K, Q5_K */
        return (jup_i8_form_t){.mins = true};
    }
}

/* Columns of a block. */
INLINE int columns_of(const jup_dtype_t dtype)
{
    switch (dtype) {
    case JUP_Q2_K:
    case JUP_Q3_K:
    case JUP_Q4_K:
    case JUP_Q5_K:
    case JUP_Q6_K:
    case JUP_IQ4_XS:
        return 256;
    default:
        return 32;
    }
}

/* The largest of a type's numbers, 127 where they have signs. */
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

INLINE int64_t block_bytes_of(const jup_dtype_t dtype)
{
    switch (dtype) {
    case JUP_Q4_1:
        return sizeof(jup_block_q4_1_t);
    case JUP_Q5_0:
        return sizeof(jup_block_q5_0_t);
    case JUP_Q5_1:
        return sizeof(jup_block_q5_1_t);
    case JUP_Q8_0:
        return sizeof(jup_block_q8_0_t);
    case JUP_Q2_K:
        return sizeof(jup_block_q2_k_t);
    case JUP_Q3_K:
        return sizeof(jup_block_q3_k_t);
    case JUP_Q4_K:
        return sizeof(jup_block_q4_k_t);
    case JUP_Q5_K:
        return sizeof(jup_block_q5_k_t);
    case JUP_Q6_K:
        return sizeof(jup_block_q6_k_t);
    case JUP_IQ4_XS:
        return sizeof(jup_block_iq4_xs_t);
    default: /* Q4_0, IQ4_NL */
        return sizeof(jup_block_q4_0_t);
    }
}

/* ---- bits of bytes --------------------------------------------------------------------------- */

INLINE vi all_bytes(const int byte)
{
    return (vi)((vu){0} + (uint32_t)byte * 0x01010101u);
}

/* Bits of all bytes, from bit `from` of each to bit `to`; what crosses a byte is masked by the
 * caller. */
INLINE vi moved(vi v, const int from, const int to)
{
    return to > from ? v << (to - from) : shift_right(v, from - to);
}

#ifndef OWN_BITS

/* Bits [from, from + n) of all bytes. */
INLINE vi bits_of(vi v, const int from, const int n)
{
    return shift_right(v, from) & (0x01010101 * ((1 << n) - 1));
}

/* The bytes of low, less than 1 << to, with n bits of those of `bits`, from bit `from` on, above.
 */
INLINE vi with_bits(vi low, vi bits, const int from, const int to, const int n)
{
    return low | (moved(bits, from, to) & ((0x01010101 * ((1 << n) - 1)) << to));
}

#endif

INLINE vi low_nibbles(vi q)
{
    return bits_of(q, 0, 4);
}

INLINE vi high_nibbles(vi q)
{
    return bits_of(q, 4, 4);
}

/* ---- scales ---------------------------------------------------------------------------------- */

/* Byte i of the words, as an integer: unsigned, below 256, or signed. */
INLINE vi byte_of(const vi *words, const int i)
{
    vi from = shift_right(words[i / 4], i % 4 * 8);
    return i % 4 == 3 ? from : from & 255;
}

INLINE vi signed_byte_of(const vi *words, int i)
{
    return (words[i / 4] << (24 - i % 4 * 8)) >> 24;
}

/* Of blocks of 32: a half, perhaps one for an offset. */
INLINE void store_heads(const jup_dtype_t dtype, const source_t *s, jup_i8_panel_t to)
{
    if (form_of(dtype).mins) {
        vf scale, offset;
        halves_to_floats(load_words(s, 0), &scale, &offset);
        store_f(to.scale, scale);
        store_f(to.min, -offset);
    } else {
        store_f(to.scale, load_half_of_each(s, 0));
    }
}

/* What the scales (and mins) of a block of 256 of each row are made of; of forms that are not
 * whole. */
typedef struct scales_256 {
    vf d, dmin;
    vi scales[4], mins[2]; /* bytes; IQ4_XS: its first two words */
} scales_256_t;

/* Of Q4_K and Q5_K: jup_k_scale_min(), all rows at once. */
INLINE void load_k_scales(const source_t *s, scales_256_t *to)
{
    vi head[4];
    load_columns(s, 0, head);
    halves_to_floats(head[0], &to->d, &to->dmin);
    vi first = head[1], second = head[2], third = head[3];
    to->scales[0] = first & 0x3f3f3f3f;
    to->scales[1] = low_nibbles(third) | (shift_right(first, 2) & 0x30303030);
    to->mins[0] = second & 0x3f3f3f3f;
    to->mins[1] = high_nibbles(third) | (shift_right(second, 2) & 0x30303030);
}

INLINE void load_scales_256(const jup_dtype_t dtype, const source_t *s, scales_256_t *to)
{
    if (dtype == JUP_Q6_K) {
        to->d = load_half_of_each(s, (int64_t)offsetof(jup_block_q6_k_t, d));
        load_columns(s, (int64_t)offsetof(jup_block_q6_k_t, scales), to->scales);
    } else if (dtype == JUP_IQ4_XS) {
        load_columns(s, 0, to->scales);
        to->d = low_half_to_float(to->scales[0]);
    } else {
        load_k_scales(s, to);
    }
}

INLINE vf scale_of_256(const jup_dtype_t dtype, const scales_256_t *from, const int g)
{
    if (dtype == JUP_Q6_K)
        return from->d * to_float(signed_byte_of(from->scales, g));
    if (dtype != JUP_IQ4_XS)
        return from->d * to_float(byte_of(from->scales, g));
    /* jup_iq4_xs_scale(), less 32 */
    vi low = shift_right(from->scales[1], 4 * g) & 15;
    vi high = shift_right(from->scales[0], 16 + 2 * g) & 3;
    return from->d * to_float((low | high << 4) - 32);
}

INLINE vf min_of_256(const scales_256_t *from, const int g)
{
    return from->dmin * to_float(byte_of(from->mins, g));
}

INLINE void store_scales_256(const jup_dtype_t dtype, const source_t *s, jup_i8_panel_t to)
{
    const int groups = form_of(dtype).halves ? 16 : 8;
    scales_256_t from;
    load_scales_256(dtype, s, &from);
    EACH (g, groups) {
        store_f(to.scale + g * JUP_PANEL, scale_of_256(dtype, &from, g));
        if (form_of(dtype).mins)
            store_f(to.min + g * JUP_PANEL, min_of_256(&from, g));
    }
}

/* Bytes as integer scales, less a number. Where they are used so, both of a block of 32 are in one
 * element, where the first one's would be (dot_pairs), or each is there twice (PAIRS). */
INLINE void store_whole_scales(jup_i8_panel_t to, const vi scales[4], const int16_t less)
{
#ifdef PAIRS
    typedef int16_t halves_t __attribute__((vector_size(VECTOR)));
    enum { NONE = 0x80 };
    static const uint8_t twice[16] = {0, NONE, 0, NONE, 4,  NONE, 4,  NONE,
                                      8, NONE, 8, NONE, 12, NONE, 12, NONE};
    EACH (g, 16) {
        vb at = (vb)repeat_16(twice) + (uint8_t)(g % 4);
        store_i(to.scale + g * JUP_PANEL, (vi)((halves_t)look_up(scales[g / 4], (vi)at) - less));
    }
#elif defined(dot_pairs)
    typedef int16_t halves_t __attribute__((vector_size(VECTOR)));
    enum { NONE = 0x80 };
    static const uint8_t bytes[2][16] = {
        {0, NONE, 1, NONE, 4, NONE, 5, NONE, 8, NONE, 9, NONE, 12, NONE, 13, NONE},
        {2, NONE, 3, NONE, 6, NONE, 7, NONE, 10, NONE, 11, NONE, 14, NONE, 15, NONE}};
    EACH (b, 8) {
        vi pair = look_up(scales[b / 2], repeat_16(bytes[b % 2]));
        store_i(to.scale + 2 * b * JUP_PANEL, (vi)((halves_t)pair - less));
    }
#else
    EACH (g, 16)
        store_i(to.scale + g * JUP_PANEL, byte_of(scales, g) - less);
#endif
}

INLINE vi whole_scale(const float *scales, int group)
{
#ifdef PAIRS
    return half_of_pairs(load_i(scales + group * JUP_PANEL), 0);
#elif defined(dot_pairs)
    return half_of_pairs(load_i(scales + group / 2 * 2 * JUP_PANEL), group % 2);
#else
    return load_i(scales + group * JUP_PANEL);
#endif
}

INLINE void q2_k_scales(const source_t *s, jup_i8_panel_t to, vi scales[4])
{
    vf d, dmin;
    vi tail[4];
    load_columns(s, 0, scales);
    load_columns(s, (int64_t)sizeof(jup_block_q2_k_t) - 16, tail);
    halves_to_floats(tail[3], &d, &dmin);
    store_f(to.whole, d);
    store_f(to.whole + JUP_PANEL, dmin);
    EACH (k, 4) {
        store_i(to.min + k * JUP_PANEL, high_nibbles(scales[k]));
        scales[k] = low_nibbles(scales[k]);
    }
}

/* jup_q3_k_scale() and d, of all groups and rows at once. */
INLINE void q3_k_scales(const source_t *s, jup_i8_panel_t to, vi scales[4])
{
    vf unused, d;
    vi tail[4];
    load_columns(s, (int64_t)sizeof(jup_block_q3_k_t) - 16, tail);
    halves_to_floats(tail[3], &unused, &d);
    /* the 12 bytes begin in the middle of a word */
    vi words[3];
    EACH (i, 3)
        words[i] = shift_right(tail[i], 16) | (tail[i + 1] << 16);
    vi high = words[2];
    scales[0] = low_nibbles(words[0]) | ((high & 0x03030303) << 4);
    scales[1] = low_nibbles(words[1]) | ((high & 0x0c0c0c0c) << 2);
    scales[2] = high_nibbles(words[0]) | (high & 0x30303030);
    scales[3] = high_nibbles(words[1]) | (shift_right(high, 2) & 0x30303030);
    store_f(to.whole, d);
}

/* Forms that are whole: the scales' bytes, Q3_K's still 32 more; stores what else there is. */
INLINE void load_whole_scales(const jup_dtype_t dtype, const source_t *s, jup_i8_panel_t to,
                              vi scales[4])
{
    if (dtype == JUP_Q2_K)
        q2_k_scales(s, to, scales);
    else
        q3_k_scales(s, to, scales);
}

/* Scales (and mins) of the rows' blocks, in the form of a panel. */
INLINE void store_scales(const jup_dtype_t dtype, const source_t *s, jup_i8_panel_t to)
{
    if (form_of(dtype).whole) {
        vi scales[4];
        load_whole_scales(dtype, s, to, scales);
        store_whole_scales(to, scales, dtype == JUP_Q3_K ? 32 : 0);
    } else if (columns_of(dtype) == 256)
        store_scales_256(dtype, s, to);
    else
        store_heads(dtype, s, to);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* A signed byte as dot_q8 wants it. */
INLINE vi biased(vi q)
{
    return q ^ all_bytes(Q8_BIAS);
}

/* Where the word of each byte's row begins, in the 16 bytes of four rows' words; of quad k. */
INLINE vb word_of_row(const int order, const int k)
{
    static const uint8_t quads[16] = {0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12};
    static const uint8_t pairs[16] = {0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4};
    if (order == IN_COLUMNS)
        return (vb)repeat_16(quads);
    return (vb)repeat_16(pairs) + (uint8_t)(k % 2 * 8);
}

/* The numbers of quad k, or of rows j = k % 4 and so on (IN_ROWS), with their fifth bits; `bits`
 * has those of a row's 32 columns: in its word, or its first in 16 bytes. */
INLINE vi with_fifth(const int order, vi q, vi bits, const int k)
{
    static const uint8_t rows[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
    static const uint8_t of_4[16] = {1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
    static const uint8_t of_8[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    vb byte = order == IN_ROWS ? (vb)repeat_16(rows) + (uint8_t)(k / 4 * 2)
                               : word_of_row(order, k) + (uint8_t)(k / 2);
    vi own = repeat_16(order == IN_COLUMNS ? of_4 : of_8);
    if (order == IN_COLUMNS)
        own <<= k % 2 * 4;
    return add_16_where(q, look_up(bits, (vi)byte), own);
}

INLINE vi iq4_values(vi q)
{
    return look_up(biased(repeat_16(jup_iq4_values)), q);
}

/*
 * A stretch of a block: as many columns, 32 or a multiple of it, as lie in the bits of the same
 * bytes. It comes in pieces of 16 bytes of a row; each has the numbers of some times 16 columns.
 */
typedef struct stretch {
    vi q[16], bits[8];  /* rows' words of them, a row in each element; bits go above those of q */
    uint64_t fifths[8]; /* IN_ROWS, where there are masks: a bit for each number of a vector */
} stretch_t;

INLINE int stretch_columns(const jup_dtype_t dtype)
{
    switch (dtype) {
    case JUP_Q4_K:
    case JUP_Q5_K:
    case JUP_IQ4_XS:
        return 64;
    case JUP_Q2_K:
    case JUP_Q3_K:
    case JUP_Q6_K:
        return 128;
    default:
        return 32;
    }
}

INLINE bool has_fifth(const jup_dtype_t dtype)
{
    return dtype == JUP_Q5_0 || dtype == JUP_Q5_1;
}

/* Low nibbles are the first 16 columns of a block of 32, high ones the last. */
INLINE bool halves_in_nibbles(const jup_dtype_t dtype)
{
    return dtype == JUP_IQ4_XS || (columns_of(dtype) == 32 && dtype != JUP_Q8_0);
}

INLINE int stretch_pieces(const jup_dtype_t dtype)
{
    return halves_in_nibbles(dtype) && dtype != JUP_IQ4_XS ? 1 : 2;
}

/* How many times 16 columns a piece has. */
INLINE int piece_sixteens(const jup_dtype_t dtype)
{
    return stretch_columns(dtype) / 16 / stretch_pieces(dtype);
}

/* Where number g of them is among the stretch's blocks of 32: twice that, and 1 for its last half.
 */
INLINE int sixteen_at(const jup_dtype_t dtype, const int p, const int g)
{
    return halves_in_nibbles(dtype) ? 2 * p + g : 2 * g + p;
}

/* 16 bits of each row, for each vector of load_rows(), and then the next 16. */
INLINE void load_masks(const source_t *s, int64_t offset, uint64_t to[8])
{
    EACH (k, 8) {
        to[k] = 0;
        EACH (l, VECTOR / 16) {
            uint16_t bits;
            memcpy(&bits, s->every_4th[l] + k % 4 * s->stride + offset + k / 4 * 2, sizeof bits);
            to[k] |= (uint64_t)bits << 16 * l;
        }
    }
}

/* Piece p of stretch i of a block: the first stretch brings Q3_K's and Q5_K's bits for all. */
INLINE void load_piece(const jup_dtype_t dtype, const int order, const source_t *s, int i,
                       const int p, stretch_t *to)
{
    switch (dtype) {
    case JUP_Q8_0:
        load_half_of_32(order, s, (int64_t)offsetof(jup_block_q8_0_t, q), p, to->q);
        break;
    case JUP_Q2_K:
        load_half_of_32(order, s, (int64_t)offsetof(jup_block_q2_k_t, q) + 32 * i, p, to->q);
        break;
    case JUP_Q3_K:
        if (i == 0)
            load_half_of_32(order, s, (int64_t)offsetof(jup_block_q3_k_t, high), p, to->bits);
        load_half_of_32(order, s, (int64_t)offsetof(jup_block_q3_k_t, q) + 32 * i, p, to->q);
        break;
    case JUP_Q4_K:
        load_half_of_32(order, s, (int64_t)offsetof(jup_block_q4_k_t, q) + 32 * i, p, to->q);
        break;
    case JUP_Q5_K:
        if (i == 0)
            load_half_of_32(order, s, (int64_t)offsetof(jup_block_q5_k_t, high), p, to->bits);
        load_half_of_32(order, s, (int64_t)offsetof(jup_block_q5_k_t, q) + 32 * i, p, to->q);
        break;
    case JUP_Q6_K:
        load_half_of_32(order, s, 64 * i, p, to->q);
        load_half_of_32(order, s, 64 * i + 32, p, to->q + 8);
        load_half_of_32(order, s, (int64_t)offsetof(jup_block_q6_k_t, high) + 32 * i, p, to->bits);
        break;
    case JUP_IQ4_XS:
        load_half_of_32(order, s, (int64_t)offsetof(jup_block_iq4_xs_t, q) + 32 * i, p, to->q);
        break;
    default:
        if (has_fifth(dtype) && order == IN_ROWS && MASKS)
            load_masks(s, block_bytes_of(dtype) - 20, to->fifths);
        else if (has_fifth(dtype) && order == IN_ROWS)
            load_numbers(order, s, block_bytes_of(dtype) - 20, to->bits);
        else if (has_fifth(dtype))
            to->bits[0] = load_words(s, block_bytes_of(dtype) - 20);
        load_numbers(order, s, block_bytes_of(dtype) - 16, to->q);
    }
}

/* What the 16 columns from 16 at on need, one after the other from the stretch's first: as few at a
 * time as there are in a piece. Of Q6_K they would be many. */
INLINE void load_16_more(const jup_dtype_t dtype, const int order, const source_t *s, int i,
                         const int at, stretch_t *to)
{
    if (dtype == JUP_Q6_K) {
        const int in_64 = at % 4;
        load_numbers(order, s, 64 * i + 16 * in_64, to->q + 4 * in_64);
        if (at < 2)
            load_numbers(order, s, (int64_t)offsetof(jup_block_q6_k_t, high) + 32 * i + 16 * at,
                         to->bits + 4 * at);
        return;
    }
    EACH (p, stretch_pieces(dtype))
        if (at == sixteen_at(dtype, p, 0))
            load_piece(dtype, order, s, i, p, to);
}

/* Columns [4 k, 4 k + 4) of block j of 32 within stretch i; IN_ROWS: 16 columns of every fourth row
 * from k % 4 on, those from 16 (k / 4) on. */
INLINE vi number_of(const jup_dtype_t dtype, const int order, const stretch_t *from, int i,
                    const int j, const int k)
{
    vi q = from->q[k], bits = from->bits[k];
    switch (dtype) {
    case JUP_Q8_0:
        return biased(q);
    case JUP_Q2_K:
        return bits_of(q, 2 * j, 2);
    case JUP_Q3_K:
        return with_bits(bits_of(q, 2 * j, 2), bits, 4 * i + j, 2, 1);
    case JUP_Q4_K:
        return bits_of(q, 4 * j, 4);
    case JUP_Q5_K:
        return with_bits(bits_of(q, 4 * j, 4), bits, 2 * i + j, 4, 1);
    case JUP_Q6_K:
        q = from->q[k + j % 2 * 8];
        return with_bits(bits_of(q, j / 2 * 4, 4), bits, 2 * j, 4, 2);
    default: /* nibbles, those of the first 16 columns the low ones */
        q = from->q[4 * j + k % 4];
        q = k < 4 ? low_nibbles(q) : high_nibbles(q);
        if (has_fifth(dtype) && order == IN_ROWS && MASKS)
            return add_16_at(q, from->fifths[k]);
        if (has_fifth(dtype))
            return with_fifth(order, q, from->bits[order == IN_ROWS ? k % 4 : 0], k);
        return dtype == JUP_IQ4_NL || dtype == JUP_IQ4_XS ? iq4_values(q) : q;
    }
}
