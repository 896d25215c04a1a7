/*
 * Few rows of x (up to FEW_16 for 16-bit weights, one for Q8_0) straight over the rows of the
 * weight, for 256-bit vectors: 8 rows side by side are read in whole pieces and turned into lanes
 * in registers, without a panel in between. For types of 4 to 6 bits, whose unpacking takes longer,
 * panels are as quick. Included by kernels_body.h. The sums are its tiles' to the bit: f32 sums
 * take the columns in their order; sums of integers are exact in any.
 */
enum {
    ROW_COLUMNS = 32,
    FEW_16 = 3,     /* rows of x up to which this pays */
    AHEAD_16 = 256, /* bytes of each row that are fetched before they are needed, into the second */
    AHEAD_I8 = 512, /* ... and into the first level of the cache: as measured on a Zen 3 */
};

/* Where a row of the same lane will be read so many bytes later: at a row's end, 8 rows below. */
INLINE const unsigned char *later(const unsigned char *row, int64_t at, int64_t row_bytes)
{
    return row + at + (at >= row_bytes ? (LANES - 1) * row_bytes : 0);
}

/* ---- 16-bit weights -------------------------------------------------------------------------- */

/* 16 columns of 8 rows: column k in the low lane of out[k], column k + 8 in its high lane. */
INLINE void turn_16(const source_t *s, int64_t at, __m256i out[8])
{
    __m256i pairs[8], fours[8];
    EACH (i, 4) {
        __m256i even = (__m256i)load_i(row_of(s, 2 * i) + at);
        __m256i odd = (__m256i)load_i(row_of(s, 2 * i + 1) + at);
        pairs[i] = _mm256_unpacklo_epi16(even, odd);
        pairs[4 + i] = _mm256_unpackhi_epi16(even, odd);
    }
    EACH (i, 4) {
        fours[2 * i] = _mm256_unpacklo_epi32(pairs[2 * i], pairs[2 * i + 1]);
        fours[2 * i + 1] = _mm256_unpackhi_epi32(pairs[2 * i], pairs[2 * i + 1]);
    }
    EACH (half, 2)
        EACH (i, 2) {
            __m256i low = fours[4 * half + i], high = fours[4 * half + 2 + i];
            out[4 * half + 2 * i] = _mm256_unpacklo_epi64(low, high);
            out[4 * half + 2 * i + 1] = _mm256_unpackhi_epi64(low, high);
        }
}

INLINE vf widen(const jup_dtype_t dtype, __m128i column)
{
    if (dtype == JUP_F16)
        return (vf)_mm256_cvtph_ps(column);
    return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(column), 16);
}

INLINE void add_16(const jup_dtype_t dtype, const int m, const source_t *s, int64_t at,
                   const float *x, vf sum[FEW_16])
{
    __m256i columns[8];
    turn_16(s, at, columns);
    EACH (k, 8) {
        vf column = widen(dtype, _mm256_castsi256_si128(columns[k]));
        EACH (r, m)
            sum[r] += column * x[k * m + r];
    }
    EACH (k, 8) {
        vf column = widen(dtype, _mm256_extracti128_si256(columns[k], 1));
        EACH (r, m)
            sum[r] += column * x[(k + 8) * m + r];
    }
}

/* Two vectors of rows in turn: additions to one wait for each other, not for the other's. */
INLINE void few_of_16(const jup_dtype_t dtype, const int m, const straight_t *rows, int64_t n,
                      const float *x, float *sums)
{
    for (int vec = 0; vec < VECS; vec += 2) {
        source_t first = source_at(rows, vec, 0), second = source_at(rows, vec + 1, 0);
        vf sum[2][FEW_16];
        EACH (r, m)
            sum[0][r] = sum[1][r] = (vf){0};
        for (int64_t k = 0; k < n; k += 32)
            EACH (v, 2) {
                const source_t *s = v ? &second : &first;
                EACH (i, LANES)
                    __builtin_prefetch(later(row_of(s, i), 2 * k + AHEAD_16, s->stride), 0, 2);
                add_16(dtype, m, s, 2 * k, x + k * m, sum[v]);
                add_16(dtype, m, s, 2 * k + 32, x + (k + 16) * m, sum[v]);
            }
        EACH (r, m)
            EACH (v, 2)
                store_f(sums + r * JUP_PANEL + (vec + v) * LANES, sum[v][r]);
    }
}

/* ---- Q8_0 ------------------------------------------------------------------------------------ */

/* The sums of 8 vectors, one to an element. */
INLINE vi sum_each(vi v[8])
{
    __m256i pairs[4], fours[2];
    EACH (i, 4)
        pairs[i] = _mm256_hadd_epi32((__m256i)v[2 * i], (__m256i)v[2 * i + 1]);
    EACH (i, 2)
        fours[i] = _mm256_hadd_epi32(pairs[2 * i], pairs[2 * i + 1]);
    return (vi)_mm256_permute2x128_si256(fours[0], fours[1], 0x20) +
           (vi)_mm256_permute2x128_si256(fours[0], fours[1], 0x31);
}

/* The halves at the beginning of 8 rows, as floats. */
INLINE vf scales_of_rows(const source_t *s)
{
    uint16_t h[LANES];
    EACH (i, LANES)
        memcpy(&h[i], row_of(s, i), sizeof h[i]);
    return (vf)_mm256_cvtph_ps(_mm_setr_epi16((short)h[0], (short)h[1], (short)h[2], (short)h[3],
                                              (short)h[4], (short)h[5], (short)h[6], (short)h[7]));
}

INLINE void add_q8_0(const source_t *s, const int8_t *q, const int32_t *parts,
                     vf sum[I8_ROWS][I8_VECS])
{
    vi dots[I8_ROWS][I8_VECS], each[LANES];
    float scales[LANES];
    const vi x = load_i(q);
    EACH (i, LANES) {
        vi w = load_i(row_of(s, i) + offsetof(jup_block_q8_0_t, q));
        each[i] = dot_q8((vi){0}, biased(w), x);
    }
    start_dots(1, parts, JUP_X_Q, Q8_BIAS, dots);
    dots[0][0] += sum_each(each);
    store_f(scales, scales_of_rows(s));
    add_dots(1, scales, parts, dots, sum);
}

static void run_i8(const jup_rows_t *src, int64_t n, const jup_i8_x_t *x, float *sums)
{
    straight_t rows;
    straighten(src, 0, (int64_t)jup_dtype_bytes(JUP_Q8_0, n), &rows);
    for (int vec = 0; vec < VECS; vec++) {
        source_t s = source_at(&rows, vec, 0);
        vf sum[I8_ROWS][I8_VECS] = {{{0}}};
        int64_t at = 0, fetched = 0;
        for (int64_t b = 0; b < n / 32; b++, at += (int64_t)sizeof(jup_block_q8_0_t)) {
            for (; fetched <= at; fetched += 64)
                EACH (i, LANES)
                    __builtin_prefetch(later(row_of(&s, i) - at, fetched + AHEAD_I8, s.stride));
            add_q8_0(&s, x->q + 32 * b, x->parts + JUP_X_PARTS * b, sum);
            advance(&s, sizeof(jup_block_q8_0_t));
        }
        store_f(sums + vec * LANES, sum[0][0]);
    }
}

static int row_columns(jup_dtype_t dtype)
{
    return dtype == JUP_Q8_0 ? ROW_COLUMNS : 0;
}
