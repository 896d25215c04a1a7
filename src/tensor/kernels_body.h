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
 *   load_16             vector whose 128-bit lane l is 16 bytes at rows[4 l]
 *   gather_32           vector whose element i is the 32 bits at rows[i]
 *   load_halves         a vector of as many halves in a row, as floats
 *   halves_to_floats    even and odd 16-bit halves of a vector, as floats
 *   dot_small, dot_q8   sums of 4 byte products: weights 0..63 and those of Q8_0
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
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef uint32_t vu __attribute__((vector_size(VECTOR)));

INLINE vf load_f(const float *p)
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

/* ---- packing ------------------------------------------------------------------------------- */

typedef const unsigned char *bytes_t;

/* The rows that fill the lanes of vector `vec` of a panel, at byte `offset`. */
INLINE void find_rows(const jup_rows_t *src, int vec, int64_t offset, bytes_t rows[LANES])
{
    for (int i = 0; i < LANES; i++) {
        int row = vec * LANES + i;
        row = row < src->rows ? row : src->rows - 1;
        rows[i] = (src->list ? src->list[row] : src->first + row * src->row_bytes) + offset;
    }
}

/* out[k], lane i: bytes 4k .. 4k + 3 of the 16 at rows[i] + offset. */
INLINE void load_columns(const bytes_t rows[LANES], int64_t offset, vi out[4])
{
    vi a = load_16(rows, offset), b = load_16(rows + 1, offset);
    vi c = load_16(rows + 2, offset), d = load_16(rows + 3, offset);
    vi ab = unpack_lo32(a, b), cd = unpack_lo32(c, d);
    vi ab_high = unpack_hi32(a, b), cd_high = unpack_hi32(c, d);
    out[0] = unpack_lo64(ab, cd);
    out[1] = unpack_hi64(ab, cd);
    out[2] = unpack_lo64(ab_high, cd_high);
    out[3] = unpack_hi64(ab_high, cd_high);
}

/* Fetches the cache lines that begin in the next `bytes` bytes of each row, `ahead` away. */
INLINE void prefetch_rows(const bytes_t rows[LANES], int64_t offset, int64_t bytes, int64_t ahead)
{
    if (ahead == 0)
        return;
    for (int i = 0; i < LANES; i++) {
        uintptr_t from = (uintptr_t)rows[i] + (uintptr_t)(offset + ahead);
        uintptr_t end = from + (uintptr_t)bytes;
        for (uintptr_t line = (from + 63) & ~(uintptr_t)63; line < end; line += 64)
            __builtin_prefetch((const void *)line, 0, 2);
    }
}

INLINE vi shift_right(vi v, int bits)
{
    return (vi)((vu)v >> bits);
}

INLINE vf low_half_to_float(vi v)
{
    vf low, high;
    halves_to_floats(v, &low, &high);
    return low;
}

INLINE void store_quad(uint8_t *block, int vec, int k, vi v)
{
    store_i(block + k * 4 * JUP_PANEL + vec * VECTOR, v);
}

static void pack_q8_0(const bytes_t rows[LANES], int vec, int64_t blocks, int64_t ahead,
                      const jup_i8_panel_t *to)
{
    for (int64_t b = 0; b < blocks; b++) {
        int64_t offset = b * (int64_t)sizeof(jup_block_q8_0_t);
        prefetch_rows(rows, offset, sizeof(jup_block_q8_0_t), ahead);
        store_f(to->scale + b * JUP_PANEL + vec * LANES,
                low_half_to_float(gather_32(rows, offset)));
        for (int part = 0; part < 2; part++) {
            vi q[4];
            load_columns(rows, offset + 2 + 16 * part, q);
            UNROLL for (int k = 0; k < 4; k++)
                store_quad(to->q + b * 32 * JUP_PANEL, vec, 4 * part + k,
                           q[k] ^ (vi)((vu){0} + Q8_BIAS * 0x01010101u));
        }
    }
}

static void pack_q4_0(const bytes_t rows[LANES], int vec, int64_t blocks, int64_t ahead,
                      const jup_i8_panel_t *to)
{
    for (int64_t b = 0; b < blocks; b++) {
        int64_t offset = b * (int64_t)sizeof(jup_block_q4_0_t);
        uint8_t *block = to->q + b * 32 * JUP_PANEL;
        prefetch_rows(rows, offset, sizeof(jup_block_q4_0_t), ahead);
        store_f(to->scale + b * JUP_PANEL + vec * LANES,
                low_half_to_float(gather_32(rows, offset)));
        vi q[4];
        load_columns(rows, offset + 2, q);
        UNROLL for (int k = 0; k < 4; k++)
        {
            store_quad(block, vec, k, q[k] & 0x0f0f0f0f);
            store_quad(block, vec, k + 4, shift_right(q[k], 4) & 0x0f0f0f0f);
        }
    }
}

/* Scales and mins of the 8 groups of a Q4_K or Q5_K block (jup_k_scale_min, all rows at once). */
INLINE void k_scales(const bytes_t rows[LANES], int64_t offset, int vec, int64_t block,
                     const jup_i8_panel_t *to)
{
    vf d, dmin;
    halves_to_floats(gather_32(rows, offset), &d, &dmin);
    vi first = gather_32(rows, offset + 4), second = gather_32(rows, offset + 8);
    vi third = gather_32(rows, offset + 12);
    vi scales[2] = {first & 0x3f3f3f3f,
                    (third & 0x0f0f0f0f) | (shift_right(first, 2) & 0x30303030)};
    vi mins[2] = {second & 0x3f3f3f3f,
                  (shift_right(third, 4) & 0x0f0f0f0f) | (shift_right(second, 2) & 0x30303030)};
    UNROLL for (int g = 0; g < 8; g++)
    {
        int64_t at = (block + g) * JUP_PANEL + vec * LANES;
        store_f(to->scale + at, d * to_float(shift_right(scales[g / 4], g % 4 * 8) & 63));
        store_f(to->min + at, dmin * to_float(shift_right(mins[g / 4], g % 4 * 8) & 63));
    }
}

static void pack_q4_k(const bytes_t rows[LANES], int vec, int64_t blocks, int64_t ahead,
                      const jup_i8_panel_t *to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        int64_t offset = b / 8 * (int64_t)sizeof(jup_block_q4_k_t);
        prefetch_rows(rows, offset, sizeof(jup_block_q4_k_t), ahead);
        k_scales(rows, offset, vec, b, to);
        offset += (int64_t)offsetof(jup_block_q4_k_t, q);
        for (int part = 0; part < 8; part++) {
            uint8_t *even = to->q + (b + part / 2 * 2) * 32 * JUP_PANEL;
            uint8_t *odd = even + 32 * JUP_PANEL;
            vi q[4];
            load_columns(rows, offset + 16 * part, q);
            UNROLL for (int k = 0; k < 4; k++)
            {
                store_quad(even, vec, part % 2 * 4 + k, q[k] & 0x0f0f0f0f);
                store_quad(odd, vec, part % 2 * 4 + k, shift_right(q[k], 4) & 0x0f0f0f0f);
            }
        }
    }
}

static void pack_q5_k(const bytes_t rows[LANES], int vec, int64_t blocks, int64_t ahead,
                      const jup_i8_panel_t *to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        int64_t offset = b / 8 * (int64_t)sizeof(jup_block_q5_k_t);
        prefetch_rows(rows, offset, sizeof(jup_block_q5_k_t), ahead);
        k_scales(rows, offset, vec, b, to);
        int64_t low = offset + (int64_t)offsetof(jup_block_q5_k_t, q);
        offset += (int64_t)offsetof(jup_block_q5_k_t, high);
        for (int part = 0; part < 2; part++) {
            vi fifth[4];
            load_columns(rows, offset + 16 * part, fifth);
            for (int pair = 0; pair < 4; pair++) {
                uint8_t *even = to->q + (b + 2 * pair) * 32 * JUP_PANEL;
                uint8_t *odd = even + 32 * JUP_PANEL;
                vi q[4];
                load_columns(rows, low + 32 * pair + 16 * part, q);
                UNROLL for (int k = 0; k < 4; k++)
                {
                    vi bits = shift_right(fifth[k], 2 * pair);
                    store_quad(even, vec, part * 4 + k,
                               (q[k] & 0x0f0f0f0f) | ((bits & 0x01010101) << 4));
                    store_quad(odd, vec, part * 4 + k,
                               (shift_right(q[k], 4) & 0x0f0f0f0f) | ((bits & 0x02020202) << 3));
                }
            }
        }
    }
}

/* One 16-column slice of the four 32-column blocks of half a Q6_K block. */
INLINE void pack_q6_k_slice(const bytes_t rows[LANES], int64_t low, int64_t high, int vec, int part,
                            uint8_t *blocks)
{
    vi first[4], second[4], bits[4];
    load_columns(rows, low + 16 * part, first);
    load_columns(rows, low + 32 + 16 * part, second);
    load_columns(rows, high + 16 * part, bits);
    UNROLL for (int k = 0; k < 4; k++)
    {
        vi q[4] = {
            (first[k] & 0x0f0f0f0f) | ((bits[k] & 0x03030303) << 4),
            (second[k] & 0x0f0f0f0f) | ((bits[k] & 0x0c0c0c0c) << 2),
            (shift_right(first[k], 4) & 0x0f0f0f0f) | (bits[k] & 0x30303030),
            (shift_right(second[k], 4) & 0x0f0f0f0f) | (shift_right(bits[k], 2) & 0x30303030),
        };
        UNROLL for (int j = 0; j < 4; j++)
            store_quad(blocks + j * 32 * JUP_PANEL, vec, part * 4 + k, q[j]);
    }
}

static void pack_q6_k(const bytes_t rows[LANES], int vec, int64_t blocks, int64_t ahead,
                      const jup_i8_panel_t *to)
{
    for (int64_t b = 0; b < blocks; b += 8) {
        int64_t offset = b / 8 * (int64_t)sizeof(jup_block_q6_k_t);
        prefetch_rows(rows, offset, sizeof(jup_block_q6_k_t), ahead);
        vf d, unused;
        halves_to_floats(gather_32(rows, offset + (int64_t)offsetof(jup_block_q6_k_t, d) - 2),
                         &unused, &d);
        vi scales[4];
        load_columns(rows, offset + (int64_t)offsetof(jup_block_q6_k_t, scales), scales);
        UNROLL for (int g = 0; g < 16; g++)
        {
            vi scale = (scales[g / 4] << (24 - g % 4 * 8)) >> 24;
            store_f(to->scale + (2 * b + g) * JUP_PANEL + vec * LANES, d * to_float(scale));
        }
        for (int half = 0; half < 2; half++)
            for (int part = 0; part < 2; part++)
                pack_q6_k_slice(rows, offset + 64 * half,
                                offset + (int64_t)offsetof(jup_block_q6_k_t, high) + 32 * half, vec,
                                part, to->q + (b + 4 * half) * 32 * JUP_PANEL);
    }
}

static void pack_i8(const jup_rows_t *src, int64_t at, int64_t n, const jup_i8_panel_t *to)
{
    int64_t offset = (int64_t)jup_dtype_bytes(src->dtype, at);
    for (int vec = 0; vec < VECS; vec++) {
        bytes_t rows[LANES];
        find_rows(src, vec, offset, rows);
        switch (src->dtype) {
        case JUP_Q8_0:
            pack_q8_0(rows, vec, n / 32, src->ahead, to);
            break;
        case JUP_Q4_0:
            pack_q4_0(rows, vec, n / 32, src->ahead, to);
            break;
        case JUP_Q4_K:
            pack_q4_k(rows, vec, n / 32, src->ahead, to);
            break;
        case JUP_Q5_K:
            pack_q5_k(rows, vec, n / 32, src->ahead, to);
            break;
        case JUP_Q6_K:
            pack_q6_k(rows, vec, n / 32, src->ahead, to);
            break;
        default:
            break;
        }
    }
}

static void pack_plain_f32(const bytes_t rows[LANES], int vec, int64_t n, int64_t ahead, float *to)
{
    int64_t at = 0;
    for (; at + 4 <= n; at += 4) {
        vi w[4];
        if (at % 16 == 0)
            prefetch_rows(rows, 4 * at, 64, ahead);
        load_columns(rows, 4 * at, w);
        UNROLL for (int k = 0; k < 4; k++) store_i(to + (at + k) * JUP_PANEL + vec * LANES, w[k]);
    }
    for (; at < n; at++)
        for (int i = 0; i < LANES; i++)
            memcpy(to + at * JUP_PANEL + vec * LANES + i, rows[i] + 4 * at, 4);
}

static void pack_plain_f16(const bytes_t rows[LANES], int vec, int64_t n, int64_t ahead, float *to)
{
    int64_t at = 0;
    for (; at + 8 <= n; at += 8) {
        vi w[4];
        if (at % 32 == 0)
            prefetch_rows(rows, 2 * at, 64, ahead);
        load_columns(rows, 2 * at, w);
        UNROLL for (int k = 0; k < 4; k++)
        {
            vf even, odd;
            halves_to_floats(w[k], &even, &odd);
            store_f(to + (at + 2 * k) * JUP_PANEL + vec * LANES, even);
            store_f(to + (at + 2 * k + 1) * JUP_PANEL + vec * LANES, odd);
        }
    }
    for (; at < n; at++)
        for (int i = 0; i < LANES; i++) {
            uint16_t h;
            memcpy(&h, rows[i] + 2 * at, sizeof h);
            to[at * JUP_PANEL + vec * LANES + i] = jup_half_to_float(h);
        }
}

static void pack_plain_bf16(const bytes_t rows[LANES], int vec, int64_t n, int64_t ahead, float *to)
{
    int64_t at = 0;
    for (; at + 8 <= n; at += 8) {
        vi w[4];
        if (at % 32 == 0)
            prefetch_rows(rows, 2 * at, 64, ahead);
        load_columns(rows, 2 * at, w);
        UNROLL for (int k = 0; k < 4; k++)
        {
            store_i(to + (at + 2 * k) * JUP_PANEL + vec * LANES, w[k] << 16);
            store_i(to + (at + 2 * k + 1) * JUP_PANEL + vec * LANES, w[k] & -65536);
        }
    }
    for (; at < n; at++)
        for (int i = 0; i < LANES; i++) {
            uint16_t half[2] = {0, 0};
            memcpy(&half[1], rows[i] + 2 * at, sizeof half[1]);
            memcpy(to + at * JUP_PANEL + vec * LANES + i, half, 4);
        }
}

/* The 32 columns of one block of an i8 panel as floats: by the definition of each type. */
INLINE void expand_block(jup_dtype_t dtype, const jup_i8_panel_t *from, int64_t b, int vec,
                         float *to)
{
    bool by_16 = dtype == JUP_Q6_K, has_min = dtype == JUP_Q4_K || dtype == JUP_Q5_K;
    int zero = dtype == JUP_Q4_0 ? 8 : dtype == JUP_Q6_K ? 32 : 0;
    for (int k = 0; k < 8; k++) {
        const float *scales = from->scale;
        scales += (by_16 ? 2 * b + k / 4 : b) * JUP_PANEL + vec * LANES;
        vf scale = load_f(scales), min = {0};
        if (has_min)
            min = load_f(from->min + b * JUP_PANEL + vec * LANES);
        vi q = load_i(from->q + (b * 8 + k) * 4 * JUP_PANEL + vec * VECTOR);
        if (dtype == JUP_Q8_0)
            q ^= (vi)((vu){0} + Q8_BIAS * 0x01010101u);
        for (int i = 0; i < 4; i++) {
            vi one = q << (24 - 8 * i);
            one = (dtype == JUP_Q8_0 ? one >> 24 : shift_right(one, 24)) - zero;
            store_f(to + (b * 32 + 4 * k + i) * JUP_PANEL + vec * LANES,
                    to_float(one) * scale - min);
        }
    }
}

static void expand(const jup_rows_t *src, int64_t at, int64_t n, float *to)
{
    /* 256 columns at a time: an i8 panel of a fraction of the first-level cache */
    _Alignas(64) uint8_t q[256 * JUP_PANEL];
    _Alignas(64) float scale[16 * JUP_PANEL], min[8 * JUP_PANEL];
    jup_i8_panel_t small = {q, scale, min};
    for (int64_t done = 0; done < n; done += 256) {
        int64_t piece = jup_min_i64(256, n - done);
        pack_i8(src, at + done, piece, &small);
        for (int64_t b = 0; b < piece / 32; b++)
            for (int vec = 0; vec < VECS; vec++)
                expand_block(src->dtype, &small, b, vec, to + done * JUP_PANEL);
    }
}

static void pack_f32(const jup_rows_t *src, int64_t at, int64_t n, float *panel)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)src->dtype);
    if (info->block_elems > 1) {
        expand(src, at, n, panel);
        return;
    }
    for (int vec = 0; vec < VECS; vec++) {
        bytes_t rows[LANES];
        find_rows(src, vec, at * info->block_bytes, rows);
        if (src->dtype == JUP_F32)
            pack_plain_f32(rows, vec, n, src->ahead, panel);
        else if (src->dtype == JUP_F16)
            pack_plain_f16(rows, vec, n, src->ahead, panel);
        else
            pack_plain_bf16(rows, vec, n, src->ahead, panel);
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
        UNROLL for (int v = 0; v < VECS; v++)
        {
            const unsigned char *lanes = from + (size_t)(v * LANES) * elem;
            vf value = dtype == JUP_F16 ? load_halves(lanes) : (vf)load_i(lanes);
            store_f(panel + s * JUP_PANEL + v * LANES, value);
        }
    }
}

/* ---- tiles --------------------------------------------------------------------------------- */

/* A chunk is summed on its own before it joins the others, which keeps rounding errors small. */
INLINE void put(float *to, vf sum, bool add)
{
    store_f(to, add ? load_f(to) + sum : sum);
}

/*
 * sums[r * to + lane] = or += sum over k of x[r * across + k * along] * panel[k][lane], for m rows.
 * The strides are constants wherever the number of rows is.
 */
INLINE void f32_tile(const int m, int64_t n, const float *x, const int across, const int along,
                     const float *panel, float *sums, const int to, bool add)
{
    for (int group = 0; group < VECS; group += F32_VECS) {
        vf sum[F32_ROWS][F32_VECS];
        UNROLL for (int r = 0; r < m; r++) UNROLL for (int v = 0; v < F32_VECS; v++) sum[r][v] =
            (vf){0};
        const float *w = panel + group * LANES, *xs = x;
        for (int64_t k = 0; k < n; k++, w += JUP_PANEL, xs += along) {
            vf column[F32_VECS];
            UNROLL for (int v = 0; v < F32_VECS; v++) column[v] = load_f(w + v * LANES);
            UNROLL for (int r = 0; r < m; r++) UNROLL for (int v = 0; v < F32_VECS; v++)
                sum[r][v] += column[v] * xs[r * across];
        }
        UNROLL for (int r = 0; r < m; r++) UNROLL for (int v = 0; v < F32_VECS; v++)
            put(sums + r * to + (group + v) * LANES, sum[r][v], add);
    }
}

/* One copy of a tile for every number of rows. */
#define ROWS_CASE(count, tile)                                                                     \
    case count: {                                                                                  \
        enum { M = count <= F32_ROWS ? count : 1 };                                                \
        tile;                                                                                      \
        return;                                                                                    \
    }
#define ROWS_SWITCH(m, tile)                                                                       \
    switch (m) {                                                                                   \
        ROWS_CASE(1, tile)                                                                         \
        ROWS_CASE(2, tile)                                                                         \
        ROWS_CASE(3, tile)                                                                         \
        ROWS_CASE(4, tile)                                                                         \
        ROWS_CASE(5, tile)                                                                         \
        ROWS_CASE(6, tile)                                                                         \
        ROWS_CASE(7, tile)                                                                         \
        ROWS_CASE(8, tile)                                                                         \
        ROWS_CASE(9, tile)                                                                         \
        ROWS_CASE(10, tile)                                                                        \
        ROWS_CASE(11, tile)                                                                        \
        ROWS_CASE(12, tile)                                                                        \
    }

static void tile_f32(int m, int64_t n, const float *x, const float *panel, float *sums, bool add)
{
    ROWS_SWITCH(m, f32_tile(M, n, x, 1, M, panel, sums, JUP_PANEL, add))
}

static void tile_scores(int m, int64_t n, const float *x, const float *panel, float *scores)
{
    ROWS_SWITCH(m, f32_tile(M, n, x, 1, M, panel, scores, JUP_SLOTS, false))
}

static void tile_weights(int m, int64_t n, const float *weights, const float *panel, float *sums){
    ROWS_SWITCH(m, f32_tile(M, n, weights, JUP_SLOTS, 1, panel, sums, JUP_PANEL, true))}

/* What a block's integer sum starts from: the part of x that takes the weights' zero point off. */
INLINE int first_part(const jup_dtype_t dtype)
{
    switch (dtype) {
    case JUP_Q8_0:
        return Q8_BIAS ? JUP_X_MINUS_128 : -1;
    case JUP_Q4_0:
        return JUP_X_MINUS_8;
    case JUP_Q6_K:
        return JUP_X_MINUS_32;
    default:
        return -1;
    }
}

INLINE void start_dots(const int m, const int32_t *parts, const int part, vi dots[I8_ROWS][I8_VECS])
{
    UNROLL for (int r = 0; r < m; r++) UNROLL for (int v = 0; v < I8_VECS; v++) dots[r][v] =
        part >= 0 ? splat_i(parts[part * m + r]) : (vi){0};
}

/* sum += dot * (weight scale * x scale) */
INLINE void add_dots(const int m, const float *scales, const int32_t *parts,
                     vi dots[I8_ROWS][I8_VECS], vf sum[I8_ROWS][I8_VECS])
{
    UNROLL for (int v = 0; v < I8_VECS; v++)
    {
        vf scale = load_f(scales + v * LANES);
        UNROLL for (int r = 0; r < m; r++)
        {
            float x_scale;
            memcpy(&x_scale, parts + JUP_X_SCALE * m + r, sizeof x_scale);
            sum[r][v] += to_float(dots[r][v]) * (scale * x_scale);
        }
    }
}

INLINE void subtract_mins(const int m, const float *mins, const int32_t *parts,
                          vf sum[I8_ROWS][I8_VECS])
{
    UNROLL for (int v = 0; v < I8_VECS; v++)
    {
        vf min = load_f(mins + v * LANES);
        UNROLL for (int r = 0; r < m; r++)
        {
            float x_sum;
            memcpy(&x_sum, parts + JUP_X_SUM * m + r, sizeof x_sum);
            sum[r][v] -= min * x_sum;
        }
    }
}

INLINE void i8_tile(const jup_dtype_t dtype, const int m, int64_t n, const jup_i8_x_t *x,
                    const jup_i8_panel_t *panel, float *sums, bool add)
{
    const int start = first_part(dtype);
    for (int group = 0; group < VECS; group += I8_VECS) {
        vf sum[I8_ROWS][I8_VECS];
        UNROLL for (int r = 0; r < m; r++) UNROLL for (int v = 0; v < I8_VECS; v++) sum[r][v] =
            (vf){0};
        const uint8_t *w = panel->q + group * VECTOR;
        const float *scales = panel->scale + group * LANES, *mins = panel->min + group * LANES;
        const int32_t *parts = x->parts;
        const int8_t *q = x->q;
        for (int64_t b = 0; b < n / 32; b++) {
            vi dots[I8_ROWS][I8_VECS];
            start_dots(m, parts, start, dots);
            UNROLL for (int k = 0; k < 8; k++)
            {
                vi column[I8_VECS];
                UNROLL for (int v = 0; v < I8_VECS; v++) column[v] =
                    load_i(w + k * 4 * JUP_PANEL + v * VECTOR);
                UNROLL for (int r = 0; r < m; r++)
                {
                    int32_t four;
                    memcpy(&four, q + 4 * (k * m + r), sizeof four);
                    UNROLL for (int v = 0; v < I8_VECS; v++) dots[r][v] =
                        dtype == JUP_Q8_0 ? dot_q8(dots[r][v], column[v], splat_i(four))
                                          : dot_small(dots[r][v], column[v], splat_i(four));
                }
                if (dtype == JUP_Q6_K && k == 3) {
                    add_dots(m, scales, parts, dots, sum);
                    scales += JUP_PANEL;
                    start_dots(m, parts, JUP_X_MINUS_32B, dots);
                }
            }
            add_dots(m, scales, parts, dots, sum);
            scales += JUP_PANEL;
            if (dtype == JUP_Q4_K) {
                subtract_mins(m, mins, parts, sum);
                mins += JUP_PANEL;
            }
            w += 32 * JUP_PANEL;
            q += 32 * m;
            parts += JUP_X_PARTS * m;
        }
        UNROLL for (int r = 0; r < m; r++) UNROLL for (int v = 0; v < I8_VECS; v++)
            put(sums + r * JUP_PANEL + (group + v) * LANES, sum[r][v], add);
    }
}

#define I8_CASE(type, count)                                                                       \
    case count:                                                                                    \
        if (count <= I8_ROWS)                                                                      \
            i8_tile(type, count <= I8_ROWS ? count : 1, n, x, panel, sums, add);                   \
        return;

#define I8_TILE(name, type)                                                                        \
    static void name(int m, int64_t n, const jup_i8_x_t *x, const jup_i8_panel_t *panel,           \
                     float *sums, bool add)                                                        \
    {                                                                                              \
        switch (m) {                                                                               \
            I8_CASE(type, 1)                                                                       \
            I8_CASE(type, 2)                                                                       \
            I8_CASE(type, 3)                                                                       \
            I8_CASE(type, 4)                                                                       \
            I8_CASE(type, 5)                                                                       \
            I8_CASE(type, 6)                                                                       \
        }                                                                                          \
    }

I8_TILE(tile_q8_0, JUP_Q8_0)
I8_TILE(tile_q4_0, JUP_Q4_0)
I8_TILE(tile_q4_k, JUP_Q4_K) /* also Q5_K: once packed they differ only in the range of q */
I8_TILE(tile_q6_k, JUP_Q6_K)

static void tile_i8(jup_dtype_t dtype, int m, int64_t n, const jup_i8_x_t *x,
                    const jup_i8_panel_t *panel, float *sums, bool add)
{
    switch (dtype) {
    case JUP_Q8_0:
        tile_q8_0(m, n, x, panel, sums, add);
        return;
    case JUP_Q4_0:
        tile_q4_0(m, n, x, panel, sums, add);
        return;
    case JUP_Q6_K:
        tile_q6_k(m, n, x, panel, sums, add);
        return;
    default:
        tile_q4_k(m, n, x, panel, sums, add);
    }
}

/* ---- rounding x ---------------------------------------------------------------------------- */

static void round_block(const float *x, int m, int r, int8_t *q_out, int32_t *parts)
{
    float largest = 0.0f;
    for (int i = 0; i < 32; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    float scale = largest / 127.0f, inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    int32_t q[32], sum_first = 0, sum_last = 0;
    int8_t bytes[32];
    for (int i = 0; i < 32; i++) /* adding 1.5 * 2^23 rounds to the nearest even integer */
        q[i] = (int32_t)((x[i] * inverse + 0x1.8p23f) - 0x1.8p23f);
    for (int i = 0; i < 16; i++) {
        sum_first += q[i];
        sum_last += q[i + 16];
    }
    for (int i = 0; i < 32; i++)
        bytes[i] = (int8_t)q[i];
    for (int k = 0; k < 8; k++)
        memcpy(q_out + 4 * (k * m + r), bytes + 4 * k, 4);
    float x_sum = scale * (float)(sum_first + sum_last);
    memcpy(parts + JUP_X_SCALE * m + r, &scale, sizeof scale);
    memcpy(parts + JUP_X_SUM * m + r, &x_sum, sizeof x_sum);
    parts[JUP_X_MINUS_8 * m + r] = -8 * (sum_first + sum_last);
    parts[JUP_X_MINUS_128 * m + r] = -128 * (sum_first + sum_last);
    parts[JUP_X_MINUS_32 * m + r] = -32 * sum_first;
    parts[JUP_X_MINUS_32B * m + r] = -32 * sum_last;
}

static void round_x(const float *x, int64_t stride, int m, int64_t n, const jup_i8_x_t *to)
{
    for (int64_t b = 0; b < n / JUP_X_BLOCK; b++)
        for (int r = 0; r < m; r++)
            round_block(x + r * stride + b * JUP_X_BLOCK, m, r, to->q + b * JUP_X_BLOCK * m,
                        to->parts + b * JUP_X_PARTS * m);
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

typedef float quarter_t __attribute__((vector_size(16)));
typedef int32_t quarter_mask_t __attribute__((vector_size(16)));

INLINE float sum_lanes(vf v)
{
    union {
        vf all;
        quarter_t part[VECTOR / 16];
    } lanes = {v};
    quarter_t sum = lanes.part[0];
    for (int i = 1; i < VECTOR / 16; i++)
        sum += lanes.part[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static float dot(const float *a, const float *b, int64_t n)
{
    vf sums[4] = {{0}, {0}, {0}, {0}};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        UNROLL for (int j = 0; j < 4; j++) sums[j] +=
            load_f(a + i + j * LANES) * load_f(b + i + j * LANES);
    float sum = sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

INLINE vf swiglu_lanes(vf gate, vf up)
{
    /* beyond -80 the quotient is as good as 0, and exp must not overflow */
    vf bounded = (vf)(((vi)gate & (gate > -80.0f)) | ((vi)splat_f(-80.0f) & ~(gate > -80.0f)));
    return gate / (1.0f + exponential(-bounded)) * up;
}

static void swiglu(float *gate, const float *up, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store_f(gate + i, swiglu_lanes(load_f(gate + i), load_f(up + i)));
    if (i == n)
        return;
    float last_gate[LANES] = {0}, last_up[LANES] = {0};
    memcpy(last_gate, gate + i, (size_t)(n - i) * sizeof *gate);
    memcpy(last_up, up + i, (size_t)(n - i) * sizeof *up);
    store_f(last_gate, swiglu_lanes(load_f(last_gate), load_f(last_up)));
    memcpy(gate + i, last_gate, (size_t)(n - i) * sizeof *gate);
}

INLINE float max_lanes(vf v)
{
    union {
        vf all;
        quarter_t part[VECTOR / 16];
    } lanes = {v};
    quarter_t m = lanes.part[0];
    for (int i = 1; i < VECTOR / 16; i++) {
        quarter_mask_t more = lanes.part[i] > m;
        m = (quarter_t)(((quarter_mask_t)lanes.part[i] & more) | ((quarter_mask_t)m & ~more));
    }
    float low = m[0] > m[1] ? m[0] : m[1], high = m[2] > m[3] ? m[2] : m[3];
    return low > high ? low : high;
}

/* -1 in the lanes whose bit is set. */
INLINE vi bit_mask(uint32_t bits)
{
    vi lane;
    for (int i = 0; i < LANES; i++)
        lane[i] = i;
    return -((splat_i((int32_t)bits) >> lane) & 1);
}

static float soften(float *scores, int n, uint64_t visible, float scale, float *largest,
                    float *total)
{
    int vecs = (n + LANES - 1) / LANES;
    const vi nothing = (vi)splat_f(-INFINITY);
    vf top = splat_f(*largest);
    for (int i = 0; i < vecs; i++) {
        vi mask = bit_mask((uint32_t)(visible >> (i * LANES)));
        vf score = load_f(scores + i * LANES) * scale;
        score = (vf)(((vi)score & mask) | (nothing & ~mask));
        store_f(scores + i * LANES, score);
        top = (vf)(((vi)score & (score > top)) | ((vi)top & ~(score > top)));
    }
    float most = max_lanes(top), before = *largest;
    if (most == -INFINITY) {
        memset(scores, 0, JUP_SLOTS * sizeof *scores);
        return 1.0f;
    }
    vf sum = {0};
    for (int i = 0; i < vecs; i++) {
        vf weight = exponential(load_f(scores + i * LANES) - most);
        store_f(scores + i * LANES, weight);
        sum += weight;
    }
    float keep = before == most ? 1.0f : exponential(splat_f(before - most))[0];
    *largest = most;
    *total = *total * keep + sum_lanes(sum);
    return keep;
}

const jup_kernels_t TABLE = {
    .name = TABLE_NAME,
    .f32_tile = F32_ROWS,
    .i8_tile = I8_ROWS,
    .pack_f32 = pack_f32,
    .pack_i8 = pack_i8,
    .tile_f32 = tile_f32,
    .tile_scores = tile_scores,
    .tile_weights = tile_weights,
    .pack_values = pack_values,
    .tile_i8 = tile_i8,
    .round_x = round_x,
    .dot = dot,
    .swiglu = swiglu,
    .soften = soften,
};
