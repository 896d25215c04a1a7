/**
 * Rank 0's side of a scripted workload (decode/script.h): its requests go through the engine as
 * questions do (app/asking.h), a trunk with branches or a plain answer each, with lengths in place
 * of texts.
 */
#ifndef JUP_APP_SCRIPTED_H
#define JUP_APP_SCRIPTED_H

#include "decode/script.h"
#include "strategy/engine.h"
#include "trace/run.h"

#include <stdio.h>

typedef struct jup_scripted_part {
    int32_t handle; /* -1: not begun */
    int32_t tokens; /* that have come */
    bool ended;
} jup_scripted_part_t;

typedef struct jup_scripted_request {
    jup_scripted_part_t trunk; /* outline, or plain answer */
    jup_scripted_part_t points[JUP_SCRIPT_POINTS];
    bool points_begun, done;
} jup_scripted_request_t;

typedef struct jup_scripted {
    const jup_script_t *script;
    jup_engine_t *engine;
    jup_scripted_request_t *requests;
    int32_t next, open, parallel;
    int64_t tokens;
    double begin_s, end_s;
    jup_status_t status;
    jup_error_t err;
} jup_scripted_t;

/** The sink to give to jup_engine_init(). */
jup_scheduler_sink_t jup_scripted_sink(jup_scripted_t *scripted);

/** parallel: requests worked on at a time. The script outlives it. */
void jup_scripted_init(jup_scripted_t *scripted, const jup_script_t *script, jup_engine_t *engine,
                       int32_t parallel);
void jup_scripted_reset(jup_scripted_t *scripted);

/** Answers all requests. */
jup_status_t jup_scripted_run(jup_scripted_t *scripted, jup_error_t *err);

/** What came of it: into the run's summary numbers, and for people. */
void jup_scripted_store(const jup_scripted_t *scripted, jup_run_t *run);
void jup_scripted_print(FILE *out, const jup_scripted_t *scripted);

#endif
