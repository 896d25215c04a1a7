/*
 * Quantised types into i8 panels: for each, what it takes from its blocks (blocks.h), 32 rows side
 * by side, and the form (kernels.h) it then has. Included by kernels_body.h.
 */
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

/* Word k of a block's 8, for the rows that `block` is already at. */
INLINE void store_quad(uint8_t *block, int k, vi v)
{
    store_i(block + k * 4 * JUP_PANEL, v);
}

/* A signed byte as dot_q8 wants it. */
INLINE vi biased(vi q)
{
    return q ^ (vi)((vu){0} + Q8_BIAS * 0x01010101u);
}

INLINE vi low_nibbles(vi q)
{
    return q & 0x0f0f0f0f;
}

INLINE vi high_nibbles(vi q)
{
#if defined(__aarch64__)
    return (vi)((vb)q >> 4); /* bytes can be shifted, which needs no mask */
#else
    return shift_right(q, 4) & 0x0f0f0f0f;
#endif
}

/* The lowest four bits to bit 4 of the four bytes. */
INLINE vi spread_fifth(vi bits)
{
    return ((bits & 15) * 0x02040810) & 0x10101010;
}

/* The fifth bits of quad k; `bits` has those of a row's 16 columns from bit `from` on. */
INLINE vi fifth_of_quad(vi bits, int from, int k)
{
#if PAIRED
    const vu shifts = (vu){0, 4, 0, 4} + (uint32_t)(from + k / 2 * 8);
    vi rows = k % 2 ? unpack_hi32(bits, bits) : unpack_lo32(bits, bits);
    return spread_fifth((vi)((vu)rows >> shifts));
#else
    return spread_fifth(shift_right(bits, from + 4 * k));
#endif
}

INLINE vi iq4_values(vi q)
{
    vi table;
    EACH (i, VECTOR / 16)
        memcpy((char *)&table + 16 * i, jup_iq4_values, 16);
    return look_up(biased(table), q);
}

static void pack_q8_0(source_t s, int64_t blocks, jup_i8_panel_t to)
{
    for (int64_t b = 0; b < blocks; b++) {
        fetch_lines(&s, LANES * (int64_t)sizeof(jup_block_q8_0_t));
        store_f(to.scale, low_half_to_float(load_word(&s, 0, 0)));
        EACH (part, 2) {
            vi q[4];
            load_numbers(&s, 2 + 16 * part, q);
            EACH (k, 4)
                store_quad(to.q, 4 * part + k, biased(q[k]));
        }
        advance(&s, sizeof(jup_block_q8_0_t));
        to.q += 32 * JUP_PANEL;
        to.scale += JUP_PANEL;
    }
}

/*
 * Types of 32 elements in a block: a half for the scale, perhaps one for an offset, perhaps 32
 * fifth bits, 16 bytes with two nibbles each.
 */
INLINE void pack_nibble_blocks(const jup_dtype_t dtype, source_t s, int64_t blocks,
                               jup_i8_panel_t to)
{
    const bool offset = dtype == JUP_Q4_1 || dtype == JUP_Q5_1;
    const bool fifth = dtype == JUP_Q5_0 || dtype == JUP_Q5_1;
    const int64_t high_at = offset ? 4 : 2, q_at = fifth ? high_at + 4 : high_at;
    for (int64_t b = 0; b < blocks; b++) {
        vf scale, m;
        vi q[4];
        fetch_lines(&s, LANES * (q_at + 16));
        halves_to_floats(load_word(&s, 0, 0), &scale, &m);
        store_f(to.scale, scale);
        if (offset)
            store_f(to.min, -m);
        vi bits = fifth ? load_word(&s, high_at, 0) : (vi){0};
        load_numbers(&s, q_at, q);
        EACH (k, 4) {
            vi low = low_nibbles(q[k]), high = high_nibbles(q[k]);
            if (fifth) {
                low |= fifth_of_quad(bits, 0, k);
                high |= fifth_of_quad(bits, 16, k);
            }
            store_quad(to.q, k, dtype == JUP_IQ4_NL ? iq4_values(low) : low);
            store_quad(to.q, k + 4, dtype == JUP_IQ4_NL ? iq4_values(high) : high);
        }
        advance(&s, q_at + 16);
        to.q += 32 * JUP_PANEL;
        to.scale += JUP_PANEL;
        to.min += JUP_PANEL;
    }
}

#define PACK_NIBBLE_BLOCKS(name, type)                                                             \
    static void name(source_t s, int64_t blocks, jup_i8_panel_t to)                                \
    {                                                                                              \
        pack_nibble_blocks(type, s, blocks, to);                                                   \
    }

PACK_NIBBLE_BLOCKS(pack_q4_0, JUP_Q4_0)
PACK_NIBBLE_BLOCKS(pack_q4_1, JUP_Q4_1)
PACK_NIBBLE_BLOCKS(pack_q5_0, JUP_Q5_0)
PACK_NIBBLE_BLOCKS(pack_q5_1, JUP_Q5_1)
PACK_NIBBLE_BLOCKS(pack_iq4_nl, JUP_IQ4_NL)

/* ---- packing blocks of 256 ------------------------------------------------------------------- */

/* Past a block of 256: `groups` scales (and mins) of it are packed. */
INLINE void next_256(source_t *s, size_t bytes, int groups, jup_i8_panel_t *to)
{
    advance(s, (int64_t)bytes);
    to->q += 256 * JUP_PANEL;
    to->scale += groups * JUP_PANEL;
    to->min += groups * JUP_PANEL;
    to->whole += 2 * JUP_PANEL;
}

/* Byte i of the words, as an integer: unsigned, below 256, or signed. */
INLINE vi byte_of(const vi *words, int i)
{
    return shift_right(words[i / 4], i % 4 * 8) & 255;
}

INLINE vi signed_byte_of(const vi *words, int i)
{
    return (words[i / 4] << (24 - i % 4 * 8)) >> 24;
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
        vf unused;
        vi tail = load_word(s, (int64_t)offsetof(jup_block_q6_k_t, d) - 14, 3);
        halves_to_floats(tail, &unused, &to->d);
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

static void pack_q4_k(source_t s, int64_t blocks, jup_i8_panel_t to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        store_scales_256(JUP_Q4_K, &s, to);
        for (int pair = 0; pair < 4; pair++) {
            fetch_lines(&s, LANES * (int64_t)sizeof(jup_block_q4_k_t) / 4);
            EACH (part, 2) {
                uint8_t *even = to.q + 2 * pair * 32 * JUP_PANEL, *odd = even + 32 * JUP_PANEL;
                vi q[4];
                load_numbers(&s, 16 + 32 * pair + 16 * part, q);
                EACH (k, 4) {
                    store_quad(even, 4 * part + k, low_nibbles(q[k]));
                    store_quad(odd, 4 * part + k, high_nibbles(q[k]));
                }
            }
        }
        next_256(&s, sizeof(jup_block_q4_k_t), 8, &to);
    }
}

static void pack_q5_k(source_t s, int64_t blocks, jup_i8_panel_t to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        store_scales_256(JUP_Q5_K, &s, to);
        for (int part = 0; part < 2; part++) {
            vi fifth[4];
            load_numbers(&s, 16 + 16 * part, fifth);
            EACH (pair, 4) {
                uint8_t *even = to.q + 2 * pair * 32 * JUP_PANEL + 16 * part * JUP_PANEL;
                uint8_t *odd = even + 32 * JUP_PANEL;
                vi q[4];
                fetch_lines(&s, LANES * (int64_t)sizeof(jup_block_q5_k_t) / 8);
                load_numbers(&s, 48 + 32 * pair + 16 * part, q);
                EACH (k, 4) {
                    vi bits = shift_right(fifth[k], 2 * pair);
                    store_quad(even, k, low_nibbles(q[k]) | ((bits & 0x01010101) << 4));
                    store_quad(odd, k, high_nibbles(q[k]) | ((bits & 0x02020202) << 3));
                }
            }
        }
        next_256(&s, sizeof(jup_block_q5_k_t), 8, &to);
    }
}

/* One 16-column slice of the four 32-column blocks of half a Q6_K block. */
INLINE void pack_q6_k_slice(const source_t *s, int64_t low, int64_t high, uint8_t *blocks)
{
    vi first[4], second[4], bits[4];
    load_numbers(s, low, first);
    load_numbers(s, low + 32, second);
    load_numbers(s, high, bits);
    EACH (k, 4) {
        store_quad(blocks, k, low_nibbles(first[k]) | ((bits[k] & 0x03030303) << 4));
        store_quad(blocks + 32 * JUP_PANEL, k,
                   low_nibbles(second[k]) | ((bits[k] & 0x0c0c0c0c) << 2));
        store_quad(blocks + 64 * JUP_PANEL, k, high_nibbles(first[k]) | (bits[k] & 0x30303030));
        store_quad(blocks + 96 * JUP_PANEL, k,
                   high_nibbles(second[k]) | (shift_right(bits[k], 2) & 0x30303030));
    }
}

static void pack_q6_k(source_t s, int64_t blocks, jup_i8_panel_t to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        store_scales_256(JUP_Q6_K, &s, to);
        for (int half = 0; half < 2; half++)
            for (int part = 0; part < 2; part++) {
                fetch_lines(&s, LANES * (int64_t)sizeof(jup_block_q6_k_t) / 4);
                pack_q6_k_slice(&s, 64 * half + 16 * part, 128 + 32 * half + 16 * part,
                                to.q + 4 * half * 32 * JUP_PANEL + 16 * part * JUP_PANEL);
            }
        next_256(&s, sizeof(jup_block_q6_k_t), 16, &to);
    }
}

/* 16 columns at `part` of the four 32-column blocks of half a block of two-bit numbers; bit
 * `4 half + j` of `third` is the next bit of block j's, where there is one. */
INLINE void pack_two_bits(const vi *q, const vi *third, int half, uint8_t *blocks)
{
    EACH (j, 4)
        EACH (k, 4) {
            vi bits = shift_right(q[k], 2 * j) & 0x03030303;
            if (third)
                bits |= (shift_right(third[k], 4 * half + j) & 0x01010101) << 2;
            store_quad(blocks + 32 * j * JUP_PANEL, k, bits);
        }
}

/* Integer scales: both of a block of 32 in one element, where the first one's would be. */
INLINE void store_two_scales(jup_i8_panel_t to, int b, vi first, vi last)
{
    store_i(to.scale + 2 * b * JUP_PANEL, pair_up(first, last));
}

INLINE vi whole_scale(const float *scales, int group)
{
    return half_of_pairs(load_i(scales + group / 2 * 2 * JUP_PANEL), group % 2);
}

INLINE void q2_k_scales(const source_t *s, jup_i8_panel_t to)
{
    vf d, dmin;
    vi scales[4], tail[4];
    load_columns(s, 0, scales);
    load_columns(s, (int64_t)sizeof(jup_block_q2_k_t) - 16, tail);
    halves_to_floats(tail[3], &d, &dmin);
    store_f(to.whole, d);
    store_f(to.whole + JUP_PANEL, dmin);
    EACH (b, 8)
        store_two_scales(to, b, byte_of(scales, 2 * b) & 15, byte_of(scales, 2 * b + 1) & 15);
    EACH (k, 4)
        store_i(to.min + k * JUP_PANEL, high_nibbles(scales[k]));
}

static void pack_q2_k(source_t s, int64_t blocks, jup_i8_panel_t to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        q2_k_scales(&s, to);
        EACH (part, 4) { /* of 16 columns */
            vi q[4];
            fetch_lines(&s, LANES * (int64_t)sizeof(jup_block_q2_k_t) / 4);
            load_numbers(&s, 16 + 16 * part, q);
            pack_two_bits(q, NULL, part / 2,
                          to.q + (128 * (part / 2) + 16 * (part % 2)) * JUP_PANEL);
        }
        next_256(&s, sizeof(jup_block_q2_k_t), 16, &to);
    }
}

/* jup_q3_k_scale(), less 32, and d, of all groups and rows at once. */
INLINE void q3_k_scales(const source_t *s, jup_i8_panel_t to)
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
    vi scales[4] = {low_nibbles(words[0]) | ((high & 0x03030303) << 4),
                    low_nibbles(words[1]) | ((high & 0x0c0c0c0c) << 2),
                    high_nibbles(words[0]) | (high & 0x30303030),
                    high_nibbles(words[1]) | (shift_right(high, 2) & 0x30303030)};
    store_f(to.whole, d);
    EACH (b, 8)
        store_two_scales(to, b, byte_of(scales, 2 * b) - 32, byte_of(scales, 2 * b + 1) - 32);
}

static void pack_q3_k(source_t s, int64_t blocks, jup_i8_panel_t to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        q3_k_scales(&s, to);
        EACH (part, 4) {
            vi q[4], third[4];
            fetch_lines(&s, LANES * (int64_t)sizeof(jup_block_q3_k_t) / 4);
            load_numbers(&s, 32 + 16 * part, q);
            load_numbers(&s, 16 * (part % 2), third);
            pack_two_bits(q, third, part / 2,
                          to.q + (128 * (part / 2) + 16 * (part % 2)) * JUP_PANEL);
        }
        next_256(&s, sizeof(jup_block_q3_k_t), 16, &to);
    }
}

static void pack_iq4_xs(source_t s, int64_t blocks, jup_i8_panel_t to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        store_scales_256(JUP_IQ4_XS, &s, to);
        for (int group = 0; group < 8; group++) {
            uint8_t *block = to.q + 32 * group * JUP_PANEL;
            vi q[4];
            fetch_lines(&s, LANES * (int64_t)sizeof(jup_block_iq4_xs_t) / 8);
            load_numbers(&s, 8 + 16 * group, q);
            EACH (k, 4) {
                store_quad(block, k, iq4_values(low_nibbles(q[k])));
                store_quad(block, k + 4, iq4_values(high_nibbles(q[k])));
            }
        }
        next_256(&s, sizeof(jup_block_iq4_xs_t), 8, &to);
    }
}

typedef void (*pack_t)(source_t s, int64_t blocks, jup_i8_panel_t to);

static pack_t pack_of(jup_dtype_t dtype)
{
    static const pack_t packs[] = {
        [JUP_Q4_0] = pack_q4_0, [JUP_Q4_1] = pack_q4_1,     [JUP_Q5_0] = pack_q5_0,
        [JUP_Q5_1] = pack_q5_1, [JUP_Q8_0] = pack_q8_0,     [JUP_Q2_K] = pack_q2_k,
        [JUP_Q3_K] = pack_q3_k, [JUP_Q4_K] = pack_q4_k,     [JUP_Q5_K] = pack_q5_k,
        [JUP_Q6_K] = pack_q6_k, [JUP_IQ4_NL] = pack_iq4_nl, [JUP_IQ4_XS] = pack_iq4_xs,
    };
    return packs[dtype];
}

static void pack_i8(const jup_rows_t *src, int64_t at, int64_t n, const jup_i8_panel_t *to)
{
    straight_t rows;
    int64_t bytes = (int64_t)jup_dtype_bytes(src->dtype, n);
    straighten(src, (int64_t)jup_dtype_bytes(src->dtype, at), bytes, &rows);
    for (int vec = 0; vec < VECS; vec++) {
        source_t s = source_at(&rows, vec, bytes);
        jup_i8_panel_t lanes = {.q = to->q + vec * VECTOR,
                                .scale = to->scale + vec * LANES,
                                .min = to->min + vec * LANES,
                                .whole = to->whole + vec * LANES};
        pack_of(src->dtype)(s, n / 32, lanes);
    }
}
