#include "model/forward.h"

#include "base/checked.h"
#include "base/mem.h"
#include "model/forward_narrow.h"

#include <assert.h>
#include <string.h>

/* ---- making and releasing -------------------------------------------------------------------- */

static jup_status_t new_floats(jup_forward_t *f, float **block, int64_t rows, int64_t cols,
                               jup_error_t *err)
{
    void *data;
    JUP_TRY(jup_alloc(&data, (size_t)rows, (size_t)cols * sizeof(float), "work buffers", err));
    *block = data;
    f->work_bytes += (size_t)(rows * cols) * sizeof(float);
    return JUP_OK;
}

/* Words of the masks of a tree of `rows` rows. */
static int64_t mask_words(int64_t rows)
{
    return rows * ((rows + 63) / 64);
}

static jup_status_t new_buffers(jup_forward_t *f, jup_error_t *err)
{
    const jup_config_t *c = f->config;
    int64_t rows = f->limits.rows, outputs = f->limits.outputs;
    int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    JUP_TRY(new_floats(f, &f->x, rows, c->dim, err));
    JUP_TRY(new_floats(f, &f->norm, rows, c->dim, err));
    JUP_TRY(new_floats(f, &f->q, rows, q, err));
    JUP_TRY(new_floats(f, &f->k, rows, kv, err));
    JUP_TRY(new_floats(f, &f->v, rows, kv, err));
    JUP_TRY(new_floats(f, &f->attended, rows, q, err));
    int64_t wide = c->experts ? rows * c->experts_used : rows;
    JUP_TRY(new_floats(f, &f->gate, wide, c->ffn, err));
    JUP_TRY(new_floats(f, &f->up, wide, c->ffn, err));
    JUP_TRY(jup_experts_init(&f->experts, c, f->compute, rows, &f->work_bytes, err));
    if (jup_config_adds_later(c))
        JUP_TRY(new_floats(f, &f->sum, rows, c->dim, err));
    else
        f->sum = f->x;
    if (f->weights->shard.head) {
        JUP_TRY(new_floats(f, &f->hidden, outputs, c->dim, err));
        JUP_TRY(new_floats(f, &f->logits, outputs, f->weights->output.w.rows, err));
    }
    f->halves = jup_new((size_t)c->dim, sizeof *f->halves);
    f->pos = jup_new((size_t)rows, sizeof *f->pos);
    f->masks = jup_new((size_t)mask_words(rows), sizeof *f->masks);
    f->attention = jup_new(JUP_STEP_MAX_SEGMENTS, sizeof *f->attention);
    f->new_runs = jup_new((size_t)rows, sizeof *f->new_runs);
    return JUP_OK;
}

jup_status_t jup_forward_init(jup_forward_t *f, const jup_config_t *config,
                              const jup_weights_t *weights, jup_compute_t *compute,
                              const jup_forward_limits_t *limits, jup_error_t *err)
{
    memset(f, 0, sizeof *f);
    f->config = config;
    f->weights = weights;
    f->compute = compute;
    f->limits = *limits;

    int64_t q = (int64_t)config->heads * config->head_dim;
    int64_t widest = jup_max_i64(jup_max_i64(config->dim, config->ffn), q);
    jup_compute_limits_t need = {
        .rows = limits->rows,
        .in = widest,
        .out = weights->shard.head ? jup_max_i64(widest, weights->output.w.rows) : widest,
        .context = limits->kv_tokens,
        .heads = config->heads,
        .kv_heads = config->kv_heads,
        .head_dim = config->head_dim,
    };
    jup_status_t status = jup_compute_reserve(compute, &need, err);
    if (status == JUP_OK)
        status = new_buffers(f, err);
    if (status == JUP_OK)
        status = jup_kv_init(&f->kv, config, weights->shard.last - weights->shard.first,
                             limits->kv_dtype, limits->kv_tokens, err);
    if (status == JUP_OK) {
        bool stretched = weights->rope_factors_long && limits->context > config->rope_original;
        jup_rope_init(&f->rope, config,
                      stretched ? weights->rope_factors_long : weights->rope_factors, limits->rows);
        if (config->rope_local_base > 0)
            jup_rope_init_local(&f->local_rope, config, limits->rows);
    } else {
        jup_forward_reset(f);
    }
    return status;
}

void jup_forward_reset(jup_forward_t *f)
{
    if (f->sum == f->x)
        f->sum = NULL;
    float *const buffers[] = {f->x,    f->norm, f->q,   f->k,      f->v,     f->attended,
                              f->gate, f->up,   f->sum, f->hidden, f->logits};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        jup_free(buffers[i]);
    jup_experts_reset(&f->experts);
    jup_free(f->halves);
    jup_free(f->pos);
    jup_free(f->masks);
    jup_free(f->attention);
    jup_free(f->runs);
    jup_free(f->new_runs);
    jup_kv_reset(&f->kv);
    jup_rope_reset(&f->rope);
    jup_rope_reset(&f->local_rope);
    memset(f, 0, sizeof *f);
}

/* ---- a step ---------------------------------------------------------------------------------- */

static void apply_edits(jup_kv_t *kv, const jup_step_t *step)
{
    const int32_t *keep = step->keep;
    for (int32_t i = 0; i < step->n_edits; i++) {
        const jup_edit_t *edit = &step->edits[i];
        switch ((jup_edit_op_t)edit->op) {
        case JUP_EDIT_FORK:
            jup_kv_fork(kv, edit->seq, edit->a, edit->b);
            break;
        case JUP_EDIT_TRUNCATE:
            jup_kv_truncate(kv, edit->seq, edit->a);
            break;
        case JUP_EDIT_KEEP:
            jup_kv_keep(kv, edit->seq, edit->a, keep, edit->b);
            keep += edit->b;
            break;
        case JUP_EDIT_DROP:
            jup_kv_drop(kv, edit->seq);
            break;
        case JUP_EDIT_REPORT:
            break;
        case JUP_EDIT_PICK:
            keep += edit->b;
            break;
        }
    }
}

/* Bit j of row i: j is i itself or one of its ancestors. */
static void fill_masks(uint64_t *masks, const int32_t *parents, int32_t rows)
{
    int32_t words = (rows + 63) / 64;
    for (int32_t i = 0; i < rows; i++) {
        uint64_t *row = masks + (int64_t)i * words;
        if (parents[i] >= 0)
            memcpy(row, masks + (int64_t)parents[i] * words, (size_t)words * sizeof *row);
        else
            memset(row, 0, (size_t)words * sizeof *row);
        row[i / 64] |= (uint64_t)1 << (i % 64);
    }
}

/* The masks of the trees among the segments, one after the other. */
static void describe_trees(jup_forward_t *f, const jup_step_t *step)
{
    int64_t row = 0;
    uint64_t *masks = f->masks;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        f->trees[s] = segment->tree ? masks : NULL;
        if (segment->tree) {
            fill_masks(masks, step->parents + row, segment->rows);
            masks += mask_words(segment->rows);
        }
        row += segment->rows;
    }
}

static void reserve_runs(jup_forward_t *f, const jup_step_t *step)
{
    int spans = 0;
    for (int32_t s = 0; s < step->n_segments; s++)
        spans += jup_kv_seq(&f->kv, step->segments[s].seq)->n_spans;
    if (spans <= f->cap_runs)
        return;
    f->cap_runs = 2 * spans;
    f->runs = jup_resize(f->runs, (size_t)f->cap_runs, sizeof *f->runs);
}

void jup_forward_set_angles(jup_forward_t *f, int64_t rows)
{
    f->angles = jup_rope_at(&f->rope, f->pos, rows);
    if (f->local_rope.rot)
        f->local_angles = jup_rope_at(&f->local_rope, f->pos, rows);
}

jup_status_t jup_forward_begin(jup_forward_t *f, const jup_step_t *step, jup_error_t *err)
{
    assert(step->rows <= f->limits.rows && jup_step_outputs(step) <= f->limits.outputs);
    apply_edits(&f->kv, step);
    jup_step_positions(step, f->pos);
    int32_t row = 0;
    for (int32_t s = 0; s < step->n_segments; s++) {
        JUP_TRY(jup_kv_append(&f->kv, step->segments[s].seq, f->pos + row, step->segments[s].rows,
                              err));
        row += step->segments[s].rows;
    }
    f->narrowed = false;
    jup_forward_set_angles(f, step->rows);
    describe_trees(f, step);
    reserve_runs(f, step);
    return JUP_OK;
}

void jup_forward_embed(jup_forward_t *f, const jup_step_t *step)
{
    const jup_config_t *c = f->config;
    f->compute->ops->embed(f->compute, &f->weights->embedding, step->tokens, step->rows, f->x);
    if (c->embed_scale > 0)
        f->compute->ops->scale(f->compute, f->x, (int64_t)step->rows * c->dim, c->embed_scale, 0);
}

/* ---- all layers ------------------------------------------------------------------------------ */

static void move_messages(jup_forward_t *f)
{
    if (f->between && !f->between(f->between_self))
        f->unwanted = true;
}

/* The rows that go on from there. */
static const jup_step_t *attention_half(jup_forward_t *f, const jup_step_t *step, int layer)
{
    jup_forward_norm(f, JUP_ATTENTION, layer, 0, step->rows);
    step = jup_forward_qkv_and_cache(f, step, layer);
    move_messages(f);
    if (step->rows == 0)
        return step;
    jup_forward_attend(f, step, layer, 0, step->rows);
    jup_forward_out(f, layer, 0, step->rows);
    jup_forward_add(f, JUP_ATTENTION, layer, 0, step->rows);
    move_messages(f);
    return step;
}

static void ffn_half(jup_forward_t *f, int layer, int64_t rows)
{
    jup_forward_norm(f, JUP_FFN, layer, 0, rows);
    jup_forward_gate_up(f, layer, 0, rows);
    move_messages(f);
    jup_forward_down(f, layer, 0, rows);
    jup_forward_add(f, JUP_FFN, layer, 0, rows);
    move_messages(f);
}

bool jup_forward_layers(jup_forward_t *f, const jup_step_t *step)
{
    f->unwanted = false;
    for (int layer = 0; layer < jup_forward_depth(f); layer++) {
        step = attention_half(f, step, layer);
        if (!f->unwanted && step->rows > 0)
            ffn_half(f, layer, step->rows);
        if (f->unwanted)
            return false;
        jup_forward_round_rows(f, 0, step->rows);
    }
    return true;
}

/* ---- the head -------------------------------------------------------------------------------- */

/* Copies the rows that want logits together; they are the last ones of their segments. Since the
 * layers began, some may have turned out not to be wanted. */
static int32_t pick_outputs(jup_forward_t *f, const jup_step_t *step)
{
    int64_t dim = f->config->dim, row = 0;
    int32_t outputs = 0;
    const jup_step_t *there = f->narrowed ? &f->wanted : step;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        row += there->segments[s].rows;
        memcpy(f->hidden + outputs * dim, f->x + (row - segment->outputs) * dim,
               (size_t)(segment->outputs * dim) * sizeof(float));
        outputs += segment->outputs;
    }
    return outputs;
}

int32_t jup_forward_head(jup_forward_t *f, const jup_step_t *step)
{
    const jup_config_t *c = f->config;
    int32_t outputs = pick_outputs(f, step);
    if (!outputs)
        return 0;
    f->compute->ops->rmsnorm(f->compute, f->hidden, f->weights->output_norm, outputs, c->dim,
                             c->norm_eps, f->hidden);
    f->compute->ops->linear(f->compute, &f->weights->output, 1, f->hidden, outputs, &f->logits);
    if (c->logit_scale > 0 || c->logit_cap > 0)
        f->compute->ops->scale(f->compute, f->logits, outputs * f->weights->output.w.rows,
                               c->logit_scale > 0 ? c->logit_scale : 1, c->logit_cap);
    return outputs;
}
