/** Weights that have shapes and types but no bytes, for tensor/phantom.h. */
#ifndef JUP_MODEL_WEIGHTS_PHANTOM_H
#define JUP_MODEL_WEIGHTS_PHANTOM_H

#include "model/weights.h"

/**
 * The matrices of the shard, or of its part of the layers, in `dtype`, vectors in f32, all without
 * data; their bytes are counted as jup_model_file_load() counts them. A tied output counts once on
 * a stage that has both. `config` is the whole model's. The caller resets the weights. JUP_EINPUT
 * when rows are no whole blocks of the type.
 */
jup_status_t jup_weights_phantom(jup_weights_t *weights, const jup_config_t *config,
                                 const jup_shard_t *shard, jup_dtype_t dtype, jup_error_t *err);

#endif
