/** Weights that have shapes and types but no bytes, for tensor/phantom.h. */
#ifndef JUP_MODEL_WEIGHTS_PHANTOM_H
#define JUP_MODEL_WEIGHTS_PHANTOM_H

#include "model/weights.h"

/**
 * The shard's matrices in `dtype`, vectors in f32, all without data; mapped_bytes is what they
 * would take. A tied output counts once on a stage that has both. The caller resets them.
 */
void jup_weights_phantom(jup_weights_t *weights, const jup_config_t *config,
                         const jup_shard_t *shard, jup_dtype_t dtype);

#endif
