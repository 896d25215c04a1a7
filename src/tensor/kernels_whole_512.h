/*
 * One row of x over types whose groups have integer scales (jup_i8_form_t's `whole`), for 512-bit
 * vectors with VNNI. Included by kernels_few_512.h. A block of 256 of a row becomes a vector of
 * integers, products of scales included; those of 16 rows are then added across, into lanes, and go
 * into the sums in f32 as whole_tile() does it.
 */
enum { WHOLE_PIECE = PIECE_COLUMNS / 256 }; /* blocks of a row at a time */

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
            x->q[v] = two_halves(q + column_of(dtype, v, 0), q + column_of(dtype, v, 2));
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

INLINE void read_whole_row(const jup_dtype_t dtype, const unsigned char *row, int64_t blocks,
                           const whole_x_t *x, int r, whole_sums_t *own, const unsigned char **next)
{
    const int64_t bytes = block_bytes_of(dtype);
    for (int64_t b = 0; b < blocks; b++, row += bytes) {
        fetch_lines_of(next, lines_reading(bytes));
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
        four[i] = add_fours(v + 4 * i) >> bits;
    return add_lanes(add_lanes(four[0], four[1]), add_lanes(four[2], four[3]));
}

/* The same of rows of 8, which are where mins_slot() says. */
INLINE vi sum_each_half(const int32_t *rows)
{
    vi v[8];
    EACH (i, 8)
        v[i] = load_i(rows + i * LANES);
    return add_lanes(add_fours(v), add_fours(v + 4));
}

/* 16 rows of a piece, from a vector of sums on. */
INLINE vf run_whole_piece(const jup_dtype_t dtype, const source_t *rows, int64_t blocks,
                          const whole_x_t *x, const unsigned char **next, vf sum)
{
    const jup_i8_form_t form = form_of(dtype);
    whole_sums_t own;
    for (int r = 0; r < LANES; r++)
        read_whole_row(dtype, row_of(rows, r), blocks, x, r, &own, next);
    for (int64_t b = 0; b < blocks; b++) {
        vf even, odd;
        fetch_lines_of(next, lines_adding(block_bytes_of(dtype)));
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
    const unsigned char *next = row_of(&rows, 0) + LANES * rows.stride;
    for (int64_t at = 0; at < blocks; at += WHOLE_PIECE) {
        sum = run_whole_piece(dtype, &rows, jup_min_i64(WHOLE_PIECE, blocks - at), x + at, &next,
                              sum);
        advance(&rows, WHOLE_PIECE * block_bytes_of(dtype));
    }
    return sum;
}

INLINE void run_whole(const jup_dtype_t dtype, const straight_t *rows, int64_t n,
                      const jup_i8_x_t *x, float *sums)
{
    enum { MOST = X_COLUMNS / 256 };
    whole_x_t arranged[MOST];
    for (int64_t at = 0; at < n / 256; at += MOST) {
        int64_t blocks = jup_min_i64(MOST, n / 256 - at);
        arrange_whole(dtype, x->q + 256 * at, x->whole + at * JUP_X_WHOLES, blocks, arranged);
        for (int vec = 0; vec < VECS; vec++) {
            source_t source = source_at(rows, vec, 0);
            advance(&source, at * block_bytes_of(dtype));
            vf before = at > 0 ? load_f(sums + vec * LANES) : (vf){0};
            store_f(sums + vec * LANES, run_16_whole(dtype, source, blocks, arranged, before));
        }
    }
}
