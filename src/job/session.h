/**
 * What one rank holds during a run: the file, its shard's weights, compute, the forward pass, and
 * the engine over it. The first stage has the draft sources, the last one the heads.
 */
#ifndef JUP_JOB_SESSION_H
#define JUP_JOB_SESSION_H

#include "io/model_file.h"
#include "job/place.h"
#include "plan/modelled.h"

typedef struct jup_session {
    jup_gguf_t *gguf;
    jup_config_t whole;  /* the model's */
    jup_config_t config; /* of this rank's part of its layers; the same where it has all of them */
    jup_place_t place;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_forward_t forward;
    jup_modelled_t device; /* of a phantom */
    jup_heads_t heads;
    jup_speculation_t speculation;
    jup_engine_t engine;
} jup_session_t;

/**
 * Loads this rank's part; it has a stage. pipe: the ranks that have one. sink: where the first
 * stage's tokens go. Not collective: the caller lets the ranks agree on the outcome. pipe and
 * recorder outlive the session.
 */
jup_status_t jup_session_open(jup_session_t *s, const jup_job_t *job, jup_comm_t *pipe,
                              jup_recorder_t *recorder, const jup_scheduler_sink_t *sink,
                              jup_error_t *err);
void jup_session_reset(jup_session_t *s);

/**
 * The members of each stage measure the links between them, by which they choose how to sum.
 * Collective among those that have a stage, after all have opened.
 */
void jup_session_meet(jup_session_t *s, jup_comm_t *pipe);

/** The draft sources that the job names, measured by nobody yet; into `speculation`.
 * gguf: the model itself, NULL: a shape. */
jup_status_t jup_session_speculate(jup_speculation_t *speculation, const jup_job_t *job,
                                   const jup_compute_t *compute, const jup_gguf_t *gguf,
                                   int32_t vocab, jup_error_t *err);

/** Processors of this process, divided by the ranks on this host, when no number is asked. */
int jup_fair_threads(int asked);

#endif
