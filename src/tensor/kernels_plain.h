/*
 * Plain weights: F32, F16 and BF16 as they lie, columns side by side in the lanes of vectors, so
 * that nothing has to be turned and a row is read as one run. Included by kernels_body.h; the order
 * in which products are added, and x, are in kernels.h.
 *
 * A group of outputs is made at a time, by steps of four vectors of weights, eight words of x each;
 * in a vector of 64 bytes two outputs lie side by side that are four apart. Few rows of x go
 * straight over the weight. More of them share a panel that holds these vectors one after another:
 * (groups, steps, vectors).
 */
enum {
    /* rows of x in a tile, outputs in one: what registers hold, and attention's tiles are no
       smaller */
    PLAIN_ROWS = VECTOR == 64   ? 6
                 : F32_ROWS < 3 ? F32_ROWS
                                : 3,
    GROUP = VECTOR == 64 ? 8 : 4,
    /* rows of x up to which a panel does not pay: F16's; others', which take as much room as x or
       more work to read (counted with 256 bits on a Zen 4) */
    FEW_HALVES_ROWS = 64,
    FEW_PLAIN_ROWS = VECTOR == 32 ? 16 : 64,
    PART_BYTES = VECTOR == 64 ? 32 : VECTOR,
    PART = PART_BYTES / 4, /* words of one row in a vector */
    HALVES = 8 / PART,     /* vectors that a step takes of each row, or two rows */
    STEP_FLOATS = 8 * GROUP,
};

#if VECTOR < 64
#define repeat_part load_f
#endif

/* ---- weights --------------------------------------------------------------------------------- */

/* What lies in memory, and what it is multiplied with: BRAIN is BF16 times floats. */
enum plain { FLOAT, HALF, BRAIN, PAIR };

INLINE enum plain plain_of(const jup_rows_t *src)
{
    if (src->dtype == JUP_BF16)
        return src->pairs ? PAIR : BRAIN;
    return src->dtype == JUP_F16 ? HALF : FLOAT;
}

/* A unit is what a row's weights are read by: eight columns or 16, in one step or in two. */
INLINE int unit_columns(const enum plain plain)
{
    return plain == FLOAT || plain == HALF ? 8 : 16;
}

INLINE int unit_bytes(const enum plain plain)
{
    return plain == HALF ? 16 : 32;
}

INLINE int unit_steps(const enum plain plain)
{
    return plain == BRAIN ? 2 : 1;
}

INLINE int64_t plain_bytes(const enum plain plain, int64_t columns)
{
    return plain == FLOAT ? 4 * columns : 2 * columns;
}

#ifndef OWN_UPPER_HALVES
INLINE vi upper_halves(vi v)
{
    return v & -65536;
}
#endif

/* The weights of a step, from the unit's vector at p; with 64 bytes, of two rows. */
INLINE vf load_weights(const enum plain plain, const int step, const unsigned char *p,
                       const unsigned char *q)
{
#if VECTOR == 64
    if (plain == HALF)
        return load_half_parts(p, q);
    vf words = load_parts(p, q);
#else
    (void)q;
    if (plain == HALF)
        return load_halves(p);
    vf words = load_f(p);
#endif
    if (plain == BRAIN)
        return (vf)(step == 0 ? upper_halves((vi)words) : (vi)words << 16);
    return words;
}

/* Rows `first` to `first + GROUP` of a panel's, from column `at` on; missing ones repeat the last.
 */
INLINE void plain_rows(const jup_rows_t *src, int first, int64_t at,
                       const unsigned char *rows[GROUP])
{
    for (int i = 0; i < GROUP; i++) {
        int row = first + i < src->rows ? first + i : src->rows - 1;
        rows[i] = src->first + row * src->row_bytes + plain_bytes(plain_of(src), at);
    }
}

/* The last columns, fewer than a unit, and zeros. */
typedef struct tail {
    unsigned char padded[GROUP][32];
    const unsigned char *rows[GROUP];
} tail_t;

INLINE void copy_tail(const enum plain plain, const unsigned char *const rows[GROUP], int64_t at,
                      int64_t columns, tail_t *to)
{
    memset(to->padded, 0, sizeof to->padded);
    for (int i = 0; i < GROUP; i++)
        to->rows[i] = memcpy(to->padded[i], rows[i] + at, (size_t)plain_bytes(plain, columns));
}

/* ---- sums ------------------------------------------------------------------------------------ */

typedef vf sums_t[PLAIN_ROWS][4][HALVES];

INLINE void start_sums(const int m, sums_t sums)
{
    EACH (r, m)
        EACH (i, 4)
            EACH (h, HALVES)
                sums[r][i][h] = (vf){0};
}

INLINE vf add_product(const enum plain plain, vf sum, vf w, vf x)
{
#ifdef BF16_TABLE
    if (plain == PAIR)
        return add_bf16(sum, w, x);
#endif
    (void)plain;
    return sum + w * x;
}

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
INLINE void store_group(const int m, sums_t sums, float *to, bool add)
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

/* ---- few rows of x --------------------------------------------------------------------------- */

/* A unit of a group. */
INLINE void add_unit(const enum plain plain, const int m, const unsigned char *const rows[GROUP],
                     int64_t at, const float *x, sums_t sums)
{
    EACH (step, unit_steps(plain))
        EACH (h, HALVES) {
            const int64_t from = at + h * unit_bytes(plain) / HALVES;
            vf of_x[PLAIN_ROWS];
            EACH (r, m)
                of_x[r] = repeat_part(x + 8 * (step * m + r) + h * PART);
            EACH (i, 4) {
                vf w = load_weights(plain, step, rows[i] + from, rows[i + GROUP - 4] + from);
                EACH (r, m)
                    sums[r][i][h] = add_product(plain, sums[r][i][h], w, of_x[r]);
            }
        }
}

/* A chunk of a group; `fetch`: what is read later, in the order of the memory. */
INLINE void few_of_plain(const enum plain plain, const int m,
                         const unsigned char *const rows[GROUP], int64_t n, const float *x,
                         const char *fetch, float *to, bool add)
{
    const int columns = unit_columns(plain), bytes = unit_bytes(plain);
    sums_t sums;
    start_sums(m, sums);
    int64_t at = 0;
    for (; n >= columns; n -= columns, at += bytes, x += 8 * m * unit_steps(plain)) {
        EACH (line, GROUP * bytes / 64)
            fetch_weights(fetch + GROUP * at + 64 * line);
        add_unit(plain, m, rows, at, x, sums);
    }
    if (n > 0) {
        tail_t tail;
        copy_tail(plain, rows, at, n, &tail);
        add_unit(plain, m, tail.rows, 0, x, sums);
    }
    store_group(m, sums, to, add);
}

#define FEW_PLAIN(name, plain)                                                                     \
    static void name(int m, const unsigned char *const rows[GROUP], int64_t n, const float *x,     \
                     const void *fetch, float *sums, bool add)                                     \
    {                                                                                              \
        ROWS_SWITCH(PLAIN_ROWS, m, few_of_plain(plain, M, rows, n, x, fetch, sums, add))           \
    }

FEW_PLAIN(few_floats, FLOAT)
FEW_PLAIN(few_halves, HALF)
FEW_PLAIN(few_brains, BRAIN)
#ifdef BF16_TABLE
FEW_PLAIN(few_pairs, PAIR)
#else
#define few_pairs few_brains
#endif

/* Columns [at, at + n) of a group, a chunk, for all m rows of x. What comes after the group is
 * fetched meanwhile, once, then the next tile of x. */
static void few_plain(const jup_rows_t *src, int first, int64_t at, int64_t n, int m,
                      const float *x, float *sums)
{
    static void (*const few[])(int m, const unsigned char *const rows[GROUP], int64_t n,
                               const float *x, const void *fetch, float *sums, bool add) = {
        [FLOAT] = few_floats, [HALF] = few_halves, [BRAIN] = few_brains, [PAIR] = few_pairs};
    const enum plain plain = plain_of(src);
    const int64_t words = jup_plain_words(src->dtype, src->pairs, n);
    const unsigned char *rows[GROUP];
    plain_rows(src, first, at, rows);
    const void *fetch =
        src->first + (first + GROUP) * src->row_bytes + GROUP * plain_bytes(plain, at);
    for (int row = 0; row < m;) {
        const int tile = jup_tile_rows(m, PLAIN_ROWS, row);
        few[plain](tile, rows, n, x, fetch, sums + row * JUP_PANEL + first, at > 0);
        row += tile;
        x += tile * words;
        fetch = x;
    }
}

static void run_plain(const jup_rows_t *src, int m, int64_t n, const float *x, float *sums)
{
#ifdef ALONE
    if (m == 1) {
        ALONE.run_plain(src, m, n, x, sums);
        return;
    }
#endif
    for (int first = 0; first < src->rows; first += GROUP)
        for (int64_t at = 0; at < n; at += JUP_PLAIN_CHUNK)
            few_plain(src, first, at, jup_min_i64(JUP_PLAIN_CHUNK, n - at), m,
                      x + m * jup_plain_words(src->dtype, src->pairs, at), sums);
}

/* ---- panels ---------------------------------------------------------------------------------- */

INLINE void pack_unit(const enum plain plain, const unsigned char *const rows[GROUP], int64_t at,
                      float *to)
{
    EACH (step, unit_steps(plain))
        EACH (i, 4)
            EACH (h, HALVES) {
                const int64_t from = at + h * unit_bytes(plain) / HALVES;
                store_f(to + step * STEP_FLOATS + (i * HALVES + h) * LANES,
                        load_weights(plain, step, rows[i] + from, rows[i + GROUP - 4] + from));
            }
}

INLINE void pack_group(const enum plain plain, const unsigned char *const rows[GROUP], int64_t n,
                       float *to)
{
    const int columns = unit_columns(plain);
    int64_t at = 0;
    for (; n >= columns; n -= columns, at += unit_bytes(plain)) {
        pack_unit(plain, rows, at, to);
        to += unit_steps(plain) * STEP_FLOATS;
    }
    if (n > 0) {
        tail_t tail;
        copy_tail(plain, rows, at, n, &tail);
        pack_unit(plain, tail.rows, 0, to);
    }
}

static void pack_plain(const jup_rows_t *src, int64_t at, int64_t n, float *panel)
{
    const enum plain plain = plain_of(src);
    const int64_t words = jup_plain_words(src->dtype, src->pairs, n);
    for (int first = 0; first < JUP_PANEL; first += GROUP, panel += words * GROUP) {
        const unsigned char *rows[GROUP];
        plain_rows(src, first, at, rows);
        if (plain == FLOAT)
            pack_group(FLOAT, rows, n, panel);
        else if (plain == HALF)
            pack_group(HALF, rows, n, panel);
        else if (plain == BRAIN)
            pack_group(BRAIN, rows, n, panel);
        else
            pack_group(PAIR, rows, n, panel);
    }
}

/* A group of a panel with a tile of x. `fetch`: x that is used later, `share` floats in each step.
 */
INLINE void tile_of_group(const enum plain plain, const int m, int64_t steps, const float *x,
                          const float *fetch, int share, const float *panel, float *to, bool add)
{
    sums_t sums;
    start_sums(m, sums);
    for (int64_t k = 0; k < steps; k++, x += 8 * m, panel += STEP_FLOATS) {
        __builtin_prefetch(fetch, 0, FETCH_LEVEL);
        fetch += share;
        EACH (h, HALVES) {
            vf of_x[PLAIN_ROWS];
            EACH (r, m)
                of_x[r] = repeat_part(x + 8 * r + h * PART);
            EACH (i, 4) {
                vf w = load_f(panel + (i * HALVES + h) * LANES);
                EACH (r, m)
                    sums[r][i][h] = add_product(plain, sums[r][i][h], w, of_x[r]);
            }
        }
    }
    store_group(m, sums, to, add);
}

#define GROUP_TILE(name, plain)                                                                    \
    static void name(int m, int64_t steps, const float *x, const float *fetch, int share,          \
                     const float *panel, float *to, bool add)                                      \
    {                                                                                              \
        ROWS_SWITCH(PLAIN_ROWS, m,                                                                 \
                    tile_of_group(plain, M, steps, x, fetch, share, panel, to, add))               \
    }

GROUP_TILE(tile_of_floats, FLOAT)
#ifdef BF16_TABLE
GROUP_TILE(tile_of_pairs, PAIR)
#else
#define tile_of_pairs tile_of_floats
#endif

/* What is packed next, row by row: where it is to be fetched on, and how many rows are left. */
typedef struct ahead {
    const unsigned char *row, *at;
    int64_t stride, bytes;
    int rows;
} ahead_t;

INLINE ahead_t look_ahead(const jup_rows_t *src, int64_t columns)
{
    return (ahead_t){src->fetch, src->fetch, src->row_bytes, plain_bytes(plain_of(src), columns),
                     src->fetch ? src->rows : 0};
}

INLINE void fetch_ahead(ahead_t *a, int lines)
{
    for (; lines > 0 && a->rows > 0; lines--) {
        __builtin_prefetch(a->at, 0, FETCH_LEVEL);
        a->at += 64;
        if (a->at < a->row + a->bytes)
            continue;
        a->at = a->row += a->stride;
        a->rows--;
    }
}

/* Tiles of x over a panel, some at a time, group by group, so that a group of the panel stays in
 * the first-level cache for all of them. What the next ones need is fetched meanwhile,
 * little by little, and so is the next panel: all at once would hold the products up. */
static void tile_plain(const jup_rows_t *src, int rows, int64_t n, const float *x,
                       const float *panel, float *sums, bool add)
{
    enum { GROUPS = JUP_PANEL / GROUP };
    const int64_t words = jup_plain_words(src->dtype, src->pairs, n), steps = words / 8;
    const int even = jup_tile_rows(rows, PLAIN_ROWS, 0), block = even * (VECTOR == 64 ? 1 : 2);
    const int share = (8 * even + GROUPS - 1) / GROUPS; /* floats to fetch in a step */
    ahead_t ahead = look_ahead(src, n);
    const int lines = (int)(src->rows * ahead.bytes / 64 * block / (rows * GROUPS)) + 1;
    for (int first = 0; first < rows; first += block)
        for (int group = 0; group < GROUPS; group++) {
            fetch_ahead(&ahead, lines);
            for (int row = first; row < rows && row < first + block; row += even) {
                const int m = row + even < rows ? even : rows - row;
                const float *of_x = x + row * words;
                (src->pairs ? tile_of_pairs : tile_of_floats)(
                    m, steps, of_x, of_x + block * words + group * steps * share, share,
                    panel + group * steps * STEP_FLOATS, sums + row * JUP_PANEL + group * GROUP,
                    add);
            }
        }
}
