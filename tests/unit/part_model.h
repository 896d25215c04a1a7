/** A random model in a GGUF file, with biases and any type of weights, to be cut into parts. */
#ifndef JUP_TESTS_PART_MODEL_H
#define JUP_TESTS_PART_MODEL_H

#include "io/model_file.h"

typedef struct part_shape {
    int dim, heads, kv_heads, head_dim, ffn, vocab, layers;
    bool tied;
} part_shape_t;

/** A file of this shape is written, opened and removed; *config is what it says. */
jup_gguf_t *part_model_open(const part_shape_t *shape, jup_dtype_t dtype, jup_config_t *config);

/** Everything, or the layers alone, cut to a part. */
jup_shard_t part_model_shard(const jup_config_t *config, const jup_part_t *part);

#endif
