/** A run as Chrome trace events, for chrome://tracing and ui.perfetto.dev. */
#ifndef JUP_TRACE_CHROME_H
#define JUP_TRACE_CHROME_H

#include "trace/run.h"

#include <stdio.h>

/**
 * Ranks are processes; computing, waiting, and messages sent and received are their threads;
 * arrows lead from a message sent to the message received. Failures show in `out`.
 */
void jup_chrome_write(FILE *out, const jup_run_t *run);

#endif
