#include "model/weights.h"

#include "base/mem.h"

#include <string.h>

void jup_weights_init(jup_weights_t *weights, const jup_shard_t *shard)
{
    memset(weights, 0, sizeof *weights);
    weights->shard = *shard;
    weights->layers = jup_new((size_t)(shard->last - shard->first), sizeof *weights->layers);
}

void jup_weights_reset(jup_weights_t *weights)
{
    for (int i = 0; i < weights->n_kept; i++)
        jup_free(weights->kept[i]);
    jup_free(weights->kept);
    jup_free(weights->rope_factors);
    jup_free(weights->rope_factors_long);
    jup_free(weights->layers);
    memset(weights, 0, sizeof *weights);
}

void *jup_weights_keep(jup_weights_t *weights, void *block)
{
    weights->kept = jup_resize(weights->kept, (size_t)weights->n_kept + 1, sizeof *weights->kept);
    weights->kept[weights->n_kept++] = block;
    return block;
}

size_t jup_weights_bytes(const jup_weights_t *weights)
{
    return weights->mapped_bytes + weights->owned_bytes;
}
