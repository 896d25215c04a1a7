#include "part_model.h"

#include "io_sample.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

/* What rows are filled with; the writer keeps pointers to it until the file is saved. */
typedef struct fills {
    jup_gguf_random_t matrix, norm, bias;
} fills_t;

static void put_config(jup_gguf_writer_t *w, const part_shape_t *s)
{
    const struct {
        const char *key;
        int value;
    } numbers[] = {
        {"qwen2.block_count", s->layers},
        {"qwen2.embedding_length", s->dim},
        {"qwen2.feed_forward_length", s->ffn},
        {"qwen2.attention.head_count", s->heads},
        {"qwen2.attention.head_count_kv", s->kv_heads},
        {"qwen2.attention.key_length", s->head_dim},
        {"qwen2.attention.value_length", s->head_dim},
        {"qwen2.context_length", 512},
        {"qwen2.rope.dimension_count", s->head_dim},
    };
    jup_gguf_put_text(w, "general.architecture", "qwen2");
    jup_gguf_put_text(w, "general.name", "parts");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        jup_gguf_put_int(w, numbers[i].key, JUP_GGUF_U32, numbers[i].value);
}

static void put_matrix(jup_gguf_writer_t *w, const char *name, int64_t rows, int64_t cols,
                       jup_dtype_t dtype, fills_t *fills)
{
    jup_gguf_put_tensor(w, name, dtype, 2, (int64_t[]){cols, rows}, jup_gguf_fill_random,
                        &fills->matrix);
}

static void put_vector(jup_gguf_writer_t *w, const char *name, int64_t n, jup_dtype_t dtype,
                       jup_gguf_random_t *fill)
{
    jup_gguf_put_tensor(w, name, dtype, 1, (int64_t[]){n}, jup_gguf_fill_random, fill);
}

/* Biases everywhere, that of attn_k in half precision. */
static void put_layer(jup_gguf_writer_t *w, const part_shape_t *s, int layer, jup_dtype_t dtype,
                      fills_t *fills)
{
    int q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    const struct {
        const char *stem;
        int rows, cols;
        jup_dtype_t bias;
    } linears[] = {
        {"attn_q", q, s->dim, JUP_F32},        {"attn_k", kv, s->dim, JUP_F16},
        {"attn_v", kv, s->dim, JUP_F32},       {"attn_output", s->dim, q, JUP_F32},
        {"ffn_gate", s->ffn, s->dim, JUP_F32}, {"ffn_up", s->ffn, s->dim, JUP_F32},
        {"ffn_down", s->dim, s->ffn, JUP_F16},
    };
    char name[64];
    for (size_t i = 0; i < sizeof linears / sizeof linears[0]; i++) {
        snprintf(name, sizeof name, "blk.%d.%s.weight", layer, linears[i].stem);
        put_matrix(w, name, linears[i].rows, linears[i].cols, dtype, fills);
        snprintf(name, sizeof name, "blk.%d.%s.bias", layer, linears[i].stem);
        put_vector(w, name, linears[i].rows, linears[i].bias, &fills->bias);
    }
    snprintf(name, sizeof name, "blk.%d.attn_norm.weight", layer);
    put_vector(w, name, s->dim, JUP_F32, &fills->norm);
    snprintf(name, sizeof name, "blk.%d.ffn_norm.weight", layer);
    put_vector(w, name, s->dim, JUP_F32, &fills->norm);
}

void part_model_write(const char *path, const part_shape_t *s, jup_dtype_t dtype,
                      void (*put_more)(jup_gguf_writer_t *w))
{
    jup_error_t err = {.text = ""};
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    fills_t fills = {.matrix = {.seed = 3, .spread = 1.7f / sqrtf((float)s->dim)},
                     .norm = {.seed = 3, .center = 1, .spread = 0.2f},
                     .bias = {.seed = 3, .spread = 0.3f}};
    put_config(w, s);
    if (put_more)
        put_more(w);
    put_matrix(w, "token_embd.weight", s->vocab, s->dim, dtype, &fills);
    for (int layer = 0; layer < s->layers; layer++)
        put_layer(w, s, layer, dtype, &fills);
    put_vector(w, "output_norm.weight", s->dim, JUP_F32, &fills.norm);
    if (!s->tied)
        put_matrix(w, "output.weight", s->vocab, s->dim, dtype, &fills);
    ck_assert_msg(jup_gguf_save(w, path, &err) == JUP_OK, "%s", err.text);
    jup_gguf_writer_destroy(w);
}

jup_gguf_t *part_model_open(const part_shape_t *s, jup_dtype_t dtype, jup_config_t *config)
{
    char path[256];
    jup_gguf_t *g;
    jup_error_t err = {.text = ""};
    part_model_write(io_sample_path(path, "parts"), s, dtype, NULL);
    ck_assert_msg(jup_gguf_open(path, &g, &err) == JUP_OK, "%s", err.text);
    remove(path);
    ck_assert_msg(jup_model_file_config(g, config, &err) == JUP_OK, "%s", err.text);
    return g;
}

jup_shard_t part_model_shard(const jup_config_t *config, const jup_part_t *part)
{
    return (jup_shard_t){
        .first = 0, .last = config->layers, .embedding = true, .head = true, .part = *part};
}
