/** The shape of a decoder-only transformer: numbers, beside what its family says. */
#ifndef JUP_MODEL_CONFIG_H
#define JUP_MODEL_CONFIG_H

#include "base/status.h"
#include "model/family.h"

#include <stdbool.h>
#include <stdint.h>

enum { JUP_MAX_LAYERS = 1024, JUP_MAX_HEAD_DIM = 512 };

typedef struct jup_config {
    jup_arch_t arch;
    char name[64];
    int layers;
    int dim;
    int heads, kv_heads; /* heads is a multiple of kv_heads */
    int head_dim;
    int ffn;                   /* of one expert, where there are some */
    int experts, experts_used; /* in a layer, and by one row; 0: none */
    int vocab;
    int context; /* trained with */
    float norm_eps;
    int window;        /* sliding window of attention; 0: none */
    int window_period; /* every so manieth layer has none; 0: all have it */
    bool tied;         /* the output matrix is the embedding */

    /* factors; 0: none */
    float embed_scale, residual_scale, logit_scale;
    float attn_scale; /* of q . k; 0: 1 / sqrt(head_dim) */
    float attn_cap, logit_cap;

    int rope_dim; /* rotated elements of a head */
    float rope_base;
    float rope_local_base; /* of layers with a window, which are not scaled; 0: as all others */
    float rope_scale;      /* positions are multiplied by it; 1: none (linear scaling) */
    int rope_original;     /* context before it was stretched; 0: it was not */
    float yarn_fast, yarn_slow; /* turns in `rope_original` tokens: dimensions of more keep their
                                   frequency, of fewer are scaled; 0, 0: all are */
    float rope_gain;            /* of cosines and sines; 0: 1 */
    jup_rope_layout_t rope_layout;
} jup_config_t;

/** The window of layer 0, 1, ... of the model; 0: none. */
int jup_config_window(const jup_config_t *config, int layer);

/** What q . k is multiplied by. */
float jup_config_score_scale(const jup_config_t *config);

/** Whether what a half of a layer computes is normed or scaled before it is added to x. */
bool jup_config_adds_later(const jup_config_t *config);

/** Checks that the numbers are positive, bounded and fit together. */
jup_status_t jup_config_check(const jup_config_t *config, jup_error_t *err);

/** Floats of the norms and biases of one layer. */
int64_t jup_config_layer_vectors(const jup_config_t *config);

/** Elements of a layer's matrices; those that `rows` rows read, which go to some experts only. */
double jup_config_layer_elements(const jup_config_t *config);
double jup_config_read_elements(const jup_config_t *config, double rows);

/** Of `prefix` cached tokens those that a layer attends to, on average over the layers. */
double jup_config_seen(const jup_config_t *config, double prefix);

/** Floating-point operations of `rows` new tokens over `prefix` cached ones, in one layer. */
double jup_config_layer_flops(const jup_config_t *config, int64_t rows, int64_t prefix);

/** Of them, those of their keys and values. */
double jup_config_kv_flops(const jup_config_t *config, int64_t rows);

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
