/*
 * One row of x straight over the rows of a quantised weight, for 512-bit vectors with VNNI.
 * Included by kernels_body.h. The sums are its tiles' to the bit: sums of integers are exact in any
 * order.
 */
#include "tensor/kernels_whole.h"

/* ---- quantised weights ----------------------------------------------------------------------- */

/*
 * Each row is read as it lies in memory, the integer sums of its groups (of 16 or 32 columns with a
 * scale) are kept beside each other, and those of 16 rows are then turned into lanes for the sums
 * in f32. Reading in one line is quicker than 16 rows side by side (Zen 5: by a fifth), and the
 * numbers themselves need no turning. What is fetched ahead goes into the second level of the
 * cache: the first has too few fetches under way at a time for the memory's delay (Zen 4: 60 to
 * 80 % of the bandwidth, into the first level 40 to 55 %). The memory must have work while sums are
 * turned and added, too, so fetching goes on then.
 */
enum {
    ROW_COLUMNS = 512,    /* a chunk: 8 vectors of weights */
    PIECE_COLUMNS = 2048, /* of 16 rows at a time: what is kept of them stays in the first level */
    PIECE_BLOCKS = PIECE_COLUMNS / 32,
    X_COLUMNS = 16384, /* of x at a time */
};

/* What is known of 16 rows of a piece. */
typedef struct row_sums {
    _Alignas(64) int32_t dots[LANES * PIECE_COLUMNS / 16];
    _Alignas(64) uint32_t heads[LANES * PIECE_BLOCKS]; /* the first bytes of blocks of 32 */
} row_sums_t;

INLINE int64_t chunk_bytes_of(const jup_dtype_t dtype)
{
    return block_bytes_of(dtype) * (is_of_256(dtype) ? 2 : 16);
}

/* The first of the 16 columns in 128-bit lane `lane` of a chunk's vector v. */
INLINE int column_of(const jup_dtype_t dtype, int v, int lane)
{
    switch (dtype) {
    case JUP_Q8_0:
        return 32 * (v % 4 + v / 4 * 8 + lane / 2 * 4) + lane % 2 * 16;
    case JUP_Q2_K:
    case JUP_Q3_K:
        return 256 * (v / 4) + 32 * (v % 4) + lane / 2 * 128 + lane % 2 * 16;
    case JUP_Q4_K:
    case JUP_Q5_K:
        return 256 * (v / 4) + 32 * (v % 4 / 2 * 4 + v % 2 + lane / 2 * 2) + lane % 2 * 16;
    case JUP_Q6_K:
        return 64 * v + 16 * lane;
    case JUP_IQ4_XS:
        return 32 * (v / 2 * 4 + lane) + v % 2 * 16;
    default: /* low or high nibbles of four blocks of 32 */
        return 32 * (lane * 4 + v / 2) + v % 2 * 16;
    }
}

/* Where the sum of group g of 16 is among 16 sums as they come out. */
INLINE int element_of(const jup_dtype_t dtype, int g)
{
    switch (dtype) {
    case JUP_Q4_K:
    case JUP_Q5_K:
        return g / 8 * 8 + g % 4 / 2 * 4 + g % 8 / 4 * 2 + g % 2;
    case JUP_Q6_K:
    case JUP_IQ4_XS:
        return 4 * (g % 4) + g / 4;
    default:
        return g;
    }
}

static void arrange_x(const jup_dtype_t dtype, const int8_t *q, int64_t chunks, vi *x)
{
    for (int64_t c = 0; c < chunks; c++, q += ROW_COLUMNS, x += 8)
        for (int v = 0; v < 8; v++)
            for (int lane = 0; lane < 4; lane++)
                memcpy((char *)&x[v] + 16 * lane, q + column_of(dtype, v, lane), 16);
}

INLINE vi add_pairs(vi a, vi b)
{
    return unpack_lo32(a, b) + unpack_hi32(a, b);
}

/* Element i of lane l: the sum of lane l of v[i]. */
INLINE vi add_fours(const vi v[4])
{
    vi ab = add_pairs(v[0], v[1]), cd = add_pairs(v[2], v[3]);
    return unpack_lo64(ab, cd) + unpack_hi64(ab, cd);
}

/* Neighbouring lanes added: two of the first, two of the last. */
INLINE vi add_lanes(vi first, vi last)
{
    return (vi)_mm512_shuffle_i32x4((__m512i)first, (__m512i)last, 0x88) +
           (vi)_mm512_shuffle_i32x4((__m512i)first, (__m512i)last, 0xdd);
}

INLINE vi two_halves(const void *low, const void *high)
{
    __m512i v = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)low));
    return (vi)_mm512_inserti64x4(v, _mm256_loadu_si256((const __m256i *)high), 1);
}

/* A vector in a register: loaded once, and not again wherever it is used (across two lines of the
 * cache, as most are). */
INLINE vi load_once(const void *p)
{
    vi v = load_i(p);
    __asm__("" : "+v"(v));
    return v;
}

/* 32 bytes twice, turned left by so many bits in the lower and in the upper half: for bits that lie
 * at other places than they are wanted. What crosses a byte is masked by the caller. */
INLINE vi turned_bits(const void *p, int low, int high)
{
    const __m512i by = _mm512_set_epi32(high, high, high, high, high, high, high, high, low, low,
                                        low, low, low, low, low, low);
    __m512i v = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)p));
    return (vi)_mm512_rolv_epi32(v, by);
}

/* 16 bits from each of four blocks: a mask of the bytes of a vector. */
INLINE uint64_t bits_of_four(const unsigned char *p, int64_t stride)
{
    uint64_t mask = 0;
    EACH (i, 4) {
        uint16_t bits;
        memcpy(&bits, p + i * stride, sizeof bits);
        mask |= (uint64_t)bits << (16 * i);
    }
    return mask;
}

INLINE vi with_fifth(vi q, uint64_t mask)
{
    return (vi)_mm512_mask_add_epi8((__m512i)q, mask, (__m512i)q, _mm512_set1_epi8(16));
}

/* Sums of types with low and high nibbles 16 columns apart: four vectors of 16 bytes of 4 groups.
 */
INLINE vi sums_of_nibbles(const jup_dtype_t dtype, const unsigned char *chunk, const vi *x)
{
    const bool fifth = dtype == JUP_Q5_0 || dtype == JUP_Q5_1;
    const bool table = dtype == JUP_IQ4_NL || dtype == JUP_IQ4_XS;
    const int64_t bytes = block_bytes_of(dtype);
    vi dots[4];
    EACH (i, 4) {
        vi q;
        const unsigned char *block = chunk + i * bytes, *end = block + bytes - 16;
        if (dtype == JUP_IQ4_XS)
            q = load_once(chunk + i / 2 * bytes + 8 + i % 2 * 64);
        else
            q = load_16((const unsigned char *const[4]){end, end + 4 * bytes, end + 8 * bytes,
                                                        end + 12 * bytes});
        vi low = low_nibbles(q), high = high_nibbles(q);
        if (fifth) {
            low = with_fifth(low, bits_of_four(end - 4, 4 * bytes));
            high = with_fifth(high, bits_of_four(end - 2, 4 * bytes));
        }
        if (table)
            low = iq4_values(low), high = iq4_values(high);
        dots[i] = dot_small(dot_small((vi){0}, low, x[2 * i]), high, x[2 * i + 1]);
    }
    return add_fours(dots);
}

INLINE vi sums_of_q8_0(const unsigned char *chunk, const vi *x)
{
    enum { BYTES = sizeof(jup_block_q8_0_t) };
    vi dots[8];
    EACH (v, 8) {
        const unsigned char *q = chunk + (v % 4 + v / 4 * 8) * BYTES + 2;
        dots[v] = dot_q8((vi){0}, biased(two_halves(q, q + 4 * BYTES)), x[v]);
    }
    return add_lanes(add_fours(dots), add_fours(dots + 4));
}

/* The four vectors of numbers of a block of 256; of Q2_K times 4 where j is odd. */
INLINE void numbers_of_q2_k(const unsigned char *b, vi q[4])
{
    vi low = load_once(b + offsetof(jup_block_q2_k_t, q)), high = shift_right(low, 4);
    q[0] = low & 0x03030303;
    q[1] = low & 0x0c0c0c0c;
    q[2] = high & 0x03030303;
    q[3] = high & 0x0c0c0c0c;
}

INLINE void numbers_of_q3_k(const unsigned char *b, vi q[4])
{
    vi all = load_once(b + offsetof(jup_block_q3_k_t, q));
    EACH (j, 4)
        q[j] = (shift_right(all, 2 * j) & 0x03030303) |
               (turned_bits(b + offsetof(jup_block_q3_k_t, high), 2 - j, -2 - j) & 0x04040404);
}

INLINE void numbers_of_q4_k(const unsigned char *packed, vi q[4])
{
    EACH (pair, 2) {
        vi both = load_once(packed + 64 * pair);
        q[2 * pair] = low_nibbles(both);
        q[2 * pair + 1] = high_nibbles(both);
    }
}

INLINE void numbers_of_q5_k(const unsigned char *b, vi q[4])
{
    const unsigned char *fifth = b + offsetof(jup_block_q5_k_t, high);
    numbers_of_q4_k(b + offsetof(jup_block_q5_k_t, q), q);
    q[0] |= turned_bits(fifth, 4, 2) & 0x10101010;
    q[1] |= turned_bits(fifth, 3, 1) & 0x10101010;
    q[2] |= turned_bits(fifth, 0, -2) & 0x10101010;
    q[3] |= turned_bits(fifth, -1, -3) & 0x10101010;
}

INLINE void numbers_of_q6_k(const unsigned char *b, vi q[4])
{
    numbers_of_q4_k(b, q);
    EACH (half, 2) {
        const unsigned char *high = b + offsetof(jup_block_q6_k_t, high) + 32 * half;
        q[2 * half] |= turned_bits(high, 4, 2) & 0x30303030;
        q[2 * half + 1] |= turned_bits(high, 0, -2) & 0x30303030;
    }
}

INLINE vi sums_of_256(const jup_dtype_t dtype, const unsigned char *block, const vi *x)
{
    vi q[4];
    if (dtype == JUP_Q4_K)
        numbers_of_q4_k(block + offsetof(jup_block_q4_k_t, q), q);
    else if (dtype == JUP_Q5_K)
        numbers_of_q5_k(block, q);
    else
        numbers_of_q6_k(block, q);
    EACH (i, 4)
        q[i] = dot_small((vi){0}, q[i], x[i]);
    return add_fours(q);
}

/* The sums of a chunk's groups, 16 to a vector, as element_of() says. */
INLINE void sums_of_chunk(const jup_dtype_t dtype, const unsigned char *chunk, const vi *x,
                          vi sums[2])
{
    if (dtype == JUP_Q8_0) {
        sums[0] = sums_of_q8_0(chunk, x);
    } else if (is_of_256(dtype) && dtype != JUP_IQ4_XS) {
        sums[0] = sums_of_256(dtype, chunk, x);
        sums[1] = sums_of_256(dtype, chunk + block_bytes_of(dtype), x + 4);
        if (!form_of(dtype).halves)
            sums[0] = add_lanes(sums[0], sums[1]);
    } else {
        sums[0] = sums_of_nibbles(dtype, chunk, x);
    }
}

/*
 * What is fetched for later, in the order of the memory: while 16 rows are in use, the next 16. So
 * many lines per chunk while a row is read, the others when the sums of 16 rows are added, always
 * the same number: no branch is to be foreseen.
 */
INLINE void fetch_lines_of(const unsigned char **next, const int lines)
{
    for (int i = 0; i < lines; i++)
        __builtin_prefetch(*next + 64 * i, 0, 2);
    *next += 64 * lines;
}

INLINE int lines_reading(int64_t bytes)
{
    return (int)(bytes * 3 / 4 / 64);
}

INLINE int lines_adding(int64_t bytes)
{
    return (int)(LANES * bytes / 64) - LANES * lines_reading(bytes);
}

INLINE void read_row(const jup_dtype_t dtype, const unsigned char *row, int64_t chunks, const vi *x,
                     row_sums_t *own, int r, const unsigned char **next)
{
    const int vecs = form_of(dtype).halves ? 2 : 1;
    const int64_t bytes = chunk_bytes_of(dtype);
    int32_t *dots = own->dots + r * chunks * vecs * LANES;
    uint32_t *heads = own->heads + r * chunks * (ROW_COLUMNS / 32);
    for (int64_t c = 0; c < chunks; c++, row += bytes) {
        vi sums[2];
        fetch_lines_of(next, lines_reading(bytes));
        sums_of_chunk(dtype, row, x + 8 * c, sums);
        EACH (v, vecs)
            store_i(dots + (vecs * c + v) * LANES, sums[v]);
        if (!is_of_256(dtype))
            EACH (b, 16)
                memcpy(heads + 16 * c + b, row + b * block_bytes_of(dtype), sizeof *heads);
    }
}

/* Element i of v[k] becomes element k of v[i]. */
INLINE void turn_32(vi v[16])
{
    vi pairs[16];
    EACH (i, 4)
        transpose(v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3], pairs + 4 * i);
    EACH (i, 4) {
        __m512i a = (__m512i)pairs[i], b = (__m512i)pairs[4 + i];
        __m512i c = (__m512i)pairs[8 + i], d = (__m512i)pairs[12 + i];
        __m512i ab_even = _mm512_shuffle_i32x4(a, b, 0x88),
                ab_odd = _mm512_shuffle_i32x4(a, b, 0xdd);
        __m512i cd_even = _mm512_shuffle_i32x4(c, d, 0x88),
                cd_odd = _mm512_shuffle_i32x4(c, d, 0xdd);
        v[i] = (vi)_mm512_shuffle_i32x4(ab_even, cd_even, 0x88);
        v[8 + i] = (vi)_mm512_shuffle_i32x4(ab_even, cd_even, 0xdd);
        v[4 + i] = (vi)_mm512_shuffle_i32x4(ab_odd, cd_odd, 0x88);
        v[12 + i] = (vi)_mm512_shuffle_i32x4(ab_odd, cd_odd, 0xdd);
    }
}

/* 16 vectors, `stride` numbers apart, turned. */
INLINE void load_turned(const void *from, int64_t stride, vi v[16])
{
    EACH (r, LANES)
        v[r] = load_i((const char *)from + r * stride * 4);
    turn_32(v);
}

/* 16 groups of 16 rows whose blocks of 256 are at `rows`, which goes on. */
INLINE vf add_groups_of_256(const jup_dtype_t dtype, vf sum, const vi dot[LANES], source_t *rows,
                            const int32_t *parts)
{
    const jup_i8_form_t form = form_of(dtype);
    const int halves = form.halves ? 2 : 1;
    EACH (b, 2 / halves) {
        scales_256_t scales;
        load_scales_256(dtype, rows, &scales);
        EACH (i, 8 * halves) {
            const int g = 8 * b + i;
            vf min = form.mins ? min_of_256(&scales, i) : (vf){0};
            sum = add_group(dtype, sum, dot[element_of(dtype, g)], scale_of_256(dtype, &scales, i),
                            min, parts + g / halves * JUP_X_PARTS, g % 2);
        }
        advance(rows, block_bytes_of(dtype));
    }
    return sum;
}

/* The same of blocks of 32; heads: of the first row, the next ones are `stride` further. */
INLINE vf add_groups_of_32(const jup_dtype_t dtype, vf sum, const vi dot[LANES],
                           const uint32_t *heads, int64_t stride, const int32_t *parts)
{
    vi head[LANES];
    load_turned(heads, stride, head);
    EACH (g, LANES) {
        vf scale, offset;
        halves_to_floats(head[g], &scale, &offset);
        sum = add_group(dtype, sum, dot[g], scale, -offset, parts + g * JUP_X_PARTS, 0);
    }
    return sum;
}

/* 16 rows of a piece, n columns, from a vector of sums on. */
INLINE vf run_piece(const jup_dtype_t dtype, source_t rows, int64_t n, const vi *x,
                    const int32_t *parts, const unsigned char **next, vf sum)
{
    row_sums_t own;
    const int vecs = form_of(dtype).halves ? 2 : 1;
    const int64_t chunks = n / ROW_COLUMNS, blocks = n / 32, dots = chunks * vecs * LANES;
    for (int r = 0; r < LANES; r++)
        read_row(dtype, row_of(&rows, r), chunks, x, &own, r, next);
    for (int64_t v = 0; v < chunks * vecs; v++) {
        vi dot[LANES];
        const int32_t *of_x = parts + v * (16 / vecs) * JUP_X_PARTS;
        fetch_lines_of(next, lines_adding(chunk_bytes_of(dtype)) / vecs);
        load_turned(own.dots + v * LANES, dots, dot);
        sum = is_of_256(dtype)
                  ? add_groups_of_256(dtype, sum, dot, &rows, of_x)
                  : add_groups_of_32(dtype, sum, dot, own.heads + v * LANES, blocks, of_x);
    }
    return sum;
}

/* 16 rows. */
INLINE vf run_16_rows(const jup_dtype_t dtype, source_t rows, int64_t n, const vi *x,
                      const int32_t *parts, vf sum)
{
    const unsigned char *next = row_of(&rows, 0) + LANES * rows.stride;
    for (int64_t at = 0; at < n; at += PIECE_COLUMNS) {
        sum = run_piece(dtype, rows, jup_min_i64(PIECE_COLUMNS, n - at), x + at / VECTOR,
                        parts + at / 32 * JUP_X_PARTS, &next, sum);
        advance(&rows, PIECE_COLUMNS / ROW_COLUMNS * chunk_bytes_of(dtype));
    }
    return sum;
}

#include "tensor/kernels_whole_512.h"

INLINE void run_rows(const jup_dtype_t dtype, const straight_t *rows, int64_t n,
                     const jup_i8_x_t *x, float *sums)
{
    if (form_of(dtype).whole) {
        run_whole(dtype, rows, n, x, sums);
        return;
    }
    vi arranged[X_COLUMNS / VECTOR];
    for (int64_t at = 0; at < n; at += X_COLUMNS) {
        int64_t part = jup_min_i64(X_COLUMNS, n - at);
        arrange_x(dtype, x->q + at, part / ROW_COLUMNS, arranged);
        for (int vec = 0; vec < VECS; vec++) {
            source_t source = source_at(rows, vec, 0);
            advance(&source, at / ROW_COLUMNS * chunk_bytes_of(dtype));
            vf before = at > 0 ? load_f(sums + vec * LANES) : (vf){0};
            store_f(sums + vec * LANES, run_16_rows(dtype, source, part, arranged,
                                                    x->parts + at / 32 * JUP_X_PARTS, before));
        }
    }
}

static int row_columns(jup_dtype_t dtype)
{
    return form_of(dtype).whole ? 256 : ROW_COLUMNS;
}
