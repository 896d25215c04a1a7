/**
 * A wish on its way: what the HTTP side and the engine's side both hold. Each of them lets go of it
 * once; the last one frees it. What the two exchange (outbox, flags) is guarded by the desk's lock.
 */
#ifndef JUP_SERVE_ORDER_H
#define JUP_SERVE_ORDER_H

#include "ask/reply.h"
#include "serve/compose.h"

#include <jansson.h>

/** One of the answers that were asked for. */
typedef struct jup_choice {
    int32_t question; /* its number; -1: not begun */
    bool came;        /* its first token */
    bool greeted;     /* news of it were sent */
    bool done;
    jup_picking_t picking;
    jup_show_t show;                  /* keeps the text that came and was not sent */
    int told;                         /* log probabilities that were sent */
    size_t shown[JUP_OUTLINE_POINTS]; /* bytes of each point that were sent, side by side */
    int32_t n_shown;                  /* points whose title was sent */
    /* once done: */
    char *text;
    json_t *logprobs; /* NULL: not told */
    json_t *points;   /* of an outline; NULL: none */
    const char *finish;
    int32_t tokens;
} jup_choice_t;

/** Bytes for the client. */
typedef struct jup_outbox {
    char *bytes;
    size_t n, taken, cap;
} jup_outbox_t;

typedef struct jup_order {
    /* fixed once it is made */
    char id[48];
    int64_t created; /* seconds since the epoch */
    jup_wish_t wish;
    jup_prompts_t prompts; /* a view */
    jup_questions_t questions;
    jup_tokens_t prompt;
    jup_answer_rules_t rules;
    jup_texts_t texts;
    jup_source_t source; /* the same course as in a run, with one question */
    double begin_s, deadline_s;
    /* the engine's */
    jup_choice_t *choices; /* (wish.choices) */
    int32_t reused;
    double first_s, end_s;
    /* guarded */
    int refs;
    bool gone;             /* the client left */
    bool cancelled;        /* no answer is wanted any more: that, or its time is up */
    bool complete;         /* nothing more will come into the outbox */
    jup_problem_t problem; /* in place of an answer */
    jup_outbox_t out;
    void *parked;           /* the connection that waits for more; NULL: none does */
    int fd;                 /* its socket */
    struct jup_order *next; /* in the desk's list */
} jup_order_t;

/** Takes over the wish and the prompt. */
jup_order_t *jup_order_new(const jup_forms_t *forms, jup_wish_t *wish, jup_tokens_t *prompt);
void jup_order_destroy(jup_order_t *order);

bool jup_order_is_done(const jup_order_t *order);

/** Tokens that its choices wrote so far that are done. */
int32_t jup_order_tokens(const jup_order_t *order);

void jup_outbox_add(jup_outbox_t *out, const char *bytes, size_t n);
/** Takes n bytes at most; how many. */
size_t jup_outbox_take(jup_outbox_t *out, char *to, size_t n);

#endif
