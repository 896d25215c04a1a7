#include "tiny_model.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

typedef struct source {
    float *at;
    jup_rng_t rng;
} source_t;

static const float *numbers(source_t *source, int64_t n, double mean, double spread)
{
    float *block = source->at;
    for (int64_t i = 0; i < n; i++)
        block[i] = (float)(mean + spread * jup_rng_normal(&source->rng));
    source->at += n;
    return block;
}

static jup_linear_t linear(source_t *source, int64_t out, int64_t in, double gain)
{
    const float *w = numbers(source, out * in, 0, gain / sqrt((double)in));
    return (jup_linear_t){.w = {.dtype = JUP_F32, .rows = out, .cols = in, .data = w}};
}

static void fill_layer(jup_layer_weights_t *w, source_t *source, const jup_config_t *c)
{
    int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    w->attn_norm = numbers(source, c->dim, 1, 0.1);
    w->qkv[0] = linear(source, q, c->dim, 1.5);
    w->qkv[1] = linear(source, kv, c->dim, 1.5);
    w->qkv[2] = linear(source, kv, c->dim, 1);
    w->out = linear(source, c->dim, q, 1);
    w->ffn_norm = numbers(source, c->dim, 1, 0.1);
    w->gate_up[0] = linear(source, c->ffn, c->dim, 1);
    w->gate_up[1] = linear(source, c->ffn, c->dim, 1);
    w->down = linear(source, c->dim, c->ffn, 1);
}

void tiny_model_init(tiny_model_t *model, int layers, uint64_t seed)
{
    memset(model, 0, sizeof *model);
    model->config = (jup_config_t){.arch = JUP_ARCH_LLAMA,
                                   .layers = layers,
                                   .dim = 32,
                                   .heads = 4,
                                   .kv_heads = 2,
                                   .head_dim = 8,
                                   .ffn = 48,
                                   .vocab = 61,
                                   .context = 4096,
                                   .norm_eps = 1e-5f,
                                   .rope_dim = 8,
                                   .rope_base = 10000,
                                   .rope_scale = 1,
                                   .rope_layout = JUP_ROPE_INTERLEAVED};
    const jup_config_t *c = &model->config;
    model->data = jup_new((size_t)(layers + 4) * 12000, sizeof(float));
    source_t source = {.at = model->data};
    jup_rng_init(&source.rng, seed);
    jup_shard_t shard = {.first = 0, .last = layers, .embedding = true, .head = true};
    jup_weights_init(&model->all, &shard);
    for (int i = 0; i < layers; i++)
        fill_layer(&model->all.layers[i], &source, c);
    model->all.embedding = linear(&source, c->vocab, c->dim, 5).w;
    model->all.output_norm = numbers(&source, c->dim, 1, 0.1);
    model->all.output = linear(&source, c->vocab, c->dim, 4);
}

void tiny_model_reset(tiny_model_t *model)
{
    jup_weights_reset(&model->all);
    jup_free(model->data);
}

void tiny_model_part(const tiny_model_t *model, int rank, int ranks, jup_weights_t *part)
{
    jup_shard_t shard = {.first = model->config.layers * rank / ranks,
                         .last = model->config.layers * (rank + 1) / ranks,
                         .embedding = rank == 0,
                         .head = rank == ranks - 1};
    jup_weights_init(part, &shard);
    memcpy(part->layers, model->all.layers + shard.first,
           (size_t)(shard.last - shard.first) * sizeof *part->layers);
    part->embedding = model->all.embedding;
    part->output_norm = model->all.output_norm;
    part->output = model->all.output;
}

void tiny_model_decode(const tiny_model_t *model, const int32_t *prompt, int32_t n_prompt,
                       const jup_sampling_t *sampling, jup_dtype_t dtype, int32_t *answer,
                       int32_t n)
{
    jup_error_t err;
    jup_compute_t compute;
    jup_forward_t f;
    jup_step_t step;
    jup_sampler_t sampler;
    jup_compute_init(&compute, &jup_ops_naive, 1, &err);
    jup_forward_limits_t limits = {.rows = n_prompt,
                                   .outputs = 1,
                                   .kv_tokens = n_prompt + n + 64,
                                   .kv_dtype = dtype,
                                   .residual_dtype = dtype};
    if (jup_forward_init(&f, &model->config, &model->all, &compute, &limits, &err) != JUP_OK)
        jup_die(err.code, "%s", err.text);
    jup_step_init(&step, n_prompt);
    jup_sampler_init(&sampler, sampling, model->config.vocab);
    for (int32_t i = 0; i < n_prompt; i++)
        jup_sampler_accept(&sampler, prompt[i]);
    for (int32_t i = 0; i < n; i++) {
        jup_step_begin(&step, JUP_STEP_WORK, i);
        jup_step_add(&step, 0, i ? n_prompt + i - 1 : 0, i ? &answer[i - 1] : prompt, NULL,
                     i ? 1 : n_prompt, 1);
        jup_forward_begin(&f, &step, &err);
        jup_forward_embed(&f, &step);
        jup_forward_layers(&f, &step);
        jup_forward_head(&f, &step);
        answer[i] = jup_sampler_pick(&sampler, f.logits);
        jup_sampler_accept(&sampler, answer[i]);
    }
    jup_sampler_reset(&sampler);
    jup_step_reset(&step);
    jup_forward_reset(&f);
    jup_compute_reset(&compute);
}
