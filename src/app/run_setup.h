/** Rank 0 before a run: options, model header, tokenizer, prompt; from these the job for all. */
#ifndef JUP_APP_RUN_SETUP_H
#define JUP_APP_RUN_SETUP_H

#include "app/ask_setup.h"
#include "app/run_options.h"
#include "io/gguf.h"
#include "io/tokenizer.h"
#include "job/job.h"
#include "plan/plan.h"

typedef struct jup_run_setup {
    jup_run_options_t options;
    jup_gguf_t *gguf;
    jup_tokenizer_t *tokenizer;
    jup_tokens_t prompt;
    jup_plan_t plan; /* when planned */
    bool planned;
    bool sliced;          /* the file is a slice, which settles the division */
    bool prompt_is_empty; /* the prompt is no text, at most a begin token */
    jup_ask_setup_t ask;  /* questions and prompts, when job->ask.on */
} jup_run_setup_t;

/**
 * Rank 0 parses argv and prepares; every rank gets the verdict and the job. With *help set the
 * help was printed and there is nothing to run. Collective. The setup is rank 0's.
 */
jup_status_t jup_run_prepare(jup_comm_t *comm, int argc, const char **argv, jup_run_setup_t *setup,
                             jup_job_t *job, bool *help, jup_error_t *err);
void jup_run_setup_reset(jup_run_setup_t *setup);

#endif
