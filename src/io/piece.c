#include "io/piece.h"

#include "base/checked.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BATCH_BYTES = 1 << 20 }; /* read at a time where columns are cut out */

static const jup_axes_t shared[] = {
    {"attn_q", JUP_AXIS_HEADS, JUP_AXIS_DIM},
    {"attn_k", JUP_AXIS_KV, JUP_AXIS_DIM},
    {"attn_v", JUP_AXIS_KV, JUP_AXIS_DIM},
    {"attn_output", JUP_AXIS_DIM, JUP_AXIS_HEADS},
    {"ffn_gate", JUP_AXIS_FFN, JUP_AXIS_DIM},
    {"ffn_up", JUP_AXIS_FFN, JUP_AXIS_DIM},
    {"ffn_down", JUP_AXIS_DIM, JUP_AXIS_FFN},
    {"output", JUP_AXIS_VOCAB, JUP_AXIS_DIM},
    {"ffn_gate_exps", JUP_AXIS_EXPERTS_FFN, JUP_AXIS_DIM},
    {"ffn_up_exps", JUP_AXIS_EXPERTS_FFN, JUP_AXIS_DIM},
    {"ffn_down_exps", JUP_AXIS_EXPERTS_DIM, JUP_AXIS_FFN},
};

/* Experts that lie one by one: "blk.3.ffn_up_exps.7.weight". */
static const jup_axes_t single[] = {
    {"ffn_gate_exps", JUP_AXIS_FFN, JUP_AXIS_DIM},
    {"ffn_up_exps", JUP_AXIS_FFN, JUP_AXIS_DIM},
    {"ffn_down_exps", JUP_AXIS_DIM, JUP_AXIS_FFN},
};

/* "blk.3.attn_q.weight" -> "attn_q" */
static size_t find_stem(const char *name, const char **stem)
{
    int layer, begin = 0;
    if (sscanf(name, "blk.%d.%n", &layer, &begin) < 1)
        begin = 0;
    *stem = name + begin;
    return strcspn(*stem, ".");
}

static const jup_axes_t *find_among(const jup_axes_t *axes, size_t n, const char *stem,
                                    size_t length)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(axes[i].stem) == length && strncmp(axes[i].stem, stem, length) == 0)
            return &axes[i];
    return NULL;
}

const jup_axes_t *jup_axes_find(const char *name)
{
    const char *stem;
    size_t length = find_stem(name, &stem);
    bool one_expert = stem[length] == '.' && stem[length + 1] >= '0' && stem[length + 1] <= '9';
    return one_expert ? find_among(single, sizeof single / sizeof single[0], stem, length)
                      : find_among(shared, sizeof shared / sizeof shared[0], stem, length);
}

jup_part_blocks_t jup_piece_blocks(const jup_gguf_t *g)
{
    jup_part_blocks_t blocks = {0};
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        const jup_axes_t *axes = jup_axes_find(tensor->name);
        if (!axes || !tensor->dtype || tensor->n_dims < 2)
            continue;
        int block = tensor->dtype->block_elems;
        blocks = jup_part_blocks_join(
            blocks, (jup_part_blocks_t){.out = axes->cols == JUP_AXIS_HEADS ? block : 0,
                                        .down = axes->cols == JUP_AXIS_FFN ? block : 0});
    }
    return blocks;
}

/* ---- shape ----------------------------------------------------------------------------------- */

int64_t jup_piece_rows(const jup_piece_t *p)
{
    return jup_part_length(p->whole, p->part, p->rows);
}

int64_t jup_piece_cols(const jup_piece_t *p)
{
    return jup_part_length(p->whole, p->part, p->cols);
}

size_t jup_piece_bytes(const jup_piece_t *p)
{
    return jup_dtype_bytes(p->tensor->dtype->dtype, jup_piece_rows(p) * jup_piece_cols(p));
}

/* Elements along an axis of the tensor in the file. */
static int64_t stored(const jup_piece_t *p, jup_axis_t axis)
{
    return p->alone ? jup_part_length(p->whole, p->part, axis) : jup_axis_length(p->whole, axis);
}

/* Rows of the file in `n` of the weights that are stacked in the tensor. */
static int64_t stacked(const jup_piece_t *p, int n)
{
    int64_t rows = 0;
    for (int i = 0; p->stack && i < n; i++)
        rows += stored(p, p->stack[i]);
    return rows;
}

static bool is_all(const jup_piece_t *p, jup_axis_t axis)
{
    jup_range_t run = jup_part_run(p->whole, p->part, axis, 0);
    return p->alone || (run.first == 0 && run.n == jup_axis_length(p->whole, axis));
}

static jup_status_t check_shape(const jup_gguf_t *g, const jup_piece_t *p, jup_error_t *err)
{
    const jup_gguf_tensor_t *t = p->tensor;
    bool vector = p->cols == JUP_AXIS_ONE;
    int64_t along = p->stack ? stacked(p, p->n_stack) : stored(p, p->rows);
    int64_t rows = vector ? 1 : along, cols = vector ? along : stored(p, p->cols);
    if (t->rows == rows && t->cols == cols)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT,
                    "%s: tensor '%s' is %" PRId64 " x %" PRId64 ", the metadata ask for %" PRId64
                    " x %" PRId64,
                    jup_gguf_path(g), t->name, t->rows, t->cols, rows, cols);
}

jup_status_t jup_piece_check(const jup_gguf_t *g, const jup_piece_t *p, jup_error_t *err)
{
    JUP_TRY(check_shape(g, p, err));
    if (is_all(p, p->rows) && is_all(p, p->cols))
        return JUP_OK;
    bool vector = p->cols == JUP_AXIS_ONE; /* its elements lie side by side */
    jup_range_t run = jup_part_run(p->whole, p->part, vector ? p->rows : p->cols, 0);
    int block = p->tensor->dtype->block_elems;
    if (block == 1 || (!vector && run.first % block == 0 && run.n % block == 0))
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT,
                    "%s: elements %" PRId64 " to %" PRId64 " of the rows of tensor '%s' are no "
                    "whole blocks of %s (%d); share the layers otherwise",
                    jup_gguf_path(g), run.first, run.first + run.n - 1, p->tensor->name,
                    p->tensor->dtype->name, block);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static size_t row_bytes(const jup_piece_t *p)
{
    return jup_dtype_bytes(p->tensor->dtype->dtype, stored(p, p->cols));
}

/* Rows of the weight that lie side by side in the file, all columns of them. */
static jup_gguf_range_t rows_of(const jup_piece_t *p, int64_t first, int64_t n)
{
    size_t each = row_bytes(p);
    first += stacked(p, p->place);
    return (jup_gguf_range_t){
        .tensor = p->tensor, .first = (size_t)first * each, .bytes = (size_t)n * each};
}

bool jup_piece_run(const jup_piece_t *p, jup_gguf_range_t *range)
{
    *range = jup_gguf_all(p->tensor);
    if (!is_all(p, p->cols))
        return false;
    if (is_all(p, p->rows) && !p->stack)
        return true;
    jup_range_t run = jup_part_run(p->whole, p->part, p->rows, 0);
    if (run.n < jup_piece_rows(p))
        return false;
    *range = rows_of(p, run.first, run.n);
    return true;
}

/* Rows [first, first + n) of the file, of each the piece's columns. */
static jup_status_t read_columns(const jup_gguf_t *g, const jup_piece_t *p, int64_t first,
                                 int64_t n, char *dst, jup_error_t *err)
{
    jup_dtype_t dtype = p->tensor->dtype->dtype;
    jup_range_t cols = jup_part_run(p->whole, p->part, p->cols, 0);
    size_t skip = jup_dtype_bytes(dtype, cols.first), each = jup_dtype_bytes(dtype, cols.n);
    int64_t batch = jup_max_i64(1, BATCH_BYTES / (int64_t)row_bytes(p));
    char *whole_rows = jup_new((size_t)jup_min_i64(batch, n), row_bytes(p));
    jup_status_t status = JUP_OK;
    for (int64_t at = 0; at < n && status == JUP_OK; at += batch) {
        int64_t rows = jup_min_i64(batch, n - at);
        status = jup_gguf_read(g, rows_of(p, first + at, rows), whole_rows, err);
        for (int64_t i = 0; i < rows && status == JUP_OK; i++)
            memcpy(dst + (size_t)(at + i) * each, whole_rows + (size_t)i * row_bytes(p) + skip,
                   each);
    }
    jup_free(whole_rows);
    return status;
}

jup_status_t jup_piece_read(const jup_gguf_t *g, const jup_piece_t *p, int64_t row, int64_t rows,
                            void *dst, jup_error_t *err)
{
    char *to = dst;
    size_t each = jup_dtype_bytes(p->tensor->dtype->dtype, jup_piece_cols(p));
    if (p->alone)
        return jup_gguf_read(g, rows_of(p, row, rows), dst, err);
    for (int64_t at = row; at < row + rows;) {
        jup_range_t run = jup_part_run(p->whole, p->part, p->rows, at);
        int64_t n = jup_min_i64(run.n, row + rows - at);
        if (is_all(p, p->cols))
            JUP_TRY(jup_gguf_read(g, rows_of(p, run.first, n), to, err));
        else
            JUP_TRY(read_columns(g, p, run.first, n, to, err));
        to += (size_t)n * each;
        at += n;
    }
    return JUP_OK;
}
