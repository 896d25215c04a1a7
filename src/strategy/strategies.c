#include "strategy/strategies.h"

#include <string.h>

static const jup_way_of_working_t ways[JUP_WAYS] = {
    [JUP_WAY_ALONE] = {NULL, true, true},
    [JUP_WAY_TENSOR] = {jup_tensor_layers, false, true},
    [JUP_WAY_SEQUENCE] = {jup_sequence_layers, true, true},
    [JUP_WAY_GALAXY] = {jup_galaxy_layers, false, true},
    [JUP_WAY_DETRANSFORMER] = {jup_detransformer_layers, false, false},
};

static const jup_strategy_t strategies[] = {
    {"local", "one device does everything", JUP_STAGES_ONE, JUP_WAY_ALONE, true},
    {"jupiter", "a pipeline of devices; the prompt flows through it in chunks", JUP_STAGES_SINGLE,
     JUP_WAY_ALONE, true},
    {"edgeshard", "a pipeline of devices; the prompt goes through it as a whole", JUP_STAGES_SINGLE,
     JUP_WAY_ALONE, false},
    {"megatron", "all devices share heads and FFN columns of every layer, two sums a layer",
     JUP_STAGES_ONE, JUP_WAY_TENSOR, true},
    {"sequence", "all devices share the prompt's rows, each with the whole model; one decodes",
     JUP_STAGES_ONE, JUP_WAY_SEQUENCE, false},
    {"galaxy", "as megatron, with norms by rows and the exchanges hidden behind products",
     JUP_STAGES_ONE, JUP_WAY_GALAXY, true},
    {"detransformer", "as megatron with half the sums, which makes it another model: for its times",
     JUP_STAGES_ONE, JUP_WAY_DETRANSFORMER, true},
    {"hybrid", "a pipeline of groups that share layers, whichever is quickest", JUP_STAGES_ANY,
     JUP_WAY_TENSOR, true},
};

const jup_way_of_working_t *jup_way_of_working(jup_way_t way)
{
    return &ways[way];
}

const jup_strategy_t *jup_strategies(int *n)
{
    *n = (int)(sizeof strategies / sizeof strategies[0]);
    return strategies;
}

const jup_strategy_t *jup_strategy_by_name(const char *name)
{
    int n;
    const jup_strategy_t *all = jup_strategies(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

bool jup_strategy_is_lossless(const jup_strategy_t *strategy)
{
    return ways[strategy->way].lossless;
}
