/**
 * A conversation on rank 0: one sequence that is held between turns, so that every turn computes
 * its own tokens only and finds the rest in the cache.
 */
#ifndef JUP_ASK_CHAT_H
#define JUP_ASK_CHAT_H

#include "ask/input.h"
#include "ask/prompts.h"
#include "ask/show.h"
#include "ask/transcript.h"
#include "strategy/engine.h"

typedef struct jup_chat {
    jup_engine_t *engine;
    const jup_prompts_t *prompts;
    jup_answer_rules_t rules;
    jup_show_t *show;
    FILE *in;
    int32_t generate, context;
    bool quiet;
    bool typed; /* by a person, who is shown where to type */
    /** Another system text from now on, NULL: the template's own; NULL: there is no such way. */
    jup_status_t (*set_system)(void *self, const char *text, jup_error_t *err);
    void *set_system_self;
    /* the conversation's own: */
    jup_input_t input;
    jup_transcript_t transcript;
    bool stopping;       /* the answer under way, by Ctrl-C */
    int32_t handle;      /* of the conversation; -1: not begun */
    jup_answer_t answer; /* of this turn */
    jup_shown_t shown;
    int32_t turn;
    int64_t reused, computed; /* prompt tokens found in the cache, and not */
} jup_chat_t;

/** The sink to give to jup_engine_init(). */
jup_scheduler_sink_t jup_chat_sink(jup_chat_t *chat);

/**
 * Reads messages (ask/input.h) and answers them, or follows them (ask/chat_orders.h), until the
 * input ends, "/quit", SIGTERM, or Ctrl-C while no answer comes; where one comes, Ctrl-C ends it
 * alone. What cannot be asked is named in a warning.
 */
void jup_chat_run(jup_chat_t *chat);

/** A line from the program, not the model: on standard error, or among the answers where a person
 * reads them, since two streams would arrive in any order. */
void jup_chat_tell(jup_chat_t *chat, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Likewise, of what went wrong: that even --quiet keeps. */
void jup_chat_warn(jup_chat_t *chat, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The conversation begins anew. */
void jup_chat_forget(jup_chat_t *chat);

#endif
