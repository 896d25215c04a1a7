/** Answering questions with the engine: all ranks, from loading to the report. */
#ifndef JUP_APP_ASK_RUN_H
#define JUP_APP_ASK_RUN_H

#include "app/run_setup.h"
#include "job/session.h"
#include "trace/recorder.h"

/** Collective. The setup is rank 0's. */
jup_status_t jup_ask_run(jup_comm_t *comm, jup_run_setup_t *setup, jup_job_t *job,
                         jup_session_t *session, jup_recorder_t *recorder, jup_error_t *err);

#endif
