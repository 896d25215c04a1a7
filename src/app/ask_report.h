/** What came of the questions: a line for each, and what outline and speculation did. */
#ifndef JUP_APP_ASK_REPORT_H
#define JUP_APP_ASK_REPORT_H

#include "ask/asking.h"
#include "trace/run.h"

#include <stdio.h>

/** One JSON object on one line. */
void jup_ask_write_result(FILE *out, const jup_inquiry_t *inquiry);

/** Figures of scheduler, speculation and cache, into the run's summary numbers; and for people. */
void jup_ask_store_engine(const jup_engine_t *engine, jup_run_t *run);
void jup_ask_print_engine(FILE *out, const jup_engine_t *engine);

/** These and the answers'. */
void jup_ask_store(const jup_asking_t *asking, jup_run_t *run);

/** The same for people. */
void jup_ask_print(FILE *out, const jup_asking_t *asking);

/** All that was answered as one answer (a new text in it), for the report of a run. */
void jup_ask_whole_answer(const jup_asking_t *asking, jup_answer_t *answer);

#endif
