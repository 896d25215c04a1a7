/** A source of questions in words, asked as a model's prompts say; or of one prompt as it is. */
#ifndef JUP_ASK_TEXTS_H
#define JUP_ASK_TEXTS_H

#include "ask/prompts.h"
#include "ask/questions.h"
#include "ask/source.h"
#include "decode/form.h"

enum {
    JUP_OUTLINE_TOKENS = 256,
    JUP_HEADING_TOKENS = 64
}; /* of an outline, of a heading at most */

typedef enum jup_outline_mode {
    JUP_OUTLINE_OFF,
    JUP_OUTLINE_ON,
    JUP_OUTLINE_AUTO
} jup_outline_mode_t;

typedef struct jup_texts {
    const jup_questions_t *questions;
    const jup_prompts_t *prompts; /* NULL with raw */
    const jup_tokenizer_t *tokenizer;
    const jup_tokens_t *raw; /* a prompt taken as it is, in place of the only question; or NULL */
    jup_outline_mode_t mode;
    int32_t generate;             /* tokens of an answer, or of one point, at most */
    int32_t max_points;           /* in [2, JUP_OUTLINE_POINTS] */
    const jup_picking_t *picking; /* of all answers; NULL: as the job says */
    int32_t context;              /* tokens that a prompt may have at most; 0: any number */
} jup_texts_t;

/** texts and what it names outlive the source. */
jup_source_t jup_texts_source(jup_texts_t *texts);

/** What begins the lines of an outline, as far as the tokenizer has it in few tokens. */
void jup_texts_form(const jup_texts_t *texts, jup_form_t *form);

/** Tokens of the longest prompt of `fits` tokens at most; 0: none is. */
jup_status_t jup_texts_longest(jup_texts_t *texts, int32_t fits, int32_t *longest,
                               jup_error_t *err);

#endif
