/** The options of `jupiter run` and `jupiter chat` that concern decoding: outline and speculation.
 */
#ifndef JUP_APP_ASK_OPTIONS_H
#define JUP_APP_ASK_OPTIONS_H

#include "ask/texts.h"

#include <popt.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct jup_ask_options {
    struct poptOption table[20];
    char *outline_name, *speculate, *heads, *tree, *questions, *prompts, *system, *results,
        *accuracy;
    char *draft, *script, *journal, *resume;
    int max_points, parallel, window;
    int early_points, no_cancel;
    float typical;
    bool chat, serve, perplexity, bench; /* which command it is, if another than run */
    /* checked: */
    jup_outline_mode_t outline;
    bool lookup, medusa, model, form; /* draft sources */
    int32_t nodes;                    /* of a tree; 0: as measured */
    bool chain;
} jup_ask_options_t;

/** Defaults, and a table for POPT_ARG_INCLUDE_TABLE that writes into the options. */
void jup_ask_options_init(jup_ask_options_t *o);
jup_status_t jup_ask_options_check(jup_ask_options_t *o, jup_error_t *err);
void jup_ask_options_reset(jup_ask_options_t *o);

/** Whether any of them asks for more than plain decoding of one prompt. */
bool jup_ask_wanted(const jup_ask_options_t *o);

/** Whether the prompt is a question (or there is a file of them), not a text to go on with. */
bool jup_ask_takes_questions(const jup_ask_options_t *o);

#endif
