/** The shape of a decoder-only transformer of the Llama family. */
#ifndef JUP_MODEL_CONFIG_H
#define JUP_MODEL_CONFIG_H

#include "base/status.h"
#include "tensor/ops.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum jup_arch { JUP_ARCH_LLAMA, JUP_ARCH_QWEN2 } jup_arch_t;

enum { JUP_MAX_LAYERS = 1024, JUP_MAX_HEAD_DIM = 512 };

typedef struct jup_config {
    jup_arch_t arch;
    char name[64];
    int layers;
    int dim;
    int heads, kv_heads; /* heads is a multiple of kv_heads */
    int head_dim;
    int ffn;
    int vocab;
    int context; /* trained with */
    float norm_eps;
    int window; /* sliding window of attention; 0: none (Mistral) */
    bool tied;  /* the output matrix is the embedding */

    int rope_dim; /* rotated elements of a head */
    float rope_base;
    float rope_scale; /* positions are multiplied by it; 1: none (linear scaling) */
    jup_rope_layout_t rope_layout;
} jup_config_t;

/** "llama", "qwen2". */
const char *jup_arch_name(jup_arch_t arch);

/** Checks that the numbers are positive, bounded and fit together. */
jup_status_t jup_config_check(const jup_config_t *config, jup_error_t *err);

/** Floating-point operations of `rows` new tokens over `prefix` cached ones, in one layer. */
double jup_config_layer_flops(const jup_config_t *config, int64_t rows, int64_t prefix);

/** The same for the output head. */
double jup_config_head_flops(const jup_config_t *config, int64_t rows);

/** Bytes of K and V of one token in one layer. */
size_t jup_config_kv_bytes(const jup_config_t *config, jup_dtype_t kv_dtype);

/**
 * One member's share of every layer, where several ranks share layers, and of the output head; all
 * zero: the whole. Made by model/part.h.
 */
typedef struct jup_part {
    int head_first, head_last;   /* query heads; KV heads are those that these read */
    int ffn_first, ffn_last;     /* columns of the feed-forward network */
    int vocab_first, vocab_last; /* rows of the output head */
} jup_part_t;

/** What one rank holds: layers [first, last) or its part of them, the embedding, the head. */
typedef struct jup_shard {
    int first, last;
    bool embedding, head;
    jup_part_t part;
} jup_shard_t;

#endif
