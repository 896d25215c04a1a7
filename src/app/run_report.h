/** After a run: the summary for people, or one JSON object for programs. */
#ifndef JUP_APP_RUN_REPORT_H
#define JUP_APP_RUN_REPORT_H

#include "ask/answer.h"
#include "trace/analyse.h"

/** text: of the only answer; plain: its tokens, NULL where it has points. Prints to stdout. */
void jup_run_report_json(const jup_run_t *run, const jup_analysis_t *analysis, const char *text,
                         const jup_answer_t *plain);

#endif
