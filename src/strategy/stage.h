/**
 * What every rank does with the steps of the engine. The leader of a stage takes them from the
 * stage before, tells its members, runs the layers with them and hands the steps on; the last
 * stage's judges the candidates and tells the first. The other members do what their leader tells.
 */
#ifndef JUP_STRATEGY_STAGE_H
#define JUP_STRATEGY_STAGE_H

#include "decode/heads.h"
#include "decode/scripted.h"
#include "decode/verify.h"
#include "model/forward.h"
#include "strategy/cancel.h"
#include "strategy/group.h"
#include "strategy/head.h"
#include "strategy/hop.h"
#include "strategy/place.h"
#include "strategy/vitals.h"
#include "trace/recorder.h"

typedef struct jup_stage_options {
    jup_dtype_t wire;        /* JUP_F16 or JUP_F32 */
    int32_t rows;            /* of a step at most */
    int32_t window;          /* steps in the air at most */
    bool ahead;              /* whether steps may build on guesses that are still being verified */
    bool logits;             /* all logits go to the first stage, too */
    jup_sampling_t sampling; /* of sequences that bring no way of their own */
    bool any_sampling;       /* sequences may bring any */
    bool told;               /* log probabilities of tokens may be asked for */
    jup_typical_t typical;
    jup_scripted_t scripted; /* on: what the next tokens are, where nothing is computed */
} jup_stage_options_t;

/** The verdicts on one step. */
typedef struct jup_verdicts {
    int32_t step, n;
    jup_verdict_t list[JUP_STEP_MAX_SEGMENTS];
} jup_verdicts_t;

typedef struct jup_stage {
    jup_comm_t *comm;
    jup_forward_t *forward;
    jup_recorder_t *recorder;
    jup_stage_options_t options;
    const jup_place_t *place; /* the caller's */
    jup_hop_t from, to;       /* of a leader */
    jup_group_t group;        /* of a stage with several members */
    jup_step_t step;          /* being worked on */
    jup_cancel_t cancel;
    int64_t left_out; /* steps that were cancelled before all their rows were computed here */
    void (*look_up)(void *self); /* first stage: called between sub-layers; may be NULL */
    void *look_up_self;
    /* last stage: */
    jup_head_share_t head; /* where its members share the output head */
    jup_verifier_t verifier;
    jup_heads_t *heads; /* the caller's; NULL: none */
    jup_verdicts_t *verdicts;
    /* takes a step's logits (rows, vocab), when they are asked for and this is the first stage, too
     */
    void (*take_logits)(void *self, const float *logits, int32_t rows);
    void *take_logits_self;
    jup_vitals_answer_t vitals;      /* of a rank that was asked how it is */
    int32_t *result[JUP_HOP_WINDOW]; /* packed, on their way */
    jup_pending_t result_pending[JUP_HOP_WINDOW];
    uint32_t results;
} jup_stage_t;

/** comm, place, forward, recorder and heads stay with the caller. */
jup_status_t jup_stage_init(jup_stage_t *stage, jup_comm_t *comm, const jup_place_t *place,
                            jup_forward_t *forward, jup_recorder_t *recorder,
                            const jup_stage_options_t *options, jup_heads_t *heads,
                            jup_error_t *err);
void jup_stage_reset(jup_stage_t *stage);

/** The first stage's leader: works on stage->step. The verdicts are there at once when this is the
 * only stage. */
void jup_stage_work(jup_stage_t *stage);

/** All other ranks: work until they are stopped. */
void jup_stage_serve(jup_stage_t *stage);

/** The first stage's leader: stops all others. */
void jup_stage_stop(jup_stage_t *stage);

/** Bytes of a packed list of verdicts at most; reading one (false: it makes no sense). */
size_t jup_stage_result_bytes(const jup_stage_options_t *options);
bool jup_stage_read_result(jup_verdicts_t *verdicts, const int32_t *words, size_t bytes);

#endif
