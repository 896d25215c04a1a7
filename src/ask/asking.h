/**
 * Rank 0's side of answering questions with the engine: which prompts go in, what becomes of the
 * tokens that come out.
 *
 *   plain     one sequence per question
 *   outline   a trunk (question and outline), then one branch per point, all sharing the trunk's
 *             cache; the points' texts are joined in order and streamed as soon as the next point
 *             in order has text. No usable outline: a plain answer, which shares the question.
 */
#ifndef JUP_ASK_ASKING_H
#define JUP_ASK_ASKING_H

#include "ask/answer.h"
#include "ask/outline.h"
#include "ask/prompts.h"
#include "ask/questions.h"
#include "strategy/engine.h"

enum { JUP_OUTLINE_TOKENS = 256 }; /* of an outline at most */

typedef enum jup_outline_mode {
    JUP_OUTLINE_OFF,
    JUP_OUTLINE_ON,
    JUP_OUTLINE_AUTO
} jup_outline_mode_t;

typedef struct jup_asking_options {
    jup_outline_mode_t outline;
    int32_t generate; /* tokens of an answer, or of one point, at most */
    int32_t context;  /* positions that the model knows */
    int32_t max_points;
    int32_t parallel; /* questions at a time */
    bool ignore_eos, ids, quiet;
    char *const *stops;
    FILE *stream; /* the first question's answer as it comes; NULL: none */
} jup_asking_options_t;

/** One sequence: the outline, a point, or a plain answer. */
typedef struct jup_answer_part {
    int32_t handle; /* -1: not begun */
    int32_t branch; /* 0: outline or plain answer, else the point's place */
    jup_tokens_t prompt;
    jup_answer_t answer;
    bool begun, ended;
    double begin_s, first_s, end_s;
} jup_answer_part_t;

typedef struct jup_inquiry {
    const jup_question_t *question;
    int32_t number;
    bool wants_outline, has_outline;
    const char *reason; /* why (not) */
    bool begun, done;
    jup_answer_part_t trunk, plain;
    jup_outline_t outline;
    jup_answer_part_t *points; /* (outline.n) */
    int32_t streaming;         /* the point whose text is being shown */
    bool heading_shown;
    size_t shown;
    char *text; /* the whole answer, once done */
    double begin_s, end_s;
} jup_inquiry_t;

typedef struct jup_asking {
    jup_asking_options_t options;
    jup_engine_t *engine;
    const jup_tokenizer_t *tokenizer;
    const jup_prompts_t *prompts;
    const jup_tokens_t *raw; /* a prompt taken as it is instead of questions; or NULL */
    jup_inquiry_t *inquiries;
    int32_t n, next, open;
    jup_status_t status; /* of the first thing that failed */
    jup_error_t err;
    void (*done)(void *self, const jup_inquiry_t *inquiry); /* NULL: nobody wants to know */
    void *done_self;
} jup_asking_t;

/** The sink to give to jup_engine_init(). */
jup_scheduler_sink_t jup_asking_sink(jup_asking_t *asking);

/** The questions, prompts (NULL with raw) and tokenizer outlive it. */
void jup_asking_init(jup_asking_t *asking, const jup_asking_options_t *options,
                     jup_engine_t *engine, const jup_tokenizer_t *tokenizer,
                     const jup_prompts_t *prompts, const jup_questions_t *questions,
                     const jup_tokens_t *raw);
void jup_asking_reset(jup_asking_t *asking);

/** Answers all questions; false when interrupted. */
jup_status_t jup_asking_run(jup_asking_t *asking, bool *interrupted, jup_error_t *err);

/** Tokens that the model wrote for a question, outline included. */
int32_t jup_inquiry_tokens(const jup_inquiry_t *inquiry);

#endif
