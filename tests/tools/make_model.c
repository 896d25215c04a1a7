/*
 * Writes a small (or TinyLlama-sized) random model as GGUF, the same for the same options: weights
 * from a seed, a byte-level SentencePiece vocabulary padded to the size asked.
 *
 * usage: make_model OUT.gguf [name=value ...]
 *   arch=llama|qwen2|qwen3|qwen3moe|phi3|gemma2|gemma3|granite|olmo2
 *   layers dim heads kv_heads head_dim ffn vocab context window rope_dim
 *   experts=8 used=2 (of qwen3moe)
 *   type=f32|f16|q4_0|...|iq4_xs (tensor/dtype.h)
 *   mixed=1 (K-quants as the common downloads mix them)
 *   tied=0|1 factors=0|1 seed  preset=tinyllama
 *   parts=N  files OUT-00001-of-0000N.gguf
 *   tokens=N of the tokenizer (vocab)  word=w, what its words begin with
 *   kind=adapter: what the file says it is
 *   extra=NAME: one more tensor, of one element
 *   i:KEY f:KEY t:KEY: metadata "<arch>.KEY", an integer, a float, a text
 */
#include "base/mem.h"
#include "base/rng.h"
#include "io/gguf_write.h"
#include "tensor/dtype.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARTS = 9, FIRST_BYTE_TOKEN = 3, MORE_KEYS = 16 };

/* What the tensors of an architecture are. */
typedef struct family {
    const char *arch;
    bool bias;                  /* of q, k and v */
    bool norms, post_norms;     /* before and after the halves of a layer */
    bool head_norms, row_norms; /* of q and k */
    bool experts;
    bool fused; /* q, k, v in one tensor, gate and up in another */
} family_t;

static const family_t families[] = {
    {.arch = "llama", .norms = true},
    {.arch = "qwen2", .norms = true, .bias = true},
    {.arch = "qwen3", .norms = true, .head_norms = true},
    {.arch = "qwen3moe", .norms = true, .head_norms = true, .experts = true},
    {.arch = "phi3", .norms = true, .fused = true},
    {.arch = "gemma2", .norms = true, .post_norms = true},
    {.arch = "gemma3", .norms = true, .post_norms = true, .head_norms = true},
    {.arch = "granite", .norms = true},
    {.arch = "olmo2", .post_norms = true, .row_norms = true},
};

typedef struct shape {
    char arch[16], type[16], word[8];
    long layers, dim, heads, kv_heads, head_dim, ffn, vocab, context, window, rope_dim;
    long tied, factors, mixed, seed, tokens, parts, experts, used;
    const char *kind, *extra, *more[MORE_KEYS];
    int n_more;
} shape_t;

typedef struct model {
    shape_t shape;
    jup_gguf_writer_t *writer;              /* of the part that tensors go to now */
    jup_gguf_writer_t *writers[MOST_PARTS]; /* shape.parts of them */
    jup_dtype_t type;
    const family_t *family;
    jup_gguf_random_t norm, bias, matrix;
    float *factors;
} model_t;

static long *number(shape_t *s, const char *name)
{
    const struct {
        const char *name;
        long *value;
    } numbers[] = {
        {"layers", &s->layers},     {"dim", &s->dim},           {"heads", &s->heads},
        {"kv_heads", &s->kv_heads}, {"head_dim", &s->head_dim}, {"ffn", &s->ffn},
        {"vocab", &s->vocab},       {"context", &s->context},   {"window", &s->window},
        {"rope_dim", &s->rope_dim}, {"tied", &s->tied},         {"factors", &s->factors},
        {"mixed", &s->mixed},       {"seed", &s->seed},         {"tokens", &s->tokens},
        {"experts", &s->experts},   {"used", &s->used},         {"parts", &s->parts},
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

static const family_t *find_family(const char *arch)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strcmp(families[i].arch, arch) == 0)
            return &families[i];
    fprintf(stderr, "make_model: unknown architecture '%s'\n", arch);
    exit(2);
}

static void read_option(shape_t *s, const char *option)
{
    char name[64];
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
    else if (strcmp(name, "extra") == 0)
        s->extra = equals + 1;
    else if (strcmp(name, "kind") == 0)
        s->kind = equals + 1;
    else if (name[1] == ':' && s->n_more < MORE_KEYS)
        s->more[s->n_more++] = option;
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
    if (s->kind)
        jup_gguf_put_text(m->writer, "general.type", s->kind);
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
    if (m->family->experts) {
        put_number(m, "expert_count", s->experts);
        put_number(m, "expert_used_count", s->used);
        put_number(m, "expert_feed_forward_length", s->ffn);
    }
    if (s->window)
        put_number(m, "attention.sliding_window", s->window);
    put_float(m, "attention.layer_norm_rms_epsilon", 1e-5);
    put_float(m, "rope.freq_base", 10000.0);
}

static void put_more(model_t *m)
{
    for (int i = 0; i < m->shape.n_more; i++) {
        const char *option = m->shape.more[i], *value = strchr(option, '=') + 1;
        char suffix[64], key[96];
        snprintf(suffix, sizeof suffix, "%.*s", (int)(value - option - 3), option + 2);
        snprintf(key, sizeof key, "%s.%s", m->shape.arch, suffix);
        if (option[0] == 'i')
            put_number(m, suffix, strtol(value, NULL, 10));
        else if (option[0] == 'f')
            put_float(m, suffix, strtod(value, NULL));
        else
            jup_gguf_put_text(m->writer, key, value);
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

static void put_norms(model_t *m, long layer)
{
    const shape_t *s = &m->shape;
    const family_t *f = m->family;
    long q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    const struct {
        bool there;
        const char *part;
        long n;
    } norms[] = {
        {f->norms, "attn_norm", s->dim},
        {f->norms, "ffn_norm", s->dim},
        {f->post_norms, "post_attention_norm", s->dim},
        {f->post_norms, "post_ffw_norm", s->dim},
        {f->head_norms || f->row_norms, "attn_q_norm", f->row_norms ? q : s->head_dim},
        {f->head_norms || f->row_norms, "attn_k_norm", f->row_norms ? kv : s->head_dim},
    };
    for (size_t i = 0; i < sizeof norms / sizeof norms[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%ld.%s.weight", layer, norms[i].part);
        if (norms[i].there)
            put_vector(m, name, norms[i].n, &m->norm);
    }
}

static void put_experts(model_t *m, long layer)
{
    const shape_t *s = &m->shape;
    const struct {
        const char *part;
        long rows, cols;
    } stacks[] = {{"ffn_gate_exps", s->ffn, s->dim},
                  {"ffn_up_exps", s->ffn, s->dim},
                  {"ffn_down_exps", s->dim, s->ffn}};
    char name[64];
    snprintf(name, sizeof name, "blk.%ld.ffn_gate_inp.weight", layer);
    put_matrix(m, name, s->experts, s->dim, JUP_F32);
    for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++) {
        const int64_t dims[3] = {stacks[i].cols, stacks[i].rows, s->experts};
        snprintf(name, sizeof name, "blk.%ld.%s.weight", layer, stacks[i].part);
        jup_gguf_put_tensor(m->writer, name, m->type, 3, dims, jup_gguf_fill_random, &m->matrix);
    }
}

static void put_layer(model_t *m, long layer)
{
    const shape_t *s = &m->shape;
    long q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    jup_dtype_t more = s->mixed ? JUP_Q6_K : m->type;
    bool apart = !m->family->fused, mixed = m->family->experts;
    const struct {
        bool there;
        const char *part;
        long rows, cols;
        jup_dtype_t type;
    } matrices[] = {
        {apart, "attn_q", q, s->dim, m->type},
        {apart, "attn_k", kv, s->dim, m->type},
        {apart, "attn_v", kv, s->dim, more},
        {!apart, "attn_qkv", q + 2 * kv, s->dim, m->type},
        {true, "attn_output", s->dim, q, m->type},
        {apart && !mixed, "ffn_gate", s->ffn, s->dim, m->type},
        {!mixed, "ffn_up", apart ? s->ffn : 2 * s->ffn, s->dim, m->type},
        {!mixed, "ffn_down", s->dim, s->ffn, more},
    };
    char name[64];
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++) {
        if (!matrices[i].there)
            continue;
        snprintf(name, sizeof name, "blk.%ld.%s.weight", layer, matrices[i].part);
        put_matrix(m, name, matrices[i].rows, matrices[i].cols, matrices[i].type);
        if (i > 2 || !m->family->bias)
            continue;
        snprintf(name, sizeof name, "blk.%ld.%s.bias", layer, matrices[i].part);
        put_vector(m, name, matrices[i].rows, &m->bias);
    }
    if (mixed)
        put_experts(m, layer);
    put_norms(m, layer);
}

/* Frequency divisors growing from 1 to 8, in the manner of Llama 3.x, or two sets as Phi 3's. */
static void put_factors(model_t *m)
{
    long half = m->shape.rope_dim / 2;
    const int64_t dims[1] = {half};
    m->factors = jup_new(2 * (size_t)half, sizeof(float));
    for (long i = 0; i < 2 * half; i++)
        m->factors[i] = 1.0f + 7.0f * (float)i / (float)half;
    bool sets = strcmp(m->shape.arch, "phi3") == 0;
    jup_gguf_put_tensor_data(m->writer, sets ? "rope_factors_short.weight" : "rope_freqs.weight",
                             JUP_F32, 1, dims, m->factors);
    if (sets)
        jup_gguf_put_tensor_data(m->writer, "rope_factors_long.weight", JUP_F32, 1, dims,
                                 m->factors + half);
}

static void put_tensors(model_t *m)
{
    const shape_t *s = &m->shape;
    put_matrix(m, "token_embd.weight", s->vocab, s->dim, m->type);
    if (s->factors)
        put_factors(m);
    for (long layer = 0; layer < s->layers; layer++) {
        m->writer = m->writers[layer * s->parts / s->layers];
        put_layer(m, layer);
    }
    put_vector(m, "output_norm.weight", s->dim, &m->norm);
    if (s->extra)
        put_vector(m, s->extra, 1, &m->norm);
    if (!s->tied)
        put_matrix(m, "output.weight", s->vocab, s->dim, s->mixed ? JUP_Q6_K : m->type);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void open_parts(model_t *m)
{
    for (long i = 0; i < m->shape.parts; i++) {
        m->writers[i] = jup_gguf_writer_new();
        if (m->shape.parts == 1)
            continue;
        jup_gguf_put_int(m->writers[i], "split.no", JUP_GGUF_U16, i);
        jup_gguf_put_int(m->writers[i], "split.count", JUP_GGUF_U16, m->shape.parts);
    }
    m->writer = m->writers[0];
}

static jup_status_t save_parts(const model_t *m, const char *path, jup_error_t *err)
{
    char part[400];
    int n = (int)m->shape.parts;
    if (n == 1)
        return jup_gguf_save(m->writer, path, err);
    for (int i = 0; i < n; i++) {
        snprintf(part, sizeof part, "%.*s-%05d-of-%05d.gguf", (int)strlen(path) - 5, path, i + 1,
                 n);
        JUP_TRY(jup_gguf_save(m->writers[i], part, err));
    }
    return JUP_OK;
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
                           .parts = 1,
                           .experts = 8,
                           .used = 2,
                           .seed = 1}};
    shape_t *s = &m.shape;
    if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: make_model OUT.gguf [name=value ...]\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        read_option(s, argv[i]);
    s->head_dim = s->head_dim ? s->head_dim : s->dim / s->heads;
    s->rope_dim = s->rope_dim ? s->rope_dim : s->head_dim;
    const jup_dtype_info_t *type = jup_dtype_by_name(s->type);
    if (!type || s->vocab < FIRST_BYTE_TOKEN + 256 || s->parts < 1 || s->parts > MOST_PARTS) {
        fprintf(stderr,
                "make_model: unknown type '%s', a vocabulary below 259 or no 1 to 9 parts\n",
                s->type);
        return 2;
    }
    m.type = type->dtype;
    m.family = find_family(s->arch);
    open_parts(&m);
    /* spreads that keep activations near 1 over many layers */
    uint64_t seed = (uint64_t)s->seed;
    m.norm = (jup_gguf_random_t){.seed = seed, .center = 1, .spread = 0.2f};
    m.bias = (jup_gguf_random_t){.seed = seed, .center = 0, .spread = 0.3f};
    m.matrix =
        (jup_gguf_random_t){.seed = seed, .center = 0, .spread = 1.7f / sqrtf((float)s->dim)};
    put_shape(&m);
    put_more(&m);
    put_vocabulary(&m);
    put_tensors(&m);
    jup_error_t err;
    jup_status_t status = save_parts(&m, argv[1], &err);
    if (status != JUP_OK)
        fprintf(stderr, "make_model: %s\n", err.text);
    for (long i = 0; i < s->parts; i++)
        jup_gguf_writer_destroy(m.writers[i]);
    jup_free(m.factors);
    return (int)status;
}
