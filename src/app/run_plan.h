/**
 * Planning before a run: who holds which layers, how the prompt is cut, and afterwards what was
 * predicted against what happened. The plan's devices are the ranks as they were started; stage s
 * becomes rank s (app/job.h), ranks without a stage are idle.
 */
#ifndef JUP_APP_RUN_PLAN_H
#define JUP_APP_RUN_PLAN_H

#include "app/run_setup.h"
#include "trace/analyse.h"

#include <stdio.h>

/** Whether the options ask for a plan that rank 0 can make alone: --plan, or --cluster with -m. */
bool jup_run_plan_wanted(const jup_run_options_t *o);

/** Rank 0: divides the job by a plan and keeps it in the setup. */
jup_status_t jup_run_plan_divide(jup_run_setup_t *setup, const jup_config_t *config, int ranks,
                                 jup_job_t *job, jup_error_t *err);

/** With --auto: measures the ranks, then divides the job anew. Else nothing. Collective. */
jup_status_t jup_run_plan_measured(jup_comm_t *comm, jup_run_setup_t *setup, jup_job_t *job,
                                   jup_error_t *err);

/** Rank 0, after the run: a line for every stage, and the numbers for the run file. */
void jup_run_plan_report(FILE *out, const jup_run_setup_t *setup, const jup_analysis_t *analysis);
void jup_run_plan_store(const jup_run_setup_t *setup, jup_run_t *run);

#endif
