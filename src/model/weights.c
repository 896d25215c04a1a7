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
    for (int i = 0; i < weights->n_converted; i++)
        jup_free(weights->converted[i]);
    jup_free(weights->converted);
    jup_free(weights->rope_factors);
    jup_free(weights->layers);
    memset(weights, 0, sizeof *weights);
}

float *jup_weights_keep(jup_weights_t *weights, float *block)
{
    weights->converted = jup_resize(weights->converted, (size_t)weights->n_converted + 1,
                                    sizeof *weights->converted);
    weights->converted[weights->n_converted++] = block;
    return block;
}
