/** After a run: the summary for people, or one JSON object for programs. */
#ifndef JUP_APP_RUN_REPORT_H
#define JUP_APP_RUN_REPORT_H

#include "ask/answer.h"
#include "trace/analyse.h"

/** text, tokens (n): of the only answer. Prints to stdout. */
void jup_run_report_json(const jup_run_t *run, const jup_analysis_t *analysis, const char *text,
                         const int32_t *tokens, int n, jup_answer_end_t end);

#endif
