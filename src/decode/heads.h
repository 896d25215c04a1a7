/**
 * Medusa heads (Cai et al. 2024) on the last stage: head i looks at the hidden state that gave the
 * next token and guesses the token i + 1 places after that one.
 *   logits_i = W_i (x + silu(A_i x + b_i))
 */
#ifndef JUP_DECODE_HEADS_H
#define JUP_DECODE_HEADS_H

#include "decode/guesses.h"
#include "tensor/ops.h"

typedef struct jup_head {
    jup_linear_t hidden; /* A (dim, dim) and b */
    jup_linear_t output; /* W (vocab, dim) */
} jup_head_t;

typedef struct jup_heads {
    int32_t n; /* heads, at most JUP_GUESS_DEPTH */
    int64_t dim, vocab;
    jup_head_t head[JUP_GUESS_DEPTH];
    int32_t width;          /* candidates per head */
    jup_compute_t *compute; /* the caller's */
    float *mixed, *logits;  /* (rows, dim), (rows, vocab) */
    int32_t rows;
    void *owned[3 * JUP_GUESS_DEPTH]; /* weights, released by jup_heads_reset() */
    int32_t n_owned;
} jup_heads_t;

/** Room for `rows` hidden states at a time. */
jup_status_t jup_heads_init(jup_heads_t *heads, jup_compute_t *compute, int64_t dim, int64_t vocab,
                            int32_t rows, jup_error_t *err);
void jup_heads_reset(jup_heads_t *heads);

/**
 * Reads medusa_head.{i}.0.linear.weight / .bias and medusa_head.{i}.1.weight, as the original
 * stores them (the prefix is optional).
 */
jup_status_t jup_heads_read(jup_heads_t *heads, const char *path, jup_error_t *err);

/** hidden (rows, dim) -> guesses (rows). */
void jup_heads_guess(jup_heads_t *heads, const float *hidden, int32_t rows, jup_guesses_t *guesses);

#endif
