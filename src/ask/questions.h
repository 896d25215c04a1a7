/** Questions to answer: one from the command line, or many from a file of JSON lines. */
#ifndef JUP_ASK_QUESTIONS_H
#define JUP_ASK_QUESTIONS_H

#include "base/status.h"

#include <stdint.h>

typedef struct jup_question {
    char *id, *category, *text; /* in one block, id's; id, category: "" when not given */
} jup_question_t;

typedef struct jup_questions {
    jup_question_t *list;
    int32_t n, cap;
} jup_questions_t;

/**
 * One JSON object a line: "question" (or the first of "turns" or "questions"), optionally "id" or
 * "question_id", and "category" or "kind". Errors name the line.
 */
jup_status_t jup_questions_read(jup_questions_t *questions, const char *path, jup_error_t *err);

void jup_questions_add(jup_questions_t *questions, const char *id, const char *category,
                       const char *text);
void jup_questions_reset(jup_questions_t *questions);

#endif
