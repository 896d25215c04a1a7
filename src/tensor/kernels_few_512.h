/*
 * Few rows of x straight over the rows of a weight, for 512-bit vectors with VNNI: up to FEW_16 for
 * 16-bit weights, one for Q8_0. Included by kernels_body.h. The sums are its tiles' to the bit: f32
 * sums take the columns in their order; sums of integers are exact in any.
 */
enum {
    FEW_16 = 4, /* rows of x up to which this pays */
    PIECE = 32, /* columns */
};

/* ---- 16-bit weights -------------------------------------------------------------------------- */

INLINE void put_16(const jup_dtype_t dtype, int vec, int k, vi w, uint16_t *piece)
{
    if (dtype == JUP_F16)
        split_halves(w, piece + 2 * k * JUP_PANEL + 2 * vec * LANES);
    else
        store_i(piece + 2 * k * JUP_PANEL + 2 * vec * LANES, w);
}

INLINE void add_column(const jup_dtype_t dtype, const int m, const uint16_t *piece, int k,
                       const float *x, vf sum[FEW_16][VECS])
{
    EACH (v, VECS) {
        vf column = load_16_column(dtype, piece, k, v);
        EACH (r, m)
            sum[r][v] += column * x[k * m + r];
    }
}

/*
 * One vector of rows of a piece is packed while half of the columns of the piece before are added,
 * step by step in turn: additions wait for each other, packing does not.
 */
INLINE void few_of_16(const jup_dtype_t dtype, const int m, const straight_t *rows, int64_t n,
                      const float *x, float *sums)
{
    source_t s[VECS];
    EACH (vec, VECS)
        s[vec] = source_at(rows, vec, 2 * n);
    _Alignas(64) uint16_t pieces[2][PIECE * JUP_PANEL];
    vf sum[FEW_16][VECS];
    EACH (r, m)
        EACH (v, VECS)
            sum[r][v] = (vf){0};
    memset(pieces[1], 0, sizeof pieces[1]); /* zeros are added first, with any x: the first ones */
    const float *before = x;
    for (int64_t p = 0; p < n / PIECE; p++) {
        uint16_t *now = pieces[p % 2], *last = pieces[1 - p % 2];
        EACH (vec, VECS) {
            vi w[16];
            fetch_lines(&s[vec], 64 * LANES);
            load_line(&s[vec], w);
            EACH (k, 16) {
                put_16(dtype, vec, k, w[k], now);
                add_column(dtype, m, last, 16 * vec + k, before, sum);
            }
            advance(&s[vec], 64);
        }
        before = x + p * PIECE * m;
    }
    EACH (k, PIECE)
        add_column(dtype, m, pieces[(n / PIECE - 1) % 2], k, before, sum);
    EACH (r, m)
        EACH (v, VECS)
            store_f(sums + r * JUP_PANEL + v * LANES, sum[r][v]);
}

/* ---- Q8_0 ------------------------------------------------------------------------------------ */

/*
 * Each row is read as it lies in memory, its blocks' integer sums are kept beside each other, and
 * 16 rows are then turned into lanes for the sums in f32. Reading in one line, far enough ahead
 * into the first level of the cache, is a fifth quicker than 16 rows side by side (Zen 5).
 */
enum {
    ROW_BLOCKS = 16,      /* of Q8_0, whose sums make one vector */
    ROW_COLUMNS = 512,    /* in them */
    PIECE_COLUMNS = 8192, /* of a row at a time: bounds what is kept of 16 rows */
    PIECE_BLOCKS = PIECE_COLUMNS / 32,
    AHEAD_ROW = 8192, /* bytes that are fetched before they are needed */
};

enum { Q8_0_BYTES = sizeof(jup_block_q8_0_t), CHUNK_BYTES = ROW_BLOCKS * Q8_0_BYTES };

INLINE vi two_halves(const void *low, const void *high)
{
    __m512i v = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)low));
    return (vi)_mm512_inserti64x4(v, _mm256_loadu_si256((const __m256i *)high), 1);
}

/* Vector i of a chunk has this block in its low half, and the fourth after it in its high half. */
INLINE int low_block(int i)
{
    return i % 4 + i / 4 * 8;
}

INLINE vi add_pairs(vi a, vi b)
{
    return unpack_lo32(a, b) + unpack_hi32(a, b);
}

INLINE vi add_fours(vi a, vi b, vi c, vi d)
{
    vi ab = add_pairs(a, b), cd = add_pairs(c, d);
    return unpack_lo64(ab, cd) + unpack_hi64(ab, cd);
}

/* The sums of a chunk's 16 blocks, in order; x (8) as low_block() says. */
INLINE vi sums_of_chunk(const unsigned char *chunk, const vi *x)
{
    vi dots[8];
    EACH (i, 8) {
        const unsigned char *q = chunk + low_block(i) * Q8_0_BYTES + offsetof(jup_block_q8_0_t, q);
        vi w = biased(two_halves(q, q + 4 * Q8_0_BYTES));
        dots[i] = dot_q8((vi){0}, w, x[i]);
    }
    __m512i first = (__m512i)add_fours(dots[0], dots[1], dots[2], dots[3]);
    __m512i last = (__m512i)add_fours(dots[4], dots[5], dots[6], dots[7]);
    return (vi)_mm512_shuffle_i32x4(first, last, 0x88) +
           (vi)_mm512_shuffle_i32x4(first, last, 0xdd);
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

/* What is known of 16 rows of a piece: block sums and scales, (16 rows, blocks). */
typedef struct row_sums {
    _Alignas(64) int32_t dots[LANES * PIECE_BLOCKS];
    _Alignas(64) uint16_t scales[LANES * PIECE_BLOCKS];
    _Alignas(64) vi x[PIECE_BLOCKS / 2]; /* as sums_of_chunk() wants it */
} row_sums_t;

static void arrange_x(const int8_t *q, int64_t chunks, vi *x)
{
    for (int64_t c = 0; c < chunks; c++)
        for (int i = 0; i < 8; i++) {
            const int8_t *from = q + ROW_COLUMNS * c + 32 * low_block(i);
            x[8 * c + i] = two_halves(from, from + 4 * 32);
        }
}

INLINE void read_row(const unsigned char *row, int64_t chunks, const vi *x, int32_t *dots,
                     uint16_t *scales)
{
    for (int64_t c = 0; c < chunks; c++, row += CHUNK_BYTES) {
        for (int at = 0; at < CHUNK_BYTES; at += 64)
            __builtin_prefetch(row + AHEAD_ROW + at);
        store_i(dots + ROW_BLOCKS * c, sums_of_chunk(row, x + 8 * c));
        EACH (b, ROW_BLOCKS)
            memcpy(scales + ROW_BLOCKS * c + b, row + b * Q8_0_BYTES, sizeof *scales);
    }
}

/* One of the parts of 16 blocks of x. */
INLINE vi parts_of(const int32_t *parts, int part)
{
    return gather_32((const unsigned char *)(parts + part), JUP_X_PARTS * (int32_t)sizeof *parts);
}

/* Adds a chunk of 16 rows, in lanes; stride: blocks between rows. */
INLINE vf add_chunk(vf sum, const int32_t *dots, const uint16_t *scales, int64_t stride,
                    const int32_t *parts)
{
    vi dot[LANES], scale[LANES];
    const vi start = -Q8_BIAS * parts_of(parts, JUP_X_Q);
    const vf x_scale = (vf)parts_of(parts, JUP_X_SCALE);
    EACH (r, LANES) {
        dot[r] = load_i(dots + r * stride) + start;
        scale[r] = (vi)(load_halves(scales + r * stride) * x_scale);
    }
    turn_32(dot);
    turn_32(scale);
    EACH (b, ROW_BLOCKS)
        sum += to_float(dot[b]) * (vf)scale[b];
    return sum;
}

/* 16 rows of a piece, n columns, from a vector of sums on. */
static void run_piece(const source_t *rows, int64_t n, const int32_t *parts, row_sums_t *own,
                      float *sums, bool add)
{
    int64_t chunks = n / ROW_COLUMNS, blocks = chunks * ROW_BLOCKS;
    for (int r = 0; r < LANES; r++)
        read_row(row_of(rows, r), chunks, own->x, own->dots + r * blocks, own->scales + r * blocks);
    vf sum = add ? load_f(sums) : (vf){0};
    for (int64_t c = 0; c < chunks; c++)
        sum = add_chunk(sum, own->dots + ROW_BLOCKS * c, own->scales + ROW_BLOCKS * c, blocks,
                        parts + ROW_BLOCKS * JUP_X_PARTS * c);
    store_f(sums, sum);
}

static void run_q8_0(const jup_rows_t *src, int64_t n, const jup_i8_x_t *x, float *sums)
{
    straight_t rows;
    row_sums_t own;
    straighten(src, 0, (int64_t)jup_dtype_bytes(JUP_Q8_0, n), &rows);
    for (int64_t at = 0; at < n; at += PIECE_COLUMNS) {
        int64_t piece = jup_min_i64(PIECE_COLUMNS, n - at);
        arrange_x(x->q + at, piece / ROW_COLUMNS, own.x);
        for (int vec = 0; vec < VECS; vec++) {
            source_t source = source_at(&rows, vec, 0);
            advance(&source, (int64_t)jup_dtype_bytes(JUP_Q8_0, at));
            run_piece(&source, piece, x->parts + at / 32 * JUP_X_PARTS, &own, sums + vec * LANES,
                      at > 0);
        }
    }
}
