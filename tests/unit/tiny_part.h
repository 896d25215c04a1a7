/** A member's part of every layer of the small random model, cut out element by element. */
#ifndef JUP_TESTS_TINY_PART_H
#define JUP_TESTS_TINY_PART_H

#include "model/part.h"
#include "tiny_model.h"

/** Copies, to be released with jup_weights_reset(); no embedding, no head. */
void tiny_part_init(const tiny_model_t *model, const jup_part_t *part, jup_weights_t *weights);

/** Of some layers, with what the shard says of embedding and head. */
void tiny_part_shard(const tiny_model_t *model, const jup_shard_t *shard, jup_weights_t *weights);

/** parts (n) of these speeds. */
void tiny_part_share(const tiny_model_t *model, const double *speed, int n, jup_part_t *parts);

#endif
