#include "tiny_part.h"

#include "base/mem.h"

/* The whole's index of a part's i-th element of an axis. */
static int64_t in_whole(const jup_config_t *c, const jup_part_t *part, jup_axis_t axis, int64_t i)
{
    return jup_part_run(c, part, axis, i).first;
}

/* One element after the other, so that there is nothing to go wrong. */
static void cut(jup_weights_t *weights, const jup_config_t *c, const jup_linear_t *whole,
                jup_axis_t out, jup_axis_t in, jup_linear_t *w)
{
    const jup_part_t *part = &weights->shard.part;
    int64_t rows = jup_part_length(c, part, out), cols = jup_part_length(c, part, in);
    const float *from = whole->w.data;
    float *block = jup_weights_keep(weights, jup_new((size_t)(rows * cols), sizeof *block));
    for (int64_t row = 0; row < rows; row++)
        for (int64_t col = 0; col < cols; col++)
            block[row * cols + col] =
                from[in_whole(c, part, out, row) * whole->w.cols + in_whole(c, part, in, col)];
    *w = (jup_linear_t){.w = {.dtype = JUP_F32, .rows = rows, .cols = cols, .data = block}};
}

void tiny_part_init(const tiny_model_t *model, const jup_part_t *part, jup_weights_t *weights)
{
    tiny_part_shard(model, &(jup_shard_t){.last = model->config.layers, .part = *part}, weights);
}

void tiny_part_shard(const tiny_model_t *model, const jup_shard_t *shard, jup_weights_t *weights)
{
    const jup_config_t *c = &model->config;
    jup_weights_init(weights, shard);
    weights->embedding = model->all.embedding;
    weights->output_norm = model->all.output_norm;
    if (shard->head)
        cut(weights, c, &model->all.output, JUP_AXIS_VOCAB, JUP_AXIS_DIM, &weights->output);
    for (int i = 0; i < shard->last - shard->first; i++) {
        const jup_layer_weights_t *all = &model->all.layers[shard->first + i];
        jup_layer_weights_t *w = &weights->layers[i];
        *w = *all; /* norms are everyone's */
        cut(weights, c, &all->qkv[0], JUP_AXIS_HEADS, JUP_AXIS_DIM, &w->qkv[0]);
        cut(weights, c, &all->qkv[1], JUP_AXIS_KV, JUP_AXIS_DIM, &w->qkv[1]);
        cut(weights, c, &all->qkv[2], JUP_AXIS_KV, JUP_AXIS_DIM, &w->qkv[2]);
        cut(weights, c, &all->out, JUP_AXIS_DIM, JUP_AXIS_HEADS, &w->out);
        cut(weights, c, &all->gate_up[0], JUP_AXIS_FFN, JUP_AXIS_DIM, &w->gate_up[0]);
        cut(weights, c, &all->gate_up[1], JUP_AXIS_FFN, JUP_AXIS_DIM, &w->gate_up[1]);
        cut(weights, c, &all->down, JUP_AXIS_DIM, JUP_AXIS_FFN, &w->down);
    }
}

void tiny_part_share(const tiny_model_t *model, const double *speed, int n, jup_part_t *parts)
{
    jup_error_t err;
    if (jup_part_share(&model->config, jup_part_blocks(JUP_F32, JUP_F32), speed, n, parts, &err) !=
        JUP_OK)
        jup_die(err.code, "%s", err.text);
}
