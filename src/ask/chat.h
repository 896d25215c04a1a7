/**
 * A conversation on rank 0: one sequence that is held between turns, so that every turn computes
 * its own tokens only and finds the rest in the cache.
 */
#ifndef JUP_ASK_CHAT_H
#define JUP_ASK_CHAT_H

#include "ask/prompts.h"
#include "ask/show.h"
#include "strategy/engine.h"

typedef struct jup_chat {
    jup_engine_t *engine;
    const jup_prompts_t *prompts;
    jup_answer_rules_t rules;
    jup_show_t *show;
    FILE *in;
    int32_t generate, context;
    bool quiet;
    int32_t handle;      /* of the conversation; -1: not begun */
    jup_answer_t answer; /* of this turn */
    jup_shown_t shown;
    int32_t turn;
    int64_t reused, computed; /* prompt tokens found in the cache, and not */
} jup_chat_t;

/** The sink to give to jup_engine_init(). */
jup_scheduler_sink_t jup_chat_sink(jup_chat_t *chat);

/**
 * Reads lines and answers them until the input ends, "/quit", or an interruption. A line that
 * cannot be asked is named in a warning.
 */
void jup_chat_run(jup_chat_t *chat);

#endif
