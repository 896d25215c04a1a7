/**
 * What stands in for a phantom's model, which computes nothing: what the next token is, and how
 * often a guess comes true. The control flow stays the real one: scheduler, verification and caches
 * do with these tokens what they always do.
 */
#ifndef JUP_DECODE_SCRIPTED_H
#define JUP_DECODE_SCRIPTED_H

#include "decode/draft.h"
#include "decode/form.h"
#include "model/step.h"

/**
 * Plain data. A sequence's next token follows from its last. With titles there is a list: its lines
 * begin with marks of three tokens ("\n", "3", "."), and its tokens are no other text's.
 */
typedef struct jup_scripted {
    int32_t on;
    int32_t vocab;
    uint64_t seed;
    int32_t depth;                  /* of the guesses; 0: none */
    int32_t width[JUP_GUESS_DEPTH]; /* candidates for the token so far ahead; 0: one */
    /* chance of a candidate, if the tokens before it are among theirs */
    double accuracy[JUP_GUESS_DEPTH][JUP_GUESS_WIDTH];
    double draft_s; /* what the first stage computes for each token that it guesses */
    int32_t n_titles;
    int32_t titles[JUP_FORM_NUMBERS]; /* their tokens, 1 to JUP_SCRIPTED_TITLE */
} jup_scripted_t;

enum {
    JUP_SCRIPTED_MARK = 3,   /* tokens of a mark */
    JUP_SCRIPTED_TITLE = 16, /* tokens of a title at most */
};

/** Token `at` (0, 1, 2) of the mark that begins line `number`, from 1 on. */
int32_t jup_scripted_mark(const jup_scripted_t *scripted, int32_t number, int32_t at);

/** Tokens of the list behind its first mark. */
int32_t jup_scripted_list_tokens(const jup_scripted_t *scripted);

/** The form of its list. */
void jup_scripted_form(const jup_scripted_t *scripted, jup_form_t *form);

/** The token after `token`, which is the sequence's token number `pos`. */
int32_t jup_scripted_next(const jup_scripted_t *scripted, int32_t token, int32_t pos);

/** Makes the next token of every row that gets logits (outputs, vocab) the likeliest. */
void jup_scripted_write(const jup_scripted_t *scripted, const jup_step_t *step, float *logits);

/** Zeroes what jup_scripted_write() wrote: logits that nobody computes cost no memory. */
void jup_scripted_erase(const jup_scripted_t *scripted, const jup_step_t *step, float *logits);

/** `script`: the source whose guesses are right as often as told, and cost what is told. Where
 * several candidates are told of, it is known beforehand how often each is right. */
void jup_draft_scripted_init(jup_draft_t *draft, const jup_scripted_t *scripted);

#endif
