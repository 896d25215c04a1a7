/**
 * Prompts: how a model wants to be asked for a plain answer, for an outline and for one of its
 * points, and how a conversation goes on. Files of data/prompts, compiled in; {question}, {system},
 * {index} and {title} are filled in. What begins a conversation begins with the question, so that
 * its cache is computed once; a point's prompt is what follows the question and the outline that
 * the model wrote.
 */
#ifndef JUP_ASK_PROMPTS_H
#define JUP_ASK_PROMPTS_H

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

/** Fills in a template: a new text for jup_free(). question, title: may be NULL when not used. */
char *jup_prompts_fill(const jup_prompts_t *prompts, const char *form, const char *question,
                       int32_t index, const char *title);

/** The ids of a filled template at the beginning of a context; appended. */
jup_status_t jup_prompts_encode(const jup_prompts_t *prompts, const jup_tokenizer_t *tokenizer,
                                const char *text, jup_tokens_t *tokens, jup_error_t *err);

/** The ids of a text that goes on after other text: no begin of text, no space put in front. */
jup_status_t jup_prompts_encode_further(const jup_prompts_t *prompts,
                                        const jup_tokenizer_t *tokenizer, const char *text,
                                        jup_tokens_t *tokens, jup_error_t *err);

#endif
