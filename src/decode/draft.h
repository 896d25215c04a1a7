/**
 * A draft source: something cheap that guesses the tokens to come. What it guesses is verified, so
 * a bad source costs time and never changes an answer. Sources run on the first stage; heads on the
 * last stage send their guesses along with the verdict, and their source passes these on.
 */
#ifndef JUP_DECODE_DRAFT_H
#define JUP_DECODE_DRAFT_H

#include "decode/accuracy.h"
#include "decode/guesses.h"
#include "io/gguf.h"
#include "tensor/ops.h"

#include <stdbool.h>

typedef struct jup_draft_context {
    int32_t sequence;      /* small number, the same while the sequence lives */
    const int32_t *tokens; /* (n) all known tokens, the newest last */
    int32_t n;
    int32_t assumed;              /* how many of the last are guesses themselves */
    bool list;                    /* a numbered list is being written */
    const jup_guesses_t *at_hand; /* the heads' guesses for just this context; may be NULL */
} jup_draft_context_t;

typedef struct jup_draft {
    const char *name;
    void *self;
    /** Fills guesses; depth 0 when it has none. */
    void (*propose)(void *self, const jup_draft_context_t *context, jup_guesses_t *guesses);
    /** The sequence ended; NULL when the source keeps nothing. */
    void (*forget)(void *self, int32_t sequence);
    /** Releases the source; NULL when it owns nothing. */
    void (*destroy)(void *self);
    jup_accuracy_t accuracy;         /* measured */
    int64_t laps, offered, accepted; /* segments it proposed, their nodes, those that came true */
    double predicted;                /* sum over laps of the tokens expected */
} jup_draft_t;

/** `lookup`: what followed the longest earlier occurrence of the last tokens (Saxena 2023). */
void jup_draft_lookup_init(jup_draft_t *draft);

/** `medusa`: the guesses that come with the verdicts (Cai et al. 2024). */
void jup_draft_medusa_init(jup_draft_t *draft);

/** `form`: nothing of its own; a list's form (speculation.h) grows the tree alone. */
void jup_draft_form_init(jup_draft_t *draft);

/**
 * `model`: a small model of the same tokens as `model` (padding may differ), whole on the first
 * stage. vocab: ids that the model can give.
 */
jup_status_t jup_draft_model_init(jup_draft_t *draft, const char *path, const jup_ops_t *ops,
                                  int threads, const jup_gguf_t *model, int32_t vocab,
                                  jup_error_t *err);

void jup_draft_reset(jup_draft_t *draft);

#endif
