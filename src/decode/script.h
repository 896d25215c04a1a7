/**
 * A scripted workload, for phantoms: how long prompts, outlines and answers are, and how often a
 * guess comes true, where nothing is computed that could tell. The control flow stays the real one:
 * the script stands in for the model's logits and for a draft source, and scheduler, verification
 * and caches do with these what they always do.
 *
 * File (YAML):
 *   script_version: 1
 *   seed: 1                        # of what comes true (1)
 *   accuracy: [0.6, 0.4, 0.3]      # chance that the guess for the token so far ahead is right, if
 *                                  # the ones before it are; none: no speculation
 *   requests:
 *     - {prompt: 260, answer: 64}                                    # a plain answer
 *     - {prompt: 120, outline: 40, heading: 8, points: [60, 45, 80]} # points after an outline
 */
#ifndef JUP_DECODE_SCRIPT_H
#define JUP_DECODE_SCRIPT_H

#include "decode/draft.h"
#include "model/step.h"

enum { JUP_SCRIPT_REQUESTS = 4096, JUP_SCRIPT_POINTS = 64, JUP_SCRIPT_TOKENS = 1 << 20 };

/** What stands in for the model; plain data. A sequence's next token follows from its last. */
typedef struct jup_script_model {
    int32_t on;
    int32_t vocab;
    uint64_t seed;
    int32_t depth; /* of the guesses; 0: none */
    double accuracy[JUP_GUESS_DEPTH];
} jup_script_model_t;

/** Lengths in tokens. */
typedef struct jup_script_request {
    int32_t prompt;
    int32_t answer;           /* of a plain one; 0 with an outline */
    int32_t outline, heading; /* the outline; what each point's prompt adds to it */
    int32_t n_points;
    int32_t points[JUP_SCRIPT_POINTS];
} jup_script_request_t;

typedef struct jup_script {
    jup_script_model_t model; /* vocab: the caller's */
    jup_script_request_t *requests;
    int32_t n;
} jup_script_t;

jup_status_t jup_script_read(jup_script_t *script, const char *path, jup_error_t *err);
void jup_script_reset(jup_script_t *script);

/** The longest prompt, and the longest sequence: prompt, outline, heading and point. */
int32_t jup_script_longest_prompt(const jup_script_t *script);
int32_t jup_script_longest_sequence(const jup_script_t *script);

/** The token after `token`, which is the sequence's token number `pos`. */
int32_t jup_script_next(const jup_script_model_t *model, int32_t token, int32_t pos);

/** Makes the next token of every row that gets logits (outputs, vocab) the likeliest. */
void jup_script_write(const jup_script_model_t *model, const jup_step_t *step, float *logits);

/** Zeroes what jup_script_write() wrote: logits that nobody computes cost no memory. */
void jup_script_erase(const jup_script_model_t *model, const jup_step_t *step, float *logits);

/** `script`: the source whose guesses are right as often as the model says; it costs nothing. */
void jup_draft_script_init(jup_draft_t *draft, const jup_script_model_t *model);

#endif
