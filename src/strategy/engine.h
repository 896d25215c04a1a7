/**
 * Jupiter's pipeline (Ye et al., INFOCOM 2025): one prompt or many sequences through it at a time,
 * prompts in micro-sequence chunks, stage s on chunk i while stage s - 1 is on chunk i + 1. The
 * first stage decides what goes into each step (scheduler.h) and computes its own layers; verdicts
 * come back in the order of the steps. With S stages there are S steps or more in the air, so that
 * every stage works on another branch, another request, or another guess.
 */
#ifndef JUP_STRATEGY_ENGINE_H
#define JUP_STRATEGY_ENGINE_H

#include "strategy/scheduler.h"
#include "strategy/stage.h"

typedef struct jup_engine_options {
    jup_stage_options_t stage;
    jup_scheduler_options_t scheduler; /* rows, ahead, logits are the stage's; window <= its own */
} jup_engine_options_t;

/** Who works with the engine on the first stage; functions may be NULL. */
typedef struct jup_engine_user {
    void *self;
    /** Called between steps, never while one is computed: to show what came. False: stop. */
    bool (*after_step)(void *self);
    /** Logits (rows, vocab) of the next positions, with options.stage.logits; given logits_self. */
    void (*logits)(void *self, const float *logits, int32_t rows);
    void *logits_self;
} jup_engine_user_t;

typedef struct jup_engine {
    jup_stage_t stage;
    /* first stage: */
    jup_scheduler_t scheduler;
    int32_t **results; /* (window) receives, one after the other */
    jup_pending_t *result_pending;
    int32_t n_results;
    uint32_t results_begun, results_ended;
    float *logits;            /* (rows, vocab) received, when they are asked for */
    int32_t *wrong;           /* (window) scratch: steps to cancel */
    jup_vitals_board_t board; /* how all ranks are */
    jup_engine_user_t user;
} jup_engine_t;

/** The rows, outputs and tokens that jup_forward_init() needs. */
jup_forward_limits_t jup_engine_limits(const jup_engine_options_t *options);

/** A window that keeps every stage busy where stages and links are about alike. */
int32_t jup_engine_default_window(int32_t stages);

/** The largest that measuring (measure.h) may find better, for the stage's options. */
int32_t jup_engine_most_window(int32_t stages);

/**
 * comm, place, forward, recorder, heads and speculation stay with the caller. heads are the last
 * stage's; speculation and sink the first's.
 */
jup_status_t jup_engine_init(jup_engine_t *e, jup_comm_t *comm, const jup_place_t *place,
                             jup_forward_t *forward, jup_recorder_t *recorder,
                             const jup_engine_options_t *options, jup_heads_t *heads,
                             jup_speculation_t *speculation, const jup_scheduler_sink_t *sink,
                             jup_error_t *err);
void jup_engine_reset(jup_engine_t *e);

/**
 * First stage: works until no sequence waits or lives and nothing is in the air; what ended
 * sequences left is dropped on all stages. Returns false when it was interrupted: the sequences are
 * released then.
 */
bool jup_engine_run(jup_engine_t *e);

/** First stage: sends stage.step; waits for the next verdicts that come, into stage.verdicts. */
void jup_engine_send(jup_engine_t *e);
void jup_engine_receive(jup_engine_t *e);

/** First stage: the next step asks all ranks how they are, unless answers are still to come. */
void jup_engine_ask_vitals(jup_engine_t *e);

/** First stage: whether all answers have come by now; they are on the board then. */
bool jup_engine_take_vitals(jup_engine_t *e);

/** First stage: the others return from serve. */
void jup_engine_stop(jup_engine_t *e);

/** All other ranks. */
void jup_engine_serve(jup_engine_t *e);

#endif
