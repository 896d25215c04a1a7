/*
 * One row of x over types whose groups have integer scales (jup_i8_form_t's `whole`), for 512-bit
 * vectors with VNNI. Included by kernels_few_512.h. A block of 256 of a row becomes a vector of
 * integers, products of scales included; those of 16 rows are then added across, into lanes, and go
 * into the sums in f32 as whole_tile() does it.
 */
enum {
    WHOLE_PIECE = 8, /* blocks of a row at a time */
    X_BLOCKS = 64,   /* of x */
};

/* The first of the 16 columns in 128-bit lane `lane` of a block's vector v. */
INLINE int column_of(int v, int lane)
{
    return 32 * v + lane / 2 * 128 + lane % 2 * 16;
}

/* Neighbouring lanes added: two of the first, two of the last. */
INLINE vi add_lanes(vi first, vi last)
{
    return (vi)_mm512_shuffle_i32x4((__m512i)first, (__m512i)last, 0x88) +
           (vi)_mm512_shuffle_i32x4((__m512i)first, (__m512i)last, 0xdd);
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

/* 256 columns of x. */
typedef struct whole_x {
    vi q[4];                       /* in the order of column_of() */
    vi start[4];                   /* what takes the weights' zero point off */
    _Alignas(32) int16_t k[16];    /* JUP_X_K of the groups, times 4 where numbers are not */
    _Alignas(32) int16_t mins[16]; /* their sums, as whole_mins() takes them */
    float unit;
} whole_x_t;

typedef struct whole_sums {
    vi dots[WHOLE_PIECE][LANES];                      /* of 16 rows */
    _Alignas(64) int32_t mins[WHOLE_PIECE][LANES][8]; /* of rows in the order of mins_slot() */
    _Alignas(64) uint32_t heads[WHOLE_PIECE][LANES];  /* where a block has its halves */
} whole_sums_t;

/* 16 bits of a group to each of the packed pairs of sums that are of it; i: of vectors 2 i, 2 i + 1
 * of column_of(). */
INLINE __m512i spread_groups(__m256i groups, const int i)
{
    typedef uint64_t words_t __attribute__((vector_size(64)));
    const words_t group = (words_t){0, 2, 1, 3, 8, 10, 9, 11} + 4 * (uint64_t)i;
    return _mm512_permutexvar_epi16((__m512i)(group * 0x0001000100010001u),
                                    _mm512_castsi256_si512(groups));
}

static void arrange_whole(const jup_dtype_t dtype, const int8_t *q, const int32_t *whole,
                          int64_t blocks, whole_x_t *x)
{
    const vi zeros = splat_i(form_of(dtype).zero * 0x01010101);
    const __m256i times =
        _mm256_set1_epi64x(dtype == JUP_Q2_K ? 0x0001000100040004 : 0x0001000100010001);
    for (int64_t b = 0; b < blocks; b++, q += 256, whole += JUP_X_WHOLES, x++) {
        EACH (v, 4) {
            x->q[v] = two_halves(q + column_of(v, 0), q + column_of(v, 2));
            if (form_of(dtype).zero)
                x->start[v] = -dot_small((vi){0}, zeros, x->q[v]);
        }
        _mm256_store_si256((__m256i *)(void *)x->k, _mm256_mullo_epi16(double_k(whole), times));
        fold_mins(whole, x->mins);
        memcpy(&x->unit, whole + JUP_X_UNIT, sizeof x->unit);
    }
}

/* The sum of products with scales of 256 columns, in 16 parts; of Q2_K times 4. */
INLINE vi whole_dots(const jup_dtype_t dtype, const unsigned char *block, const whole_x_t *x)
{
    const __m256i scales = _mm256_mullo_epi16(
        whole_scales(dtype, block), _mm256_load_si256((const __m256i *)(const void *)x->k));
    vi q[4];
    if (dtype == JUP_Q2_K)
        numbers_of_q2_k(block, q);
    else
        numbers_of_q3_k(block, q);
    EACH (i, 4)
        q[i] = dot_small(form_of(dtype).zero ? x->start[i] : (vi){0}, q[i], x->q[i]);
    __m512i dots = _mm512_setzero_si512();
    EACH (i, 2) {
        __m512i fours = _mm512_packs_epi32((__m512i)q[2 * i], (__m512i)q[2 * i + 1]);
        dots = _mm512_dpwssd_epi32(dots, fours, spread_groups(scales, i));
    }
    return (vi)dots;
}

/* Where row r's mins are, so that sum_each_half() finds them in order. */
INLINE int mins_slot(int r)
{
    return r / 8 * 8 + r % 4 * 2 + r / 4 % 2;
}

/* What is fetched meanwhile is as much of the rows that come later: all of it at the end of a piece
 * would be too much at once. */
INLINE void read_whole_row(const jup_dtype_t dtype, source_t *rows, int64_t blocks,
                           const whole_x_t *x, int r, whole_sums_t *own)
{
    const int64_t bytes = block_bytes_of(dtype);
    const unsigned char *row = row_of(rows, r);
    for (int64_t b = 0; b < blocks; b++, row += bytes) {
        fetch_lines(rows, bytes);
        own->dots[b][r] = whole_dots(dtype, row, &x[b]);
        if (form_of(dtype).mins)
            _mm256_store_si256((__m256i *)(void *)own->mins[b][mins_slot(r)],
                               whole_mins_of(row, x[b].mins));
        memcpy(&own->heads[b][r], row + bytes - 4, sizeof own->heads[b][r]);
    }
}

/* Element r: the sum of all of v[r], which has so many bits too many. */
INLINE vi sum_each(const vi v[LANES], const int bits)
{
    vi four[4];
    EACH (i, 4)
        four[i] = fold(true, v + 4 * i) >> bits;
    return add_lanes(add_lanes(four[0], four[1]), add_lanes(four[2], four[3]));
}

/* The same of rows of 8, which are where mins_slot() says. */
INLINE vi sum_each_half(const int32_t *rows)
{
    vi v[8];
    EACH (i, 8)
        v[i] = load_i(rows + i * LANES);
    return add_lanes(fold(true, v), fold(true, v + 4));
}

/* 16 rows of a piece, from a vector of sums on. */
INLINE vf run_whole_piece(const jup_dtype_t dtype, source_t *rows, int64_t blocks,
                          const whole_x_t *x, vf sum)
{
    const jup_i8_form_t form = form_of(dtype);
    whole_sums_t own;
    for (int r = 0; r < LANES; r++)
        read_whole_row(dtype, rows, blocks, x, r, &own);
    for (int64_t b = 0; b < blocks; b++) {
        vf even, odd;
        halves_to_floats(load_i(own.heads[b]), &even, &odd);
        vi mins = form.mins ? sum_each_half(own.mins[b][0]) : (vi){0};
        sum = with_whole(form, sum, sum_each(own.dots[b], dtype == JUP_Q2_K ? 2 : 0), mins,
                         form.mins ? even : odd, odd, x[b].unit);
    }
    return sum;
}

/* 16 rows. */
INLINE vf run_16_whole(const jup_dtype_t dtype, source_t rows, int64_t blocks, const whole_x_t *x,
                       vf sum)
{
    rows.fetch = fetched_beside(&rows);
    for (int64_t at = 0; at < blocks; at += WHOLE_PIECE) {
        sum = run_whole_piece(dtype, &rows, jup_min_i64(WHOLE_PIECE, blocks - at), x + at, sum);
        advance(&rows, WHOLE_PIECE * block_bytes_of(dtype));
    }
    return sum;
}

INLINE void run_whole(const jup_dtype_t dtype, const straight_t *rows, int64_t n,
                      const jup_i8_x_t *x, float *sums)
{
    whole_x_t arranged[X_BLOCKS];
    for (int64_t at = 0; at < n / 256; at += X_BLOCKS) {
        int64_t blocks = jup_min_i64(X_BLOCKS, n / 256 - at);
        arrange_whole(dtype, x->q + 256 * at, x->whole + at * JUP_X_WHOLES, blocks, arranged);
        for (int vec = 0; vec < VECS; vec++) {
            source_t source = source_at(rows, vec, 0);
            advance(&source, at * block_bytes_of(dtype));
            vf before = at > 0 ? load_f(sums + vec * LANES) : (vf){0};
            store_f(sums + vec * LANES, run_16_whole(dtype, source, blocks, arranged, before));
        }
    }
}
