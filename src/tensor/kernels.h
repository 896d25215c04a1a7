/**
 * The inner loops, one table per instruction set, all made from kernels_body.h.
 *
 * A weight is taken in panels of 32 output rows. A chunk of a panel is decoded into a buffer that
 * stays in the first-level cache, with the 32 rows side by side in the lanes of vectors; every row
 * of x then passes over it. Each output is therefore one sum in one lane, over the columns in
 * their order, whatever the number of rows, threads or ranks: a row's result has the same bits
 * alone, in a small batch and in a long prompt.
 *
 *   f32 panel  (columns, 32): the decoded weights
 *   i8 panel   (columns / 32, 8, 32, 4) bytes: blocks of 32 columns, 4 consecutive ones per lane
 *              (where 8-bit products take matrices, 8 ones of two rows: see PAIRED)
 *
 * Plain weights (F32, F16, BF16) need no decoding and are read as they lie, columns in the lanes:
 * the products of each 512 columns are added up in eight sums, s[i] that of columns i, i + 8 ... in
 * their order, these to ((s0 + s2) + (s1 + s3)) + ((s4 + s6) + (s5 + s7)), and that to the row's.
 *
 * For BF16 x is rounded to BF16, too, to the nearest: an element is off by a 256th of itself at
 * most. s[i] is the sum of columns 2 i + 1, 2 i, 16 + 2 i + 1, 16 + 2 i ..., because processors
 * that multiply pairs of BF16 add the second product first, each rounded on its own (measured on a
 * Zen 4; so does Intel's definition). As such a product is exact in a float, all tables have the
 * same bits, whether they multiply pairs or floats, but where numbers are below 2^-126: pairs take
 * them as 0.
 *
 * For quantised weights x is rounded to 8 bits per block of 32 columns, by its largest magnitude:
 * x ~ scale * q with |q| <= 127, an error of at most scale / 2. Products are summed exactly in
 * integers within a block (types with groups of 16: half a block), then in f32.
 *
 * Where the scales of groups are small integers (Q2_K, Q3_K), the sums of 256 columns stay
 * integers: the scales of x within them are taken as multiples k of a 511th of the largest. That is
 * off by a 1022nd of the largest scale at most, against the half of a scale by which each element
 * is.
 */
#ifndef JUP_TENSOR_KERNELS_H
#define JUP_TENSOR_KERNELS_H

#include "tensor/dtype.h"

#include <stdbool.h>

enum {
    JUP_PANEL = 32,        /* output rows of a panel */
    JUP_F32_CHUNK = 256,   /* most columns of an f32 panel in flight: 32 KiB */
    JUP_PLAIN_CHUNK = 512, /* columns of plain types whose products are added up on their own */
    JUP_I8_CHUNK = 512,    /* most columns of an i8 panel in flight: 16 KiB and scales */
    JUP_MOST_ROWS = 512,   /* most rows of x that share one pass over a weight */
    JUP_TILE_MAX = 16,     /* no kernel takes more rows of x at a time */
    JUP_SLOTS = 64,        /* cache slots that attention takes at a time */
    JUP_X_BLOCK = 32,      /* columns that share a scale of x */
    JUP_X_MOST_K = 511,    /* largest JUP_X_K: sums over 256 columns then fit 32 bits */
    JUP_X_FOLD_BITS = 6,   /* see JUP_X_HIGH */
};

/** What goes with a block of rounded x, each an int32 or float per row of the tile. */
enum jup_x_part {
    JUP_X_SCALE,   /* float: scale */
    JUP_X_SUM,     /* float: scale * sum of q */
    JUP_X_Q,       /* int: sum of q */
    JUP_X_Q_FIRST, /* the same of the first 16 q */
    JUP_X_Q_LAST,  /* ... of the last 16 q */
    JUP_X_PARTS,
};

/** What goes with 256 columns of it, for types whose form is whole. */
enum jup_x_whole {
    JUP_X_UNIT,                 /* float: of the scales */
    JUP_X_K,                    /* 8 ints, of the blocks: scale in that unit, 0..JUP_X_MOST_K */
    JUP_X_HIGH = JUP_X_K + 8,   /* 4 times four bytes, of 16 columns each, with those of LOW: */
    JUP_X_LOW = JUP_X_HIGH + 4, /* k * sum of q ~ (128 * high + low) << JUP_X_FOLD_BITS */
    JUP_X_K_Q = JUP_X_LOW + 4,  /* int: sum of k * q */
    JUP_X_WHOLES,
};

/**
 * What a quantised type is in an i8 panel: elements are scale * (q - zero) - min, or, where q is a
 * signed byte, scale * q.
 */
typedef struct jup_i8_form {
    bool is_signed; /* else q is in 0..63 */
    bool halves;    /* 16 columns share a scale (and, of forms that are whole, a min), else 32 */
    bool mins;
    bool whole;  /* with halves: scales and mins are integers, times one of 256 columns each */
    bool scaled; /* whole, of panels: q is already times its scale */
    int zero;
} jup_i8_form_t;

/** A panel's rows in the weight. */
typedef struct jup_rows {
    jup_dtype_t dtype;
    const unsigned char *first;       /* the first row */
    const unsigned char *const *list; /* NULL, or where each of the rows is */
    int64_t row_bytes;
    int rows;                   /* 1..32; missing ones repeat the last */
    bool pairs;                 /* of plain ones: x and panels are of pairs of BF16 */
    const unsigned char *fetch; /* NULL, or as many bytes as the call packs, to be prefetched
                                   (tile_plain(): as many of each row, `row_bytes` apart) */
} jup_rows_t;

typedef struct jup_i8_panel {
    uint8_t *q;   /* JUP_I8_CHUNK * 32, twice that for signed weights as 16 bits */
    float *scale; /* (blocks, 32), with halves: (blocks, 2, 32) */
    float *min;   /* the same, for types that have it */
    float *whole; /* (blocks / 8, 2, 32): what scales and mins of 256 columns are multiplied with.
                     The scales, if any, are then integers, (blocks, 2, 32), or pairs of int16:
                     those of a block, the second of each two elements unused, or one twice; the
                     mins (blocks / 8, 4, 32, 4) bytes, 16 in all */
    const unsigned char *fetch; /* NULL, or what tile_i8() is to prefetch on its way, evenly: */
    int64_t fetch_bytes;        /* so many bytes a block of 32 columns, a multiple of 64 */
    int64_t x_columns; /* of a row of x in all: the next tile's, fetched too, lie so far behind */
} jup_i8_panel_t;

/** Rounded x of one tile of m rows: q (columns / 4, m, 4), parts (blocks, JUP_X_PARTS, m). */
typedef struct jup_i8_x {
    int8_t *q;
    int32_t *parts;
    int32_t *whole; /* (blocks / 8, JUP_X_WHOLES, m) */
    int8_t *wide;   /* q as 16 bits, for types that take it so: of each 32 bytes the even ones, then
                       the odd ones */
} jup_i8_x_t;

typedef struct jup_kernels {
    const char *name;
    int f32_tile, i8_tile; /* most rows in one call, of attention's and of rounded x */

    /** The layout of work, by the caches of such processors: columns of an i8 panel at a time, a
     *  multiple of 256, and rows of x that share a pass over a weight. No result depends on it.
     */
    int i8_chunk, rows;

    /** panel (n, 32) = columns [at, at + n) of the rows, decoded; `at` on a block's edge. */
    void (*pack_f32)(const jup_rows_t *src, int64_t at, int64_t n, float *panel);

    /** The same for a quantised type, n <= JUP_I8_CHUNK. */
    void (*pack_i8)(const jup_rows_t *src, int64_t at, int64_t n, const jup_i8_panel_t *panel);

    /** sums (m, 32) = or += x^T panel, m <= plain_tile; x as for plain weights in F32. */
    void (*tile_f32)(int m, int64_t n, const float *x, const float *panel, float *sums, bool add);

    /** Plain types: sums (m, 32) = x W^T for m <= few_halves (F16) or few_plain rows of x, all n
     *  columns, as they lie.
     *  x: by chunks of JUP_PLAIN_CHUNK columns, in each all rows, in tiles of at most plain_tile
     *  ones, (steps, m, 8) words of 32 bits, with zeros at the last one's end; jup_plain_words() of
     *  columns to a row. A word is a float; of BF16 weights a step has the odd ones of 16 columns,
     *  the next the even ones, or words are pairs, where the table has their products and the
     *  caller wants them. */
    int plain_tile, few_halves, few_plain;
    bool pairs;
    void (*run_plain)(const jup_rows_t *src, int m, int64_t n, const float *x, float *sums);

    /** The same by way of a panel of columns [at, at + n), a chunk: it has room for
     *  JUP_PLAIN_CHUNK * 32 floats; sums (m, 32) = or +=, x at the chunk. */
    void (*pack_plain)(const jup_rows_t *src, int64_t at, int64_t n, float *panel);
    void (*tile_plain)(const jup_rows_t *src, int m, int64_t n, const float *x, const float *panel,
                       float *sums, bool add);

    /** Quantised types: sums (m, 32) = x W^T for m <= few_i8 rows of x in one tile, all n columns,
     *  without a panel. */
    int few_i8;
    void (*run_i8)(const jup_rows_t *src, int m, int64_t n, const jup_i8_x_t *x, float *sums);

    /** The first 32 of each 64 scores (m, 64) = x^T panel; x (n, m). */
    void (*tile_scores)(int m, int64_t n, const float *x, const float *panel, float *scores);

    /** sums (m, 32) = sums * keep (m) + weights panel; the first n <= 64 of weights (m, 64). */
    void (*tile_weights)(int m, int64_t n, const float *weights, const float *panel,
                         const float *keep, float *sums);

    /** panel (n, 32) = elements [at, at + width) of n rows of F16 or F32, width <= 32, rest 0. */
    void (*pack_values)(jup_dtype_t dtype, const unsigned char *const *rows, int n, int at,
                        int width, float *panel);

    /** sums (m, 32) = or += over n columns (a multiple of 32). */
    void (*tile_i8)(jup_dtype_t dtype, int m, int64_t n, const jup_i8_x_t *x,
                    const jup_i8_panel_t *panel, float *sums, bool add);

    /** Do the type's tiles take x->whole, x->wide? */
    bool (*is_whole)(jup_dtype_t dtype), (*is_wide)(jup_dtype_t dtype);

    /** Rounds m rows of x, `stride` elements apart, n columns each (a multiple of 32). What is NULL
     *  of to->whole, for which n is a multiple of 256, and to->wide is left out. */
    void (*round_x)(const float *x, int64_t stride, int m, int64_t n, const jup_i8_x_t *to);

    /** Sum of a[i] * b[i]. */
    float (*dot)(const float *a, const float *b, int64_t n);
    /** gate = silu(gate) * up, gelu(gate) * up; x = x factor, bent to +-cap unless that is 0: as in
     *  tensor/ops.h. */
    void (*swiglu)(float *gate, const float *up, int64_t n);
    void (*geglu)(float *gate, const float *up, int64_t n);
    void (*scale)(float *x, int64_t n, float factor, float cap);

    /**
     * One step of online softmax for m rows of n <= 64 scores (m, 64), in place: weights =
     * exp(score * scale - largest). Updates largest and total (m); keep (m): what the things that
     * were gathered before have to be multiplied with. Slots whose bit in visible[row / share] is
     * clear get weight 0; those from n on are not visible.
     */
    void (*soften)(float *scores, int m, int n, const uint64_t *visible, int share, float scale,
                   float *largest, float *total, float *keep);
} jup_kernels_t;

extern const jup_kernels_t jup_kernels_avx512bf16, jup_kernels_avx512, jup_kernels_avx512vl;
extern const jup_kernels_t jup_kernels_avxvnni, jup_kernels_avx2;
extern const jup_kernels_t jup_kernels_i8mm, jup_kernels_dotprod, jup_kernels_neon;
extern const jup_kernels_t jup_kernels_portable;

/**
 * Whether few rows of x fetch what they read later into the first-level cache, else into the
 * second: the first has too few fetches under way at a time for the memory's delay in a Zen 4, and
 * is a tenth quicker in a Zen 5. Set by jup_kernels_choose().
 */
extern bool jup_kernels_fetch_near;

/** The best table for this processor; $JUPITER_KERNELS names another ("avx2", "portable"...). */
const jup_kernels_t *jup_kernels_choose(void);

/** Table i of those this processor can run, best first; NULL past the last. */
const jup_kernels_t *jup_kernels_at(int i);

/** Words that n columns of x take for plain weights. */
static inline int64_t jup_plain_words(jup_dtype_t dtype, bool pairs, int64_t n)
{
    return dtype != JUP_BF16 ? (n + 7) / 8 * 8 : (n + 15) / 16 * (pairs ? 8 : 16);
}

/** Where row `row` starts in a sequence of tiles of at most `tile` rows, and how many it has. */
static inline int jup_tile_rows(int64_t rows, int tile, int64_t at)
{
    int64_t tiles = (rows + tile - 1) / tile, left = rows - at;
    int64_t even = (rows + tiles - 1) / tiles;
    return (int)(left < even ? left : even);
}

#endif
