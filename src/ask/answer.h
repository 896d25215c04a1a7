/**
 * An answer as it comes: tokens to text, never half a UTF-8 character, nothing at or after a stop
 * string. Where it goes is another's business (ask/show.h).
 */
#ifndef JUP_ASK_ANSWER_H
#define JUP_ASK_ANSWER_H

#include "decode/likely.h"
#include "io/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum jup_answer_end {
    JUP_END_LENGTH,      /* as many tokens as asked */
    JUP_END_OF_TEXT,     /* the model ended its text */
    JUP_END_STOP,        /* a stop string came */
    JUP_END_INTERRUPTED, /* Ctrl-C or SIGTERM, or the reader of stdout went away */
    JUP_END_CONTEXT,     /* the context is full */
} jup_answer_end_t;

/** "length", "end of text", "stop string", "interrupted", "context". */
const char *jup_answer_end_name(jup_answer_end_t end);

/** What all answers of a run have in common. */
typedef struct jup_answer_rules {
    const jup_tokenizer_t *tokenizer; /* NULL: there is no text, only token ids */
    bool ignore_eos;
    char *const *stops; /* NULL-terminated, or NULL */
} jup_answer_rules_t;

typedef struct jup_answer {
    const jup_answer_rules_t *rules;
    jup_detokenizer_t detokenizer;
    char *text;     /* all of the answer so far, terminated */
    size_t length;  /* of it, in bytes */
    size_t settled; /* bytes of it that no stop string will cut */
    size_t cap;
    int32_t *tokens;
    int n_tokens, cap_tokens;
    jup_likely_t *likely; /* (n_likely) of the tokens, where that is told */
    int n_likely, cap_likely;
    char next_number[2][16]; /* "\n3.", "\n3)": stop strings of this answer alone; "": none */
    jup_answer_end_t end;
} jup_answer_t;

/** at_start: the answer continues no text, so a leading space of the tokenizer's goes. The rules
 * last until it is reset, which does not look at them any more. */
void jup_answer_init(jup_answer_t *answer, const jup_answer_rules_t *rules, bool at_start);
void jup_answer_reset(jup_answer_t *answer);

/** The answer is a point of a list and ends where this number would begin the next one. */
void jup_answer_end_before(jup_answer_t *answer, int32_t number);

/** Takes a token in; false when the answer ends with it. */
bool jup_answer_token(jup_answer_t *answer, int32_t token);

/** What the model thought of the token that comes next. */
void jup_answer_likely(jup_answer_t *answer, const jup_likely_t *likely);

/** No more tokens will come: all of the text is settled. */
void jup_answer_finish(jup_answer_t *answer);

#endif
