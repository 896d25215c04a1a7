/** What one rank holds during a run: the file, its shard's weights, compute, the forward pass. */
#ifndef JUP_JOB_SESSION_H
#define JUP_JOB_SESSION_H

#include "io/model_file.h"
#include "job/job.h"
#include "model/forward.h"
#include "plan/modelled.h"

typedef struct jup_session {
    jup_gguf_t *gguf;
    jup_config_t config;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_forward_t forward;
    jup_modelled_t device; /* of a phantom */
} jup_session_t;

/** Loads this rank's part; it has a stage. Not collective: the caller lets the ranks agree on the
 * outcome. */
jup_status_t jup_session_open(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err);
void jup_session_reset(jup_session_t *s);

/** Processors of this process, divided by the ranks on this host, when no number is asked. */
int jup_fair_threads(int asked);

#endif
