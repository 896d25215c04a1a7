/**
 * The forward pass of one stage: embedding, its decoder layers over its KV cache, the head.
 * Each layer (Touvron et al. 2023):
 *   x += Wo attention(rope(Wq n), rope(Wk n), Wv n)     n = rmsnorm(x)
 *   x += Wdown (silu(Wgate n) * Wup n)                  n = rmsnorm(x)
 * or what the model's family makes of it (model/family.h).
 * The lines of a layer are public, each over some rows of the step, for whoever shares a layer
 * between ranks and has messages to move between them.
 */
#ifndef JUP_MODEL_FORWARD_H
#define JUP_MODEL_FORWARD_H

#include "model/experts.h"
#include "model/kv.h"
#include "model/rope.h"
#include "model/step.h"
#include "model/weights.h"

typedef struct jup_forward_limits {
    int32_t rows;      /* of one step */
    int32_t outputs;   /* rows with logits of one step */
    int64_t kv_tokens; /* of all sequences together */
    int64_t context;   /* of the longest one: whether it is stretched beyond the original; 0: no */
    jup_dtype_t kv_dtype;
    /**
     * JUP_F16: the residual stream is rounded to half precision after every layer, which is what
     * the wire does between stages; so the answer does not depend on where the layers are cut.
     * JUP_F32: it is not (the wire then carries f32).
     */
    jup_dtype_t residual_dtype;
    bool every_row; /* of the model's last layer, too: to time layers, or other systems */
} jup_forward_limits_t;

typedef struct jup_forward {
    const jup_config_t *config;
    const jup_weights_t *weights;
    jup_compute_t *compute;
    jup_forward_limits_t limits;
    jup_kv_t kv;
    jup_rope_t rope, local_rope; /* the latter where layers with a window have their own */
    jup_rope_angles_t angles, local_angles; /* of the step's rows */
    /* called between sub-layers, to move messages; false: nobody wants the step any more. May be
     * NULL. */
    bool (*between)(void *self);
    void *between_self;

    float *x;                    /* (rows, dim): in and out of layers() */
    float *norm;                 /* (rows, dim) */
    float *q, *k, *v, *attended; /* (rows, heads * head_dim), 2 x (rows, kv_heads * head_dim) */
    float *gate, *up;            /* (rows, ffn), or (rows * experts used, ffn) */
    jup_experts_t experts;
    float *sum;    /* (rows, dim): what out() and down() make; x itself where that is just added */
    float *hidden; /* (outputs, dim): normalised, input of the output matrix and of draft heads */
    float *logits; /* (outputs, rows of the output matrix): the vocabulary, or a part's of it */
    int32_t *pos;  /* (rows) */
    uint64_t *masks;
    const uint64_t *trees[JUP_STEP_MAX_SEGMENTS]; /* a segment's masks; NULL: a chain */
    jup_attention_t *attention;                   /* (JUP_STEP_MAX_SEGMENTS) */
    jup_kv_run_t *runs, *new_runs;
    int cap_runs;
    uint16_t *halves;  /* (dim): a row of the residual stream in half precision */
    size_t work_bytes; /* of the buffers above */
    int64_t stretched; /* rows that were beyond half precision, see model/half_row.h */
    bool unwanted;     /* what `between` said of the step being computed */
    bool narrowed;     /* its last layer has only the rows of: */
    jup_step_t wanted; /* segments and rows alone */
} jup_forward_t;

/**
 * The config, weights and compute stay with the caller and outlive the forward pass. For a part
 * (model/part.h) the config is the part's; its layers then add a summand to x, and whoever runs
 * them adds up.
 */
jup_status_t jup_forward_init(jup_forward_t *f, const jup_config_t *config,
                              const jup_weights_t *weights, jup_compute_t *compute,
                              const jup_forward_limits_t *limits, jup_error_t *err);
void jup_forward_reset(jup_forward_t *f);

/** Applies the step's edits and takes cache slots for its rows. Before the next three. */
jup_status_t jup_forward_begin(jup_forward_t *f, const jup_step_t *step, jup_error_t *err);

/** x = the embeddings of the step's tokens. First stage. */
void jup_forward_embed(jup_forward_t *f, const jup_step_t *step);

/** The two halves of a layer. */
typedef enum jup_half { JUP_ATTENTION, JUP_FFN } jup_half_t;

/** How many layers the shard holds; `layer` below counts them from 0. */
int jup_forward_depth(const jup_forward_t *f);

/**
 * The lines of a layer in their order, over rows [at, at + n) of the step that was begun. What a
 * row becomes does not depend, to the last bit, on the rows computed in the same call. cache()
 * takes the rows of the whole step; a row attends to what cache() has stored up to then. Where
 * ranks share a layer, each of them makes a part of the sum: it is complete only when theirs are
 * added, which goes before add(). Where the sum is x, all but one rank begin from rows of zero.
 */
void jup_forward_norm(jup_forward_t *f, jup_half_t half, int layer, int64_t at,
                      int64_t n);                                         /* x -> norm */
void jup_forward_qkv(jup_forward_t *f, int layer, int64_t at, int64_t n); /* norm -> q, k, v */
void jup_forward_cache(jup_forward_t *f, const jup_step_t *step, int layer);

/**
 * qkv() and cache() of the whole step, and the rows that go on from there: all of them (`step`
 * itself), but in the model's last layer those alone that the head wants, which then lie at the
 * front of x: rows 0 .. rows - 1 of the step returned, which may have none and is valid until the
 * next begin(). The other rows of x mean nothing from then on.
 */
const jup_step_t *jup_forward_qkv_and_cache(jup_forward_t *f, const jup_step_t *step, int layer);
void jup_forward_attend(jup_forward_t *f, const jup_step_t *step, int layer, int64_t at,
                        int64_t n); /* q -> attended; a candidate tree's rows come together */
void jup_forward_out(jup_forward_t *f, int layer, int64_t at, int64_t n); /* sum (+)= Wo attended */
void jup_forward_add(jup_forward_t *f, jup_half_t half, int layer, int64_t at,
                     int64_t n); /* x += norm(sum) scale; nothing, where the sum is x */
/* and after the second norm: */
void jup_forward_gate_up(jup_forward_t *f, int layer, int64_t at, int64_t n); /* norm -> gate, up */
void jup_forward_down(jup_forward_t *f, int layer, int64_t at,
                      int64_t n); /* sum (+)= Wdown (...) */
/* add() again, and: */
void jup_forward_round_rows(jup_forward_t *f, int64_t at, int64_t n); /* x, if it is kept in F16 */

/**
 * x -> x through the shard's layers; of the model's last one, rows that nobody wants are left out
 * (see qkv_and_cache()). False when `between` ended it halfway: x and what the caches
 * hold for the step's rows mean nothing then.
 */
bool jup_forward_layers(jup_forward_t *f, const jup_step_t *step);

/** Operations of the shard's layers on the rows of the step last begun, by what it left out. */
double jup_forward_flops(const jup_forward_t *f, const jup_step_t *step);

/** logits of the rows that want them, in step order; returns how many. Last stage. */
int32_t jup_forward_head(jup_forward_t *f, const jup_step_t *step);

#endif
