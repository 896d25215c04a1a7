#include "model/weights_phantom.h"

/* Rows are whole blocks; a file with shorter ones would use another type for them. */
static jup_matrix_t matrix(jup_dtype_t dtype, int64_t rows, int64_t cols)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)dtype);
    bool fits = cols % info->block_elems == 0;
    return (jup_matrix_t){.dtype = fits ? dtype : JUP_F16, .rows = rows, .cols = cols};
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
    layer->gate_up[0].w = matrix(dtype, c->ffn, c->dim);
    layer->gate_up[1].w = matrix(dtype, c->ffn, c->dim);
    layer->down.w = matrix(dtype, c->dim, c->ffn);
}

static size_t layer_bytes(const jup_layer_weights_t *layer, const jup_config_t *c)
{
    size_t bytes = (size_t)jup_config_layer_vectors(c) * sizeof(float);
    for (int i = 0; i < 3; i++)
        bytes += matrix_bytes(&layer->qkv[i].w);
    return bytes + matrix_bytes(&layer->out.w) + matrix_bytes(&layer->gate_up[0].w) +
           matrix_bytes(&layer->gate_up[1].w) + matrix_bytes(&layer->down.w);
}

void jup_weights_phantom(jup_weights_t *weights, const jup_config_t *config,
                         const jup_shard_t *shard, jup_dtype_t dtype)
{
    jup_weights_init(weights, shard);
    size_t bytes = 0;
    for (int i = 0; i < shard->last - shard->first; i++) {
        shape_layer(&weights->layers[i], config, dtype);
        bytes += layer_bytes(&weights->layers[i], config);
    }
    if (shard->embedding) {
        weights->embedding = matrix(dtype, config->vocab, config->dim);
        bytes += matrix_bytes(&weights->embedding);
    }
    if (shard->head) {
        weights->output.w = matrix(dtype, config->vocab, config->dim);
        bytes += (size_t)config->dim * sizeof(float);
        if (!(config->tied && shard->embedding))
            bytes += matrix_bytes(&weights->output.w);
    }
    weights->mapped_bytes = bytes;
}
