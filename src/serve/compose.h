/** From a wish to the ids of its prompt, as `jupiter run` and `jupiter chat` write them. */
#ifndef JUP_SERVE_COMPOSE_H
#define JUP_SERVE_COMPOSE_H

#include "serve/wish.h"

/** How the model is asked. What it names outlives it. */
typedef struct jup_forms {
    const jup_prompts_t *plain;
    const jup_prompts_t *with_system; /* NULL: a system text stands in front of the question */
    const jup_tokenizer_t *tokenizer;
    int32_t context; /* tokens of prompt and answer at most */
    int32_t max_points;
} jup_forms_t;

/** The prompts of a wish; a view: the forms and the wish's system text stay where they are. */
jup_prompts_t jup_compose_prompts(const jup_forms_t *forms, const jup_wish_t *wish);

/** A turn's question as it is asked: a new text. */
char *jup_compose_question(const jup_forms_t *forms, const jup_wish_t *wish, int32_t turn);

/** Appends to *tokens. False when it cannot be asked: it is longer than the context. */
bool jup_compose(const jup_forms_t *forms, const jup_wish_t *wish, jup_tokens_t *tokens,
                 jup_problem_t *problem);

#endif
