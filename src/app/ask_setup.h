/** Rank 0 before questions are answered: which questions, which prompts, what all ranks must know.
 */
#ifndef JUP_APP_ASK_SETUP_H
#define JUP_APP_ASK_SETUP_H

#include "app/ask_options.h"
#include "ask/prompts.h"
#include "ask/questions.h"
#include "decode/script.h"
#include "job/job.h"

typedef struct jup_ask_setup {
    jup_questions_t questions;
    jup_prompts_t prompts; /* empty when the prompt is taken as it is */
    bool raw;
    jup_script_t script; /* with --script, in place of questions */
} jup_ask_setup_t;

/** Whether the prompt is a question (or there is a file of them), not a text to go on with. */
bool jup_ask_takes_questions(const jup_ask_options_t *o);

/**
 * Reads the questions, or takes `question` as the only one, and chooses the prompts. *longest
 * becomes the longest prompt among them.
 */
jup_status_t jup_ask_prepare(jup_ask_setup_t *setup, const jup_ask_options_t *o,
                             const char *question, const jup_gguf_t *g,
                             const jup_tokenizer_t *tokenizer, jup_tokens_t *longest,
                             jup_error_t *err);

/** Reads the script. */
jup_status_t jup_ask_prepare_script(jup_ask_setup_t *setup, const char *path, jup_error_t *err);

/** One prompt that is taken as it is. */
void jup_ask_prepare_raw(jup_ask_setup_t *setup, const char *text);

/** Fills job->ask, when the options want it; the rest of the job is there. */
jup_status_t jup_ask_make_job(const jup_ask_setup_t *setup, const jup_ask_options_t *o,
                              const jup_config_t *config, int ranks, int32_t generate,
                              jup_job_t *job, jup_error_t *err);

/** Questions to work on at a time. */
int32_t jup_ask_parallel(const jup_ask_options_t *o, int32_t questions, int32_t window);

void jup_ask_setup_reset(jup_ask_setup_t *setup);

#endif
