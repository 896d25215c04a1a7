/** What came of the questions: a JSON line for each, and what all of them took. */
#ifndef JUP_ASK_RESULTS_H
#define JUP_ASK_RESULTS_H

#include "ask/asking.h"
#include "ask/questions.h"
#include "trace/run.h"

#include <jansson.h>

/** One JSON object, on one line without its end; for free(). */
char *jup_results_line(const jup_reply_t *reply, const jup_question_t *question);

/** Adds "outline" and "points", or "plain": texts, tokens, ends, times. */
void jup_results_add_branches(json_t *json, const jup_reply_t *reply);

/** The ids of a reply, as --tokens has them, on one line (a line for each point). */
void jup_results_write_ids(FILE *out, const jup_reply_t *reply);

/** Figures of the answers and of the engine, into the run's summary; and for people. */
void jup_results_store(const jup_asking_t *asking, jup_run_t *run);
void jup_results_print(FILE *out, const jup_asking_t *asking);

#endif
