/*
 * The kernels, written once in GNU C vectors and compiled for each instruction set. The including
 * file defines
 *
 *   TABLE, TABLE_NAME   the table's identifier and its name as text
 *   VECTOR              bytes of a vector register: 16, 32 or 64
 *   F32_ROWS, F32_VECS  rows of x and vectors of a panel that one f32 tile keeps in registers
 *   I8_ROWS, I8_VECS    the same for 8-bit tiles
 *   Q8_BIAS             0x80 where the 8-bit product takes unsigned weights, else 0
 *   vf, vi              vectors of float and int32_t
 *   unpack_lo32 ..      as x86's vpunpck{l,h}{dq,qdq}, within each 128 bits
 *   load_16             vector whose 128-bit lane l is the 16 bytes at p[l]
 *   load_halves         a vector of as many halves in a row, as floats
 *   load_parts ..       with 512 bits: 32 bytes each of two rows, as many halves as floats;
 *                       repeat_part: eight words of x twice (kernels_plain.h)
 *   add_quarters        with more than 128 bits: each 128 of two vectors added to the next
 *   split_halves        stores the even 16-bit halves of a vector, then the odd ones
 *   look_up             the bytes of a table of 16 (a vector with that in every 128 bits) at the
 *                       numbers in the bytes of a vector
 *   dot_small, dot_q8   sums of 4 byte products: weights 0..63 and signed ones (the first alone
 *                       where there is a Q8_BIAS, and in PRODUCTS, where there are such)
 *
 * and may define
 *
 *   PAIRED              1 where 8-bit products take two rows by 8 columns: in each 16 bytes of an
 *                       i8 panel lie 8 columns of two rows in place of 4 of four, and each 8
 *                       columns of rounded x lie together; unpair() then gives quads back
 *   PRODUCTS            a file with add_products() of its own, with OWN_START start_dots(), too
 *   OWN_WIDE            where signed weights and x are multiplied as 16 bits: even_bytes() and
 *                       odd_bytes() of each 16 make them
 *   PAIRS               where dot_small is made of multiply_pairs(), whose sums of 16 bits
 *                       add_16() adds up, add_16_in_order() as they come, and of sum_pairs()
 *   dot_pairs           sums of 2 products of 16 bits in each element, defined as itself
 *   SCALED              1 where panels have products of numbers and scales (kernels_scaled.h), for
 *                       which add_where() adds bytes of `more` to q where those of `bits` and `own`
 *                       have a bit in common
 *   MASKS               1 where add_16_at() adds 16 to the bytes of a mask's bits
 *   FEW, FEW_ROWS       a file of kernels for so many rows of x at most without panels; what it
 *                       needs besides stands at its head
 *   ALONE               another table that takes one row of x, but of types whose form is whole
 *   I8_CHUNK, ROWS      the layout of work, where it is not the largest (kernels.h)
 *   BF16_TABLE, BF16_NAME   a second table, for processors with products of pairs of BF16, by
 *                       add_bf16()
 */
#include "base/checked.h"
#include "tensor/blocks.h"
#include "tensor/kernels.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
    LANES = VECTOR / 4,
    VECS = JUP_PANEL / LANES, /* vectors across a panel */
};

#define INLINE static inline __attribute__((always_inline))

#ifndef PAIRED
#define PAIRED 0
#endif
#ifndef SCALED
#define SCALED 0
#endif
#ifndef MASKS
#define MASKS 0
#define add_16_at(q, mask) ((void)(mask), q)
#endif
#ifndef ROWS
#define I8_CHUNK JUP_I8_CHUNK
#define ROWS JUP_MOST_ROWS
#endif

/* Bytes that a signed weight takes in a panel. */
#ifdef OWN_WIDE
enum { SIGNED_BYTES = 2 };
#else
enum { SIGNED_BYTES = 1 };
#endif

/* Columns of a row of rounded x that lie side by side, and how often four. */
enum { X_RUN = PAIRED ? 8 : 4, X_QUADS = X_RUN / 4 };

/* Into which level of the cache to fetch what comes next, 2 for the second. */
#define FETCH_LEVEL 2

/* A line of a weight that few rows of x will read. */
INLINE void fetch_weights(const void *p)
{
#if defined(__x86_64__)
    if (jup_kernels_fetch_near) {
        __builtin_prefetch(p, 0, 3);
        return;
    }
#endif
    __builtin_prefetch(p, 0, FETCH_LEVEL);
}

#if Q8_BIAS
INLINE vi dot_q8(vi sum, vi w, vi x)
{
    return dot_small(sum, w, x);
}
#endif

/* A product that no addition is to take into one operation with it: with two of them to choose from
 * a compiler would take one here and the other there. */
INLINE vf on_its_own(vf product)
{
#if defined(__x86_64__)
    __asm__("" : "+v"(product));
#elif defined(__aarch64__)
    __asm__("" : "+w"(product));
#endif
    return product;
}

/* A short loop that has to be unrolled for its arrays of vectors to become registers. */
#if defined(__clang__)
#define EACH(i, n) _Pragma("unroll") for (int i = 0; i < (n); i++)
#define ONE_BY_ONE(i, n) _Pragma("nounroll") for (int i = 0; i < (n); i++)
#else
#define EACH(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i++)
#define ONE_BY_ONE(i, n) _Pragma("GCC unroll 1") for (int i = 0; i < (n); i++)
#endif

typedef uint32_t vu __attribute__((vector_size(VECTOR)));
typedef uint8_t vb __attribute__((vector_size(VECTOR)));
typedef int8_t lane_bytes_t __attribute__((vector_size(LANES)));

INLINE vf load_f(const void *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_f(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}

INLINE vi load_i(const void *p)
{
    vi v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_i(void *p, vi v)
{
    memcpy(p, &v, sizeof v);
}

INLINE vf splat_f(float x)
{
    return x - (vf){0};
}

INLINE vi splat_i(int32_t x)
{
    return x - (vi){0};
}

INLINE vf to_float(vi v)
{
    return __builtin_convertvector(v, vf);
}

INLINE vi shift_right(vi v, int bits)
{
    return (vi)((vu)v >> bits);
}

/* Two numbers of 16 bits in each element, and one of them. */
INLINE vi pair_up(vi low, vi high)
{
    return (low & 0xffff) | (high << 16);
}

INLINE vi half_of_pairs(vi pairs, int i)
{
    return (i ? pairs : pairs << 16) >> 16;
}

INLINE vi times_both(vi pairs, int16_t x)
{
    typedef int16_t halves_t __attribute__((vector_size(VECTOR)));
    return (vi)((halves_t)pairs * x);
}

INLINE vi max_i(vi a, vi b)
{
    return (a & (a > b)) | (b & ~(a > b));
}

/* ---- across lanes: the quarters of a vector first ---------------------------------------------
 */

typedef float quarter_t __attribute__((vector_size(16)));
typedef int32_t quarter_int_t __attribute__((vector_size(16)));

INLINE float sum_lanes(vf v)
{
    union {
        vf all;
        quarter_t part[VECTOR / 16];
    } lanes = {v};
    quarter_t sum = lanes.part[0];
    EACH (i, VECTOR / 16 - 1)
        sum += lanes.part[i + 1];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

INLINE float max_lanes(vf v)
{
    union {
        vf all;
        quarter_t part[VECTOR / 16];
    } lanes = {v};
    quarter_t top = lanes.part[0];
    EACH (i, VECTOR / 16 - 1) {
        quarter_int_t more = lanes.part[i + 1] > top;
        top = (quarter_t)(((quarter_int_t)lanes.part[i + 1] & more) | ((quarter_int_t)top & ~more));
    }
    float low = top[0] > top[1] ? top[0] : top[1], high = top[2] > top[3] ? top[2] : top[3];
    return low > high ? low : high;
}

/* ---- packing ------------------------------------------------------------------------------- */

/* Rows at equal distance: where they are, or copied side by side. */
enum { COPY_BYTES = 2048 + 64 };
typedef struct straight {
    const unsigned char *first;
    int64_t stride;
    const unsigned char *fetch;
    _Alignas(64) unsigned char copy[JUP_PANEL * COPY_BYTES];
} straight_t;

INLINE void straighten(const jup_rows_t *src, int64_t offset, int64_t bytes, straight_t *to)
{
    bool whole = src->rows == JUP_PANEL;
    int64_t stride = src->row_bytes;
    if (src->list && whole) {
        stride = src->list[1] - src->list[0];
        for (int i = 2; i < JUP_PANEL; i++)
            whole = whole && src->list[i] - src->list[i - 1] == stride;
    }
    to->fetch = src->fetch;
    to->first = (src->list ? src->list[0] : src->first) + offset;
    to->stride = stride;
    if (whole)
        return;
    for (int i = 0; i < JUP_PANEL; i++) {
        int row = i < src->rows ? i : src->rows - 1;
        const unsigned char *from = src->list ? src->list[row] : src->first + row * src->row_bytes;
        memcpy(to->copy + i * COPY_BYTES, from + offset, (size_t)bytes);
    }
    to->first = to->copy;
    to->stride = COPY_BYTES;
}

/*
 * LANES rows at equal distance. Every fourth has a pointer of its own, so that all are reached by
 * base + {0, 1, 2, 3} strides and the pointers stay in registers.
 */
typedef struct source {
    const unsigned char *every_4th[VECTOR / 16];
    int64_t stride;
    const unsigned char *fetch;
} source_t;

INLINE source_t source_at(const straight_t *from, int vec, int64_t bytes)
{
    source_t s = {.stride = from->stride,
                  .fetch = from->fetch ? from->fetch + vec * LANES * bytes : NULL};
    EACH (i, VECTOR / 16)
        s.every_4th[i] = from->first + (vec * LANES + 4 * i) * from->stride;
    return s;
}

INLINE void advance(source_t *s, int64_t bytes)
{
    EACH (i, VECTOR / 16)
        s->every_4th[i] += bytes;
}

INLINE const unsigned char *row_of(const source_t *s, int i)
{
    return s->every_4th[i / 4] + i % 4 * s->stride;
}

/* 128-bit lane l: 16 bytes of row 4 l + j. */
INLINE vi load_rows(const source_t *s, int j, int64_t offset)
{
    const unsigned char *rows[VECTOR / 16];
    EACH (i, VECTOR / 16)
        rows[i] = s->every_4th[i] + j * s->stride + offset;
    return load_16(rows);
}

/* Rows in 128-bit lanes (a: rows 0, 4 .., b: 1, 5 ..) to columns: element i of out[k]: row i. */
INLINE void transpose(vi a, vi b, vi c, vi d, vi out[4])
{
    vi ab = unpack_lo32(a, b), cd = unpack_lo32(c, d);
    vi ab_high = unpack_hi32(a, b), cd_high = unpack_hi32(c, d);
    out[0] = unpack_lo64(ab, cd);
    out[1] = unpack_hi64(ab, cd);
    out[2] = unpack_lo64(ab_high, cd_high);
    out[3] = unpack_hi64(ab_high, cd_high);
}

/* Element i of out[k]: word k of the 16 bytes at `offset` in row i. */
INLINE void load_columns(const source_t *s, int64_t offset, vi out[4])
{
    transpose(load_rows(s, 0, offset), load_rows(s, 1, offset), load_rows(s, 2, offset),
              load_rows(s, 3, offset), out);
}

/* How the bytes of rows lie in vectors: 16 of a row together; a row in each element, as
 * load_columns() has it; 8 of two rows, as an i8 panel may (PAIRED). */
enum order { IN_ROWS, IN_COLUMNS, IN_PAIRS };

/* From load_rows() to another order. */
INLINE void turn(const int order, const vi rows[4], vi out[4])
{
    if (order == IN_COLUMNS) {
        transpose(rows[0], rows[1], rows[2], rows[3], out);
        return;
    }
    EACH (j, 4)
        out[j] = rows[j];
    if (order == IN_PAIRS)
        EACH (pair, 2) {
            out[pair] = unpack_lo64(rows[2 * pair], rows[2 * pair + 1]);
            out[pair + 2] = unpack_hi64(rows[2 * pair], rows[2 * pair + 1]);
        }
}

/* 16 bytes of each row. */
INLINE void load_numbers(const int order, const source_t *s, int64_t offset, vi out[4])
{
    vi rows[4];
    EACH (j, 4)
        rows[j] = load_rows(s, j, offset);
    turn(order, rows, out);
}

/* Half p of the numbers in 32 bytes. Vectors of 512 bits take the other half along: fewer loads. */
INLINE void load_half_of_32(const int order, const source_t *s, int64_t offset, const int p,
                            vi out[8])
{
#if VECTOR == 64
    vi rows[2][4];
    if (p > 0)
        return;
    EACH (j, 4) {
        vi two[2];
        EACH (i, 2)
            two[i] = load_halves_of(s->every_4th[2 * i] + j * s->stride + offset,
                                    s->every_4th[2 * i + 1] + j * s->stride + offset);
        rows[0][j] = even_quarters(two[0], two[1]);
        rows[1][j] = odd_quarters(two[0], two[1]);
    }
    EACH (half, 2)
        turn(order, rows[half], out + 4 * half);
#else
    load_numbers(order, s, offset + 16 * p, out + 4 * p);
#endif
}

/* A vector of its quarters. */
INLINE vi join(const quarter_int_t *quarters)
{
#if VECTOR == 16
    return quarters[0];
#elif VECTOR == 32
    return __builtin_shufflevector(quarters[0], quarters[1], 0, 1, 2, 3, 4, 5, 6, 7);
#else
    typedef int32_t half_int_t __attribute__((vector_size(32)));
    half_int_t a = __builtin_shufflevector(quarters[0], quarters[1], 0, 1, 2, 3, 4, 5, 6, 7);
    half_int_t b = __builtin_shufflevector(quarters[2], quarters[3], 0, 1, 2, 3, 4, 5, 6, 7);
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
}

#ifndef OWN_WORDS

/* Element i: the word at `offset` in row i. (x86's gathers take longer.) */
INLINE vi load_words(const source_t *s, int64_t offset)
{
    quarter_int_t words[VECTOR / 16];
    EACH (i, LANES) {
        int32_t word;
        memcpy(&word, row_of(s, i) + offset, sizeof word);
        words[i / 4][i % 4] = word;
    }
    return join(words);
}

/* The halves there, as floats. */
INLINE vf load_half_of_each(const source_t *s, int64_t offset)
{
    typedef uint16_t halves_t __attribute__((vector_size(2 * LANES)));
    halves_t halves;
    EACH (i, LANES) {
        uint16_t half;
        memcpy(&half, row_of(s, i) + offset, sizeof half);
        halves[i] = half;
    }
    return load_halves(&halves);
}

#else

INLINE vi load_words(const source_t *s, int64_t offset)
{
    return words_apart(s->every_4th[0] + offset, s->stride);
}

INLINE vf load_half_of_each(const source_t *s, int64_t offset)
{
    return halves_apart(s->every_4th[0] + offset, s->stride);
}

#endif

/*
 * load_columns() for 64 bytes. Where 16 rows go into a vector, all of a row's line is loaded at
 * once: rows a multiple of 4 KiB apart share a set of the first-level cache and push each other
 * out.
 */
INLINE void load_line(const source_t *s, vi out[16])
{
#if VECTOR == 64
    vi rows[4][4];
    EACH (j, 4)
        EACH (part, 4)
            rows[part][j] = load_rows(s, j, 16 * part);
    EACH (part, 4)
        transpose(rows[part][0], rows[part][1], rows[part][2], rows[part][3], out + 4 * part);
#else
    EACH (part, 4)
        load_columns(s, 16 * part, out + 4 * part);
#endif
}

/* Fetches the next `bytes` bytes of what will be needed later. */
INLINE void fetch_lines(source_t *s, int64_t bytes)
{
    if (!s->fetch)
        return;
    for (int64_t at = 0; at < bytes; at += 64)
        __builtin_prefetch(s->fetch + at, 0, FETCH_LEVEL);
    s->fetch += bytes;
}

INLINE void halves_to_floats(vi v, vf *even, vf *odd)
{
    uint16_t halves[2 * LANES];
    split_halves(v, halves);
    *even = load_halves(halves);
    *odd = load_halves(halves + LANES);
}

INLINE vf low_half_to_float(vi v)
{
    vf low, high;
    halves_to_floats(v, &low, &high);
    return low;
}

#include "tensor/kernels_blocks.h"
#include "tensor/kernels_scaled.h"

#include "tensor/kernels_pack.h"

/* ---- packing plain numbers ------------------------------------------------------------------- */

static void pack_plain_f32(source_t s, int64_t n, float *to)
{
    for (; n >= 16; n -= 16) {
        vi w[16];
        fetch_lines(&s, 64 * LANES);
        load_line(&s, w);
        EACH (k, 16)
            store_i(to + k * JUP_PANEL, w[k]);
        advance(&s, 64);
        to += 16 * JUP_PANEL;
    }
    for (int64_t k = 0; k < n; k++)
        for (int i = 0; i < LANES; i++)
            memcpy(to + k * JUP_PANEL + i, row_of(&s, i) + 4 * k, 4);
}

static void pack_plain_f16(source_t s, int64_t n, float *to)
{
    for (; n >= 32; n -= 32) {
        vi w[16];
        fetch_lines(&s, 64 * LANES);
        load_line(&s, w);
        EACH (k, 16) {
            vf even, odd;
            halves_to_floats(w[k], &even, &odd);
            store_f(to + 2 * k * JUP_PANEL, even);
            store_f(to + (2 * k + 1) * JUP_PANEL, odd);
        }
        advance(&s, 64);
        to += 32 * JUP_PANEL;
    }
    for (int64_t k = 0; k < n; k++)
        for (int i = 0; i < LANES; i++) {
            uint16_t h;
            memcpy(&h, row_of(&s, i) + 2 * k, sizeof h);
            to[k * JUP_PANEL + i] = jup_half_to_float(h);
        }
}

static void pack_plain_bf16(source_t s, int64_t n, float *to)
{
    for (; n >= 32; n -= 32) {
        vi w[16];
        fetch_lines(&s, 64 * LANES);
        load_line(&s, w);
        EACH (k, 16) {
            store_i(to + 2 * k * JUP_PANEL, w[k] << 16);
            store_i(to + (2 * k + 1) * JUP_PANEL, w[k] & -65536);
        }
        advance(&s, 64);
        to += 32 * JUP_PANEL;
    }
    for (int64_t k = 0; k < n; k++)
        for (int i = 0; i < LANES; i++) {
            uint16_t half[2] = {0, 0};
            memcpy(&half[1], row_of(&s, i) + 2 * k, sizeof half[1]);
            memcpy(to + k * JUP_PANEL + i, half, 4);
        }
}

/* Columns [4 k, 4 k + 4) of a block of an i8 panel, a row in each element. */
INLINE vi load_quad(const jup_i8_form_t form, const uint8_t *block, int k, int vec)
{
    if (panel_bytes(form) == 2) {
        const uint8_t *even = block + 2 * k * 4 * JUP_PANEL + vec * VECTOR;
        vi odd = load_i(even + 4 * JUP_PANEL);
        return (load_i(even) & 0x00ff00ff) | (odd & 0x00ff00ff) << 8;
    }
    const uint8_t *at = block + k * 4 * JUP_PANEL + vec * VECTOR;
#if PAIRED
    const uint8_t *even = at - k % 2 * 4 * JUP_PANEL;
    return unpair(load_i(even), load_i(even + 4 * JUP_PANEL), k % 2);
#else
    return load_i(at);
#endif
}

/* Scale and min of a group of a panel; `at` is where a vector begins. */
INLINE void group_of(jup_i8_form_t form, const jup_i8_panel_t *from, int64_t group, int at,
                     vf *scale, vf *min)
{
    *scale = load_f(from->scale + group * JUP_PANEL + at);
    *min = form.mins ? load_f(from->min + group * JUP_PANEL + at) : (vf){0};
    if (!form.whole)
        return;
    const float *whole = from->whole + group / 16 * 2 * JUP_PANEL + at;
    *scale = to_float(whole_scale(from->scale + at, (int)group)) * load_f(whole);
    vi mins = load_i(from->min + (group / 16 * 16 + group % 16 / 4) * JUP_PANEL + at);
    if (form.mins)
        *min = to_float(byte_of(&mins, (int)(group % 4))) * load_f(whole + JUP_PANEL);
}

/* The 32 columns of one block of an i8 panel as floats: by the definition of each type. */
INLINE void expand_block(jup_i8_form_t form, const jup_i8_panel_t *from, int64_t b, int vec,
                         float *to)
{
    for (int k = 0; k < 8; k++) {
        vf scale, min;
        group_of(form, from, form.halves ? 2 * b + k / 4 : b, vec * LANES, &scale, &min);
        vi q = load_quad(form, from->q + b * 32 * JUP_PANEL * panel_bytes(form), k, vec);
        for (int i = 0; i < 4; i++) {
            bool unbiased = form.is_signed && form.zero == 0;
            vi one = (unbiased ? signed_byte_of(&q, i) : byte_of(&q, i)) - form.zero;
            store_f(to + (b * 32 + 4 * k + i) * JUP_PANEL + vec * LANES,
                    to_float(one) * scale - min);
        }
    }
}

static void expand(const jup_rows_t *src, int64_t at, int64_t n, float *to)
{
    _Alignas(64) uint8_t q[JUP_F32_CHUNK * JUP_PANEL * SIGNED_BYTES];
    _Alignas(64) float scale[JUP_F32_CHUNK / 16 * JUP_PANEL], min[JUP_F32_CHUNK / 16 * JUP_PANEL];
    _Alignas(64) float whole[JUP_F32_CHUNK / 128 * JUP_PANEL];
    const jup_i8_panel_t bytes = {.q = q, .scale = scale, .min = min, .whole = whole};
    pack_as(form_of(src->dtype), src, at, n, &bytes);
    for (int64_t b = 0; b < n / 32; b++)
        for (int vec = 0; vec < VECS; vec++)
            expand_block(form_of(src->dtype), &bytes, b, vec, to);
}

static void pack_f32(const jup_rows_t *src, int64_t at, int64_t n, float *panel)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)src->dtype);
    if (info->block_elems > 1) {
        expand(src, at, n, panel);
        return;
    }
    straight_t rows;
    int64_t bytes = n * info->block_bytes;
    straighten(src, at * info->block_bytes, bytes, &rows);
    for (int vec = 0; vec < VECS; vec++) {
        source_t s = source_at(&rows, vec, bytes);
        if (src->dtype == JUP_F32)
            pack_plain_f32(s, n, panel + vec * LANES);
        else if (src->dtype == JUP_F16)
            pack_plain_f16(s, n, panel + vec * LANES);
        else
            pack_plain_bf16(s, n, panel + vec * LANES);
    }
}

static void pack_values(jup_dtype_t dtype, const unsigned char *const *rows, int n, int at,
                        int width, float *panel)
{
    size_t elem = dtype == JUP_F16 ? 2 : 4;
    for (int s = 0; s < n; s++) {
        _Alignas(64) unsigned char padded[4 * JUP_PANEL] = {0};
        const unsigned char *from = rows[s] + (size_t)at * elem;
        if (width < JUP_PANEL)
            from = memcpy(padded, from, (size_t)width * elem);
        for (int v = 0; v < VECS; v++) {
            const unsigned char *lanes = from + (size_t)(v * LANES) * elem;
            vf value = dtype == JUP_F16 ? load_halves(lanes) : load_f(lanes);
            store_f(panel + s * JUP_PANEL + v * LANES, value);
        }
    }
}

/* ---- tiles --------------------------------------------------------------------------------- */

/*
 * sums[r * to + lane] = or += sum over k of x[r * across + k * along] * panel[k][lane], for m rows.
 * The strides are constants wherever the number of rows is. After each eight columns x goes on
 * `past` numbers later. What is added to is first multiplied with keep[r], unless that is NULL.
 */
INLINE void f32_tile(const int m, int64_t n, const float *x, const int across, const int along,
                     const int past, const float *panel, float *sums, const int to, bool add,
                     const float *keep)
{
    for (int group = 0; group < VECS; group += F32_VECS) {
        vf sum[F32_ROWS][F32_VECS];
        EACH (r, m)
            EACH (v, F32_VECS) {
                sum[r][v] = add ? load_f(sums + r * to + (group + v) * LANES) : (vf){0};
                if (keep)
                    sum[r][v] = on_its_own(sum[r][v] * keep[r]);
            }
        const float *w = panel + group * LANES, *xs = x;
        for (int64_t k = 0; k < n; k++, w += JUP_PANEL, xs += along) {
            vf column[F32_VECS];
            EACH (v, F32_VECS)
                column[v] = load_f(w + v * LANES);
            EACH (r, m)
                EACH (v, F32_VECS)
                    sum[r][v] += column[v] * xs[r * across];
            xs += past > 0 && k % 8 == 7 ? past : 0;
        }
        EACH (r, m)
            EACH (v, F32_VECS)
                store_f(sums + r * to + (group + v) * LANES, sum[r][v]);
    }
}

/* One copy of a call for every number M of rows up to a limit, 12 at most. */
#define ROWS_CASE(limit, count, call)                                                              \
    case count:                                                                                    \
        if (count <= limit) {                                                                      \
            enum { M = count <= limit ? count : 1 };                                               \
            call;                                                                                  \
        }                                                                                          \
        return;
#define ROWS_SWITCH(limit, m, call)                                                                \
    switch (m) {                                                                                   \
        ROWS_CASE(limit, 1, call)                                                                  \
        ROWS_CASE(limit, 2, call)                                                                  \
        ROWS_CASE(limit, 3, call)                                                                  \
        ROWS_CASE(limit, 4, call)                                                                  \
        ROWS_CASE(limit, 5, call)                                                                  \
        ROWS_CASE(limit, 6, call)                                                                  \
        ROWS_CASE(limit, 7, call)                                                                  \
        ROWS_CASE(limit, 8, call)                                                                  \
        ROWS_CASE(limit, 9, call)                                                                  \
        ROWS_CASE(limit, 10, call)                                                                 \
        ROWS_CASE(limit, 11, call)                                                                 \
        ROWS_CASE(limit, 12, call)                                                                 \
    }

static void tile_f32(int m, int64_t n, const float *x, const float *panel, float *sums, bool add)
{
    ROWS_SWITCH(F32_ROWS, m,
                f32_tile(M, n, x, 8, 1, 8 * (M - 1), panel, sums, JUP_PANEL, add, NULL))
}

static void tile_scores(int m, int64_t n, const float *x, const float *panel, float *scores)
{
    ROWS_SWITCH(F32_ROWS, m, f32_tile(M, n, x, 1, M, 0, panel, scores, JUP_SLOTS, false, NULL))
}

static void tile_weights(int m, int64_t n, const float *weights, const float *panel,
                         const float *keep, float *sums)
{
    ROWS_SWITCH(F32_ROWS, m,
                f32_tile(M, n, weights, JUP_SLOTS, 1, 0, panel, sums, JUP_PANEL, true, keep))
}

#ifndef OWN_START

/* Integer sums start with what takes the weights' zero point off. */
INLINE void start_dots(const int m, const int32_t *parts, const int part, const int zero,
                       vi dots[I8_ROWS][I8_VECS])
{
    EACH (r, m)
        EACH (v, I8_VECS)
            dots[r][v] = splat_i(-zero * parts[part * m + r]);
}

#endif

/* sum += dot * (weight scale * x scale) */
INLINE void add_dots(const int m, const float *scales, const int32_t *parts,
                     vi dots[I8_ROWS][I8_VECS], vf sum[I8_ROWS][I8_VECS])
{
    EACH (v, I8_VECS) {
        vf scale = load_f(scales + v * LANES);
        EACH (r, m) {
            float x_scale;
            memcpy(&x_scale, parts + JUP_X_SCALE * m + r, sizeof x_scale);
            sum[r][v] += to_float(dots[r][v]) * (scale * x_scale);
        }
    }
}

/* Both halves of 32 columns times their scales, of the weight. */
INLINE vf of_halves(vi first, vf first_scale, vi last, vf last_scale)
{
    return on_its_own(to_float(first) * first_scale) + to_float(last) * last_scale;
}

/* add_dots() where halves have scales of their own: sum += (both of them) * x scale */
INLINE void add_halves_of_32(const int m, const float *scales, const int32_t *parts,
                             vi dots[2][I8_ROWS][I8_VECS], vf sum[I8_ROWS][I8_VECS])
{
    EACH (v, I8_VECS) {
        vf first = load_f(scales + v * LANES), last = load_f(scales + JUP_PANEL + v * LANES);
        EACH (r, m) {
            float x_scale;
            memcpy(&x_scale, parts + JUP_X_SCALE * m + r, sizeof x_scale);
            sum[r][v] += of_halves(dots[0][r][v], first, dots[1][r][v], last) * x_scale;
        }
    }
}

/* The sums of x over the columns that the mins are of. */
INLINE void subtract_mins(const int m, const float *mins, const int32_t *parts,
                          vf sum[I8_ROWS][I8_VECS])
{
    EACH (v, I8_VECS) {
        vf min = load_f(mins + v * LANES);
        EACH (r, m) {
            float x_sum;
            memcpy(&x_sum, parts + JUP_X_SUM * m + r, sizeof x_sum);
            sum[r][v] -= min * x_sum;
        }
    }
}

#ifdef PRODUCTS
#include PRODUCTS
#else

/* Columns [4 from, 4 to) of a block. */
INLINE void add_products(const bool is_signed, const int m, const int from, const int to,
                         const uint8_t *w, const int8_t *q, vi dots[I8_ROWS][I8_VECS])
{
    EACH (i, to - from) {
        const int k = from + i;
        vi column[I8_VECS];
        EACH (v, I8_VECS)
            column[v] = load_i(w + k * 4 * JUP_PANEL + v * VECTOR);
        EACH (r, m) {
            int32_t four;
            memcpy(&four, q + 4 * (k * m + r), sizeof four);
            EACH (v, I8_VECS)
                dots[r][v] = is_signed ? dot_q8(dots[r][v], column[v], splat_i(four))
                                       : dot_small(dots[r][v], column[v], splat_i(four));
        }
    }
}

#endif

#ifdef PAIRS

/* Pairs of 16 bits that take the zero point of weights off, x having this sum. */
INLINE vi less_zero(const int zero, vi pairs, const int32_t sum_of_x)
{
    return zero ? add_16(pairs, times_both((splat_i(-zero) & 0xffff), (int16_t)sum_of_x)) : pairs;
}

/* dots += (dots of each 16 of 32 columns) * their scales, of the weights and of x, as integers. The
 * dots are sums of two products and stay so: 4 * 2 * 7 * 127 fits 16 bits. */
INLINE void add_whole_block(const jup_i8_form_t form, const int m, const uint8_t *w,
                            const int8_t *q, const int32_t *parts, const int32_t *k,
                            const float *scales, vi all[I8_ROWS][I8_VECS])
{
    EACH (g, 2) {
        vi dots[I8_ROWS][I8_VECS];
        EACH (i, 4)
            EACH (r, m) {
                int32_t four;
                memcpy(&four, q + 4 * ((4 * g + i) * m + r), sizeof four);
                EACH (v, I8_VECS) {
                    vi more = multiply_pairs(load_i(w + (4 * g + i) * 4 * JUP_PANEL + v * VECTOR),
                                             splat_i(four));
                    dots[r][v] = i ? add_16_in_order(dots[r][v], more) : more;
                }
            }
        EACH (v, I8_VECS) {
            vi scale = load_i(scales + g * JUP_PANEL + v * LANES);
            EACH (r, m) {
                vi pairs = less_zero(form.zero, dots[r][v], parts[(JUP_X_Q_FIRST + g) * m + r]);
                all[r][v] = dot_pairs(all[r][v], pairs, times_both(scale, (int16_t)k[r]));
            }
        }
    }
}

#elif defined(dot_pairs)

/*
 * dots += (dots of each 16 of 32 columns) * their scales, of the weights and of x, as integers.
 * Both factors have 16 bits: at most 4 * 127 * 16 (less the zero point), and 32 * JUP_X_MOST_K.
 */
INLINE void add_whole_block(const jup_i8_form_t form, const int m, const uint8_t *w,
                            const int8_t *q, const int32_t *parts, const int32_t *k,
                            const float *scales, vi all[I8_ROWS][I8_VECS])
{
    vi dots[2][I8_ROWS][I8_VECS];
    EACH (g, 2) {
        start_dots(m, parts, JUP_X_Q_FIRST + g, form.zero, dots[g]);
        add_products(false, m, 4 * g, 4 * g + 4, w, q, dots[g]);
    }
    EACH (v, I8_VECS) {
        vi scale = load_i(scales + v * LANES);
        EACH (r, m) {
            vi pairs = pair_up(dots[0][r][v], dots[1][r][v]);
            all[r][v] = dot_pairs(all[r][v], pairs, times_both(scale, (int16_t)k[r]));
        }
    }
}

#else

INLINE void add_whole_block(const jup_i8_form_t form, const int m, const uint8_t *w,
                            const int8_t *q, const int32_t *parts, const int32_t *k,
                            const float *scales, vi all[I8_ROWS][I8_VECS])
{
    EACH (g, 2) {
        vi dots[I8_ROWS][I8_VECS];
        start_dots(m, parts, JUP_X_Q_FIRST + g, form.zero, dots);
        add_products(false, m, 4 * g, 4 * g + 4, w, q, dots);
        EACH (v, I8_VECS) {
            vi scale = whole_scale(scales + v * LANES, g);
            EACH (r, m)
                all[r][v] += dots[r][v] * (scale * k[r]);
        }
    }
}

#endif

/*
 * dots += (dots of 32 columns whose numbers are scaled) * k of x. The sums start with what takes a
 * bias of the numbers off, of all 256 columns: at any time they are sums of 8 terms of at most
 * 32 * 128 * 127 * JUP_X_MOST_K each, either way, which fits 32 bits.
 */
INLINE void add_scaled_block(const jup_i8_form_t form, const int m, const uint8_t *w,
                             const int8_t *q, const int32_t *parts, const int32_t *k,
                             vi all[I8_ROWS][I8_VECS])
{
    vi dots[I8_ROWS][I8_VECS];
    start_dots(m, parts, JUP_X_Q, 0, dots);
    add_products(form.is_signed, m, 0, 8, w, q, dots);
    EACH (r, m)
        EACH (v, I8_VECS)
            all[r][v] += dots[r][v] * k[r];
}

/* A row's sum of min * x over 256 columns, in units << JUP_X_FOLD_BITS; x: at the row. */
INLINE vi whole_mins(const int m, const float *mins, const int32_t *x)
{
#ifdef PAIRS /* 4 * 2 * 15 * 127 fits 16 bits */
    vi sums[2];
    EACH (k, 4)
        EACH (i, 2) {
            vi four = splat_i(x[((i ? JUP_X_LOW : JUP_X_HIGH) + k) * m]);
            vi more = multiply_pairs(load_i(mins + k * JUP_PANEL), four);
            sums[i] = k ? add_16_in_order(sums[i], more) : more;
        }
    return dot_pairs(sum_pairs(sums[1]), sums[0], splat_i(128 << 16 | 128));
#else
    vi high = {0}, low = {0};
    EACH (k, 4) {
        vi four = load_i(mins + k * JUP_PANEL);
        high = dot_small(high, four, splat_i(x[(JUP_X_HIGH + k) * m]));
        low = dot_small(low, four, splat_i(x[(JUP_X_LOW + k) * m]));
    }
    return high * 128 + low;
#endif
}

/* The f32 sum with those of 256 columns; unit: of x. */
INLINE vf with_whole(const jup_i8_form_t form, vf sum, vi dots, vi mins, vf scale, vf min,
                     float unit)
{
    sum += to_float(dots) * (scale * unit);
    if (form.mins)
        sum -= to_float(mins) * (min * (unit * (1 << JUP_X_FOLD_BITS)));
    return sum;
}

/* Fetches what a tile is to fetch while it is at blocks [b, b + n). */
INLINE void fetch_beside(const jup_i8_panel_t *panel, int64_t b, int n)
{
    if (!panel->fetch)
        return;
    for (int64_t at = b * panel->fetch_bytes; at < (b + n) * panel->fetch_bytes; at += 64)
        __builtin_prefetch(panel->fetch + at, 0, FETCH_LEVEL);
}

/* Fetches block b of the next tile's x: of long prompts all of x is more than the second-level
 * cache holds. With vectors of 32 bytes the instructions cost more than they bring (Zen 4). */
INLINE void fetch_next_x(const int m, const jup_i8_x_t *x, int64_t columns, int64_t b)
{
    const int8_t *q = x->q + (columns + b * JUP_X_BLOCK) * m;
    const int32_t *parts = x->parts + (columns / JUP_X_BLOCK + b) * JUP_X_PARTS * m;
    if (VECTOR < 64)
        return;
    EACH (line, (JUP_X_BLOCK * m + 63) / 64)
        __builtin_prefetch(q + 64 * line, 0, FETCH_LEVEL);
    EACH (line, (JUP_X_PARTS * m + 15) / 16)
        __builtin_prefetch(parts + 16 * line, 0, FETCH_LEVEL);
}

/* i8_tile() of forms that are whole, for I8_VECS vectors, 256 columns: sums += */
INLINE void whole_tile(const jup_i8_form_t form, const int m, const jup_i8_x_t *x,
                       const jup_i8_panel_t *at, float *sums)
{
    vi dots[I8_ROWS][I8_VECS];
    EACH (r, m)
        EACH (v, I8_VECS)
            dots[r][v] = form.scaled && form.zero
                             ? splat_i(-form.zero * x->whole[JUP_X_K_Q * m + r])
                             : (vi){0};
    for (int b = 0; b < 8; b++) {
        const uint8_t *w = at->q + b * 32 * JUP_PANEL;
        const int8_t *q = x->q + b * 32 * m;
        const int32_t *parts = x->parts + b * JUP_X_PARTS * m, *k = x->whole + (JUP_X_K + b) * m;
        if (form.scaled)
            add_scaled_block(form, m, w, q, parts, k, dots);
        else
            add_whole_block(form, m, w, q, parts, k, at->scale + 2 * b * JUP_PANEL, dots);
    }
    EACH (v, I8_VECS) {
        vf scale = load_f(at->whole + v * LANES), min = load_f(at->whole + JUP_PANEL + v * LANES);
        EACH (r, m) {
            float unit, *to = sums + r * JUP_PANEL + v * LANES;
            memcpy(&unit, x->whole + JUP_X_UNIT * m + r, sizeof unit);
            vi mins = form.mins ? whole_mins(m, at->min + v * LANES, x->whole + r) : (vi){0};
            store_f(to, with_whole(form, load_f(to), dots[r][v], mins, scale, min, unit));
        }
    }
}

INLINE void whole_tiles(const jup_i8_form_t form, const int m, int64_t n, const jup_i8_x_t *x,
                        const jup_i8_panel_t *panel, float *sums, bool add)
{
    if (!add) /* and not by a choice later: a product and its sum must stay one operation */
        memset(sums, 0, (size_t)m * JUP_PANEL * sizeof *sums);
    for (int group = 0; group < VECS; group += I8_VECS)
        for (int64_t b = 0; b < n / 256; b++) {
            const int64_t scales = b * 16 * JUP_PANEL + group * LANES;
            const jup_i8_panel_t at = {
                .q = panel->q + b * 256 * JUP_PANEL + group * VECTOR,
                .scale = panel->scale + scales,
                .min = panel->min + scales,
                .whole = panel->whole + b * 2 * JUP_PANEL + group * LANES,
            };
            if (group == 0)
                fetch_beside(panel, 8 * b, 8);
            const jup_i8_x_t of_x = {x->q + b * 256 * m, x->parts + b * 8 * JUP_X_PARTS * m,
                                     x->whole + b * JUP_X_WHOLES * m, NULL};
            whole_tile(form, m, &of_x, &at, sums + group * LANES);
        }
}

/* The form's flags are constants, so that nothing of what a type lacks is left. */
INLINE void i8_tile(const jup_i8_form_t form, const int m, int64_t n, const jup_i8_x_t *x,
                    const jup_i8_panel_t *panel, float *sums, bool add)
{
    if (form.whole) {
        whole_tiles(form, m, n, x, panel, sums, add);
        return;
    }
    const int groups = form.halves ? 2 : 1;
    const int bytes = panel_bytes(form); /* that a column takes, of x as well */
    for (int group = 0; group < VECS; group += I8_VECS) {
        vf sum[I8_ROWS][I8_VECS];
        EACH (r, m)
            EACH (v, I8_VECS)
                sum[r][v] = add ? load_f(sums + r * JUP_PANEL + (group + v) * LANES) : (vf){0};
        const uint8_t *w = panel->q + group * VECTOR;
        const float *scales = panel->scale + group * LANES, *mins = panel->min + group * LANES;
        const int32_t *parts = x->parts;
        const int8_t *q = bytes == 2 ? x->wide : x->q;
        for (int64_t b = 0; b < n / 32; b++) {
            if (group == 0) {
                fetch_beside(panel, b, 1);
                fetch_next_x(m, x, panel->x_columns, b);
            }
            vi dots[2][I8_ROWS][I8_VECS];
            EACH (g, groups) {
                const int part = form.halves ? JUP_X_Q_FIRST + g : JUP_X_Q;
                start_dots(m, parts, part, form.zero, dots[g]);
                add_products(form.is_signed, m, 8 / groups * g, 8 / groups * (g + 1), w, q,
                             dots[g]);
            }
            if (form.halves)
                add_halves_of_32(m, scales, parts, dots, sum);
            else
                add_dots(m, scales, parts, dots[0], sum);
            if (form.mins)
                subtract_mins(m, mins, parts, sum);
            scales += groups * JUP_PANEL;
            mins += JUP_PANEL;
            w += 32 * JUP_PANEL * bytes;
            q += 32 * m * bytes;
            parts += JUP_X_PARTS * m;
        }
        EACH (r, m)
            EACH (v, I8_VECS)
                store_f(sums + r * JUP_PANEL + (group + v) * LANES, sum[r][v]);
    }
}

#define I8_CASE(form, count)                                                                       \
    case count:                                                                                    \
        if (count <= I8_ROWS)                                                                      \
            i8_tile(form, count <= I8_ROWS ? count : 1, n, x, panel, sums, add);                   \
        return;

#define I8_TILE(name, ...)                                                                         \
    static void name(int zero, int m, int64_t n, const jup_i8_x_t *x, const jup_i8_panel_t *panel, \
                     float *sums, bool add)                                                        \
    {                                                                                              \
        const jup_i8_form_t form = {__VA_ARGS__};                                                  \
        (void)zero;                                                                                \
        switch (m) {                                                                               \
            I8_CASE(form, 1)                                                                       \
            I8_CASE(form, 2)                                                                       \
            I8_CASE(form, 3)                                                                       \
            I8_CASE(form, 4)                                                                       \
            I8_CASE(form, 5)                                                                       \
            I8_CASE(form, 6)                                                                       \
            I8_CASE(form, 7)                                                                       \
            I8_CASE(form, 8)                                                                       \
        }                                                                                          \
    }

I8_TILE(tile_signed, .is_signed = true, .zero = Q8_BIAS)
I8_TILE(tile_zero, .zero = zero)
I8_TILE(tile_mins, .mins = true)
I8_TILE(tile_halves_zero, .halves = true, .zero = zero)
#if SCALED
I8_TILE(tile_whole, .whole = true, .scaled = true, .is_signed = true, .zero = Q8_BIAS)
I8_TILE(tile_whole_mins, .whole = true, .scaled = true, .mins = true)
#else
I8_TILE(tile_whole, .halves = true, .whole = true, .zero = zero)
I8_TILE(tile_whole_mins, .halves = true, .whole = true, .mins = true)
#endif

static bool is_whole(jup_dtype_t dtype)
{
    return form_of(dtype).whole;
}

static bool is_wide(jup_dtype_t dtype)
{
    return panel_bytes(form_of(dtype)) == 2;
}

static void tile_i8(jup_dtype_t dtype, int m, int64_t n, const jup_i8_x_t *x,
                    const jup_i8_panel_t *panel, float *sums, bool add)
{
    const jup_i8_form_t form = panel_form_of(dtype);
    if (form.whole && form.mins)
        tile_whole_mins(form.zero, m, n, x, panel, sums, add);
    else if (form.whole)
        tile_whole(form.zero, m, n, x, panel, sums, add);
    else if (form.is_signed)
        tile_signed(form.zero, m, n, x, panel, sums, add);
    else if (form.halves)
        tile_halves_zero(form.zero, m, n, x, panel, sums, add);
    else if (form.mins)
        tile_mins(form.zero, m, n, x, panel, sums, add);
    else
        tile_zero(form.zero, m, n, x, panel, sums, add);
}

#include "tensor/kernels_plain.h"

#ifdef FEW
#include "tensor/kernels_few.h"
#define RUN_I8 run_i8
#else
#define FEW_ROWS 0
#define RUN_I8 NULL
#endif

/* ---- rounding x ---------------------------------------------------------------------------- */

/* Four blocks of a row at once: what each comes to is found for all of them together. */
enum { BLOCKS = 4, BLOCK_VECS = JUP_X_BLOCK / LANES };

/* Element i: the largest of v[i], or (sum) the sum of it, as integers. */
INLINE quarter_int_t gather(const bool sum, const vi v[BLOCKS])
{
    union {
        vi all;
        quarter_int_t part[VECTOR / 16];
    } lanes;
    vi low[2], high[2];
    EACH (i, 2) {
        low[i] = unpack_lo32(v[2 * i], v[2 * i + 1]);
        high[i] = unpack_hi32(v[2 * i], v[2 * i + 1]);
        low[i] = sum ? low[i] + high[i] : max_i(low[i], high[i]);
    }
    vi even = unpack_lo64(low[0], low[1]), odd = unpack_hi64(low[0], low[1]);
    lanes.all = sum ? even + odd : max_i(even, odd);
    quarter_int_t all = lanes.part[0];
    EACH (i, VECTOR / 16 - 1) {
        quarter_int_t more = lanes.part[i + 1], is_more = more > all;
        all = sum ? all + more : (more & is_more) | (all & ~is_more);
    }
    return all;
}

/* The largest magnitudes: of floats without sign as of integers. */
INLINE quarter_t largest_of(const float *x, const int64_t at[BLOCKS])
{
    vi top[BLOCKS];
    EACH (j, BLOCKS)
        EACH (i, BLOCK_VECS) {
            vi v = load_i(x + at[j] * JUP_X_BLOCK + i * LANES) & 0x7fffffff;
            top[j] = i ? max_i(top[j], v) : v;
        }
    return (quarter_t)gather(false, top);
}

/* A block's q, and the sums of each half of them; m rows. */
INLINE void round_block(const float *x, float inverse, int m, int8_t *to, vi *first, vi *last)
{
    int8_t bytes[JUP_X_BLOCK];
    vi sums[2] = {{0}, {0}};
    EACH (i, BLOCK_VECS) {
        /* adding 1.5 * 2^23 rounds to the nearest integer, which is then in the low bits */
        vi q = (vi)(load_f(x + i * LANES) * inverse + 0x1.8p23f) - 0x4b400000;
        sums[i * 2 / BLOCK_VECS] += q;
        lane_bytes_t narrow = __builtin_convertvector(q, lane_bytes_t);
        memcpy(bytes + i * LANES, &narrow, sizeof narrow);
    }
    EACH (k, JUP_X_BLOCK / X_RUN)
        memcpy(to + X_RUN * k * m, bytes + X_RUN * k, X_RUN);
    *first = sums[0], *last = sums[1];
}

/* Blocks `at` of one of the tile's m rows; q_out and parts are at that row already. */
INLINE void round_blocks(const float *x, const int64_t at[BLOCKS], int m, int8_t *q_out,
                         int32_t *parts)
{
    quarter_t largest = largest_of(x, at);
    quarter_t inverse = (quarter_t)((quarter_int_t)(127.0f / largest) & (largest > 0.0f));
    vi sums[2][BLOCKS];
    EACH (j, BLOCKS)
        round_block(x + at[j] * JUP_X_BLOCK, inverse[j], m, q_out + at[j] * JUP_X_BLOCK * m,
                    &sums[0][j], &sums[1][j]);
    quarter_int_t first = gather(true, sums[0]), last = gather(true, sums[1]), all = first + last;
    quarter_t scale = largest / 127.0f;
    const quarter_int_t found[JUP_X_PARTS] = {
        [JUP_X_SCALE] = (quarter_int_t)scale,
        [JUP_X_SUM] = (quarter_int_t)(scale * __builtin_convertvector(all, quarter_t)),
        [JUP_X_Q] = all,
        [JUP_X_Q_FIRST] = first,
        [JUP_X_Q_LAST] = last,
    };
    EACH (j, BLOCKS)
        EACH (i, JUP_X_PARTS)
            parts[(at[j] * JUP_X_PARTS + i) * m] = found[i][j];
}

/* Byte g of HIGH and LOW, for 16 columns whose q have this sum; m bytes of others between words. */
INLINE void fold_sum(int32_t k, int32_t sum, int g, int m, int32_t *whole)
{
    const int32_t half = 1 << (JUP_X_FOLD_BITS - 1);
    int32_t all = (k * sum + half) >> JUP_X_FOLD_BITS, high = (all + 64) >> 7;
    int8_t bytes[2] = {(int8_t)high, (int8_t)(all - 128 * high)};
    memcpy((char *)(whole + (JUP_X_HIGH + g / 4) * m) + g % 4, &bytes[0], 1);
    memcpy((char *)(whole + (JUP_X_LOW + g / 4) * m) + g % 4, &bytes[1], 1);
}

/* What 256 columns of a row share; parts are of the first of 8 blocks. */
INLINE void share_scale(const int32_t *parts, int m, int32_t *whole)
{
    const int64_t each = JUP_X_PARTS * m;
    float scales[8], largest = 0.0f;
    for (int b = 0; b < 8; b++) {
        memcpy(&scales[b], parts + b * each + JUP_X_SCALE * m, sizeof scales[b]);
        largest = largest > scales[b] ? largest : scales[b];
    }
    int32_t k_q = 0;
    float unit = largest / JUP_X_MOST_K, inverse = largest > 0.0f ? JUP_X_MOST_K / largest : 0.0f;
    memcpy(whole + JUP_X_UNIT * m, &unit, sizeof unit);
    for (int b = 0; b < 8; b++) {
        const int32_t *sums = parts + b * each + JUP_X_Q_FIRST * m;
        float rounded = scales[b] * inverse + 0x1.8p23f; /* as in round_block() */
        int32_t k;
        memcpy(&k, &rounded, sizeof k);
        k &= JUP_X_MOST_K;
        k_q += k * parts[b * each + JUP_X_Q * m];
        whole[(JUP_X_K + b) * m] = k;
        fold_sum(k, sums[0], 2 * b, m, whole);
        fold_sum(k, sums[(JUP_X_Q_LAST - JUP_X_Q_FIRST) * m], 2 * b + 1, m, whole);
    }
    whole[JUP_X_K_Q * m] = k_q;
}

/* Four blocks of a row, which are read a while later: rows take turns, piece by piece, and a
 * processor does not see by itself what comes next of each. */
INLINE void fetch_x(const float *x)
{
    EACH (line, BLOCKS * JUP_X_BLOCK / 16)
        __builtin_prefetch(x + 16 * line);
}

/* Bytes as 16 bits, as in x->wide. */
INLINE void widen(const int8_t *q, int64_t bytes, int8_t *to)
{
#ifdef OWN_WIDE
    for (int64_t i = 0; i < bytes; i += VECTOR, to += 2 * VECTOR) {
        store_i(to, even_bytes(load_i(q + i)));
        store_i(to + VECTOR, odd_bytes(load_i(q + i)));
    }
#else
    (void)q, (void)bytes, (void)to;
#endif
}

static void round_x(const float *x, int64_t stride, int m, int64_t n, const jup_i8_x_t *to)
{
    const int64_t blocks = n / JUP_X_BLOCK;
    for (int64_t b = 0; b < blocks; b += BLOCKS) {
        int64_t at[BLOCKS]; /* the last one again, where they are fewer */
        EACH (j, BLOCKS)
            at[j] = b + j < blocks ? b + j : blocks - 1;
        for (int r = 0; r < m; r++) {
            fetch_x(x + r * stride + (b + 2 * BLOCKS) * JUP_X_BLOCK);
            round_blocks(x + r * stride, at, m, to->q + X_RUN * r, to->parts + r);
        }
    }
    for (int64_t b = 0; to->whole && b < blocks / 8; b++)
        for (int r = 0; r < m; r++)
            share_scale(to->parts + 8 * b * JUP_X_PARTS * m + r, m,
                        to->whole + b * JUP_X_WHOLES * m + r);
    if (to->wide)
        widen(to->q, n * m, to->wide);
}

/* ---- functions ----------------------------------------------------------------------------- */

/* e^x to about 2 ulp for x <= 88; 0 below -87. exp(0) is 1 exactly. */
INLINE vf exponential(vf x)
{
    /* x = n ln 2 + r with |r| <= ln 2 / 2; a minimax polynomial for e^r (Cephes, expf) */
    vi alive = x > -87.0f;
    x = (vf)((vi)x & alive);
    vf n = (x * 1.44269504f + 0x1.8p23f) - 0x1.8p23f;
    vf r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    vi power = (__builtin_convertvector(n, vi) + 127) << 23;
    return (vf)((vi)(p * (vf)power) & alive);
}

static float dot(const float *a, const float *b, int64_t n)
{
    vf sums[4] = {{0}, {0}, {0}, {0}};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        EACH (j, 4)
            sums[j] += load_f(a + i + j * LANES) * load_f(b + i + j * LANES);
    float sum = sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* yes where the mask is set. */
INLINE vf choose_f(vi mask, vf yes, vf no)
{
    return (vf)(((vi)yes & mask) | ((vi)no & ~mask));
}

/* 1 + e^-x: beyond -80 a quotient by it is as good as 0, and exp must not overflow. */
INLINE vf logistic_divisor(vf x)
{
    return 1.0f + exponential(-choose_f(x > -80.0f, x, splat_f(-80.0f)));
}

INLINE vf swiglu_lanes(vf gate, vf up)
{
    return gate / logistic_divisor(gate) * up;
}

/* (1 + tanh(z)) / 2 = 1 / (1 + e^-2z) */
INLINE vf geglu_lanes(vf gate, vf up)
{
    return gate / logistic_divisor(gate * (1.5957691216f + 0.0713548163f * gate * gate)) * up;
}

/* tanh; by its series near 0, where the quotient would cancel. */
INLINE vf tanh_lanes(vf x)
{
    vf square = x * x;
    vf near = square * 0.0218694885f - 0.0539682540f;
    near = near * square + 0.1333333333f;
    near = near * square - 0.3333333333f;
    near = near * square * x + x;
    return choose_f(square < 0.0625f, near, 2.0f / logistic_divisor(2.0f * x) - 1.0f);
}

INLINE vf scale_lanes(vf x, float factor, float cap)
{
    return cap > 0.0f ? tanh_lanes(x * (factor / cap)) * cap : x * factor;
}

static void swiglu(float *gate, const float *up, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store_f(gate + i, swiglu_lanes(load_f(gate + i), load_f(up + i)));
    for (; i < n; i++)
        gate[i] = swiglu_lanes(splat_f(gate[i]), splat_f(up[i]))[0];
}

static void geglu(float *gate, const float *up, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store_f(gate + i, geglu_lanes(load_f(gate + i), load_f(up + i)));
    for (; i < n; i++)
        gate[i] = geglu_lanes(splat_f(gate[i]), splat_f(up[i]))[0];
}

static void scale(float *x, int64_t n, float factor, float cap)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store_f(x + i, scale_lanes(load_f(x + i), factor, cap));
    for (; i < n; i++)
        x[i] = scale_lanes(splat_f(x[i]), factor, cap)[0];
}

/* -1 in the lanes whose bit is set. */
INLINE vi bit_mask(uint32_t bits)
{
    vi lane;
    for (int i = 0; i < LANES; i++)
        lane[i] = i;
    return -((splat_i((int32_t)bits) >> lane) & 1);
}

/* Scores times scale, and -inf where they are not visible; returns the largest of them and of top.
 */
INLINE vf scale_scores(const bool all, float *scores, int vecs, uint64_t visible, float scale,
                       vf top)
{
    const vi nothing = (vi)splat_f(-INFINITY);
    for (int i = 0; i < vecs; i++) {
        vf score = load_f(scores + i * LANES) * scale;
        if (!all) {
            vi mask = bit_mask((uint32_t)(visible >> (i * LANES)));
            score = (vf)(((vi)score & mask) | (nothing & ~mask));
        }
        store_f(scores + i * LANES, score);
        top = choose_f(score > top, score, top);
    }
    return top;
}

/* Scores to weights; returns their sum. */
INLINE float weigh_scores(float *scores, int vecs, float largest)
{
    if (largest == -INFINITY) {
        memset(scores, 0, JUP_SLOTS * sizeof *scores);
        return 0.0f;
    }
    vf sum = {0};
    for (int i = 0; i < vecs; i++) {
        vf weight = exponential(load_f(scores + i * LANES) - largest);
        store_f(scores + i * LANES, weight);
        sum += weight;
    }
    return sum_lanes(sum);
}

/* Some rows at a time, one loop after the other: what a row's loop waits for, others' fill. */
static void soften(float *scores, int m, int n, const uint64_t *visible, int share, float scale,
                   float *largest, float *total, float *keep)
{
    const int vecs = (n + LANES - 1) / LANES;
    for (int first = 0; first < m; first += LANES) {
        const int rows = m - first < LANES ? m - first : LANES;
        const size_t bytes = (size_t)rows * sizeof(float);
        float before[LANES] = {0}, now[LANES] = {0}, sum[LANES] = {0}, all[LANES] = {0};
        memcpy(before, largest + first, bytes);
        memcpy(all, total + first, bytes);
        for (int r = 0; r < rows; r++) {
            const uint64_t bits = visible[(first + r) / share];
            float *of_row = scores + (first + r) * JUP_SLOTS;
            vf top = splat_f(before[r]);
            now[r] = max_lanes(~bits == 0 ? scale_scores(true, of_row, vecs, bits, scale, top)
                                          : scale_scores(false, of_row, vecs, bits, scale, top));
        }
        for (int r = 0; r < rows; r++)
            sum[r] = weigh_scores(scores + (first + r) * JUP_SLOTS, vecs, now[r]);
        vf were = load_f(before), are = load_f(now);
        vf shrinks = choose_f(were == are, splat_f(1.0f), exponential(were - are));
        store_f(all, load_f(all) * shrinks + load_f(sum));
        store_f(before, shrinks);
        memcpy(largest + first, now, bytes);
        memcpy(total + first, all, bytes);
        memcpy(keep + first, before, bytes);
    }
}

#define TABLE_OF(table, its_name, has_pairs)                                                       \
    const jup_kernels_t table = {                                                                  \
        .name = its_name,                                                                          \
        .pairs = has_pairs,                                                                        \
        .f32_tile = F32_ROWS,                                                                      \
        .i8_tile = I8_ROWS,                                                                        \
        .i8_chunk = I8_CHUNK,                                                                      \
        .rows = ROWS,                                                                              \
        .pack_f32 = pack_f32,                                                                      \
        .pack_i8 = pack_i8,                                                                        \
        .tile_f32 = tile_f32,                                                                      \
        .plain_tile = PLAIN_ROWS,                                                                  \
        .few_halves = FEW_HALVES_ROWS,                                                             \
        .few_plain = FEW_PLAIN_ROWS,                                                               \
        .run_plain = run_plain,                                                                    \
        .pack_plain = pack_plain,                                                                  \
        .tile_plain = tile_plain,                                                                  \
        .few_i8 = FEW_ROWS,                                                                        \
        .run_i8 = RUN_I8,                                                                          \
        .tile_scores = tile_scores,                                                                \
        .tile_weights = tile_weights,                                                              \
        .pack_values = pack_values,                                                                \
        .tile_i8 = tile_i8,                                                                        \
        .is_whole = is_whole,                                                                      \
        .is_wide = is_wide,                                                                        \
        .round_x = round_x,                                                                        \
        .dot = dot,                                                                                \
        .swiglu = swiglu,                                                                          \
        .geglu = geglu,                                                                            \
        .scale = scale,                                                                            \
        .soften = soften,                                                                          \
    };

TABLE_OF(TABLE, TABLE_NAME, false)
#ifdef BF16_TABLE
TABLE_OF(BF16_TABLE, BF16_NAME, true)
#endif
