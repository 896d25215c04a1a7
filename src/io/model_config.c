/* The shape of a model from GGUF metadata. */
#include "io/model_file.h"
#include "io/slice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef char metadata_key_t[128];

/* "<architecture>.<suffix>" */
static const char *arch_key(metadata_key_t key, const jup_config_t *config, const char *suffix)
{
    snprintf(key, sizeof(metadata_key_t), "%s.%s", jup_family(config->arch)->name, suffix);
    return key;
}

static jup_status_t require_int(const jup_gguf_t *g, const jup_config_t *config, const char *suffix,
                                int *out, jup_error_t *err)
{
    metadata_key_t key;
    int64_t value;
    JUP_TRY(jup_gguf_require_int(g, arch_key(key, config, suffix), 1, 1 << 28, &value, err));
    *out = (int)value;
    return JUP_OK;
}

static jup_status_t get_int(const jup_gguf_t *g, const jup_config_t *config, const char *suffix,
                            int fallback, int *out, jup_error_t *err)
{
    metadata_key_t key;
    int64_t value;
    JUP_TRY(jup_gguf_get_int(g, arch_key(key, config, suffix), 0, 1 << 28, fallback, &value, err));
    *out = (int)value;
    return JUP_OK;
}

static jup_status_t get_float(const jup_gguf_t *g, const jup_config_t *config, const char *suffix,
                              double fallback, float *out, jup_error_t *err)
{
    metadata_key_t key;
    double value;
    JUP_TRY(jup_gguf_get_float(g, arch_key(key, config, suffix), fallback, &value, err));
    *out = (float)value;
    return JUP_OK;
}

/* Files that belong to a model and are none. */
static jup_status_t check_kind(const jup_gguf_t *g, jup_error_t *err)
{
    static const struct {
        const char *kind, *what;
    } known[] = {
        {"adapter", "an adapter (LoRA); merge it into its model first"},
        {"mmproj", "a projector of images; name the language model it belongs to"},
        {"imatrix", "an importance matrix; name the model that was quantised with it"},
    };
    const char *kind;
    JUP_TRY(jup_gguf_get_text(g, "general.type", "model", &kind, err));
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(kind, known[i].kind) == 0)
            return jup_fail(err, JUP_EINPUT, "%s is no model but %s", jup_gguf_path(g),
                            known[i].what);
    return JUP_OK;
}

static jup_status_t read_arch(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err)
{
    const char *name;
    JUP_TRY(check_kind(g, err));
    JUP_TRY(jup_gguf_require_text(g, "general.architecture", &name, err));
    char names[200];
    const jup_family_t *family = jup_family_by_name(name, &config->arch);
    if (!family)
        return jup_fail(err, JUP_EINPUT, "%s: architecture '%s' is not supported; supported: %s",
                        jup_gguf_path(g), name, jup_family_names(names, sizeof names));
    config->rope_layout = family->rope_layout;
    int experts;
    JUP_TRY(get_int(g, config, "expert_count", 0, &experts, err));
    if (experts > 0 && !family->experts)
        return jup_fail(err, JUP_EINPUT,
                        "%s: a mixture of %d experts of architecture %s is not supported; use a "
                        "dense model",
                        jup_gguf_path(g), experts, name);
    const char *title;
    JUP_TRY(jup_gguf_get_text(g, "general.name", name, &title, err));
    snprintf(config->name, sizeof config->name, "%s", title);
    return JUP_OK;
}

static jup_status_t read_ffn(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err)
{
    if (!jup_family(config->arch)->experts)
        return require_int(g, config, "feed_forward_length", &config->ffn, err);
    JUP_TRY(require_int(g, config, "expert_count", &config->experts, err));
    JUP_TRY(require_int(g, config, "expert_used_count", &config->experts_used, err));
    return require_int(g, config, "expert_feed_forward_length", &config->ffn, err);
}

static jup_status_t read_sizes(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err)
{
    JUP_TRY(require_int(g, config, "block_count", &config->layers, err));
    JUP_TRY(require_int(g, config, "embedding_length", &config->dim, err));
    JUP_TRY(read_ffn(g, config, err));
    JUP_TRY(require_int(g, config, "attention.head_count", &config->heads, err));
    JUP_TRY(get_int(g, config, "attention.head_count_kv", config->heads, &config->kv_heads, err));
    JUP_TRY(get_int(g, config, "attention.key_length", config->dim / config->heads,
                    &config->head_dim, err));
    int value_length;
    JUP_TRY(get_int(g, config, "attention.value_length", config->head_dim, &value_length, err));
    if (value_length != config->head_dim)
        return jup_fail(err, JUP_EINPUT,
                        "%s: key length %d and value length %d differ, which is not supported",
                        jup_gguf_path(g), config->head_dim, value_length);
    JUP_TRY(get_int(g, config, "context_length", 2048, &config->context, err));
    return get_float(g, config, "attention.layer_norm_rms_epsilon", 1e-5, &config->norm_eps, err);
}

static jup_status_t read_window(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err)
{
    int period = jup_family(config->arch)->window_period;
    JUP_TRY(get_int(g, config, "attention.sliding_window", 0, &config->window, err));
    metadata_key_t key;
    const jup_gguf_entry_t *pattern =
        jup_gguf_find(g, arch_key(key, config, "attention.sliding_window_pattern"));
    if (!pattern || pattern->type == JUP_GGUF_ARRAY) {
        config->window_period = period;
        return JUP_OK;
    }
    return get_int(g, config, "attention.sliding_window_pattern", period, &config->window_period,
                   err);
}

/* Factors and caps; those of a family stand where the file is silent. */
static jup_status_t read_scales(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err)
{
    const jup_family_t *family = jup_family(config->arch);
    double embed = family->embed_by_dim ? sqrt(config->dim) : 0;
    double wide = sqrt((double)config->heads / config->dim);
    bool is_wide = family->wide_head_layers && config->layers == family->wide_head_layers;
    float divisor;
    JUP_TRY(get_float(g, config, "embedding_scale", embed, &config->embed_scale, err));
    JUP_TRY(get_float(g, config, "residual_scale", 0, &config->residual_scale, err));
    JUP_TRY(get_float(g, config, "attention.scale", is_wide ? wide : 0, &config->attn_scale, err));
    JUP_TRY(get_float(g, config, "attn_logit_softcapping", (double)family->attn_cap,
                      &config->attn_cap, err));
    JUP_TRY(get_float(g, config, "final_logit_softcapping", (double)family->logit_cap,
                      &config->logit_cap, err));
    JUP_TRY(get_float(g, config, "logit_scale", 0, &divisor, err));
    config->logit_scale = divisor > 0 ? 1.0f / divisor : divisor;
    return JUP_OK;
}

/* YaRN: dimensions that turn often keep their frequency, attention is sharpened. */
static jup_status_t read_yarn(const jup_gguf_t *g, jup_config_t *config, float factor,
                              jup_error_t *err)
{
    JUP_TRY(get_float(g, config, "rope.scaling.yarn_beta_fast", 32, &config->yarn_fast, err));
    JUP_TRY(get_float(g, config, "rope.scaling.yarn_beta_slow", 1, &config->yarn_slow, err));
    if (!(factor >= 1) || !(config->yarn_slow > 0) || !(config->yarn_fast > config->yarn_slow) ||
        config->rope_original < 1)
        return jup_fail(err, JUP_EINPUT,
                        "%s: YaRN with a factor of %g, from %g to %g turns in %d tokens, makes no "
                        "sense",
                        jup_gguf_path(g), (double)factor, (double)config->yarn_fast,
                        (double)config->yarn_slow, config->rope_original);
    config->rope_gain *= 0.1f * logf(factor) + 1.0f;
    return JUP_OK;
}

static jup_status_t read_rope(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err)
{
    metadata_key_t key;
    const char *scaling;
    float factor;
    double local = (double)jup_family(config->arch)->local_base;
    const char *layout; /* of folders, whose rows are not permuted as converters do it */
    JUP_TRY(jup_gguf_get_text(g, "jupiter.rope.layout", "", &layout, err));
    if (strcmp(layout, "halves") == 0)
        config->rope_layout = JUP_ROPE_HALVES;
    JUP_TRY(get_int(g, config, "rope.dimension_count", config->head_dim, &config->rope_dim, err));
    JUP_TRY(get_float(g, config, "rope.freq_base", 10000.0, &config->rope_base, err));
    JUP_TRY(get_float(g, config, "rope.freq_base_swa", local, &config->rope_local_base, err));
    JUP_TRY(
        jup_gguf_get_text(g, arch_key(key, config, "rope.scaling.type"), "linear", &scaling, err));
    JUP_TRY(get_float(g, config, "rope.scaling.factor", 1.0, &factor, err));
    JUP_TRY(get_float(g, config, "rope.scale_linear", (double)factor, &factor, err));
    JUP_TRY(get_float(g, config, "rope.scaling.attn_factor", 1, &config->rope_gain, err));
    JUP_TRY(get_int(g, config, "rope.scaling.original_context_length", config->context,
                    &config->rope_original, err));
    bool scaled = strcmp(scaling, "none") != 0; /* a factor beside "none" means nothing */
    bool yarn = strcmp(scaling, "yarn") == 0;
    bool by_factors = strcmp(scaling, "longrope") == 0; /* Phi's, which are tensors */
    if (scaled && !yarn && !by_factors && strcmp(scaling, "linear") != 0)
        return jup_fail(err, JUP_EINPUT,
                        "%s: RoPE scaling '%s' is not supported; supported: none, linear, yarn and "
                        "frequency factors",
                        jup_gguf_path(g), scaling);
    config->rope_scale = scaled && !by_factors && factor > 0 ? 1.0f / factor : 1.0f;
    return yarn ? read_yarn(g, config, factor, err) : JUP_OK;
}

/* A slice may have neither embedding nor output. */
static jup_status_t read_vocabulary_of_slice(const jup_gguf_t *g, jup_config_t *config,
                                             jup_error_t *err)
{
    int64_t vocab;
    JUP_TRY(jup_gguf_require_int(g, JUP_SLICE_VOCAB, 1, 1 << 24, &vocab, err));
    config->vocab = (int)vocab;
    return jup_gguf_require_bool(g, JUP_SLICE_TIED, &config->tied, err);
}

/* The vocabulary is as long as the embedding has rows. */
static jup_status_t read_vocabulary(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err)
{
    const jup_gguf_tensor_t *embedding;
    int rank, ranks;
    if (jup_slice_of(g, &rank, &ranks))
        return read_vocabulary_of_slice(g, config, err);
    JUP_TRY(jup_gguf_require_listed(g, "token_embd.weight", &embedding, err));
    if (embedding->rows > 1 << 24)
        return jup_fail(err, JUP_EINPUT, "%s: token_embd.weight has %lld rows, too many",
                        jup_gguf_path(g), (long long)embedding->rows);
    config->vocab = (int)embedding->rows;
    config->tied = !jup_gguf_tensor(g, "output.weight");
    return JUP_OK;
}

/* A token without a row could not be computed. Fewer tokens than rows are usual: padding. */
static jup_status_t check_tokens(const jup_gguf_t *g, const jup_config_t *config, jup_error_t *err)
{
    const jup_gguf_entry_t *tokens = jup_gguf_find(g, "tokenizer.ggml.tokens");
    if (!tokens || tokens->count <= config->vocab)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT,
                    "%s: the tokenizer has %lld tokens, the embedding only %d rows; the file is "
                    "broken, convert the model again",
                    jup_gguf_path(g), (long long)tokens->count, config->vocab);
}

jup_status_t jup_model_file_config(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err)
{
    memset(config, 0, sizeof *config);
    JUP_TRY(read_arch(g, config, err));
    JUP_TRY(read_sizes(g, config, err));
    JUP_TRY(read_window(g, config, err));
    JUP_TRY(read_scales(g, config, err));
    JUP_TRY(read_rope(g, config, err));
    JUP_TRY(read_vocabulary(g, config, err));
    JUP_TRY(check_tokens(g, config, err));
    if (jup_config_check(config, err) != JUP_OK)
        return jup_fail_in(err, "%s", jup_gguf_path(g));
    return JUP_OK;
}
