/**
 * What every rank has to know of a run: rank 0 makes it from the user's options and the model, and
 * shares it. Plain data.
 */
#ifndef JUP_JOB_JOB_H
#define JUP_JOB_JOB_H

#include "comm/comm.h"
#include "model/config.h"
#include "strategy/engine.h"
#include "strategy/request.h"

#include <limits.h>

enum { JUP_MAX_RANKS = 1024 };

/** What the engine has to know: outlines, speculation, many questions. */
typedef struct jup_ask_job {
    int32_t on;         /* 0: one prompt, decoded plainly (strategy/pipeline.h) */
    int32_t measure;    /* what a lap costs by its rows, before the work begins */
    int32_t fit_window; /* ... and how many steps in the air that asks for */
    jup_engine_options_t engine;
    char heads[PATH_MAX]; /* "": none */
} jup_ask_job_t;

typedef struct jup_job {
    char model[PATH_MAX];
    uint64_t model_digest; /* all ranks must see the same file */
    char compute[16];
    char shape[64];         /* a well-known model's; "": the file above */
    jup_dtype_t weights;    /* type of the shape's */
    char cluster[PATH_MAX]; /* whose device a phantom's rank is */
    int32_t threads;        /* 0: all that the process may use */
    jup_dtype_t wire, kv_dtype;
    int32_t log_level;
    int32_t stages;                         /* ranks that hold layers; the others are idle */
    int32_t first_layer[JUP_MAX_RANKS + 1]; /* rank r holds [first_layer[r], first_layer[r + 1]) */
    int32_t device[JUP_MAX_RANKS];          /* rank r was started as rank device[r] */
    jup_ask_job_t ask;
    jup_request_t request; /* chunks: a block of its own after jup_job_share() */
    int32_t *chunks;       /* request.chunks, owned */
} jup_job_t;

/** Every rank gets rank 0's job. Collective. */
void jup_job_share(jup_comm_t *comm, jup_job_t *job);
void jup_job_reset(jup_job_t *job);

/** The job's order of the ranks, until it says otherwise: as they were started, all at work. */
void jup_job_order_as_started(jup_job_t *job, int ranks);

/** Numbers the ranks in the job's order: stage s is rank s, idle ones come last. Collective. */
void jup_job_number_ranks(const jup_job_t *job, jup_comm_t *comm);

/** The configuration of job->shape. JUP_EINPUT, naming the known ones, when it is unknown. */
jup_status_t jup_job_shape(const jup_job_t *job, jup_config_t *config, jup_error_t *err);

/** Whether the rank is a stage, and its part of the model. */
bool jup_job_has_stage(const jup_job_t *job, int rank);
jup_shard_t jup_job_shard(const jup_job_t *job, int rank);

#endif
