/** After a run: the summary for people, the JSON for programs, the trace for later. */
#ifndef JUP_APP_RUN_REPORT_H
#define JUP_APP_RUN_REPORT_H

#include "app/run_setup.h"
#include "ask/answer.h"
#include "job/session.h"
#include "strategy/pipeline.h"
#include "trace/run.h"

/** What this rank held and how much memory it took. */
void jup_run_report_rank(jup_rank_record_t *record, int rank, const jup_session_t *session,
                         const jup_pipeline_t *pipeline);

/** Rank 0: prints the summary (stderr) or the JSON (stdout), writes the trace file if asked. */
jup_status_t jup_run_report(jup_run_t *run, const jup_run_setup_t *setup, const jup_job_t *job,
                            const jup_config_t *config, const jup_answer_t *answer,
                            jup_error_t *err);

#endif
