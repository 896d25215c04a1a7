/**
 * What a member has of a tensor: rows and columns along shared axes (model/part.h). Rows that are
 * shared are one run of bytes, to be mapped; columns are cut out of every row at the edges of
 * blocks and copied together. (A strided view of the file would do without the copy, but would
 * keep all its pages in memory.) Types are known by the block sizes of tensor/dtype.h alone.
 */
#ifndef JUP_IO_PIECE_H
#define JUP_IO_PIECE_H

#include "io/gguf.h"
#include "model/part.h"

/** The axes of the weight "<stem>.weight"; its bias, if it has one, runs along `rows`. */
typedef struct jup_axes {
    const char *stem; /* "attn_q" of "blk.3.attn_q.weight" */
    jup_axis_t rows, cols;
} jup_axes_t;

/**
 * By a tensor's name ("blk.3.attn_q.weight", "output.weight", a bias) or its stem alone. NULL when
 * it is not shared: every member holds all of it.
 */
const jup_axes_t *jup_axes_find(const char *name);

typedef struct jup_piece {
    const jup_gguf_tensor_t *tensor;
    const jup_config_t *whole;
    const jup_part_t *part;
    jup_axis_t rows, cols;   /* of a vector: what it runs along, JUP_AXIS_ONE */
    const jup_axis_t *stack; /* several weights in one tensor, one above the other: their rows */
    int n_stack, place;      /* (n_stack), and which of them is meant; NULL: just the one */
    bool alone;              /* the file holds this piece instead of the whole tensor */
} jup_piece_t;

/**
 * Checks the tensor's shape against the config, and that the part cuts no block. JUP_EINPUT with
 * the path, the tensor and the numbers.
 */
jup_status_t jup_piece_check(const jup_gguf_t *g, const jup_piece_t *piece, jup_error_t *err);

int64_t jup_piece_rows(const jup_piece_t *piece);
int64_t jup_piece_cols(const jup_piece_t *piece);
size_t jup_piece_bytes(const jup_piece_t *piece);

/** Whether the piece is one run of bytes in the file; if so, which. */
bool jup_piece_run(const jup_piece_t *piece, jup_gguf_range_t *range);

/** Copies the piece's rows [row, row + rows) to dst, side by side. */
jup_status_t jup_piece_read(const jup_gguf_t *g, const jup_piece_t *piece, int64_t row,
                            int64_t rows, void *dst, jup_error_t *err);

/** The coarsest blocks that shared columns of the file's tensors have. */
jup_part_blocks_t jup_piece_blocks(const jup_gguf_t *g);

#endif
