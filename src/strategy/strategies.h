/**
 * The ways in which the members of a group work on a layer, and the strategies: each a pipeline of
 * groups whose members share layers in one way. A new way is a file of its own and a line in
 * strategies.c.
 *
 * A way's layers(g, f, step): every member calls it with the step that jup_forward_begin() took and
 * with the same x (rows, dim) in f; afterwards the leader's f->x is the activations after the
 * group's layers, and so is every other member's, bit for bit, but where the leader worked alone.
 * What each member's weights and config must be says `whole`. False: the step was cancelled on the
 * way, which happens only where the leader works alone.
 */
#ifndef JUP_STRATEGY_STRATEGIES_H
#define JUP_STRATEGY_STRATEGIES_H

#include "model/forward.h"
#include "plan/way.h"
#include "strategy/group.h"

typedef bool jup_layers_t(jup_group_t *g, jup_forward_t *f, const jup_step_t *step);

jup_layers_t jup_tensor_layers, jup_galaxy_layers, jup_sequence_layers, jup_detransformer_layers;

typedef struct jup_way_of_working {
    jup_layers_t *layers; /* NULL: jup_forward_layers(), by the one member */
    bool whole;           /* members hold whole layers; else their parts (model/part.h) */
    bool lossless;        /* the answer is one rank's */
} jup_way_of_working_t;

const jup_way_of_working_t *jup_way_of_working(jup_way_t way);

typedef enum jup_stages {
    JUP_STAGES_ONE,    /* all devices in one group */
    JUP_STAGES_SINGLE, /* a pipeline of single devices */
    JUP_STAGES_ANY,    /* a pipeline of groups */
} jup_stages_t;

typedef struct jup_strategy {
    const char *name, *summary;
    jup_stages_t stages;
    jup_way_t way; /* of the groups; with JUP_STAGES_ANY one of several that are possible */
    bool chunks;   /* prompts may be cut */
} jup_strategy_t;

/** All of them, in the order in which they are listed; *n of them. */
const jup_strategy_t *jup_strategies(int *n);

/** NULL for another name. */
const jup_strategy_t *jup_strategy_by_name(const char *name);

bool jup_strategy_is_lossless(const jup_strategy_t *strategy);

#endif
