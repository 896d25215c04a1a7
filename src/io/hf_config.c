/* config.json: the numbers of a model, under the names that GGUF files have. */
#include "base/mem.h"
#include "io/hf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct putter {
    jup_gguf_writer_t *w;
    const json_t *config;
    const char *arch;
} putter_t;

static const struct {
    const char *type, *arch;
} types[] = {{"llama", "llama"},   {"mistral", "llama"},      {"qwen2", "qwen2"},
             {"qwen3", "qwen3"},   {"qwen3_moe", "qwen3moe"}, {"phi3", "phi3"},
             {"gemma2", "gemma2"}, {"gemma3_text", "gemma3"}, {"granite", "granite"},
             {"olmo2", "olmo2"}};

static void key_of(const putter_t *p, const char *suffix, char key[128])
{
    snprintf(key, 128, "%s.%s", p->arch, suffix);
}

static bool is_there(const json_t *value)
{
    return value && !json_is_null(value);
}

static void put_int(const putter_t *p, const char *from, const char *to)
{
    char key[128];
    const json_t *value = json_object_get(p->config, from);
    key_of(p, to, key);
    if (json_is_integer(value))
        jup_gguf_put_int(p->w, key, JUP_GGUF_I64, json_integer_value(value));
}

static void put_number(const putter_t *p, double value, const char *to)
{
    char key[128];
    key_of(p, to, key);
    jup_gguf_put_float(p->w, key, JUP_GGUF_F32, value);
}

static void put_float(const putter_t *p, const char *from, const char *to)
{
    const json_t *value = json_object_get(p->config, from);
    if (json_is_number(value))
        put_number(p, json_number_value(value), to);
}

static void put_sizes(const putter_t *p)
{
    static const char *const names[][2] = {
        {"num_hidden_layers", "block_count"},
        {"hidden_size", "embedding_length"},
        {"intermediate_size", "feed_forward_length"},
        {"num_attention_heads", "attention.head_count"},
        {"num_key_value_heads", "attention.head_count_kv"},
        {"max_position_embeddings", "context_length"},
        {"head_dim", "attention.key_length"},
        {"head_dim", "attention.value_length"},
        {"num_experts_per_tok", "expert_used_count"},
        {"moe_intermediate_size", "expert_feed_forward_length"},
    };
    static const char *const factors[][2] = {
        {"rms_norm_eps", "attention.layer_norm_rms_epsilon"},
        {"embedding_multiplier", "embedding_scale"},
        {"residual_multiplier", "residual_scale"},
        {"attention_multiplier", "attention.scale"},
        {"logits_scaling", "logit_scale"},
        {"attn_logit_softcapping", "attn_logit_softcapping"},
        {"final_logit_softcapping", "final_logit_softcapping"},
        {"rope_local_base_freq", "rope.freq_base_swa"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put_int(p, names[i][0], names[i][1]);
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++)
        put_float(p, factors[i][0], factors[i][1]);
}

/* Every layer must have experts, whose shares sum to 1. */
static jup_status_t put_experts(const putter_t *p, const char *folder, jup_error_t *err)
{
    const json_t *step = json_object_get(p->config, "decoder_sparse_step");
    bool some = json_array_size(json_object_get(p->config, "mlp_only_layers")) > 0 ||
                (json_is_integer(step) && json_integer_value(step) != 1);
    put_int(p, json_object_get(p->config, "num_experts") ? "num_experts" : "num_local_experts",
            "expert_count");
    if (strcmp(p->arch, "qwen3moe") != 0)
        return JUP_OK;
    if (some || !json_is_true(json_object_get(p->config, "norm_topk_prob")))
        return jup_fail(err, JUP_EINPUT,
                        "%s/config.json: %s is not supported; every layer must have experts, and "
                        "norm_topk_prob be true",
                        folder,
                        some ? "a mixture with layers without experts (mlp_only_layers, "
                               "decoder_sparse_step)"
                             : "\"norm_topk_prob\": false");
    return JUP_OK;
}

/* A window that is switched off is none. */
static void put_window(const putter_t *p)
{
    if (!json_is_false(json_object_get(p->config, "use_sliding_window")))
        put_int(p, "sliding_window", "attention.sliding_window");
    put_int(p, "sliding_window_pattern", "attention.sliding_window_pattern");
}

/* Gemma says what scores are divided by, squared. */
static void put_score_scale(const putter_t *p)
{
    double scalar = json_number_value(json_object_get(p->config, "query_pre_attn_scalar"));
    if (scalar > 0)
        put_number(p, 1 / sqrt(scalar), "attention.scale");
}

/* ---- RoPE ------------------------------------------------------------------------------------ */

/* Where layers with a window have a RoPE of their own, that of the others. */
static const json_t *scaling_of(const json_t *config)
{
    const json_t *scaling = json_object_get(config, "rope_scaling");
    scaling = is_there(scaling) ? scaling : json_object_get(config, "rope_parameters");
    const json_t *full = json_object_get(scaling, "full_attention");
    return full ? full : scaling;
}

static const char *type_of(const json_t *scaling)
{
    const char *type = json_string_value(json_object_get(scaling, "rope_type"));
    type = type ? type : json_string_value(json_object_get(scaling, "type"));
    return type ? type : "default";
}

static bool is_long(const json_t *scaling)
{
    const char *type = type_of(scaling);
    return strcmp(type, "longrope") == 0 || strcmp(type, "su") == 0;
}

static int64_t head_length(const json_t *config)
{
    int64_t heads = json_integer_value(json_object_get(config, "num_attention_heads"));
    int64_t dim = json_integer_value(json_object_get(config, "head_dim"));
    if (dim > 0 || heads <= 0)
        return dim;
    return json_integer_value(json_object_get(config, "hidden_size")) / heads;
}

/* Scalings by factors are tensors; others are named as they are, and refused where unknown. */
static void put_scaling(const putter_t *p, const json_t *scaling)
{
    char key[128];
    const char *type = type_of(scaling);
    if (strcmp(type, "default") == 0 || strcmp(type, "llama3") == 0 || is_long(scaling))
        return;
    key_of(p, "rope.scaling.type", key);
    jup_gguf_put_text(p->w, key, type);
    const putter_t inner = {p->w, scaling, p->arch};
    put_float(&inner, "factor", "rope.scaling.factor");
    put_float(&inner, "beta_fast", "rope.scaling.yarn_beta_fast");
    put_float(&inner, "beta_slow", "rope.scaling.yarn_beta_slow");
    put_int(&inner, "original_max_position_embeddings", "rope.scaling.original_context_length");
}

/* Contexts stretched by lists of factors have a factor on attention, too (Ding et al. 2024). */
static void put_long_factor(const putter_t *p, const json_t *scaling)
{
    const json_t *given = json_object_get(scaling, "attention_factor");
    const json_t *from = json_object_get(p->config, "original_max_position_embeddings");
    from = from ? from : json_object_get(scaling, "original_max_position_embeddings");
    double original = json_number_value(from);
    double factor =
        json_number_value(json_object_get(p->config, "max_position_embeddings")) / original;
    if (!is_long(scaling))
        return;
    if (json_is_number(given))
        put_number(p, json_number_value(given), "rope.scaling.attn_factor");
    else if (original > 1 && factor > 1)
        put_number(p, sqrt(1 + log(factor) / log(original)), "rope.scaling.attn_factor");
}

/* Of a head's elements, where not all are rotated. */
static void put_rotated(const putter_t *p, const json_t *scaling)
{
    char key[128];
    const json_t *part = json_object_get(p->config, "partial_rotary_factor");
    double rotated =
        json_number_value(part ? part : json_object_get(scaling, "partial_rotary_factor"));
    int64_t head = head_length(p->config);
    key_of(p, "rope.dimension_count", key);
    if (rotated > 0 && rotated < 1 && head > 0)
        jup_gguf_put_int(p->w, key, JUP_GGUF_I64, (int64_t)(rotated * (double)head));
}

static void put_rope(const putter_t *p)
{
    const json_t *scaling = scaling_of(p->config);
    const putter_t inner = {p->w, scaling, p->arch};
    const json_t *windowed =
        json_object_get(json_object_get(p->config, "rope_parameters"), "sliding_attention");
    const putter_t local = {p->w, windowed, p->arch};
    if (json_object_get(p->config, "rope_theta"))
        put_float(p, "rope_theta", "rope.freq_base");
    else
        put_float(&inner, "rope_theta", "rope.freq_base");
    put_float(&local, "rope_theta", "rope.freq_base_swa");
    put_rotated(p, scaling);
    if (json_object_get(p->config, "original_max_position_embeddings"))
        put_int(p, "original_max_position_embeddings", "rope.scaling.original_context_length");
    else if (is_long(scaling))
        put_int(&inner, "original_max_position_embeddings", "rope.scaling.original_context_length");
    put_long_factor(p, scaling);
    put_scaling(p, scaling);
    jup_gguf_put_text(p->w, "jupiter.rope.layout", "halves"); /* not as converters permute it */
}

jup_status_t jup_hf_put_config(jup_gguf_writer_t *w, const char *folder, const json_t *config,
                               const char **arch, jup_error_t *err)
{
    const char *type = json_string_value(json_object_get(config, "model_type"));
    putter_t p = {.w = w, .config = config};
    if (!type)
        return jup_fail(err, JUP_EINPUT, "%s/config.json: \"model_type\" is missing", folder);
    p.arch = NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].type, type) == 0)
            p.arch = types[i].arch;
    if (!p.arch)
        return jup_fail(
            err, JUP_EINPUT,
            "%s/config.json: model_type '%.60s' is not supported; supported: llama, "
            "mistral, qwen2, qwen3, qwen3_moe, phi3, gemma2, gemma3_text, granite, olmo2",
            folder, type);
    *arch = p.arch;
    jup_gguf_put_text(w, "general.architecture", p.arch);
    const char *slash = strrchr(folder, '/');
    jup_gguf_put_text(w, "general.name", slash && slash[1] ? slash + 1 : folder);
    put_sizes(&p);
    JUP_TRY(put_experts(&p, folder, err));
    put_window(&p);
    put_score_scale(&p);
    put_rope(&p);
    return JUP_OK;
}

/* ---- frequency factors ------------------------------------------------------------------------
 */

/* Llama 3.x: long waves are stretched, short ones stay, between them it is mixed. */
static float llama3_factor(const json_t *s, double wave)
{
    double factor = json_number_value(json_object_get(s, "factor"));
    double low = json_number_value(json_object_get(s, "low_freq_factor"));
    double high = json_number_value(json_object_get(s, "high_freq_factor"));
    double context = json_number_value(json_object_get(s, "original_max_position_embeddings"));
    if (!(factor > 0) || !(low > 0) || !(high > low) || !(context > 0))
        return 1;
    if (wave < context / high)
        return 1;
    if (wave > context / low)
        return (float)factor;
    double smooth = (context / wave - low) / (high - low);
    return (float)(1 / ((1 - smooth) / factor + smooth));
}

static int llama3_factors(const json_t *config, const json_t *scaling, float *factors, int most)
{
    double theta = json_number_value(json_object_get(config, "rope_theta"));
    int64_t dim = head_length(config);
    if (!(theta > 0))
        theta = json_number_value(json_object_get(scaling, "rope_theta"));
    theta = theta > 0 ? theta : 10000;
    int n = dim / 2 > most ? most : (int)(dim / 2);
    for (int i = 0; i < n; i++) {
        double wave = 2 * 3.14159265358979323846 * pow(theta, 2.0 * i / (double)dim);
        factors[i] = llama3_factor(scaling, wave);
    }
    return n;
}

int jup_hf_rope_factors(const json_t *config, const char *which, float *factors, int most)
{
    const json_t *scaling = scaling_of(config);
    const json_t *list = json_object_get(scaling, which);
    if (strcmp(which, "llama3") == 0)
        return strcmp(type_of(scaling), "llama3") == 0
                   ? llama3_factors(config, scaling, factors, most)
                   : 0;
    int n = (int)json_array_size(list);
    for (int i = 0; i < n && i < most; i++)
        factors[i] = (float)json_number_value(json_array_get(list, (size_t)i));
    return n < most ? n : most;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static bool replaced(const char *name, const char *const names[][2], size_t n, const char **to)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i][0], name) == 0) {
            *to = names[i][1];
            return true;
        }
    return false;
}

/* Norms after a half of a layer have the name that others give to the one before the second. */
static bool is_post_normed(const char *arch)
{
    return strcmp(arch, "gemma2") == 0 || strcmp(arch, "gemma3") == 0 || strcmp(arch, "olmo2") == 0;
}

/* "mlp.experts.3.up_proj" is "ffn_up_exps.3": one by one, to be put together where it is loaded. */
static bool expert_name(const char *stem, char *to, size_t bytes)
{
    int expert, used = 0;
    if (sscanf(stem, "mlp.experts.%d.%n", &expert, &used) != 1 || used == 0)
        return false;
    static const char *const parts[][2] = {
        {"gate_proj", "gate"}, {"up_proj", "up"}, {"down_proj", "down"}};
    const char *part;
    if (!replaced(stem + used, parts, sizeof parts / sizeof parts[0], &part))
        return false;
    snprintf(to, bytes, "ffn_%s_exps.%d", part, expert);
    return true;
}

bool jup_hf_tensor_name(const char *name, const char *arch, char *out, size_t bytes)
{
    static const char *const whole[][2] = {{"model.embed_tokens.weight", "token_embd.weight"},
                                           {"model.norm.weight", "output_norm.weight"},
                                           {"lm_head.weight", "output.weight"}};
    static const char *const stems[][2] = {{"self_attn.q_proj", "attn_q"},
                                           {"self_attn.k_proj", "attn_k"},
                                           {"self_attn.v_proj", "attn_v"},
                                           {"self_attn.qkv_proj", "attn_qkv"},
                                           {"self_attn.o_proj", "attn_output"},
                                           {"self_attn.q_norm", "attn_q_norm"},
                                           {"self_attn.k_norm", "attn_k_norm"},
                                           {"mlp.gate", "ffn_gate_inp"},
                                           {"mlp.gate_proj", "ffn_gate"},
                                           {"mlp.up_proj", "ffn_up"},
                                           {"mlp.gate_up_proj", "ffn_up"},
                                           {"mlp.down_proj", "ffn_down"},
                                           {"input_layernorm", "attn_norm"},
                                           {"pre_feedforward_layernorm", "ffn_norm"},
                                           {"post_feedforward_layernorm", "post_ffw_norm"},
                                           {"post_attention_layernorm", "ffn_norm"}};
    const char *to, *dot = strrchr(name, '.');
    int layer, used = 0;
    char stem[80], expert[40];
    snprintf(out, bytes, "%s", name);
    if (replaced(name, whole, sizeof whole / sizeof whole[0], &to)) {
        snprintf(out, bytes, "%s", to);
        return true;
    }
    if (strstr(name, "rotary_emb.inv_freq"))
        return false; /* follows from the config */
    if (sscanf(name, "model.layers.%d.%n", &layer, &used) != 1 || used == 0 || !dot ||
        dot < name + used)
        return true;
    snprintf(stem, sizeof stem, "%.*s", (int)(dot - name - used), name + used);
    if (replaced(stem, stems, sizeof stems / sizeof stems[0], &to)) {
        if (strcmp(stem, "post_attention_layernorm") == 0 && is_post_normed(arch))
            to = "post_attention_norm";
        snprintf(out, bytes, "blk.%d.%s%s", layer, to, dot);
    } else if (expert_name(stem, expert, sizeof expert)) {
        snprintf(out, bytes, "blk.%d.%s%s", layer, expert, dot);
    }
    return true;
}
