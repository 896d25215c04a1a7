#include "model/family.h"

#include <stdio.h>
#include <string.h>

static const jup_family_t families[JUP_ARCHS] = {
    [JUP_ARCH_LLAMA] = {.name = "llama",
                        .models = "Llama 2 and 3, TinyLlama, Mistral, SmolLM2, Falcon 3, DeepSeek",
                        .rope_layout = JUP_ROPE_INTERLEAVED},
    [JUP_ARCH_QWEN2] = {.name = "qwen2",
                        .models = "Qwen 2 and 2.5",
                        .rope_layout = JUP_ROPE_HALVES,
                        .qkv_bias = true},
    [JUP_ARCH_QWEN3] = {.name = "qwen3",
                        .models = "Qwen 3",
                        .rope_layout = JUP_ROPE_HALVES,
                        .qk_norm = JUP_QK_BY_HEAD},
    [JUP_ARCH_QWEN3MOE] = {.name = "qwen3moe",
                           .models = "Qwen 3's mixtures of experts",
                           .rope_layout = JUP_ROPE_HALVES,
                           .qk_norm = JUP_QK_BY_HEAD,
                           .experts = true},
    [JUP_ARCH_PHI3] = {.name = "phi3",
                       .models = "Phi 3, 3.5 and 4",
                       .rope_layout = JUP_ROPE_HALVES,
                       .fused = true},
    [JUP_ARCH_GEMMA2] = {.name = "gemma2",
                         .models = "Gemma 2",
                         .rope_layout = JUP_ROPE_HALVES,
                         .activation = JUP_GELU,
                         .post_norm = true,
                         .embed_by_dim = true,
                         .window_period = 2,
                         .wide_head_layers = 46,
                         .attn_cap = 50,
                         .logit_cap = 30},
    [JUP_ARCH_GEMMA3] = {.name = "gemma3",
                         .models = "Gemma 3",
                         .rope_layout = JUP_ROPE_HALVES,
                         .activation = JUP_GELU,
                         .qk_norm = JUP_QK_BY_HEAD,
                         .post_norm = true,
                         .embed_by_dim = true,
                         .window_period = 6,
                         .local_base = 10000,
                         .wide_head_layers = 62},
    [JUP_ARCH_GRANITE] = {.name = "granite",
                          .models = "Granite 3",
                          .rope_layout = JUP_ROPE_INTERLEAVED},
    [JUP_ARCH_OLMO2] = {.name = "olmo2",
                        .models = "OLMo 2",
                        .rope_layout = JUP_ROPE_HALVES,
                        .qk_norm = JUP_QK_BY_ROW,
                        .no_pre_norm = true,
                        .post_norm = true},
};

const jup_family_t *jup_family(jup_arch_t arch)
{
    return &families[arch];
}

const jup_family_t *jup_family_by_name(const char *name, jup_arch_t *arch)
{
    for (int i = 0; i < JUP_ARCHS; i++)
        if (strcmp(families[i].name, name) == 0) {
            *arch = (jup_arch_t)i;
            return &families[i];
        }
    return NULL;
}

const char *jup_family_names(char *text, size_t bytes)
{
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; i < JUP_ARCHS && at < bytes; i++)
        at += (size_t)snprintf(text + at, bytes - at, "%s%s", i ? ", " : "", families[i].name);
    return text;
}
