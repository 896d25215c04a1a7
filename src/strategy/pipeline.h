/**
 * Jupiter's pipeline for one request (Ye et al., INFOCOM 2025, prefill): rank r is stage r and
 * holds consecutive layers. The prompt runs through it in micro-sequence chunks, stage s on chunk
 * i while stage s - 1 is on chunk i + 1; since a chunk attends to the cached chunks before it, the
 * result is that of the whole prompt at once. Decoding goes one lap per token: the last stage
 * samples and sends the token to the first.
 */
#ifndef JUP_STRATEGY_PIPELINE_H
#define JUP_STRATEGY_PIPELINE_H

#include "model/forward.h"
#include "model/sampler.h"
#include "strategy/hop.h"
#include "strategy/request.h"
#include "trace/recorder.h"

typedef struct jup_pipeline {
    jup_comm_t *comm;
    jup_forward_t *forward;
    jup_recorder_t *recorder;
    jup_hop_t from, to; /* the stages before and after */
    jup_step_t step;
    jup_sampler_t sampler;     /* last stage */
    struct jup_result *result; /* what the last stage tells the first */
    size_t result_bytes;       /* of the largest one */
    jup_pending_t result_pending;
    /* of the request: */
    const jup_request_t *request;
    const jup_sink_t *sink;
} jup_pipeline_t;

/** The rows and outputs a request needs of jup_forward_init(). */
jup_forward_limits_t jup_pipeline_limits(const jup_request_t *request);

/** comm, forward and recorder stay with the caller. wire: JUP_F16 or JUP_F32. */
jup_status_t jup_pipeline_init(jup_pipeline_t *p, jup_comm_t *comm, jup_forward_t *forward,
                               jup_recorder_t *recorder, const jup_request_t *request,
                               jup_dtype_t wire, jup_error_t *err);
void jup_pipeline_reset(jup_pipeline_t *p);

/** What the job has cost the first stage in time; seconds. */
typedef struct jup_pipeline_times {
    double start_s, first_token_s, end_s;
    int32_t generated; /* tokens sampled */
} jup_pipeline_times_t;

/**
 * Answers the request. Collective. prompt (request->prompt_tokens) and sink are the first stage's;
 * others pass NULL. Times are the first stage's.
 */
void jup_pipeline_run(jup_pipeline_t *p, const int32_t *prompt, const jup_sink_t *sink,
                      jup_pipeline_times_t *times);

#endif
