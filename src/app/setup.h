/** Rank 0 before a run: options, model header, tokenizer, questions; from these the job for all. */
#ifndef JUP_APP_SETUP_H
#define JUP_APP_SETUP_H

#include "app/run_options.h"
#include "ask/keep.h"
#include "ask/lengths.h"
#include "ask/texts.h"
#include "ask/windows.h"
#include "job/job.h"

typedef struct jup_setup {
    void *user; /* as the way of running has it */
    jup_run_options_t options;
    jup_config_t config;
    jup_gguf_t *gguf;           /* NULL with --shape */
    jup_tokenizer_t *tokenizer; /* likewise */
    jup_prompts_t prompts;      /* empty when the prompt is taken as it is */
    jup_questions_t questions;
    jup_tokens_t prompt; /* taken as it is */
    jup_texts_t texts;
    jup_picking_t picking; /* of all answers, where log probabilities are told */
    jup_windows_t windows; /* of a text to read, in place of texts */
    jup_script_t script;   /* with --script, in place of texts */
    jup_source_t source;   /* one of the two */
    jup_keep_t keep;       /* with --journal or --resume */
    bool prompt_is_empty;  /* no text, at most a begin token */
} jup_setup_t;

/**
 * Rank 0 parses argv and prepares; every rank gets the verdict and the job, and its number in the
 * job's order. With *help set the help was printed and there is nothing to run. The setup is rank
 * 0's. Collective.
 */
jup_status_t jup_setup_prepare(jup_comm_t *comm, int argc, const char **argv, jup_setup_t *setup,
                               jup_job_t *job, bool *help, jup_error_t *err);
void jup_setup_reset(jup_setup_t *setup);

/** Positions that a question and its answer may take. */
int32_t jup_setup_context(const jup_setup_t *setup);

#endif
