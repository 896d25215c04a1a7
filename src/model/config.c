#include "model/config.h"

#include <math.h>

int jup_config_window(const jup_config_t *c, int layer)
{
    bool sees_all = c->window_period && (layer + 1) % c->window_period == 0;
    return sees_all ? 0 : c->window;
}

float jup_config_score_scale(const jup_config_t *c)
{
    return c->attn_scale > 0 ? c->attn_scale : 1.0f / sqrtf((float)c->head_dim);
}

bool jup_config_adds_later(const jup_config_t *c)
{
    return jup_family(c->arch)->post_norm || c->residual_scale > 0;
}

static jup_status_t check_range(const char *what, int64_t value, int64_t most, jup_error_t *err)
{
    if (value >= 1 && value <= most)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT, "%s is %lld, must be between 1 and %lld", what,
                    (long long)value, (long long)most);
}

static jup_status_t check_factor(const char *what, float value, jup_error_t *err)
{
    if (value >= 0 && value <= 1e9f)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT, "%s is %g, must be positive", what, (double)value);
}

jup_status_t jup_config_check(const jup_config_t *c, jup_error_t *err)
{
    JUP_TRY(check_range("the number of layers", c->layers, JUP_MAX_LAYERS, err));
    JUP_TRY(check_range("the embedding length", c->dim, 1 << 20, err));
    JUP_TRY(check_range("the number of attention heads", c->heads, 4096, err));
    JUP_TRY(check_range("the number of KV heads", c->kv_heads, c->heads, err));
    JUP_TRY(check_range("the head length", c->head_dim, JUP_MAX_HEAD_DIM, err));
    JUP_TRY(check_range("the feed-forward length", c->ffn, 1 << 24, err));
    JUP_TRY(check_range("the vocabulary size", c->vocab, 1 << 24, err));
    JUP_TRY(check_range("the context length", c->context, 1 << 28, err));
    if (c->experts < 0 || c->experts > 4096 || c->experts_used < 0 ||
        c->experts_used > c->experts || (c->experts > 0 && c->experts_used == 0))
        return jup_fail(err, JUP_EINPUT, "%d of %d experts in use make no sense", c->experts_used,
                        c->experts);
    if (c->heads % c->kv_heads != 0)
        return jup_fail(err, JUP_EINPUT, "%d attention heads are not a multiple of %d KV heads",
                        c->heads, c->kv_heads);
    if (c->rope_dim < 2 || c->rope_dim % 2 != 0 || c->rope_dim > c->head_dim)
        return jup_fail(err, JUP_EINPUT,
                        "the RoPE dimension count is %d, must be even and at most the head length "
                        "%d",
                        c->rope_dim, c->head_dim);
    if (!(c->norm_eps >= 0 && c->norm_eps < 1))
        return jup_fail(err, JUP_EINPUT, "the RMSNorm epsilon is %g, must be in [0, 1)",
                        (double)c->norm_eps);
    JUP_TRY(check_factor("the embedding scale", c->embed_scale, err));
    JUP_TRY(check_factor("the residual scale", c->residual_scale, err));
    JUP_TRY(check_factor("the logit scale", c->logit_scale, err));
    JUP_TRY(check_factor("the attention scale", c->attn_scale, err));
    JUP_TRY(check_factor("the cap of attention scores", c->attn_cap, err));
    JUP_TRY(check_factor("the cap of logits", c->logit_cap, err));
    JUP_TRY(check_factor("the gain of RoPE", c->rope_gain, err));
    JUP_TRY(check_factor("the RoPE base of windowed layers", c->rope_local_base, err));
    if (!(c->rope_base > 0) || !(c->rope_scale > 0))
        return jup_fail(err, JUP_EINPUT, "the RoPE base %g and scale %g must be positive",
                        (double)c->rope_base, (double)c->rope_scale);
    return JUP_OK;
}

int64_t jup_config_layer_vectors(const jup_config_t *c)
{
    const jup_family_t *family = jup_family(c->arch);
    int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    int64_t norms = (family->no_pre_norm ? 0 : 2) + (family->post_norm ? 2 : 0);
    int64_t heads = family->qk_norm == JUP_QK_BY_HEAD  ? 2 * c->head_dim
                    : family->qk_norm == JUP_QK_BY_ROW ? q + kv
                                                       : 0;
    return norms * c->dim + heads + (family->qkv_bias ? q + 2 * kv : 0);
}

/* With so many experts. */
static double elements(const jup_config_t *c, double experts)
{
    double q = (double)c->heads * c->head_dim, kv = (double)c->kv_heads * c->head_dim;
    double ffn = c->experts ? c->experts + experts * 3.0 * c->ffn : 3.0 * c->ffn;
    return c->dim * (2 * q + 2 * kv + ffn);
}

double jup_config_layer_elements(const jup_config_t *c)
{
    return elements(c, c->experts);
}

double jup_config_read_elements(const jup_config_t *c, double rows)
{
    double missed = c->experts ? pow(1 - (double)c->experts_used / c->experts, rows) : 0;
    return elements(c, c->experts * (1 - missed));
}

double jup_config_seen(const jup_config_t *c, double prefix)
{
    if (!c->window)
        return prefix;
    double open = c->window_period ? 1.0 / c->window_period : 0;
    return open * prefix + (1 - open) * fmin(prefix, c->window);
}

double jup_config_layer_flops(const jup_config_t *c, int64_t rows, int64_t prefix)
{
    double q = (double)c->heads * c->head_dim;
    double weights = elements(c, c->experts_used);
    double seen = (double)rows * ((double)prefix + 0.5 * ((double)rows + 1));
    return 2 * (double)rows * weights + 4 * seen * q;
}

double jup_config_kv_flops(const jup_config_t *c, int64_t rows)
{
    return 2 * (double)rows * c->dim * 2 * c->kv_heads * c->head_dim;
}

double jup_config_head_flops(const jup_config_t *c, int64_t rows)
{
    return 2 * (double)rows * c->dim * c->vocab;
}

size_t jup_config_kv_bytes(const jup_config_t *c, jup_dtype_t kv_dtype)
{
    return 2 * jup_dtype_bytes(kv_dtype, (int64_t)c->kv_heads * c->head_dim);
}
