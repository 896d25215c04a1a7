/** What is said to a client about its order, in OpenAI's JSON. New texts, for jup_free(). */
#ifndef JUP_SERVE_SPEAK_H
#define JUP_SERVE_SPEAK_H

#include "serve/order.h"

/** Who speaks. */
typedef struct jup_speaking {
    const char *model;
    char fingerprint[24];
} jup_speaking_t;

/** News of one choice. */
typedef struct jup_news {
    const char *text; /* (bytes) that came */
    size_t bytes;
    json_t *logprobs;   /* of the tokens that came, taken over; NULL: not told */
    json_t *points;     /* what came of an outline's points, taken over; NULL: nothing */
    const char *finish; /* why it ends with this; NULL: it does not */
} jup_news_t;

/** An event of a stream, with its "data: " and empty line. */
char *jup_speak_news(const jup_speaking_t *who, const jup_order_t *order, int32_t choice,
                     const jup_news_t *news);
char *jup_speak_usage(const jup_speaking_t *who, const jup_order_t *order);
char *jup_speak_problem_event(const jup_problem_t *problem);

/** {"error": ...}. */
char *jup_speak_problem(const jup_problem_t *problem);

/** The whole answer, all choices done. */
char *jup_speak_whole(const jup_speaking_t *who, const jup_order_t *order);

#endif
