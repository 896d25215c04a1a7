/**
 * What stands in for a phantom's model, which computes nothing: what the next token is, and how
 * often a guess comes true. The control flow stays the real one: scheduler, verification and caches
 * do with these tokens what they always do.
 */
#ifndef JUP_DECODE_SCRIPTED_H
#define JUP_DECODE_SCRIPTED_H

#include "decode/draft.h"
#include "model/step.h"

/** Plain data. A sequence's next token follows from its last. */
typedef struct jup_scripted {
    int32_t on;
    int32_t vocab;
    uint64_t seed;
    int32_t depth; /* of the guesses; 0: none */
    double
        accuracy[JUP_GUESS_DEPTH]; /* chance of the guess so far ahead, if those before are right */
} jup_scripted_t;

/** The token after `token`, which is the sequence's token number `pos`. */
int32_t jup_scripted_next(const jup_scripted_t *scripted, int32_t token, int32_t pos);

/** Makes the next token of every row that gets logits (outputs, vocab) the likeliest. */
void jup_scripted_write(const jup_scripted_t *scripted, const jup_step_t *step, float *logits);

/** Zeroes what jup_scripted_write() wrote: logits that nobody computes cost no memory. */
void jup_scripted_erase(const jup_scripted_t *scripted, const jup_step_t *step, float *logits);

/** `script`: the source whose guesses are right as often as told; it costs nothing. */
void jup_draft_scripted_init(jup_draft_t *draft, const jup_scripted_t *scripted);

#endif
