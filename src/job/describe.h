/** A run in the run file's words: what ran, on what, and how far the plan had foreseen it. */
#ifndef JUP_JOB_DESCRIBE_H
#define JUP_JOB_DESCRIBE_H

#include "job/session.h"
#include "trace/analyse.h"

#include <stdio.h>

/** Where this rank stood, what it held and how much memory it took; rank: its number, idle ones
 * included. */
void jup_describe_rank(jup_rank_record_t *record, int rank, const jup_job_t *job,
                       const jup_session_t *session);

/** Rank 0: the model, the options, and the division that ran, into the record. */
void jup_describe_run(jup_run_t *run, const jup_job_t *job, const jup_session_t *session);

/** For people: predicted against measured, stage by stage; nothing where they do not compare. */
void jup_describe_prediction(FILE *out, const jup_plan_t *plan, const jup_analysis_t *analysis);

#endif
