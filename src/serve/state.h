/** What the server and its stages are doing, for /metrics and the page. */
#ifndef JUP_SERVE_STATE_H
#define JUP_SERVE_STATE_H

#include "serve/desk.h"

/** Of the whole; the engine's side writes it under the desk's lock, the HTTP side reads it. */
typedef struct jup_state {
    double begin_s;
    int64_t steps;
    int64_t kv_pages, kv_pages_most; /* promised, and there are */
    int32_t sequences;
} jup_state_t;

/** Prometheus' text format; {"requests", ...} for the page. New texts, for jup_free(). */
char *jup_state_metrics(const jup_state_t *state, jup_desk_t *desk);
char *jup_state_json(const jup_state_t *state, jup_desk_t *desk);

#endif
