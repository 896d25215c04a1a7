/** What the server and its stages are doing, for /metrics and the page. */
#ifndef JUP_SERVE_STATE_H
#define JUP_SERVE_STATE_H

#include "serve/desk.h"
#include "strategy/engine.h"

/** Of the whole; the engine's side writes it under the desk's lock, the HTTP side reads it. */
typedef struct jup_state {
    const char *model;
    double begin_s;
    int64_t steps;
    int64_t kv_pages, kv_pages_most; /* promised, and there are */
    int32_t ranks;
    jup_vitals_t *now, *before; /* (ranks) as they told, and the time before */
    int64_t rounds;             /* of telling; below 2: no shares are known */
} jup_state_t;

void jup_state_init(jup_state_t *state, int32_t ranks);
void jup_state_reset(jup_state_t *state);

/** The engine's side: takes in how it is. */
void jup_state_update(jup_state_t *state, jup_desk_t *desk, const jup_engine_t *engine);

/** Prometheus' text format; {"requests", ...} for the page. New texts, for jup_free(). */
char *jup_state_metrics(const jup_state_t *state, jup_desk_t *desk);
char *jup_state_json(const jup_state_t *state, jup_desk_t *desk);

#endif
