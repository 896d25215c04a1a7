/*
 * Plain weights: F32, F16 and BF16 as they lie, columns side by side in the lanes of vectors, so
 * that nothing has to be turned and a row is read as one run. Included by kernels_body.h; the order
 * in which products are added is in kernels.h.
 *
 * A group of outputs is made at a time, of four vectors of weights for each eight columns; in a
 * vector of 64 bytes two outputs lie side by side that are four apart. Few rows of x go straight
 * over the weight. More of them share a panel that holds these vectors one after another, as
 * floats: (groups, columns / 8, vectors).
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

#if VECTOR < 64
#define repeat_part load_f
#endif

INLINE int64_t plain_bytes_of(const jup_dtype_t dtype)
{
    return dtype == JUP_F32 ? 4 : 2;
}

/* PART columns from p on; with 64 bytes, and as many from q on. */
INLINE vf load_weights(const jup_dtype_t dtype, const unsigned char *p, const unsigned char *q)
{
#if VECTOR == 64
    if (dtype == JUP_F16)
        return load_half_parts(p, q);
    if (dtype == JUP_BF16)
        return load_brain_parts(p, q);
    return load_parts(p, q);
#else
    (void)q;
    if (dtype == JUP_F16)
        return load_halves(p);
    if (dtype == JUP_BF16)
        return load_brains(p);
    return load_f(p);
#endif
}

/* Rows `first` to `first + GROUP` of a panel's, from column `at` on; missing ones repeat the last.
 */
INLINE void plain_rows(const jup_rows_t *src, int first, int64_t at,
                       const unsigned char *rows[GROUP])
{
    for (int i = 0; i < GROUP; i++) {
        int row = first + i < src->rows ? first + i : src->rows - 1;
        rows[i] = src->first + row * src->row_bytes + at * plain_bytes_of(src->dtype);
    }
}

/* ---- adding up eight sums -------------------------------------------------------------------- */

/* Within each 128 bits: the sums of those of v[0][h] to v[3][h]. */
INLINE vf add_fours(vf v[4][HALVES], const int h)
{
    vi a = (vi)v[0][h], b = (vi)v[1][h], c = (vi)v[2][h], d = (vi)v[3][h];
    vi ab = (vi)((vf)unpack_lo32(a, b) + (vf)unpack_hi32(a, b));
    vi cd = (vi)((vf)unpack_lo32(c, d) + (vf)unpack_hi32(c, d));
    return (vf)unpack_lo64(ab, cd) + (vf)unpack_hi64(ab, cd);
}

typedef float group_t __attribute__((vector_size(4 * GROUP)));

/* to[0 .. GROUP) = or += sum. */
INLINE void store_outputs(group_t sum, float *to, bool add)
{
    if (add) {
        group_t before;
        memcpy(&before, to, sizeof before);
        sum += before;
    }
    memcpy(to, &sum, sizeof sum);
}

/* A group's outputs of m rows of x, with wide vectors two rows' at once. */
INLINE void store_group(const int m, vf sums[PLAIN_ROWS][4][HALVES], float *to, bool add)
{
#if VECTOR == 16
    EACH (r, m)
        store_outputs(add_fours(sums[r], 0) + add_fours(sums[r], 1), to + r * JUP_PANEL, add);
#else
    EACH (pair, (m + 1) / 2) {
        const int r = 2 * pair, next = r + 1 < m ? r + 1 : r;
        vf both = add_quarters(add_fours(sums[r], 0), add_fours(sums[next], 0));
        group_t half[2];
        memcpy(half, &both, sizeof half);
        store_outputs(half[0], to + r * JUP_PANEL, add);
        if (next > r)
            store_outputs(half[1], to + next * JUP_PANEL, add);
    }
#endif
}

INLINE void start_sums(const int m, vf sums[PLAIN_ROWS][4][HALVES])
{
    EACH (r, m)
        EACH (i, 4)
            EACH (h, HALVES)
                sums[r][i][h] = (vf){0};
}

/* ---- few rows of x --------------------------------------------------------------------------- */

/* Eight columns of a group. */
INLINE void add_eight(const jup_dtype_t dtype, const int m, const unsigned char *const rows[GROUP],
                      int64_t at, const float *x, vf sums[PLAIN_ROWS][4][HALVES])
{
    EACH (h, HALVES) {
        vf of_x[PLAIN_ROWS];
        EACH (r, m)
            of_x[r] = repeat_part(x + 8 * r + h * PART);
        EACH (i, 4) {
            const int64_t from = at + h * PART * plain_bytes_of(dtype);
            vf w = load_weights(dtype, rows[i] + from, rows[i + GROUP - 4] + from);
            EACH (r, m)
                sums[r][i][h] += w * of_x[r];
        }
    }
}

/* The last columns, fewer than eight; x goes on with zeros. */
INLINE void add_tail(const jup_dtype_t dtype, const int m, const unsigned char *const rows[GROUP],
                     int64_t at, int64_t n, const float *x, vf sums[PLAIN_ROWS][4][HALVES])
{
    unsigned char padded[GROUP][32] = {{0}};
    const unsigned char *tails[GROUP];
    for (int i = 0; i < GROUP; i++)
        tails[i] = memcpy(padded[i], rows[i] + at, (size_t)(n * plain_bytes_of(dtype)));
    add_eight(dtype, m, tails, 0, x, sums);
}

/* A chunk of a group; `fetch`: what is read later, in the order of the memory. */
INLINE void few_of_plain(const jup_dtype_t dtype, const int m,
                         const unsigned char *const rows[GROUP], int64_t n, const float *x,
                         const void *fetch, float *to, bool add)
{
    const int64_t bytes = plain_bytes_of(dtype);
    vf sums[PLAIN_ROWS][4][HALVES];
    start_sums(m, sums);
    int64_t at = 0;
    for (; at + 8 <= n; at += 8, x += 8 * m) {
        EACH (line, GROUP * 8 * (int)bytes / 64)
            __builtin_prefetch((const char *)fetch + GROUP * at * bytes + 64 * line, 0,
                               FETCH_LEVEL);
        add_eight(dtype, m, rows, at * bytes, x, sums);
    }
    if (at < n)
        add_tail(dtype, m, rows, at * bytes, n - at, x, sums);
    store_group(m, sums, to, add);
}

#define FEW_PLAIN(name, type)                                                                      \
    static void name(int m, const unsigned char *const rows[GROUP], int64_t n, const float *x,     \
                     const void *fetch, float *sums, bool add)                                     \
    {                                                                                              \
        ROWS_SWITCH(PLAIN_ROWS, m, few_of_plain(type, M, rows, n, x, fetch, sums, add))            \
    }

FEW_PLAIN(few_f32, JUP_F32)
FEW_PLAIN(few_f16, JUP_F16)
FEW_PLAIN(few_bf16, JUP_BF16)

/* Columns [at, at + n) of a group for all m rows of x, which have `columns` each. What comes after
 * the group is fetched meanwhile, once, then the next tile of x. */
static void few_plain(const jup_rows_t *src, int first, int64_t at, int64_t n, int m,
                      const float *x, int64_t columns, float *sums)
{
    const int64_t bytes = plain_bytes_of(src->dtype);
    const unsigned char *rows[GROUP];
    plain_rows(src, first, at, rows);
    const void *fetch = src->first + (first + GROUP) * src->row_bytes + GROUP * at * bytes;
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
    for (int first = 0; first < src->rows; first += GROUP)
        for (int64_t at = 0; at < n; at += JUP_PLAIN_CHUNK)
            few_plain(src, first, at, jup_min_i64(JUP_PLAIN_CHUNK, n - at), m, x, (n + 7) / 8 * 8,
                      sums);
}

/* ---- panels ---------------------------------------------------------------------------------- */

/* Eight columns of a group. */
INLINE void pack_eight(const jup_dtype_t dtype, const unsigned char *const rows[GROUP], int64_t at,
                       float *to)
{
    EACH (i, 4)
        EACH (h, HALVES) {
            const int64_t from = at + h * PART * plain_bytes_of(dtype);
            store_f(to + (i * HALVES + h) * LANES,
                    load_weights(dtype, rows[i] + from, rows[i + GROUP - 4] + from));
        }
}

INLINE void pack_group(const jup_dtype_t dtype, const unsigned char *const rows[GROUP], int64_t n,
                       float *to)
{
    const int64_t bytes = plain_bytes_of(dtype);
    int64_t at = 0;
    for (; at + 8 <= n; at += 8, to += 8 * GROUP)
        pack_eight(dtype, rows, at * bytes, to);
    if (at == n)
        return;
    unsigned char padded[GROUP][32] = {{0}};
    const unsigned char *tails[GROUP];
    for (int i = 0; i < GROUP; i++)
        tails[i] = memcpy(padded[i], rows[i] + at * bytes, (size_t)((n - at) * bytes));
    pack_eight(dtype, tails, 0, to);
}

static void pack_plain(const jup_rows_t *src, int64_t at, int64_t n, float *panel)
{
    const int64_t eights = (n + 7) / 8;
    for (int first = 0; first < JUP_PANEL; first += GROUP, panel += eights * 8 * GROUP) {
        const unsigned char *rows[GROUP];
        plain_rows(src, first, at, rows);
        if (src->dtype == JUP_F32)
            pack_group(JUP_F32, rows, n, panel);
        else if (src->dtype == JUP_F16)
            pack_group(JUP_F16, rows, n, panel);
        else
            pack_group(JUP_BF16, rows, n, panel);
    }
}

/* A group of a panel with a tile of x. `fetch`: x that is used later, a line of it each eight
 * columns or, with `step` 0, none. */
INLINE void tile_of_group(const int m, int64_t eights, const float *x, const float *fetch, int step,
                          const float *panel, float *to, bool add)
{
    vf sums[PLAIN_ROWS][4][HALVES];
    start_sums(m, sums);
    for (int64_t k = 0; k < eights; k++, x += 8 * m, panel += 8 * GROUP) {
        __builtin_prefetch(fetch, 0, FETCH_LEVEL);
        fetch += step;
        EACH (h, HALVES) {
            vf of_x[PLAIN_ROWS];
            EACH (r, m)
                of_x[r] = repeat_part(x + 8 * r + h * PART);
            EACH (i, 4) {
                vf w = load_f(panel + (i * HALVES + h) * LANES);
                EACH (r, m)
                    sums[r][i][h] += w * of_x[r];
            }
        }
    }
    store_group(m, sums, to, add);
}

static void group_tile(int m, int64_t eights, const float *x, const float *fetch, int step,
                       const float *panel, float *to, bool add)
{
    ROWS_SWITCH(PLAIN_ROWS, m, tile_of_group(M, eights, x, fetch, step, panel, to, add))
}

/* Tiles of x over a panel, some at a time, group by group, so that a group of the panel stays in
 * the first-level cache for all of them. What the next ones need is fetched meanwhile. */
static void tile_plain(int rows, int64_t columns, int64_t at, int64_t n, const float *x,
                       const float *panel, float *sums)
{
    enum { LINE = 16 /* floats */ };
    const int64_t eights = (n + 7) / 8;
    const int even = jup_tile_rows(rows, PLAIN_ROWS, 0), block = even * (VECTOR == 64 ? 1 : 2);
    for (int first = 0; first < rows; first += block)
        for (int group = 0; group < JUP_PANEL / GROUP; group++)
            for (int row = first; row < rows && row < first + block; row += even) {
                const int m = jup_tile_rows(rows, PLAIN_ROWS, row);
                group_tile(m, eights, x + row * columns + at * m,
                           x + (row + block) * columns + at * m + group * eights * LINE,
                           2 * group < m ? LINE : 0, panel + group * eights * 8 * GROUP,
                           sums + row * JUP_PANEL + group * GROUP, at > 0);
            }
}
