/* The weights of a shard from a GGUF file. */
#include "io/model_file.h"

#include "base/mem.h"
#include "io/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Loading goes over the shard twice with the same code: first to collect the tensors, so that they
 * are mapped together, then to point the weights at their data. */
enum { TENSORS_PER_LAYER = 12, OTHER_TENSORS = 4, NAME_BYTES = 80 };

typedef struct loader {
    jup_gguf_t *g;
    const jup_config_t *config;
    jup_weights_t *weights;
    const jup_gguf_tensor_t **tensors;
    const void **data; /* NULL in the first pass */
    size_t n, cap;
    jup_error_t *err;
} loader_t;

static jup_status_t check_shape(const loader_t *l, const jup_gguf_tensor_t *tensor, int64_t rows,
                                int64_t cols)
{
    if (tensor->rows == rows && tensor->cols == cols)
        return JUP_OK;
    return jup_fail(l->err, JUP_EINPUT,
                    "%s: tensor '%s' is %" PRId64 " x %" PRId64 ", the metadata ask for %" PRId64
                    " x %" PRId64,
                    jup_gguf_path(l->g), tensor->name, tensor->rows, tensor->cols, rows, cols);
}

/* Finds a tensor; *data is its first byte in the second pass. */
static jup_status_t take(loader_t *l, const char *name, int64_t rows, int64_t cols,
                         const jup_gguf_tensor_t **tensor, const void **data)
{
    JUP_TRY(jup_gguf_require_tensor(l->g, name, tensor, l->err));
    JUP_TRY(check_shape(l, *tensor, rows, cols));
    if (l->data)
        *data = l->data[l->n];
    else
        l->tensors[l->n] = *tensor;
    l->n++;
    return JUP_OK;
}

static jup_status_t take_matrix(loader_t *l, const char *name, int64_t rows, int64_t cols,
                                jup_matrix_t *matrix)
{
    const jup_gguf_tensor_t *tensor;
    const void *data = NULL;
    JUP_TRY(take(l, name, rows, cols, &tensor, &data));
    *matrix =
        (jup_matrix_t){.dtype = tensor->dtype->dtype, .rows = rows, .cols = cols, .data = data};
    return JUP_OK;
}

/* A vector of floats; one stored in another type is decoded once. */
static jup_status_t take_vector(loader_t *l, const char *name, int64_t n, const float **vector)
{
    const jup_gguf_tensor_t *tensor;
    const void *data = NULL;
    JUP_TRY(take(l, name, 1, n, &tensor, &data));
    if (!l->data || tensor->dtype->dtype == JUP_F32) {
        *vector = data;
        return JUP_OK;
    }
    float *decoded = jup_weights_keep(l->weights, jup_new((size_t)n, sizeof *decoded));
    jup_dequantize(tensor->dtype->dtype, data, decoded, n);
    *vector = decoded;
    return JUP_OK;
}

/* The weight "<stem>.weight" and, where the file has one, "<stem>.bias". */
static jup_status_t take_linear(loader_t *l, const char *stem, int64_t rows, int64_t cols,
                                jup_linear_t *linear)
{
    char name[NAME_BYTES + 8];
    snprintf(name, sizeof name, "%s.weight", stem);
    JUP_TRY(take_matrix(l, name, rows, cols, &linear->w));
    snprintf(name, sizeof name, "%s.bias", stem);
    linear->bias = NULL;
    return jup_gguf_tensor(l->g, name) ? take_vector(l, name, rows, &linear->bias) : JUP_OK;
}

static jup_status_t take_layer(loader_t *l, int layer, jup_layer_weights_t *w)
{
    const jup_config_t *c = l->config;
    int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    const struct {
        const char *part;
        int64_t rows, cols;
        jup_linear_t *linear;
    } linears[] = {
        {"attn_q", q, c->dim, &w->qkv[0]},
        {"attn_k", kv, c->dim, &w->qkv[1]},
        {"attn_v", kv, c->dim, &w->qkv[2]},
        {"attn_output", c->dim, q, &w->out},
        {"ffn_gate", c->ffn, c->dim, &w->gate_up[0]},
        {"ffn_up", c->ffn, c->dim, &w->gate_up[1]},
        {"ffn_down", c->dim, c->ffn, &w->down},
    };
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "blk.%d.attn_norm.weight", layer);
    JUP_TRY(take_vector(l, name, c->dim, &w->attn_norm));
    snprintf(name, sizeof name, "blk.%d.ffn_norm.weight", layer);
    JUP_TRY(take_vector(l, name, c->dim, &w->ffn_norm));
    for (size_t i = 0; i < sizeof linears / sizeof linears[0]; i++) {
        snprintf(name, sizeof name, "blk.%d.%s", layer, linears[i].part);
        JUP_TRY(take_linear(l, name, linears[i].rows, linears[i].cols, linears[i].linear));
    }
    return JUP_OK;
}

/* Llama 3.x: divisors of the RoPE frequencies, one tensor for all layers. */
static jup_status_t take_rope_factors(loader_t *l)
{
    const float *factors;
    int64_t half = l->config->rope_dim / 2;
    if (!jup_gguf_tensor(l->g, "rope_freqs.weight"))
        return JUP_OK;
    JUP_TRY(take_vector(l, "rope_freqs.weight", half, &factors));
    if (!l->data)
        return JUP_OK;
    l->weights->rope_factors = jup_new((size_t)half, sizeof(float));
    memcpy(l->weights->rope_factors, factors, (size_t)half * sizeof(float));
    for (int64_t i = 0; i < half; i++)
        if (!(factors[i] > 0))
            return jup_fail(l->err, JUP_EINPUT,
                            "%s: rope_freqs.weight[%" PRId64 "] is %g, must be "
                            "positive",
                            jup_gguf_path(l->g), i, (double)factors[i]);
    return JUP_OK;
}

static jup_status_t take_head(loader_t *l)
{
    const jup_config_t *c = l->config;
    jup_weights_t *w = l->weights;
    JUP_TRY(take_vector(l, "output_norm.weight", c->dim, &w->output_norm));
    if (!c->tied)
        return take_linear(l, "output", c->vocab, c->dim, &w->output);
    w->output.bias = NULL;
    return take_matrix(l, "token_embd.weight", c->vocab, c->dim, &w->output.w);
}

static jup_status_t take_shard(loader_t *l)
{
    const jup_shard_t *shard = &l->weights->shard;
    l->n = 0;
    if (shard->embedding)
        JUP_TRY(take_matrix(l, "token_embd.weight", l->config->vocab, l->config->dim,
                            &l->weights->embedding));
    JUP_TRY(take_rope_factors(l));
    for (int layer = shard->first; layer < shard->last; layer++)
        JUP_TRY(take_layer(l, layer, &l->weights->layers[layer - shard->first]));
    return shard->head ? take_head(l) : JUP_OK;
}

static jup_status_t load(loader_t *l)
{
    JUP_TRY(take_shard(l));
    l->weights->mapped_bytes = 0;
    for (size_t i = 0; i < l->n; i++)
        l->weights->mapped_bytes += l->tensors[i]->bytes;
    const void **data = jup_new(l->n + 1, sizeof *data);
    jup_status_t status = jup_gguf_map(l->g, l->tensors, l->n, data, l->err);
    if (status == JUP_OK) {
        l->data = data;
        status = take_shard(l);
    }
    jup_free(data);
    return status;
}

jup_status_t jup_model_file_load(jup_gguf_t *g, const jup_config_t *config,
                                 const jup_shard_t *shard, jup_weights_t *weights, jup_error_t *err)
{
    jup_weights_init(weights, shard);
    loader_t l = {.g = g, .config = config, .weights = weights, .err = err};
    l.cap = (size_t)(shard->last - shard->first) * (TENSORS_PER_LAYER + 7) + OTHER_TENSORS + 1;
    l.tensors = jup_new(l.cap, sizeof *l.tensors);
    jup_status_t status = load(&l);
    jup_free(l.tensors);
    if (status != JUP_OK)
        jup_weights_reset(weights);
    return status;
}

/* ---- sizes and digest ------------------------------------------------------------------------ */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static size_t bytes_with_prefix(const jup_gguf_t *g, const char *prefix)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        if (starts_with(tensor->name, prefix))
            bytes += tensor->bytes;
    }
    return bytes;
}

size_t jup_model_file_layer_bytes(const jup_gguf_t *g, int layer)
{
    char prefix[NAME_BYTES];
    snprintf(prefix, sizeof prefix, "blk.%d.", layer);
    return bytes_with_prefix(g, prefix);
}

size_t jup_model_file_embedding_bytes(const jup_gguf_t *g)
{
    return bytes_with_prefix(g, "token_embd.");
}

size_t jup_model_file_head_bytes(const jup_gguf_t *g)
{
    return bytes_with_prefix(g, "output");
}

int64_t jup_model_file_parameters(const jup_gguf_t *g)
{
    int64_t parameters = 0;
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++)
        parameters += jup_gguf_tensor_at(g, i)->rows * jup_gguf_tensor_at(g, i)->cols;
    return parameters;
}

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t mix(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3u;
    return hash;
}

uint64_t jup_model_file_digest(const jup_gguf_t *g)
{
    const char *whole;
    if (jup_gguf_get_text(g, JUP_SLICE_DIGEST, "", &whole, NULL) == JUP_OK && *whole)
        return strtoull(whole, NULL, 16); /* a slice knows the whole model's */
    uint64_t hash = 0xcbf29ce484222325u, bytes = jup_gguf_file_bytes(g);
    hash = mix(hash, &bytes, sizeof bytes);
    for (int64_t i = 0; i < jup_gguf_entry_count(g); i++) {
        const jup_gguf_entry_t *entry = jup_gguf_entry_at(g, i);
        hash = mix(hash, entry->key, strlen(entry->key));
        hash = mix(hash, &entry->count, sizeof entry->count);
    }
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        hash = mix(hash, tensor->name, strlen(tensor->name));
        hash = mix(hash, tensor->dims, sizeof tensor->dims);
        hash = mix(hash, &tensor->type, sizeof tensor->type);
        hash = mix(hash, &tensor->offset, sizeof tensor->offset);
    }
    return hash;
}
