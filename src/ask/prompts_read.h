/**
 * Files of prompts (data/prompts/NAME.json). Two forms:
 *
 *  - "question", how a turn of the user is written up to where the answer begins, for a model
 *    that was trained on conversations: outline and points are asked for in words. With it may
 *    stand "question_with_system" (the first turn when there is a system text), "default_system"
 *    (the text the template itself gives: a text, or a list of {"where_has", "text"}, the first
 *    whose words the template has), "default_system_between" (two texts around it in the template),
 *    "date" (strftime's format for {date}) and "outline_begins" ("1.").
 *  - "plain", "outline", "outline_begins" and "point", for a model that was trained on them.
 *
 * Both: "name", "turn_ends", "special", "one_line", and "recognise": "format" (the model's
 * jupiter.prompt.format), "chat_template_has" and "chat_template_lacks" (texts);
 * "render_where_has": texts of templates that only rendering gets right. {end} is the text of the
 * model's end-of-text token.
 */
#ifndef JUP_ASK_PROMPTS_READ_H
#define JUP_ASK_PROMPTS_READ_H

#include "ask/prompts.h"

#include <jansson.h>

/** What a model's file says about how it is asked. */
typedef struct jup_prompts_model {
    const char *format;   /* jupiter.prompt.format, or NULL */
    char *chat_template;  /* as jup_prompts_template() makes it; NULL: none */
    const char *end_text; /* of the end-of-text token; "" */
} jup_prompts_model_t;

/** A template with "\n" and '"' of its literals written one way; a new text for jup_free(). */
char *jup_prompts_template(const char *text);

/** Parses and checks a file; `name` is the path in messages. The caller releases *root. */
jup_status_t jup_prompts_parse(json_t **root, const char *name, const char *text, size_t bytes,
                               jup_error_t *err);

/** Whether a checked file is for this model; whether only rendering gets its template right. */
bool jup_prompts_is_for(const json_t *root, const jup_prompts_model_t *model);
bool jup_prompts_wants_rendering(const json_t *root, const jup_prompts_model_t *model);

/** The prompts that a checked file says. system: the user's text, or NULL. */
jup_status_t jup_prompts_from_file(jup_prompts_t *prompts, const json_t *root, const char *name,
                                   const jup_prompts_model_t *model, const char *system,
                                   jup_error_t *err);

/**
 * The prompts of a model of conversations, from its turns; outline and points in words.
 * first: begins a conversation; further: a turn of it.
 */
void jup_prompts_from_turns(jup_prompts_t *prompts, const char *name, const char *first,
                            const char *further, const char *turn_ends, const char *outline_begins);

#endif
