/**
 * What sets the families of decoder-only transformers apart from Llama, as data: a family is a
 * line of a table, and the layer does what the line, the config and the weights say. Sources: the
 * models' papers and their published implementations.
 */
#ifndef JUP_MODEL_FAMILY_H
#define JUP_MODEL_FAMILY_H

#include "tensor/ops.h"

#include <stdbool.h>

typedef enum jup_arch {
    JUP_ARCH_LLAMA,
    JUP_ARCH_QWEN2,
    JUP_ARCH_QWEN3,
    JUP_ARCH_QWEN3MOE,
    JUP_ARCH_PHI3,
    JUP_ARCH_GEMMA2,
    JUP_ARCH_GEMMA3,
    JUP_ARCH_GRANITE,
    JUP_ARCH_OLMO2,
    JUP_ARCHS
} jup_arch_t;

/** What q and k are normalised over before they are rotated. */
typedef enum jup_qk_norm { JUP_QK_AS_IS, JUP_QK_BY_HEAD, JUP_QK_BY_ROW } jup_qk_norm_t;

typedef struct jup_family {
    const char *name;   /* `general.architecture` of a GGUF file */
    const char *models; /* for people */
    jup_rope_layout_t rope_layout;
    jup_activation_t activation;
    jup_qk_norm_t qk_norm;
    bool qkv_bias;        /* that published models have; others may */
    bool no_pre_norm;     /* no norm before a half of a layer */
    bool post_norm;       /* one after it, before the residual is added */
    bool fused;           /* q, k and v lie in one tensor, gate and up in another */
    bool experts;         /* the feed-forward block is a mixture of them */
    bool embed_by_dim;    /* the embedding is multiplied by sqrt(dim) */
    int window_period;    /* of a windowed model: every so manieth layer sees everything; 0: none */
    float local_base;     /* of RoPE in windowed layers; 0: the same as elsewhere */
    int wide_head_layers; /* with so many layers scores are scaled by sqrt(dim / heads) */
    float attn_cap, logit_cap; /* where the file does not say; 0: none */
} jup_family_t;

const jup_family_t *jup_family(jup_arch_t arch);

/** By `name`; NULL when unknown. */
const jup_family_t *jup_family_by_name(const char *name, jup_arch_t *arch);

/** "llama, qwen2, ...": a list for messages. */
const char *jup_family_names(char *text, size_t bytes);

#endif
