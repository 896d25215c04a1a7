/**
 * What a group of devices costs: seconds of a layer and of a step, and memory, for each way of
 * sharing layers (plan/way.h). A step on a group of n members:
 *
 *   the leader tells the others the step (and rows, where the group is not the first stage);
 *   each layer takes what the slowest member's part takes, and the messages inside it:
 *     tensor         two all-reduces of A, the activations of the rows
 *     detransformer  one: the arithmetic of tensor, half its all-reduces, as in the paper's table
 *
 *     galaxy         2 reduce-scatters and 2 all-gathers in blocks, the bytes of tensor's; nine of
 *                    ten are hidden, as far as (n - 1)/n of the layer's products last. These go in
 *                    n tiles of rows, each of which reads the weights. Fewer rows than members: as
 *                    tensor
 *
 *     sequence       each member has 1/n of the rows; three all-gathers, of K, of V and of as much
 *                    as the rows themselves (the paper's table says three quarters of Megatron's
 *                    bytes). Fewer rows than members: the leader alone, without any message
 *
 *   the head's best come together on the leader.
 *
 * All-reduces go as comm/exchange.h finds quickest, or as the problem says. Links count with the
 * slowest of the group.
 */
#ifndef JUP_PLAN_WAYS_H
#define JUP_PLAN_WAYS_H

#include "comm/exchange.h"
#include "plan/planner.h"

/** A device in a group. */
typedef struct jup_group_member {
    int device;
    const jup_profile_t *profile; /* the cluster's */
    double budget_bytes;
    int heads, ffn;         /* its share; 0 of both: all of a layer */
    jup_model_size_t *size; /* of its part, owned; NULL: the whole model */
} jup_group_member_t;

typedef struct jup_plan_group {
    const jup_plan_problem_t *problem;
    jup_way_t way;
    int n;
    jup_group_member_t *members; /* (n), owned; the first leads */
    int *distinct;               /* (n_distinct) members that differ in profile or share, owned */
    int n_distinct;
    jup_exchange_link_t link; /* between the members */
    jup_exchange_t exchange;
} jup_plan_group_t;

/** Which devices, in which way, with which shares. */
typedef struct jup_group_spec {
    jup_way_t way;
    int n;
    const int *device;      /* (n) */
    const int *heads, *ffn; /* (n) shares; NULL: by speed and memory, see plan/shares.h */
    int layers;             /* that it may be asked to hold, for shares by memory */
} jup_group_spec_t;

/** JUP_EINPUT when the layers cannot be shared like that. */
jup_status_t jup_plan_group_init(jup_plan_group_t *group, const jup_plan_problem_t *problem,
                                 const jup_group_spec_t *spec, jup_error_t *err);
void jup_plan_group_reset(jup_plan_group_t *group);

/** Whether two groups take the same time for everything. */
bool jup_plan_group_same(const jup_plan_group_t *a, const jup_plan_group_t *b);

/** The size of a member's part of the model. */
const jup_model_size_t *jup_group_size(const jup_plan_group_t *group, int member);

/** Seconds of one layer for rows over a prefix. */
double jup_group_layer_s(const jup_plan_group_t *group, double rows, double prefix);

/** What a step of some rows takes besides its layers; seconds. */
typedef struct jup_group_step {
    double step_s;                   /* the step itself, telling of it */
    double first_row_s, inner_row_s; /* a row on the first stage (embedded), on another (told) */
    double head_s; /* the last stage's more: the head for one row, and what the last
                      layer takes of it in spite of `spared` */
    double spared; /* of the last stage's layers: its last one does little */
    /* of a lap of one row on a device alone, see cluster/profile.h: */
    double rest_layer_s; /* what a rest saves of each layer ... */
    double rest_most_s;  /* ... and of all of them at most */
} jup_group_step_t;

/** What the last stage takes more than its layers, of layer_s each, all of them counted whole. */
static inline double jup_group_last_s(const jup_group_step_t *step, double layer_s)
{
    return step->head_s - step->spared * layer_s;
}

/** What a step of a single row takes longer than after a rest of any length, on so many layers. */
static inline double jup_group_single_s(const jup_group_step_t *step, int layers)
{
    double saved_s = layers * step->rest_layer_s;
    return saved_s > step->rest_most_s ? saved_s - step->rest_most_s : 0;
}

/** decode: steps of one row; else of a prompt. */
jup_group_step_t jup_group_step(const jup_plan_group_t *group, bool decode);

/** Memory of a member with `layers` of the group's. */
jup_stage_memory_t jup_group_memory(const jup_plan_group_t *group, int member, int layers,
                                    bool embedding, bool head, int64_t rows);

#endif
