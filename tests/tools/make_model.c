/*
 * Writes a small (or TinyLlama-sized) random model as GGUF, the same for the same options: weights
 * from a seed, a byte-level SentencePiece vocabulary padded to the size asked.
 *
 * usage: make_model OUT.gguf [name=value ...]
 *   arch=llama|qwen2 layers dim heads kv_heads head_dim ffn vocab context window rope_dim
 *   type=f32|f16|bf16|q8_0|q4_0|q4_k|q5_k|q6_k  mixed=1 (K-quants as the common downloads mix them)
 *   tied=0|1 factors=0|1 seed  preset=tinyllama
 *   tokens=N of the tokenizer (vocab)  word=w, what its words begin with
 *   rope_none=N  a RoPE scaling "none" beside a factor of N, which means nothing
 */
#include "base/mem.h"
#include "base/rng.h"
#include "io/gguf_write.h"
#include "tensor/dtype.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTE_TOKEN = 3 };

typedef struct shape {
    char arch[16], type[16], word[8];
    long layers, dim, heads, kv_heads, head_dim, ffn, vocab, context, window, rope_dim;
    long tied, factors, mixed, seed, tokens, rope_none;
} shape_t;

typedef struct model {
    shape_t shape;
    jup_gguf_writer_t *writer;
    jup_dtype_t type;
    jup_gguf_random_t norm, bias, matrix;
    float *factors;
} model_t;

static long *number(shape_t *s, const char *name)
{
    const struct {
        const char *name;
        long *value;
    } numbers[] = {
        {"layers", &s->layers},       {"dim", &s->dim},           {"heads", &s->heads},
        {"kv_heads", &s->kv_heads},   {"head_dim", &s->head_dim}, {"ffn", &s->ffn},
        {"vocab", &s->vocab},         {"context", &s->context},   {"window", &s->window},
        {"rope_dim", &s->rope_dim},   {"tied", &s->tied},         {"factors", &s->factors},
        {"mixed", &s->mixed},         {"seed", &s->seed},         {"tokens", &s->tokens},
        {"rope_none", &s->rope_none},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    return NULL;
}

static void use_preset(shape_t *s)
{
    s->layers = 22, s->dim = 2048, s->heads = 32, s->kv_heads = 4, s->head_dim = 64;
    s->ffn = 5632, s->vocab = 32000, s->context = 2048, s->rope_dim = 64;
}

static void read_option(shape_t *s, const char *option)
{
    char name[32];
    const char *equals = strchr(option, '=');
    if (!equals || (size_t)(equals - option) >= sizeof name) {
        fprintf(stderr, "make_model: '%s' is no name=value\n", option);
        exit(2);
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - option), option);
    long *value = number(s, name);
    if (value)
        *value = strtol(equals + 1, NULL, 10);
    else if (strcmp(name, "arch") == 0)
        snprintf(s->arch, sizeof s->arch, "%s", equals + 1);
    else if (strcmp(name, "type") == 0)
        snprintf(s->type, sizeof s->type, "%s", equals + 1);
    else if (strcmp(name, "word") == 0)
        snprintf(s->word, sizeof s->word, "%s", equals + 1);
    else if (strcmp(name, "preset") == 0)
        use_preset(s);
    else {
        fprintf(stderr, "make_model: unknown option '%s'\n", name);
        exit(2);
    }
}

/* ---- metadata -------------------------------------------------------------------------------- */

static void put_number(model_t *m, const char *suffix, long value)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%s", m->shape.arch, suffix);
    jup_gguf_put_int(m->writer, key, JUP_GGUF_U32, value);
}

static void put_float(model_t *m, const char *suffix, double value)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%s", m->shape.arch, suffix);
    jup_gguf_put_float(m->writer, key, JUP_GGUF_F32, value);
}

static void put_shape(model_t *m)
{
    const shape_t *s = &m->shape;
    jup_gguf_put_text(m->writer, "general.architecture", s->arch);
    jup_gguf_put_text(m->writer, "general.name", "random");
    put_number(m, "block_count", s->layers);
    put_number(m, "embedding_length", s->dim);
    put_number(m, "feed_forward_length", s->ffn);
    put_number(m, "attention.head_count", s->heads);
    put_number(m, "attention.head_count_kv", s->kv_heads);
    put_number(m, "attention.key_length", s->head_dim);
    put_number(m, "attention.value_length", s->head_dim);
    put_number(m, "context_length", s->context);
    put_number(m, "rope.dimension_count", s->rope_dim);
    if (s->window)
        put_number(m, "attention.sliding_window", s->window);
    put_float(m, "attention.layer_norm_rms_epsilon", 1e-5);
    put_float(m, "rope.freq_base", 10000.0);
    if (s->rope_none) {
        char key[64];
        snprintf(key, sizeof key, "%s.rope.scaling.type", s->arch);
        jup_gguf_put_text(m->writer, key, "none");
        put_float(m, "rope.scaling.factor", (double)s->rope_none);
    }
}

/* <unk>, <s>, </s>, the 256 bytes, then words "wN" to fill the vocabulary. */
static void put_vocabulary(model_t *m)
{
    long n = m->shape.tokens ? m->shape.tokens : m->shape.vocab;
    enum { WORD = 24 };
    char *words = jup_new((size_t)n, WORD);
    jup_text_t *texts = jup_new((size_t)n, sizeof *texts);
    float *scores = jup_new((size_t)n, sizeof *scores);
    int32_t *types = jup_new((size_t)n, sizeof *types);
    for (long i = 0; i < n; i++) {
        char *word = words + i * WORD;
        if (i < FIRST_BYTE_TOKEN)
            snprintf(word, WORD, "%s", i == 0 ? "<unk>" : i == 1 ? "<s>" : "</s>");
        else if (i < FIRST_BYTE_TOKEN + 256)
            snprintf(word, WORD, "<0x%02lX>", i - FIRST_BYTE_TOKEN);
        else
            snprintf(word, WORD, "%s%ld", m->shape.word, i);
        texts[i] = (jup_text_t){word, strlen(word)};
        scores[i] = (float)-i;
        types[i] = i == 0 ? 2 : i < FIRST_BYTE_TOKEN ? 3 : i < FIRST_BYTE_TOKEN + 256 ? 6 : 1;
    }
    jup_gguf_put_text(m->writer, "tokenizer.ggml.model", "llama");
    jup_gguf_put_texts(m->writer, "tokenizer.ggml.tokens", texts, n);
    jup_gguf_put_array(m->writer, "tokenizer.ggml.scores", JUP_GGUF_F32, scores, n);
    jup_gguf_put_array(m->writer, "tokenizer.ggml.token_type", JUP_GGUF_I32, types, n);
    jup_gguf_put_int(m->writer, "tokenizer.ggml.bos_token_id", JUP_GGUF_U32, 1);
    jup_gguf_put_int(m->writer, "tokenizer.ggml.eos_token_id", JUP_GGUF_U32, 2);
    jup_gguf_put_int(m->writer, "tokenizer.ggml.unknown_token_id", JUP_GGUF_U32, 0);
    jup_gguf_put_bool(m->writer, "tokenizer.ggml.add_space_prefix", false);
    jup_free(words);
    jup_free(texts);
    jup_free(scores);
    jup_free(types);
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void put_matrix(model_t *m, const char *name, long rows, long cols, jup_dtype_t type)
{
    const int64_t dims[2] = {cols, rows};
    jup_gguf_put_tensor(m->writer, name, type, 2, dims, jup_gguf_fill_random, &m->matrix);
}

static void put_vector(model_t *m, const char *name, long n, jup_gguf_random_t *values)
{
    const int64_t dims[1] = {n};
    jup_gguf_put_tensor(m->writer, name, JUP_F32, 1, dims, jup_gguf_fill_random, values);
}

static void put_layer(model_t *m, long layer)
{
    const shape_t *s = &m->shape;
    long q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    jup_dtype_t more = s->mixed ? JUP_Q6_K : m->type;
    const struct {
        const char *part;
        long rows, cols;
        jup_dtype_t type;
    } matrices[] = {
        {"attn_q", q, s->dim, m->type},        {"attn_k", kv, s->dim, m->type},
        {"attn_v", kv, s->dim, more},          {"attn_output", s->dim, q, m->type},
        {"ffn_gate", s->ffn, s->dim, m->type}, {"ffn_up", s->ffn, s->dim, m->type},
        {"ffn_down", s->dim, s->ffn, more},
    };
    char name[64];
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++) {
        snprintf(name, sizeof name, "blk.%ld.%s.weight", layer, matrices[i].part);
        put_matrix(m, name, matrices[i].rows, matrices[i].cols, matrices[i].type);
        if (i > 2 || strcmp(s->arch, "qwen2") != 0)
            continue;
        snprintf(name, sizeof name, "blk.%ld.%s.bias", layer, matrices[i].part);
        put_vector(m, name, matrices[i].rows, &m->bias);
    }
    snprintf(name, sizeof name, "blk.%ld.attn_norm.weight", layer);
    put_vector(m, name, s->dim, &m->norm);
    snprintf(name, sizeof name, "blk.%ld.ffn_norm.weight", layer);
    put_vector(m, name, s->dim, &m->norm);
}

/* Frequency divisors growing from 1 to 8, in the manner of Llama 3.x. */
static void put_factors(model_t *m)
{
    long half = m->shape.rope_dim / 2;
    const int64_t dims[1] = {half};
    m->factors = jup_new((size_t)half, sizeof(float));
    for (long i = 0; i < half; i++)
        m->factors[i] = 1.0f + 7.0f * (float)i / (float)half;
    jup_gguf_put_tensor_data(m->writer, "rope_freqs.weight", JUP_F32, 1, dims, m->factors);
}

static void put_tensors(model_t *m)
{
    const shape_t *s = &m->shape;
    put_matrix(m, "token_embd.weight", s->vocab, s->dim, m->type);
    if (s->factors)
        put_factors(m);
    for (long layer = 0; layer < s->layers; layer++)
        put_layer(m, layer);
    put_vector(m, "output_norm.weight", s->dim, &m->norm);
    if (!s->tied)
        put_matrix(m, "output.weight", s->vocab, s->dim, s->mixed ? JUP_Q6_K : m->type);
}

int main(int argc, char **argv)
{
    model_t m = {.shape = {.arch = "llama",
                           .type = "f32",
                           .word = "w",
                           .layers = 6,
                           .dim = 64,
                           .heads = 4,
                           .kv_heads = 2,
                           .vocab = 300,
                           .ffn = 172,
                           .context = 512,
                           .seed = 1}};
    shape_t *s = &m.shape;
    if (argc < 2) {
        fprintf(stderr, "usage: make_model OUT.gguf [name=value ...]\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        read_option(s, argv[i]);
    s->head_dim = s->head_dim ? s->head_dim : s->dim / s->heads;
    s->rope_dim = s->rope_dim ? s->rope_dim : s->head_dim;
    const jup_dtype_info_t *type = jup_dtype_by_name(s->type);
    if (!type || s->vocab < FIRST_BYTE_TOKEN + 256) {
        fprintf(stderr, "make_model: unknown type '%s' or a vocabulary below 259\n", s->type);
        return 2;
    }
    m.type = type->dtype;
    m.writer = jup_gguf_writer_new();
    /* spreads that keep activations near 1 over many layers */
    uint64_t seed = (uint64_t)s->seed;
    m.norm = (jup_gguf_random_t){.seed = seed, .center = 1, .spread = 0.2f};
    m.bias = (jup_gguf_random_t){.seed = seed, .center = 0, .spread = 0.3f};
    m.matrix =
        (jup_gguf_random_t){.seed = seed, .center = 0, .spread = 1.7f / sqrtf((float)s->dim)};
    put_shape(&m);
    put_vocabulary(&m);
    put_tensors(&m);
    jup_error_t err;
    jup_status_t status = jup_gguf_save(m.writer, argv[1], &err);
    if (status != JUP_OK)
        fprintf(stderr, "make_model: %s\n", err.text);
    jup_gguf_writer_destroy(m.writer);
    jup_free(m.factors);
    return (int)status;
}
