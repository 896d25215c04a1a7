/**
 * Prompts: how a model wants to be asked for a plain answer, for an outline and for one of its
 * points, and how a conversation goes on. Files of data/prompts, compiled in; {question}, {system},
 * {index} and {title} are filled in. What begins a conversation begins with the question, so that
 * its cache is computed once; a point's prompt is what follows the question and the outline that
 * the model wrote.
 */
#ifndef JUP_ASK_PROMPTS_H
#define JUP_ASK_PROMPTS_H

#include "ask/fill.h"
#include "io/gguf.h"
#include "io/tokenizer.h"

typedef struct jup_prompts {
    char *name;
    char *plain;          /* begins a conversation */
    char *further;        /* a further question of it */
    char *outline;        /* begins one with a request for an outline */
    char *point;          /* follows an outline */
    char *outline_begins; /* the end of `outline` that belongs to the list already, e.g. "1." */
    char *turn_ends;      /* between an answer and a further question */
    char *system;         /* for {system}: the user's, or the template's own */
    bool special;         /* control tokens written out in the templates are meant as such */
    bool typed;           /* and those written out in questions, too: the user's choice */
    bool one_line;        /* line breaks in a question become spaces */
    bool begins;          /* the begin-of-text token is the template's, whatever the tokenizer's */
} jup_prompts_t;

/**
 * wanted: a name of data/prompts; a path of such a file; "template": the model's own chat template,
 * rendered (prompts_render.h); or "auto" or NULL: the one that the model's file names
 * (jupiter.prompt.format), or whose chat template looks like it (tokenizer.chat_template), or, for
 * an unknown one, as "template". system: the text of the system turn; NULL: the template's own, if
 * it has one.
 */
jup_status_t jup_prompts_choose(jup_prompts_t *prompts, const jup_gguf_t *g, const char *wanted,
                                const char *system, jup_error_t *err);
void jup_prompts_reset(jup_prompts_t *prompts);

/** Fills in one of the forms. question, title: may be NULL when not used. */
void jup_prompts_fill(const jup_prompts_t *prompts, const char *form, const char *question,
                      int32_t index, const char *title, jup_filled_t *filled);

/**
 * The ids of a filled form at the beginning of a context; appended. What was filled in is plain
 * text: no control token that somebody typed is taken as one, unless `typed` asks for it.
 */
jup_status_t jup_prompts_encode(const jup_prompts_t *prompts, const jup_tokenizer_t *tokenizer,
                                const jup_filled_t *asked, jup_tokens_t *tokens, jup_error_t *err);

/** The ids of a text that goes on after other text: no begin of text, no space put in front. */
jup_status_t jup_prompts_encode_further(const jup_prompts_t *prompts,
                                        const jup_tokenizer_t *tokenizer, const jup_filled_t *said,
                                        jup_tokens_t *tokens, jup_error_t *err);

#endif
