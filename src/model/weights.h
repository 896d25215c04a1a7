/** The weights of one shard: views into a mapped file (or into anything that outlives them). */
#ifndef JUP_MODEL_WEIGHTS_H
#define JUP_MODEL_WEIGHTS_H

#include "model/config.h"

/** A norm that the family does not have is NULL. */
typedef struct jup_layer_weights {
    const float *attn_norm;       /* (dim) */
    jup_linear_t qkv[3];          /* (heads * head_dim, dim), 2 x (kv_heads * head_dim, dim) */
    const float *q_norm, *k_norm; /* (head_dim), or one row of q and of k */
    jup_linear_t out;             /* (dim, heads * head_dim) */
    const float *attn_post_norm;  /* (dim) */
    const float *ffn_norm;        /* (dim) */
    jup_linear_t router;          /* (experts, dim), where there are some; the next two are then */
    jup_linear_t gate_up[2];      /* 2 x (ffn, dim)       theirs, one above the other */
    jup_linear_t down;            /* (dim, ffn) */
    const float *ffn_post_norm;   /* (dim) */
} jup_layer_weights_t;

typedef struct jup_weights {
    jup_shard_t shard;
    jup_layer_weights_t *layers; /* shard.last - shard.first of them, owned */
    jup_matrix_t embedding;      /* (vocab, dim); on the first stage */
    const float *output_norm;    /* (dim); on the last stage, as is the next */
    jup_linear_t output;         /* (vocab, dim) */
    float *rope_factors;      /* (rope_dim / 2) divisors of the frequencies, owned, or NULL ... */
    float *rope_factors_long; /* ... and where the context is longer than the original one */
    void **kept;              /* blocks that live as long as these weights, owned */
    int n_kept;
    size_t mapped_bytes; /* of the weights that lie in the file */
    size_t owned_bytes;  /* of those in kept: columns of a part, decoded norms and biases */
} jup_weights_t;

/** Makes room for the shard's layers; everything zero. */
void jup_weights_init(jup_weights_t *weights, const jup_shard_t *shard);
void jup_weights_reset(jup_weights_t *weights);

/** Takes over a block until reset; returns it. */
void *jup_weights_keep(jup_weights_t *weights, void *block);

/** All of them, wherever they lie. */
size_t jup_weights_bytes(const jup_weights_t *weights);

#endif
