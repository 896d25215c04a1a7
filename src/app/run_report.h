/** After a run: the summary for people, or one JSON object for programs. */
#ifndef JUP_APP_RUN_REPORT_H
#define JUP_APP_RUN_REPORT_H

#include "ask/reply.h"
#include "trace/analyse.h"

/** only: the only answer, with its tokens or those of its outline and points; may be NULL. Prints
 * to stdout. */
void jup_run_report_json(const jup_run_t *run, const jup_analysis_t *analysis,
                         const jup_reply_t *only);

#endif
