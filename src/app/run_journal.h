/** The journal of a run (--journal, --resume): what its tokens depend on. Rank 0's. */
#ifndef JUP_APP_RUN_JOURNAL_H
#define JUP_APP_RUN_JOURNAL_H

#include "app/setup.h"

/**
 * setup->keep, from the options and from what was read; the job's model and plan are
 * there. Reads the journal
 * of --resume, and refuses one whose tokens would not fit. Nothing to do without the options.
 */
jup_status_t jup_run_journal_prepare(jup_setup_t *setup, const jup_job_t *job, jup_error_t *err);

/** Says in the journal, and to people, what begins here; the file is open. */
void jup_run_journal_begin(jup_setup_t *setup, const jup_job_t *job);

#endif
