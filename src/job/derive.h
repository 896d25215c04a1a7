/**
 * What follows from the division and from what is asked: steps, window, cancelling, cache. The last
 * thing that rank 0 does to a job, so that nothing of an earlier division stays in it.
 */
#ifndef JUP_JOB_DERIVE_H
#define JUP_JOB_DERIVE_H

#include "job/job.h"

/** What is asked of the engine, whatever the texts. */
typedef struct jup_demand {
    int32_t questions;                   /* all of them */
    int32_t parallel;                    /* at a time, as asked for; 0: enough to fill the pipe */
    int32_t branches;                    /* sequences of one question at a time, at most */
    int64_t trunk_tokens, branch_tokens; /* of a trunk or plain answer; what each branch adds */
    bool whole_context;                  /* one conversation: the cache holds all of job->longest */
    int32_t window;    /* steps in the air, as asked for; 0: as measured or as there are stages */
    bool logits;       /* of every position */
    bool any_sampling; /* answers may bring ways of sampling of their own */
    bool told;         /* log probabilities of tokens may be asked for */
    jup_sampling_t sampling;
    jup_typical_t typical;
    jup_scripted_t scripted; /* on: what stands in for a phantom's model */
} jup_demand_t;

/** Fills in job->engine, parallel, measure and fit_window; everything else is there. */
void jup_job_derive(jup_job_t *job, const jup_config_t *config, const jup_demand_t *demand);

#endif
