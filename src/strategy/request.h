/** One question to answer, known to every rank. */
#ifndef JUP_STRATEGY_REQUEST_H
#define JUP_STRATEGY_REQUEST_H

#include "model/sampler.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct jup_request {
    int32_t prompt_tokens;
    int32_t generate;      /* at most so many tokens */
    const int32_t *chunks; /* lengths of the micro-sequence chunks, summing to prompt_tokens */
    int32_t n_chunks;
    bool all_logits; /* every position's logits come back, for tests and perplexity */
    jup_sampling_t sampling;
} jup_request_t;

/** Where the first stage's results go; functions may be NULL. */
typedef struct jup_sink {
    void *self;
    /** A sampled token and its logit's lead over the second; false ends the request. */
    bool (*token)(void *self, int32_t token, float margin);
    /** Logits (rows, vocab) of the next positions, when asked for. */
    void (*logits)(void *self, const float *logits, int32_t rows);
    /** Chunks done of all, for a progress bar. */
    void (*progress)(void *self, int32_t done, int32_t all);
    /** Asked between steps: whether the user wants to stop. */
    bool (*interrupted)(void *self);
} jup_sink_t;

#endif
