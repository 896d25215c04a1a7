/** A random model in a GGUF file, with biases and any type of weights, to be cut into parts. */
#ifndef JUP_TESTS_PART_MODEL_H
#define JUP_TESTS_PART_MODEL_H

#include "io/gguf_write.h"
#include "io/model_file.h"

typedef struct part_shape {
    int dim, heads, kv_heads, head_dim, ffn, vocab, layers;
    bool tied;
} part_shape_t;

/** A file of this shape; put_more: adds metadata, NULL: there is no more. */
void part_model_write(const char *path, const part_shape_t *shape, jup_dtype_t dtype,
                      void (*put_more)(jup_gguf_writer_t *w));

/** A file of this shape is written, opened and removed; *config is what it says. */
jup_gguf_t *part_model_open(const part_shape_t *shape, jup_dtype_t dtype, jup_config_t *config);

/** Everything, or the layers alone, cut to a part. */
jup_shard_t part_model_shard(const jup_config_t *config, const jup_part_t *part);

#endif
