/**
 * A conversation on rank 0: one sequence that is held between turns, so that every turn computes
 * its own tokens only and finds the rest in the cache.
 */
#ifndef JUP_ASK_CHAT_H
#define JUP_ASK_CHAT_H

#include "ask/answer.h"
#include "ask/prompts.h"
#include "strategy/engine.h"

typedef struct jup_chat {
    jup_engine_t *engine;
    const jup_tokenizer_t *tokenizer;
    const jup_prompts_t *prompts;
    int32_t generate, context;
    bool ignore_eos, quiet;
    char *const *stops;
    FILE *in, *out;
    int32_t handle;      /* of the conversation; -1: not begun */
    jup_answer_t answer; /* of this turn */
    int32_t turn;
    int64_t reused, computed; /* prompt tokens found in the cache, and not */
} jup_chat_t;

/** The sink to give to jup_engine_init(). */
jup_scheduler_sink_t jup_chat_sink(jup_chat_t *chat);

/** Reads lines and answers them until the input ends, "/quit", or an interruption. */
jup_status_t jup_chat_run(jup_chat_t *chat, jup_error_t *err);

#endif
