#include "model/forward.h"

#include "base/checked.h"
#include "base/mem.h"

#include <assert.h>
#include <math.h>
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
    JUP_TRY(new_floats(f, &f->gate, rows, c->ffn, err));
    JUP_TRY(new_floats(f, &f->up, rows, c->ffn, err));
    if (f->weights->shard.head) {
        JUP_TRY(new_floats(f, &f->hidden, outputs, c->dim, err));
        JUP_TRY(new_floats(f, &f->logits, outputs, c->vocab, err));
    }
    f->halves = jup_new((size_t)(rows * c->dim), sizeof *f->halves);
    f->pos = jup_new((size_t)rows, sizeof *f->pos);
    f->masks = jup_new((size_t)(rows * ((rows + 63) / 64)), sizeof *f->masks);
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
        .out = weights->shard.head ? jup_max_i64(widest, config->vocab) : widest,
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
    if (status == JUP_OK)
        jup_rope_init(&f->rope, config, weights->rope_factors, limits->rows);
    else
        jup_forward_reset(f);
    return status;
}

void jup_forward_reset(jup_forward_t *f)
{
    float *const buffers[] = {f->x,        f->norm, f->q,  f->k,      f->v,
                              f->attended, f->gate, f->up, f->hidden, f->logits};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        jup_free(buffers[i]);
    jup_free(f->halves);
    jup_free(f->pos);
    jup_free(f->masks);
    jup_free(f->attention);
    jup_free(f->runs);
    jup_free(f->new_runs);
    jup_kv_reset(&f->kv);
    jup_rope_reset(&f->rope);
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

static void describe_segments(jup_forward_t *f, const jup_step_t *step)
{
    const jup_config_t *c = f->config;
    int64_t row = 0;
    uint64_t *masks = f->masks;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        f->attention[s] = (jup_attention_t){
            .q = f->q + row * c->heads * c->head_dim,
            .out = f->attended + row * c->heads * c->head_dim,
            .rows = segment->rows,
            .pos = f->pos + row,
            .heads = c->heads,
            .kv_heads = c->kv_heads,
            .head_dim = c->head_dim,
            .page_slots = JUP_KV_PAGE_SLOTS,
            .kv_dtype = f->limits.kv_dtype,
            .window = c->window,
            .scale = 1.0f / sqrtf((float)c->head_dim),
        };
        if (segment->tree) {
            fill_masks(masks, step->parents + row, segment->rows);
            f->attention[s].tree = masks;
            masks += (int64_t)segment->rows * ((segment->rows + 63) / 64);
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
    describe_segments(f, step);
    reserve_runs(f, step);
    return JUP_OK;
}

void jup_forward_embed(jup_forward_t *f, const jup_step_t *step)
{
    f->compute->ops->embed(f->compute, &f->weights->embedding, step->tokens, step->rows, f->x);
}

static void move_messages(jup_forward_t *f)
{
    if (f->between && !f->between(f->between_self))
        f->unwanted = true;
}

/* Points every segment at its cached tokens in `layer` and stores the new rows' K and V there. */
static void cache_new_rows(jup_forward_t *f, const jup_step_t *step, int layer)
{
    const jup_config_t *c = f->config;
    int n_runs = 0, n_new = 0;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        int32_t length = jup_kv_seq(&f->kv, segment->seq)->length;
        f->attention[s].runs = f->runs + n_runs;
        f->attention[s].n_runs = jup_kv_runs(&f->kv, segment->seq, layer, 0, f->runs + n_runs);
        n_runs += f->attention[s].n_runs;
        n_new +=
            jup_kv_runs(&f->kv, segment->seq, layer, length - segment->rows, f->new_runs + n_new);
    }
    f->compute->ops->store_kv(f->compute, f->k, f->v, step->rows, c->kv_heads, c->head_dim,
                              JUP_KV_PAGE_SLOTS, f->limits.kv_dtype, f->new_runs, n_new);
}

static void attention_block(jup_forward_t *f, const jup_step_t *step, int layer,
                            const jup_rope_angles_t *angles)
{
    const jup_config_t *c = f->config;
    const jup_ops_t *ops = f->compute->ops;
    const jup_layer_weights_t *w = &f->weights->layers[layer];
    int64_t rows = step->rows;
    float *const qkv[3] = {f->q, f->k, f->v};

    ops->rmsnorm(f->compute, f->x, w->attn_norm, rows, c->dim, c->norm_eps, f->norm);
    ops->linear(f->compute, w->qkv, 3, f->norm, rows, qkv);
    ops->rope(f->compute, f->q, rows, c->heads, c->head_dim, angles);
    ops->rope(f->compute, f->k, rows, c->kv_heads, c->head_dim, angles);
    cache_new_rows(f, step, layer);
    move_messages(f);
    ops->attention(f->compute, f->attention, step->n_segments);
    ops->linear_add(f->compute, &w->out, f->attended, rows, f->x);
    move_messages(f);
}

static void ffn_block(jup_forward_t *f, int64_t rows, int layer)
{
    const jup_config_t *c = f->config;
    const jup_ops_t *ops = f->compute->ops;
    const jup_layer_weights_t *w = &f->weights->layers[layer];
    float *const gate_up[2] = {f->gate, f->up};

    ops->rmsnorm(f->compute, f->x, w->ffn_norm, rows, c->dim, c->norm_eps, f->norm);
    ops->linear(f->compute, w->gate_up, 2, f->norm, rows, gate_up);
    move_messages(f);
    ops->swiglu(f->compute, f->gate, f->up, rows, c->ffn);
    ops->linear_add(f->compute, &w->down, f->gate, rows, f->x);
    move_messages(f);
}

void jup_forward_round(jup_forward_t *f, float *x, int64_t n, uint16_t *out)
{
    const float largest = 65504.0f;
    int64_t saturated = 0;
    for (int64_t i = 0; i < n; i++) {
        saturated += fabsf(x[i]) > largest;
        x[i] = x[i] > largest ? largest : x[i] < -largest ? -largest : x[i];
    }
    jup_f32_to_f16(x, out, n);
    jup_f16_to_f32(out, x, n);
    f->saturated += saturated;
}

bool jup_forward_layers(jup_forward_t *f, const jup_step_t *step)
{
    jup_rope_angles_t angles = jup_rope_at(&f->rope, f->pos, step->rows);
    int layers = f->weights->shard.last - f->weights->shard.first;
    f->unwanted = false;
    for (int layer = 0; layer < layers; layer++) {
        attention_block(f, step, layer, &angles);
        if (!f->unwanted)
            ffn_block(f, step->rows, layer);
        if (f->unwanted)
            return false;
        if (f->limits.residual_dtype == JUP_F16)
            jup_forward_round(f, f->x, (int64_t)step->rows * f->config->dim, f->halves);
    }
    return true;
}

/* Copies the rows that want logits together; they are the last ones of their segments. */
static int32_t pick_outputs(jup_forward_t *f, const jup_step_t *step)
{
    int64_t dim = f->config->dim, row = 0;
    int32_t outputs = 0;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        row += segment->rows;
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
    return outputs;
}
