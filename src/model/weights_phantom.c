#include "model/weights_phantom.h"

#include "model/part.h"

static jup_matrix_t matrix(jup_dtype_t dtype, int64_t rows, int64_t cols)
{
    return (jup_matrix_t){.dtype = dtype, .rows = rows, .cols = cols};
}

static size_t matrix_bytes(const jup_matrix_t *m)
{
    return jup_dtype_bytes(m->dtype, m->rows * m->cols);
}

static void shape_layer(jup_layer_weights_t *layer, const jup_config_t *c, jup_dtype_t dtype)
{
    int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    layer->qkv[0].w = matrix(dtype, q, c->dim);
    layer->qkv[1].w = matrix(dtype, kv, c->dim);
    layer->qkv[2].w = matrix(dtype, kv, c->dim);
    layer->out.w = matrix(dtype, c->dim, q);
    int64_t stacked = c->experts ? c->experts : 1;
    if (c->experts)
        layer->router.w = matrix(JUP_F32, c->experts, c->dim);
    layer->gate_up[0].w = matrix(dtype, stacked * c->ffn, c->dim);
    layer->gate_up[1].w = matrix(dtype, stacked * c->ffn, c->dim);
    layer->down.w = matrix(dtype, stacked * c->dim, c->ffn);
}

static size_t layer_bytes(const jup_layer_weights_t *layer, const jup_config_t *c)
{
    size_t bytes = (size_t)jup_config_layer_vectors(c) * sizeof(float);
    for (int i = 0; i < 3; i++)
        bytes += matrix_bytes(&layer->qkv[i].w);
    if (c->experts)
        bytes += matrix_bytes(&layer->router.w);
    return bytes + matrix_bytes(&layer->out.w) + matrix_bytes(&layer->gate_up[0].w) +
           matrix_bytes(&layer->gate_up[1].w) + matrix_bytes(&layer->down.w);
}

/* What a part copies out of a file: columns, and rows of several experts. */
static size_t copied_bytes(const jup_layer_weights_t *layer, const jup_config_t *c)
{
    size_t experts = c->experts ? 2 * matrix_bytes(&layer->gate_up[0].w) : 0;
    return matrix_bytes(&layer->out.w) + matrix_bytes(&layer->down.w) + experts;
}

static void shape_head(jup_weights_t *weights, const jup_config_t *config, jup_dtype_t dtype)
{
    const jup_shard_t *shard = &weights->shard;
    int64_t rows = jup_part_length(config, &shard->part, JUP_AXIS_VOCAB);
    weights->output.w = matrix(dtype, rows, config->dim);
    weights->mapped_bytes += (size_t)config->dim * sizeof(float);
    if (!(config->tied && shard->embedding))
        weights->mapped_bytes += matrix_bytes(&weights->output.w);
}

jup_status_t jup_weights_phantom(jup_weights_t *weights, const jup_config_t *config,
                                 const jup_shard_t *shard, jup_dtype_t dtype, jup_error_t *err)
{
    JUP_TRY(jup_part_check_type(config, &shard->part, dtype, err));
    jup_config_t own = jup_part_config(config, &shard->part);
    bool cut = !jup_part_is_whole(&shard->part);
    jup_weights_init(weights, shard);
    for (int i = 0; i < shard->last - shard->first; i++) {
        shape_layer(&weights->layers[i], &own, dtype);
        size_t owned = cut ? copied_bytes(&weights->layers[i], &own) : 0;
        weights->owned_bytes += owned;
        weights->mapped_bytes += layer_bytes(&weights->layers[i], &own) - owned;
    }
    if (shard->embedding) {
        weights->embedding = matrix(dtype, config->vocab, config->dim);
        weights->mapped_bytes += matrix_bytes(&weights->embedding);
    }
    if (shard->head)
        shape_head(weights, config, dtype);
    return JUP_OK;
}
