/**
 * The answer as it comes: tokens to text, never half a UTF-8 character, nothing at or after a stop
 * string, streamed to stdout or kept for the JSON output.
 */
#ifndef JUP_ASK_ANSWER_H
#define JUP_ASK_ANSWER_H

#include "io/tokenizer.h"

#include <stdbool.h>
#include <stdio.h>

typedef enum jup_answer_end {
    JUP_END_LENGTH,      /* as many tokens as asked */
    JUP_END_OF_TEXT,     /* the model ended its text */
    JUP_END_STOP,        /* a stop string came */
    JUP_END_INTERRUPTED, /* Ctrl-C or SIGTERM, or the reader of stdout went away */
} jup_answer_end_t;

/** "length", "end of text", "stop string", "interrupted". */
const char *jup_answer_end_name(jup_answer_end_t end);

typedef struct jup_answer {
    const jup_tokenizer_t *tokenizer; /* NULL: there is no text, only token ids */
    jup_detokenizer_t detokenizer;
    FILE *out; /* NULL: keep only */
    bool ids;  /* print token ids, not text */
    bool ignore_eos;
    char *const *stops; /* NULL-terminated, or NULL */
    char *text;         /* all of the answer so far, terminated */
    size_t length, cap, printed;
    int32_t *tokens;
    int n_tokens, cap_tokens;
    jup_answer_end_t end;
} jup_answer_t;

/** at_start: the answer continues no text, so a leading space of the tokenizer's goes. */
void jup_answer_init(jup_answer_t *answer, const jup_tokenizer_t *tokenizer, bool at_start,
                     FILE *out, bool ids, bool ignore_eos, char *const *stops);
void jup_answer_reset(jup_answer_t *answer);

/** Takes a token in; false when the answer ends with it. */
bool jup_answer_token(jup_answer_t *answer, int32_t token);

/** Prints what was held back. */
void jup_answer_finish(jup_answer_t *answer);

#endif
