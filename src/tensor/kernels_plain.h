/*
 * Plain weights: F32, F16 and BF16 as they lie, columns side by side in the lanes of vectors, so
 * that nothing has to be turned and a row is read as one run. Included by kernels_body.h; the order
 * in which products are added is in kernels.h.
 *
 * Few rows of x go straight over four rows of the weight at a time. More of them share a panel that
 * holds the numbers as floats: (groups of outputs, columns / 8, outputs of a group, 8), where two
 * outputs that share a 64-byte vector are four apart.
 */
enum {
    /* rows of x in a tile, outputs in one: what registers hold, and attention's tiles are no
       smaller */
    PLAIN_ROWS = VECTOR == 64   ? 6
                 : F32_ROWS < 3 ? F32_ROWS
                                : 3,
    GROUP = VECTOR == 64 ? 8 : 4,
    FEW_PLAIN_ROWS = 64, /* of x, up to which a panel does not pay */
    PART_BYTES = VECTOR == 64 ? 32 : VECTOR,
    PART = PART_BYTES / 4, /* columns of one row in a vector */
    HALVES = 8 / PART,     /* vectors that eight columns take */
};

typedef float part_t __attribute__((vector_size(PART_BYTES)));

#if VECTOR < 64
#define load_half_part load_halves
#define repeat_part load_f
#endif

INLINE part_t load_part(const jup_dtype_t dtype, const unsigned char *p)
{
    part_t part;
    if (dtype == JUP_F16)
        return load_half_part(p);
    if (dtype == JUP_BF16)
        return load_brain_part(p);
    memcpy(&part, p, sizeof part);
    return part;
}

INLINE int64_t plain_bytes_of(const jup_dtype_t dtype)
{
    return dtype == JUP_F32 ? 4 : 2;
}

/* Rows `first` to `first + count` of a panel's, from column `at` on; missing ones repeat the last.
 */
INLINE void plain_rows(const jup_rows_t *src, int first, int count, int64_t at,
                       const unsigned char **rows)
{
    for (int i = 0; i < count; i++) {
        int row = first + i < src->rows ? first + i : src->rows - 1;
        rows[i] = src->first + row * src->row_bytes + at * plain_bytes_of(src->dtype);
    }
}

/* ---- adding up eight sums -------------------------------------------------------------------- */

/* Within each 128 bits: (a0 + a2, b0 + b2, a1 + a3, b1 + b3). */
INLINE part_t add_plain_pairs(part_t a, part_t b)
{
#if VECTOR == 16
    return __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
#else
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
           __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
#endif
}

/* Within each 128 bits: the sums of those of v[0], v[1], v[2] and v[3]. */
INLINE part_t add_plain_fours(part_t a, part_t b, part_t c, part_t d)
{
    part_t ab = add_plain_pairs(a, b), cd = add_plain_pairs(c, d);
#if VECTOR == 16
    return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) +
           __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
#else
    return __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
           __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
#endif
}

/* The eight sums of four outputs: to[0..3] = or += them. */
INLINE void store_plain(part_t sums[4][HALVES], float *to, bool add)
{
    quarter_t part[2], before = {0};
#if VECTOR == 16
    EACH (h, 2)
        part[h] = add_plain_fours(sums[0][h], sums[1][h], sums[2][h], sums[3][h]);
#else
    part_t both = add_plain_fours(sums[0][0], sums[1][0], sums[2][0], sums[3][0]);
    part[0] = __builtin_shufflevector(both, both, 0, 1, 2, 3);
    part[1] = __builtin_shufflevector(both, both, 4, 5, 6, 7);
#endif
    quarter_t sum = part[0] + part[1];
    if (add) {
        memcpy(&before, to, sizeof before);
        sum += before;
    }
    memcpy(to, &sum, sizeof sum);
}

/* ---- few rows of x --------------------------------------------------------------------------- */

/* Eight columns of four rows. */
INLINE void add_eight(const jup_dtype_t dtype, const int m, const unsigned char *const rows[4],
                      int64_t at, const float *x, part_t sums[PLAIN_ROWS][4][HALVES])
{
    EACH (h, HALVES) {
        part_t of_x[PLAIN_ROWS];
        EACH (r, m)
            memcpy(&of_x[r], x + 8 * r + h * PART, sizeof of_x[r]);
        EACH (i, 4) {
            part_t w = load_part(dtype, rows[i] + at + h * PART * plain_bytes_of(dtype));
            EACH (r, m)
                sums[r][i][h] += w * of_x[r];
        }
    }
}

/* The last columns, fewer than eight; x goes on with zeros. */
INLINE void add_tail(const jup_dtype_t dtype, const int m, const unsigned char *const rows[4],
                     int64_t at, int64_t n, const float *x, part_t sums[PLAIN_ROWS][4][HALVES])
{
    unsigned char padded[4][32] = {{0}};
    const unsigned char *tails[4];
    for (int i = 0; i < 4; i++)
        tails[i] = memcpy(padded[i], rows[i] + at, (size_t)(n * plain_bytes_of(dtype)));
    add_eight(dtype, m, tails, 0, x, sums);
}

/* A chunk of four rows; `fetch`: what is read later, in the order of the memory. */
INLINE void few_of_plain(const jup_dtype_t dtype, const int m, const unsigned char *const rows[4],
                         int64_t n, const float *x, const void *fetch, float *to, bool add)
{
    const int64_t bytes = plain_bytes_of(dtype);
    part_t sums[PLAIN_ROWS][4][HALVES];
    EACH (r, m)
        EACH (i, 4)
            EACH (h, HALVES)
                sums[r][i][h] = (part_t){0};
    int64_t at = 0;
    for (; at + 8 <= n; at += 8, x += 8 * m) {
        EACH (line, 4 * 8 * (int)bytes / 64)
            __builtin_prefetch((const char *)fetch + 4 * at * bytes + 64 * line, 0, FETCH_LEVEL);
        add_eight(dtype, m, rows, at * bytes, x, sums);
    }
    if (at < n)
        add_tail(dtype, m, rows, at * bytes, n - at, x, sums);
    EACH (r, m)
        store_plain(sums[r], to + r * JUP_PANEL, add);
}

#define FEW_PLAIN(name, type)                                                                      \
    static void name(int m, const unsigned char *const rows[4], int64_t n, const float *x,         \
                     const void *fetch, float *sums, bool add)                                     \
    {                                                                                              \
        ROWS_SWITCH(PLAIN_ROWS, m, few_of_plain(type, M, rows, n, x, fetch, sums, add))            \
    }

FEW_PLAIN(few_f32, JUP_F32)
FEW_PLAIN(few_f16, JUP_F16)
FEW_PLAIN(few_bf16, JUP_BF16)

/* Columns [at, at + n) of four rows of the weight for all m rows of x, which have `columns` each.
 * What comes after the four rows is fetched meanwhile, once, then the next tile of x. */
static void few_plain(const jup_rows_t *src, int first, int64_t at, int64_t n, int m,
                      const float *x, int64_t columns, float *sums)
{
    const int64_t bytes = plain_bytes_of(src->dtype);
    const unsigned char *rows[4];
    plain_rows(src, first, 4, at, rows);
    const void *fetch = src->first + (first + 4) * src->row_bytes + 4 * at * bytes;
    for (int row = 0; row < m;) {
        const int tile = jup_tile_rows(m, PLAIN_ROWS, row);
        float *to = sums + row * JUP_PANEL + first;
        if (src->dtype == JUP_F32)
            few_f32(tile, rows, n, x + at * tile, fetch, to, at > 0);
        else if (src->dtype == JUP_F16)
            few_f16(tile, rows, n, x + at * tile, fetch, to, at > 0);
        else
            few_bf16(tile, rows, n, x + at * tile, fetch, to, at > 0);
        row += tile;
        x += tile * columns;
        fetch = x + at * tile;
    }
}

static void run_plain(const jup_rows_t *src, int m, int64_t n, const float *x, float *sums)
{
    for (int first = 0; first < src->rows; first += 4)
        for (int64_t at = 0; at < n; at += JUP_PLAIN_CHUNK)
            few_plain(src, first, at, jup_min_i64(JUP_PLAIN_CHUNK, n - at), m, x, (n + 7) / 8 * 8,
                      sums);
}

/* ---- panels ---------------------------------------------------------------------------------- */

INLINE void store_eight(const jup_dtype_t dtype, const unsigned char *from, float *to)
{
    EACH (h, HALVES) {
        part_t part = load_part(dtype, from + h * PART * plain_bytes_of(dtype));
        memcpy(to + h * PART, &part, sizeof part);
    }
}

/* A row's n columns, to where its output has its first eight. */
INLINE void pack_plain_row(const jup_dtype_t dtype, const unsigned char *row, int64_t n, float *to)
{
    const int64_t bytes = plain_bytes_of(dtype);
    int64_t at = 0;
    for (; at + 8 <= n; at += 8, to += 8 * GROUP)
        store_eight(dtype, row + at * bytes, to);
    unsigned char padded[32] = {0};
    if (at < n)
        store_eight(dtype, memcpy(padded, row + at * bytes, (size_t)((n - at) * bytes)), to);
}

static void pack_plain(const jup_rows_t *src, int64_t at, int64_t n, float *panel)
{
    const int64_t eights = (n + 7) / 8;
    for (int i = 0; i < JUP_PANEL; i++) {
        const unsigned char *row;
        float *to =
            panel + i / GROUP * (eights * 8 * GROUP) + i % 4 * (2 * GROUP) + i % GROUP / 4 * 8;
        plain_rows(src, i, 1, at, &row);
        if (src->dtype == JUP_F32)
            pack_plain_row(JUP_F32, row, n, to);
        else if (src->dtype == JUP_F16)
            pack_plain_row(JUP_F16, row, n, to);
        else
            pack_plain_row(JUP_BF16, row, n, to);
    }
}

/* A group's sums of one row of x. */
INLINE void store_group(vf sums[4][HALVES], float *to, bool add)
{
#if VECTOR == 64
    part_t low[4][HALVES], high[4][HALVES];
    EACH (i, 4) {
        low[i][0] = __builtin_shufflevector(sums[i][0], sums[i][0], 0, 1, 2, 3, 4, 5, 6, 7);
        high[i][0] = __builtin_shufflevector(sums[i][0], sums[i][0], 8, 9, 10, 11, 12, 13, 14, 15);
    }
    store_plain(low, to, add);
    store_plain(high, to + 4, add);
#else
    store_plain(sums, to, add);
#endif
}

/* `fetch`: the x that is used next. */
INLINE void plain_tile(const int m, int64_t n, const float *x, const float *fetch,
                       const float *panel, float *to, bool add)
{
    const int64_t eights = (n + 7) / 8;
    const int lines = (m * GROUP + 63) / 64; /* 32 m bytes a step, in as many steps as groups */
    for (int group = 0; group < JUP_PANEL; group += GROUP) {
        vf sums[PLAIN_ROWS][4][HALVES];
        EACH (r, m)
            EACH (i, 4)
                EACH (h, HALVES)
                    sums[r][i][h] = (vf){0};
        const float *xs = x;
        for (int64_t k = 0; k < eights; k++, xs += 8 * m, panel += 8 * GROUP) {
            EACH (line, lines)
                __builtin_prefetch(fetch + 16 * line, 0, FETCH_LEVEL);
            fetch += 16 * lines;
            EACH (h, HALVES) {
                vf of_x[PLAIN_ROWS];
                EACH (r, m)
                    of_x[r] = repeat_part(xs + 8 * r + h * PART);
                EACH (i, 4) {
                    vf w = load_f(panel + (i * HALVES + h) * LANES);
                    EACH (r, m)
                        sums[r][i][h] += w * of_x[r];
                }
            }
        }
        EACH (r, m)
            store_group(sums[r], to + r * JUP_PANEL + group, add);
    }
}

static void tile_plain(int m, int64_t n, const float *x, const float *fetch, const float *panel,
                       float *sums, bool add)
{
    ROWS_SWITCH(PLAIN_ROWS, m, plain_tile(M, n, x, fetch, panel, sums, add))
}
