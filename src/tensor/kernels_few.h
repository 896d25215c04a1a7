/*
 * Few rows of x straight over the rows of a quantised weight: numbers go from their blocks into
 * products, without a panel between, and serve every row of x. As many rows of the weight as a
 * vector has lanes lie side by side. The sums are the tiles' of kernels_body.h to the bit: sums of
 * integers are exact in any order, and those in f32 have the same. Included by kernels_body.h.
 *
 * FEW has what goes by the instructions:
 *
 *   FEW_DOTS         most vectors that the integer sums of a group take
 *   order_of         how the bytes of the weight lie for so many rows of x
 *   by_pieces        whether sums of a stretch are made as its pieces come, and brought together
 *                    at its end: else group by group, its pieces being loaded before
 *   side_by_side     vectors of rows that share what belongs to x, 1 or 2
 *   scales_at_use    whether scales of blocks of 256 are made one by one, not all before
 *   times_part       a product with word r of m, a float; plus_part, less_part: added to a sum, or
 *                    what it leaves of one
 *   HALVES_ALONE     whether sums of halves of a block of 32, where the form is whole, are finished
 *                    one by one
 *   add_halves       adds such sums times their scales, of the weight and of x; add_half where they
 *                    are alone
 *   dot_16           adds products with 16 columns to a group's integer sums, or starts these
 *   place_of         how many bits to the left of their own the numbers of block j of a stretch, of
 *                    a form that is whole, stay where they lie among others: not each of them is
 *                    shifted, then, but their sum
 *   dots_of_row      those of a row of x, a row of the weight in each element, with the zero point
 *                    of the weights taken off: one of the two does that by a group's sums of x
 *   LINES            if there is one, a file with add_lines() for what is_by_lines() says
 */
INLINE float float_of(const int32_t *part)
{
    float x;
    memcpy(&x, part, sizeof x);
    return x;
}

#include FEW

#ifndef HALVES_ALONE
#define HALVES_ALONE 0
#define add_half(all, dots, scales, m, k, r) ((void)(dots), (void)(scales), (void)(k), all)
#endif

/* Adds a block of 32 columns to the sums of m rows of x as i8_tile() does; parts: of x. */
INLINE void add_32(const jup_dtype_t dtype, const int m, const vi *dots, vf scale, vf min,
                   const int32_t *parts, vf *sum)
{
    EACH (r, m) {
        vi dot = dots_of_row(dtype, m, 0, dots, r, parts + JUP_X_Q * m);
        sum[r] += to_float(dot) * times_part(scale, m, parts + JUP_X_SCALE * m, r);
        if (form_of(dtype).mins)
            sum[r] = less_part(sum[r], min, m, parts + JUP_X_SUM * m, r);
    }
}

/* The same where its halves have scales of their own. */
INLINE void add_halves_32(const jup_dtype_t dtype, const int m, vi (*dots)[FEW_DOTS],
                          const vf scales[2], const int32_t *parts, vf *sum)
{
    EACH (r, m) {
        vi first = dots_of_row(dtype, m, 0, dots[0], r, parts + JUP_X_Q_FIRST * m);
        vi last = dots_of_row(dtype, m, 0, dots[1], r, parts + JUP_X_Q_LAST * m);
        vf both = of_halves(first, scales[0], last, scales[1]);
        sum[r] = plus_part(sum[r], both, m, parts + JUP_X_SCALE * m, r);
    }
}

/* Adds a block of 32 of a form that is whole as add_whole_block() does; dots: of its halves, scales
 * of both; k: of x */
INLINE void add_whole_32(const jup_dtype_t dtype, const int m, const int place,
                         vi (*dots)[FEW_DOTS], const float *scales, const int32_t *parts,
                         const int32_t *k, vi *whole)
{
    EACH (r, m) {
        vi first = dots_of_row(dtype, m, place, dots[0], r, parts + JUP_X_Q_FIRST * m);
        vi last = dots_of_row(dtype, m, place, dots[1], r, parts + JUP_X_Q_LAST * m);
        whole[r] = add_halves(whole[r], first, last, scales, m, k, r);
    }
}

/* The same of half such a block, `half`. */
INLINE void add_whole_16(const jup_dtype_t dtype, const int m, const int place, const vi *dots,
                         const float *scales, const int half, const int32_t *parts,
                         const int32_t *k, vi *whole)
{
    EACH (r, m) {
        vi dot = dots_of_row(dtype, m, place, dots, r, parts + (JUP_X_Q_FIRST + half) * m);
        whole[r] = add_half(whole[r], dot, scales, m, k, r);
    }
}

/* Adds what 256 columns of forms that are whole come to. */
INLINE void add_whole(const jup_dtype_t dtype, const int m, const jup_i8_panel_t *scales,
                      const jup_i8_x_t *x, const vi *whole, vf *sum)
{
    const jup_i8_form_t form = form_of(dtype);
    EACH (r, m) {
        vi mins = form.mins ? whole_mins(m, scales->min, x->whole + r) : (vi){0};
        float unit = float_of(x->whole + JUP_X_UNIT * m + r);
        sum[r] = with_whole(form, sum[r], whole[r], mins, load_f(scales->whole),
                            load_f(scales->whole + JUP_PANEL), unit);
    }
}

/* ---- a stretch of a block of each row ----------------------------------------------------------
 */

/* What belongs to a stretch or a block, and what it adds to. */
typedef struct few {
    source_t *s;
    jup_i8_panel_t scales;
    scales_256_t packed; /* where these are used in their place */
    stretch_t numbers;
    jup_i8_x_t x;
    int64_t fetch_bytes; /* that a stretch fetches */
    vf *sum;             /* of each row of x */
    vi *whole;           /* the same of integers, where the form is whole */
} few_t;

/* Of what is fetched during a stretch, the lines of share i of n: many at once would wait for each
 * other. */
INLINE void fetch_share(const few_t *f, const int i, const int n)
{
    const int lines = (int)(f->fetch_bytes + 63) / 64;
    __asm__ volatile(""); /* a compiler would put all of them first */
    for (int line = lines * i / n; line < lines * (i + 1) / n; line++)
        fetch_weights(f->s->fetch + 64 * line);
}

/* number_of() in its place. */
INLINE vi placed_number(const jup_dtype_t dtype, const int order, const stretch_t *from, int i,
                        const int j, const int k)
{
    const int place = place_of(dtype, j);
    if (place == 0)
        return number_of(dtype, order, from, i, j, k);
    vi number = shift_right(from->q[k], 2 * j - place) & all_bytes(3 << place);
    if (dtype == JUP_Q3_K)
        number |= moved(from->bits[k], 4 * i + j, place + 2) & all_bytes(4 << place);
    return number;
}

/* Products with the 16 columns from 16 at on, in stretch i. */
INLINE void dots_of_16(const jup_dtype_t dtype, const int m, const few_t *f, int i, const int at,
                       const bool first, vi *dots)
{
    const int sixteen = stretch_columns(dtype) / 16 * i + at;
    const int sums_at = form_of(dtype).halves ? JUP_X_Q_FIRST + at % 2 : JUP_X_Q;
    vi w[4];
    EACH (k, 4)
        w[k] = placed_number(dtype, order_of(dtype, m), &f->numbers, i, at / 2, at % 2 * 4 + k);
    dot_16(dtype, m, first, w, f->x.q + 16 * sixteen * m,
           f->x.parts + (sixteen / 2 * JUP_X_PARTS + sums_at) * m, dots);
}

INLINE vf scale_of_group(const jup_dtype_t dtype, const int m, const few_t *f, const int group)
{
    return scales_at_use(dtype, m) ? scale_of_256(dtype, &f->packed, group)
                                   : load_f(f->scales.scale + group * JUP_PANEL);
}

INLINE vf min_of_group(const jup_dtype_t dtype, const int m, const few_t *f, const int group)
{
    if (!form_of(dtype).mins)
        return (vf){0};
    return scales_at_use(dtype, m) ? min_of_256(&f->packed, group)
                                   : load_f(f->scales.min + group * JUP_PANEL);
}

/* Adds group g of stretch i; dots: of g, and after it of the next, which halves of 32 columns take
 * along. */
INLINE void finish_group(const jup_dtype_t dtype, const int m, const few_t *f, int i, const int g,
                         vi (*dots)[FEW_DOTS])
{
    const jup_i8_form_t form = form_of(dtype);
    const int each = form.halves ? 2 : 1; /* groups of 32 columns */
    const int block = stretch_columns(dtype) / 32 * i + g / each, group = block * each + g % each;
    const int32_t *parts = f->x.parts + block * JUP_X_PARTS * m;
    const float *scales = f->scales.scale + group * JUP_PANEL;
    const int32_t *k = f->x.whole + (JUP_X_K + block) * m;
    if (form.whole && HALVES_ALONE)
        add_whole_16(dtype, m, place_of(dtype, g / each), dots[0], scales, g % 2, parts, k,
                     f->whole);
    else if (form.whole && g % 2 == 0)
        add_whole_32(dtype, m, place_of(dtype, g / each), dots, scales, parts, k, f->whole);
    else if (form.halves && !form.whole && g % 2 == 0)
        add_halves_32(dtype, m, dots,
                      (const vf[2]){scale_of_group(dtype, m, f, group),
                                    scale_of_group(dtype, m, f, group + 1)},
                      parts, f->sum);
    else if (!form.halves)
        add_32(dtype, m, dots[0], scale_of_group(dtype, m, f, group),
               min_of_group(dtype, m, f, group), parts, f->sum);
}

/* Groups are finished when their block of 32 is there, for the sake of registers, but where they
 * have 16 columns each and floats, which are added in order. */
INLINE void add_by_pieces(const jup_dtype_t dtype, const int m, few_t *f, int i)
{
    const jup_i8_form_t form = form_of(dtype);
    const int sixteens = stretch_columns(dtype) / 16, of_piece = piece_sixteens(dtype);
    const int each = form.halves ? 1 : 2; /* of a group */
    const bool at_end = form.halves && !form.whole;
    const int shares = at_end ? 2 * sixteens : sixteens; /* of what is fetched */
    vi dots[8][FEW_DOTS] = {{{0}}};
    EACH (p, stretch_pieces(dtype)) {
        load_piece(dtype, order_of(dtype, m), f->s, i, p, &f->numbers);
        EACH (g, of_piece) {
            const int at = sixteen_at(dtype, p, g), block = at / 2 * 2 / each;
            fetch_share(f, p * of_piece + g, shares);
            dots_of_16(dtype, m, f, i, at, at % each == 0, dots[at / each]);
            if (form.whole && HALVES_ALONE)
                finish_group(dtype, m, f, i, at, dots + at);
            else if (!at_end && at % 2 == 1)
                finish_group(dtype, m, f, i, block, dots + block);
        }
    }
    if (at_end)
        EACH (g, sixteens) {
            fetch_share(f, sixteens + g, shares);
            finish_group(dtype, m, f, i, g, dots + g);
        }
}

INLINE void add_in_order(const jup_dtype_t dtype, const int m, few_t *f, int i)
{
    const int of_16 = form_of(dtype).halves ? 1 : 2; /* a group */
    const int groups = stretch_columns(dtype) / 16 / of_16, side = 3 - of_16;
    EACH (first, groups / side) {
        vi dots[2][FEW_DOTS];
        fetch_share(f, first, groups / side);
        EACH (j, side * of_16) {
            const int at = first * side * of_16 + j;
            if (dtype == JUP_Q6_K && m > 1 && at == 4) /* else what is read again would be kept */
                __asm__("" : "+r"(f->s->every_4th[0]));
            load_16_more(dtype, order_of(dtype, m), f->s, i, at, &f->numbers);
            dots_of_16(dtype, m, f, i, at, j % of_16 == 0, dots[j / of_16]);
        }
        finish_group(dtype, m, f, i, first * side, dots);
    }
}

#ifdef LINES
#include LINES
#else
INLINE bool is_by_lines(const jup_dtype_t dtype, const int m)
{
    (void)dtype, (void)m;
    return false;
}
#define add_lines(f, i) ((void)0)
#endif

INLINE void add_stretch(const jup_dtype_t dtype, const int m, few_t *f, int i)
{
    if (is_by_lines(dtype, m))
        add_lines(f, i);
    else if (by_pieces(dtype, m))
        add_by_pieces(dtype, m, f, i);
    else
        add_in_order(dtype, m, f, i);
    f->s->fetch += f->fetch_bytes;
}

/* ---- blocks ------------------------------------------------------------------------------------
 */

/* Adds a block of each row. One row of x has a block in one piece of code, which is a tenth to a
 * third quicker; others have more of it. */
INLINE void add_block(const jup_dtype_t dtype, const int m, source_t *s, const jup_i8_x_t *x,
                      int64_t fetch_bytes, vf *sum)
{
    const int stretches = columns_of(dtype) / stretch_columns(dtype);
    _Alignas(64) float scale[16 * JUP_PANEL], min[16 * JUP_PANEL], of_all[2 * JUP_PANEL];
    vi whole[FEW_ROWS] = {{0}};
    few_t f = {.s = s,
               .scales = {.scale = scale, .min = min, .whole = of_all},
               .x = *x,
               .fetch_bytes = fetch_bytes,
               .sum = sum,
               .whole = whole};
    if (scales_at_use(dtype, m))
        load_scales_256(dtype, s, &f.packed);
    else
        store_scales(dtype, s, f.scales);
    if (m == 1) {
        EACH (i, stretches)
            add_stretch(dtype, m, &f, i);
    } else {
        ONE_BY_ONE (i, stretches)
            add_stretch(dtype, m, &f, i);
    }
    if (form_of(dtype).whole)
        add_whole(dtype, m, &f.scales, x, whole, sum);
}

/* As many rows as vectors side by side have lanes: sums = or += */
INLINE void add_rows_of(const jup_dtype_t dtype, const int m, source_t s[2], int64_t n,
                        jup_i8_x_t x, float *sums, bool add)
{
    const int columns = columns_of(dtype), side = side_by_side(dtype, m);
    const int64_t bytes =
        side * LANES * block_bytes_of(dtype) * stretch_columns(dtype) / columns; /* of a stretch */
    vf sum[2][FEW_ROWS];
    EACH (v, side)
        EACH (r, m)
            sum[v][r] = add ? load_f(sums + r * JUP_PANEL + v * LANES) : (vf){0};
    for (; n > 0; n -= columns) {
        EACH (v, side) {
            add_block(dtype, m, &s[v], &x, v == 0 ? bytes : 0, sum[v]);
            advance(&s[v], block_bytes_of(dtype));
        }
        x.q += columns * m;
        x.parts += columns / JUP_X_BLOCK * JUP_X_PARTS * m;
        x.whole += JUP_X_WHOLES * m;
    }
    EACH (v, side)
        EACH (r, m)
            store_f(sums + r * JUP_PANEL + v * LANES, sum[v][r]);
}

/*
 * 32 rows. What is fetched meanwhile are rows that come later, two vectors of them: the next ones
 * alone would be too near for the memory's delay (Zen 4).
 */
INLINE void few_rows(const jup_dtype_t dtype, const int m, const straight_t *rows, int64_t n,
                     const jup_i8_x_t *x, float *sums, bool add)
{
    const int side = side_by_side(dtype, m);
    for (int vec = 0; vec < VECS; vec += side) {
        source_t s[2];
        EACH (v, side) {
            s[v] = source_at(rows, vec + v, 0);
            s[v].fetch = s[v].every_4th[0] + 2 * LANES * s[v].stride;
        }
        add_rows_of(dtype, m, s, n, *x, sums + vec * LANES, add);
    }
}

#define RUN_FEW(name, dtype)                                                                       \
    static void few_##name(int m, const straight_t *rows, int64_t n, const jup_i8_x_t *x,          \
                           float *sums, bool add)                                                  \
    {                                                                                              \
        ROWS_SWITCH(FEW_ROWS, m, few_rows(dtype, M, rows, n, x, sums, add))                        \
    }

I8_TYPES(RUN_FEW)

typedef void (*run_few_t)(int m, const straight_t *rows, int64_t n, const jup_i8_x_t *x,
                          float *sums, bool add);

static run_few_t few_of(jup_dtype_t dtype)
{
#define FEW_OF(name, dtype) [dtype] = few_##name,
    static const run_few_t all[] = {I8_TYPES(FEW_OF)};
    return all[dtype];
}

/* All columns of 32 rows at once, where these are at equal distance; else as many as there is room
 * to copy. */
static void run_i8(const jup_rows_t *src, int m, int64_t n, const jup_i8_x_t *x, float *sums)
{
#ifdef ALONE
    if (m == 1 && !form_of(src->dtype).whole) {
        ALONE.run_i8(src, m, n, x, sums);
        return;
    }
#endif
    const int64_t most = src->rows == JUP_PANEL && !src->list ? n : JUP_I8_CHUNK;
    for (int64_t at = 0; at < n; at += most) {
        const int64_t columns = jup_min_i64(most, n - at);
        const jup_i8_x_t from = {x->q + at * m, x->parts + at / JUP_X_BLOCK * JUP_X_PARTS * m,
                                 x->whole + at / 256 * JUP_X_WHOLES * m, NULL};
        straight_t rows;
        straighten(src, (int64_t)jup_dtype_bytes(src->dtype, at),
                   (int64_t)jup_dtype_bytes(src->dtype, columns), &rows);
        few_of(src->dtype)(m, &rows, columns, &from, sums, at > 0);
    }
}
