/**
 * A model cut into one GGUF file per rank, for boards that shall not hold all of it. A slice has
 * all metadata and the tensors of its shard, and in keys "jupiter.slice.*" what the missing ones
 * would have told: vocabulary, whether the output is tied, the whole model's digest, and the shard
 * of every rank. Where ranks share layers it has its part of their tensors, cut already, so that
 * even columns are mapped and not copied.
 *
 * The ranks name their slices by one pattern with "{rank}" in it: "llama-{rank}.gguf".
 */
#ifndef JUP_IO_SLICE_H
#define JUP_IO_SLICE_H

#include "io/gguf.h"
#include "model/config.h"

#define JUP_SLICE_RANK "{rank}"
#define JUP_SLICE_FIRST_LAYERS "jupiter.slice.first_layers" /* (ranks + 1) */
#define JUP_SLICE_SHARDS "jupiter.slice.shards" /* (ranks, 8): layers and part of each rank */
#define JUP_SLICE_RANK_KEY "jupiter.slice.rank"
#define JUP_SLICE_VOCAB "jupiter.slice.vocabulary"
#define JUP_SLICE_TIED "jupiter.slice.tied"
#define JUP_SLICE_DIGEST "jupiter.slice.digest" /* hexadecimal */

/** Replaces "{rank}", if it is there. JUP_EINPUT when the path becomes too long. */
jup_status_t jup_slice_path(const char *pattern, int rank, char *path, size_t bytes,
                            jup_error_t *err);

/**
 * Writes rank's slice of a whole model. shards (ranks). *written: bytes of its tensors.
 * JUP_EINPUT when a part cuts through blocks.
 */
jup_status_t jup_slice_write(jup_gguf_t *g, const jup_config_t *config, const jup_shard_t *shards,
                             int rank, int ranks, const char *path, size_t *written,
                             jup_error_t *err);

/** Whether the file is a slice, of which rank of how many. */
bool jup_slice_of(const jup_gguf_t *g, int *rank, int *ranks);

/** The slice's division; first_layer has room for ranks + 1. False when the file is no slice. */
bool jup_slice_layers(const jup_gguf_t *g, int32_t *first_layer);

/**
 * The same with the parts of layers that ranks share; shards has room for ranks. JUP_EINPUT when
 * the file is no slice or what it says cannot be.
 */
jup_status_t jup_slice_shards(const jup_gguf_t *g, const jup_config_t *config, jup_shard_t *shards,
                              jup_error_t *err);

/** What of the model the file holds: all of it when it is no slice. */
jup_status_t jup_slice_shard(const jup_gguf_t *g, const jup_config_t *config, jup_shard_t *shard,
                             jup_error_t *err);

/** The part of layers that the file holds: the whole when it is no slice, or one of whole layers.
 */
jup_status_t jup_slice_part(const jup_gguf_t *g, const jup_config_t *config, jup_part_t *part,
                            jup_error_t *err);

#endif
