/**
 * A plan as plain data: which devices hold which layers and how they share them, how the prompt is
 * cut, what that should take. It can be made (plan/planner.h), printed, written, read, forced and
 * checked, all without any device at hand.
 *
 * A stage is a group of devices, its members. All members of all stages stand in one list, in
 * pipeline order and the leader of each stage first: the place of a device in it is its rank in
 * the pipeline.
 */
#ifndef JUP_PLAN_PLAN_H
#define JUP_PLAN_PLAN_H

#include "plan/cost.h"
#include "plan/way.h"

#include <stdio.h>

enum { JUP_PLAN_CHUNKS = 1 << 16 };

typedef enum jup_objective {
    JUP_OBJECTIVE_TOTAL,   /* prefill makespan + expected decoding of the workload */
    JUP_OBJECTIVE_TTFT,    /* prefill makespan */
    JUP_OBJECTIVE_SLOWEST, /* the paper's: the slowest stage, devices in the cluster's order */
} jup_objective_t;

/** "total", "ttft", "slowest"; -1 for another name. */
const char *jup_objective_name(jup_objective_t objective);
int jup_objective_by_name(const char *name);

/** A device's part of a stage. */
typedef struct jup_plan_member {
    int device; /* index in the cluster, and rank */
    char name[JUP_CLUSTER_NAME];
    int heads, ffn; /* its share of every layer, in attention heads and in FFN blocks, where the
                       way splits layers; the members' shares add up to the whole. Else 0 */
    jup_stage_memory_t memory;
    double budget_bytes;
} jup_plan_member_t;

typedef struct jup_plan_stage {
    int first, last;  /* layers [first, last) */
    jup_way_t way;    /* alone exactly where there is one member */
    int at, n;        /* its members: plan->members[at .. at + n) */
    double prefill_s; /* busy during the prefill, with the messages inside the stage */
    double decode_s;  /* busy for one token (the workload's mean context) */
    double send_s;    /* its link to the next stage (the last one: to the first), busy in prefill */
} jup_plan_stage_t;

typedef struct jup_prediction {
    double ttft_s;    /* until the first token is known on the first stage */
    double token_s;   /* each further one of one answer */
    double decode_s;  /* of all further tokens of the workload */
    double total_s;   /* ttft + decode */
    double bubble;    /* share of the prefill that the stages wait, 0..1 */
    double slowest_s; /* the slowest stage's busy time in prefill */
} jup_prediction_t;

enum { JUP_STRATEGY_NAME = 24 };

typedef struct jup_plan {
    char strategy[JUP_STRATEGY_NAME]; /* whose plan it is: "jupiter", "megatron", ... */
    char cluster[JUP_CLUSTER_NAME];
    char model[64], type[16];
    int layers;
    jup_workload_t workload;
    jup_objective_t objective;
    jup_plan_stage_t *stages; /* (n_stages), in pipeline order, owned */
    int n_stages;
    jup_plan_member_t *members; /* (n_members), owned */
    int n_members;
    int32_t *chunks; /* (n_chunks) lengths, summing to the prompt, owned */
    int n_chunks;
    jup_prediction_t predicted;
    bool proven; /* the planner searched exhaustively */
} jup_plan_t;

/**
 * Room for stages, members and chunks; everything else zero. The strategy is "jupiter", stage s
 * has the one member s until that is changed.
 */
void jup_plan_init(jup_plan_t *plan, int n_stages, int n_members, int n_chunks);
void jup_plan_reset(jup_plan_t *plan);
void jup_plan_copy(jup_plan_t *copy, const jup_plan_t *plan);

/** Checks that stages and chunks fit together (not whether memory suffices). */
jup_status_t jup_plan_check(const jup_plan_t *plan, jup_error_t *err);

/** Member m of stage s; member 0 leads. */
static inline jup_plan_member_t *jup_plan_member(const jup_plan_t *plan, int s, int m)
{
    return &plan->members[plan->stages[s].at + m];
}

static inline jup_plan_member_t *jup_plan_leader(const jup_plan_t *plan, int s)
{
    return jup_plan_member(plan, s, 0);
}

/** The stage that a device works in, or -1. */
int jup_plan_stage_of(const jup_plan_t *plan, int device);

/** "nx-0", "nx-0 +3": the leader and how many more. */
void jup_plan_stage_name(const jup_plan_t *plan, int s, char *text, size_t size);

/** Tables for people. */
void jup_plan_print(const jup_plan_t *plan, FILE *out);

/**
 * YAML; versions 1 and 2 are read. Version 1 (a device and its layers a stage) is written where it
 * says all, that is, for a plan of "jupiter" with one device a stage. Version 2 names the strategy;
 * its stages are, beside what is predicted,
 *   {devices: [0, 1], way: tensor, heads: [20, 12], ffn: [26, 17], first: 0, last: 15}
 * A plan read from a file has been checked.
 */
jup_status_t jup_plan_write(const jup_plan_t *plan, const char *path, jup_error_t *err);
jup_status_t jup_plan_read(jup_plan_t *plan, const char *path, jup_error_t *err);

/** The same text in memory, for sharing between ranks; *text is for jup_free(). */
void jup_plan_pack(const jup_plan_t *plan, char **text, size_t *bytes);
jup_status_t jup_plan_unpack(jup_plan_t *plan, const char *text, size_t bytes, jup_error_t *err);

#endif
