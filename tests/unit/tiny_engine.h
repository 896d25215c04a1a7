/** The engine over a tiny model, its ranks on the record transport. */
#ifndef JUP_TESTS_TINY_ENGINE_H
#define JUP_TESTS_TINY_ENGINE_H

#include "comm/record.h"
#include "strategy/engine.h"
#include "tiny_model.h"

typedef struct tiny_engine {
    const tiny_model_t *model;
    jup_engine_options_t options; /* windows of 0: the default of so many ranks */
    jup_scheduler_sink_t sink;
    void (*speculate)(jup_speculation_t *speculation); /* NULL: nothing is guessed */
    void (*work)(jup_engine_t *engine, void *self);    /* the first rank's; the others serve */
    void *self;
    /* how it went */
    int64_t peak_pages; /* of the first rank's cache */
} tiny_engine_t;

/** Greedy, plain, 64 rows a step, prompts in chunks of 32, room for kv_tokens. */
void tiny_engine_init(tiny_engine_t *t, const tiny_model_t *model, int64_t kv_tokens);

/** Fails the test when anything is left in a cache, in flight, or promised. */
void tiny_engine_run(tiny_engine_t *t, int ranks, const jup_record_options_t *how);

#endif
