/**
 * A scripted workload, for phantoms: how long prompts, outlines and answers are, and how often a
 * guess comes true, where nothing is computed that could tell (decode/scripted.h).
 *
 * File (YAML):
 *   script_version: 1
 *   seed: 1                        # of what comes true (1)
 *   accuracy: [0.6, 0.4, 0.3]      # chance that the guess for the token so far ahead is right, if
 *                                  # the ones before it are; none: no speculation. A list in place
 *                                  # of a number: of the first, second ... candidate for it
 *   draft_ms: 18                   # the first device computes so long for each token that it
 *                                  # guesses (0: guesses of heads)
 *   titles: [4, 3, 5]              # outlines are lists of titles so long, with marks of three
 *                                  # tokens between them; none: any text
 *   form: true                     # what such a list must have next is guessed (false)
 *   requests:
 *     - {prompt: 260, answer: 64}                                    # a plain answer
 *     - {prompt: 120, outline: 40, heading: 8, points: [60, 45, 80]} # points after an outline
 */
#ifndef JUP_ASK_SCRIPT_H
#define JUP_ASK_SCRIPT_H

#include "ask/outline.h"
#include "decode/scripted.h"

enum { JUP_SCRIPT_REQUESTS = 4096, JUP_SCRIPT_TOKENS = 1 << 20 };

/** Lengths in tokens. */
typedef struct jup_script_request {
    int32_t prompt;
    int32_t answer;           /* of a plain one; 0 with an outline */
    int32_t outline, heading; /* the outline; what each point's prompt adds to it */
    int32_t n_points;
    int32_t points[JUP_OUTLINE_POINTS];
} jup_script_request_t;

typedef struct jup_script {
    jup_scripted_t model; /* vocab: the caller's */
    jup_script_request_t *requests;
    int32_t n;
    bool form; /* a source of guesses */
} jup_script_t;

jup_status_t jup_script_read(jup_script_t *script, const char *path, jup_error_t *err);
void jup_script_reset(jup_script_t *script);

/** Tokens of a request's points together. */
int32_t jup_script_points(const jup_script_request_t *request);

/** The longest prompt, and the longest sequence: prompt, outline, heading and point. */
int32_t jup_script_longest_prompt(const jup_script_t *script);
int32_t jup_script_longest_sequence(const jup_script_t *script);

#endif
