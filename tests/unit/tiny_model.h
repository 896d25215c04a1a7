/** A small random model in memory, cut over any number of ranks, and its plain greedy decoding. */
#ifndef JUP_TESTS_TINY_MODEL_H
#define JUP_TESTS_TINY_MODEL_H

#include "model/forward.h"
#include "model/sampler.h"

typedef struct tiny_model {
    jup_config_t config;
    float *data;       /* all weights */
    jup_weights_t all; /* one shard with everything; parts view it */
} tiny_model_t;

void tiny_model_init(tiny_model_t *model, int layers, uint64_t seed);
void tiny_model_reset(tiny_model_t *model);

/** The part of one rank; views, to be released with jup_weights_reset(). */
void tiny_model_part(const tiny_model_t *model, int rank, int ranks, jup_weights_t *part);

/**
 * The oracle: prompt at once, then one token after the other, without any engine. dtype: of the
 * cache and of the residual stream.
 */
void tiny_model_decode(const tiny_model_t *model, const int32_t *prompt, int32_t n_prompt,
                       const jup_sampling_t *sampling, jup_dtype_t dtype, int32_t *answer,
                       int32_t n);

#endif
