/* Shapes as published in the models' own configuration files. */
#include "model/shapes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct shape {
    jup_arch_t arch;
    int layers, dim, heads, kv_heads, head_dim, ffn, vocab, context, window;
    bool tied;
    float rope_base;
    int experts, experts_used;
} shape_t;

static const char *const names[] = {"tinyllama-1.1b", "llama2-7b",   "llama2-13b",    "llama2-70b",
                                    "llama3-8b",      "llama3-70b",  "llama3-405b",   "llama3.2-1b",
                                    "llama3.2-3b",    "mistral-7b",  "qwen2-0.5b",    "qwen2-1.5b",
                                    "qwen2-7b",       "qwen2.5-14b", "qwen2.5-32b",   "qwen2-72b",
                                    "qwen3-4b",       "qwen3-8b",    "qwen3-30b-a3b", NULL};

static const shape_t shapes[] = {
    {JUP_ARCH_LLAMA, 22, 2048, 32, 4, 64, 5632, 32000, 2048, 0, false, 1e4f, 0, 0},
    {JUP_ARCH_LLAMA, 32, 4096, 32, 32, 128, 11008, 32000, 4096, 0, false, 1e4f, 0, 0},
    {JUP_ARCH_LLAMA, 40, 5120, 40, 40, 128, 13824, 32000, 4096, 0, false, 1e4f, 0, 0},
    {JUP_ARCH_LLAMA, 80, 8192, 64, 8, 128, 28672, 32000, 4096, 0, false, 1e4f, 0, 0},
    {JUP_ARCH_LLAMA, 32, 4096, 32, 8, 128, 14336, 128256, 8192, 0, false, 5e5f, 0, 0},
    {JUP_ARCH_LLAMA, 80, 8192, 64, 8, 128, 28672, 128256, 8192, 0, false, 5e5f, 0, 0},
    {JUP_ARCH_LLAMA, 126, 16384, 128, 8, 128, 53248, 128256, 131072, 0, false, 5e5f, 0, 0},
    {JUP_ARCH_LLAMA, 16, 2048, 32, 8, 64, 8192, 128256, 131072, 0, true, 5e5f, 0, 0},
    {JUP_ARCH_LLAMA, 28, 3072, 24, 8, 128, 8192, 128256, 131072, 0, true, 5e5f, 0, 0},
    {JUP_ARCH_LLAMA, 32, 4096, 32, 8, 128, 14336, 32000, 32768, 4096, false, 1e4f, 0, 0},
    {JUP_ARCH_QWEN2, 24, 896, 14, 2, 64, 4864, 151936, 32768, 0, true, 1e6f, 0, 0},
    {JUP_ARCH_QWEN2, 28, 1536, 12, 2, 128, 8960, 151936, 32768, 0, true, 1e6f, 0, 0},
    {JUP_ARCH_QWEN2, 28, 3584, 28, 4, 128, 18944, 152064, 32768, 0, false, 1e6f, 0, 0},
    {JUP_ARCH_QWEN2, 48, 5120, 40, 8, 128, 13824, 152064, 32768, 0, false, 1e6f, 0, 0},
    {JUP_ARCH_QWEN2, 64, 5120, 40, 8, 128, 27648, 152064, 32768, 0, false, 1e6f, 0, 0},
    {JUP_ARCH_QWEN2, 80, 8192, 64, 8, 128, 29568, 152064, 32768, 0, false, 1e6f, 0, 0},
    {JUP_ARCH_QWEN3, 36, 2560, 32, 8, 128, 9728, 151936, 40960, 0, true, 1e6f, 0, 0},
    {JUP_ARCH_QWEN3, 36, 4096, 32, 8, 128, 12288, 151936, 40960, 0, false, 1e6f, 0, 0},
    {JUP_ARCH_QWEN3MOE, 48, 2048, 32, 4, 128, 768, 151936, 40960, 0, false, 1e6f, 128, 8},
};

_Static_assert(sizeof names / sizeof names[0] == sizeof shapes / sizeof shapes[0] + 1,
               "a name for every shape");

const char *const *jup_shape_names(void)
{
    return names;
}

static jup_config_t config_of(const char *name, const shape_t *s)
{
    jup_config_t c = {
        .arch = s->arch,
        .layers = s->layers,
        .dim = s->dim,
        .heads = s->heads,
        .kv_heads = s->kv_heads,
        .head_dim = s->head_dim,
        .ffn = s->ffn,
        .vocab = s->vocab,
        .context = s->context,
        .experts = s->experts,
        .experts_used = s->experts_used,
        .norm_eps = s->arch == JUP_ARCH_LLAMA ? 1e-5f : 1e-6f,
        .window = s->window,
        .tied = s->tied,
        .rope_dim = s->head_dim,
        .rope_base = s->rope_base,
        .rope_scale = 1,
        .rope_layout = jup_family(s->arch)->rope_layout,
    };
    snprintf(c.name, sizeof c.name, "%s", name);
    return c;
}

bool jup_shape_find(const char *name, jup_config_t *config)
{
    for (int i = 0; names[i]; i++)
        if (strcasecmp(name, names[i]) == 0) {
            *config = config_of(names[i], &shapes[i]);
            return true;
        }
    return false;
}
