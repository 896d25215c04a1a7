/** A run for people: the table of ranks and a timeline in text. */
#ifndef JUP_TRACE_REPORT_H
#define JUP_TRACE_REPORT_H

#include "trace/analyse.h"

#include <stdio.h>

/** Speeds, then a row per rank: busy, waiting, hidden communication, bytes sent, peak memory. */
void jup_report_summary(FILE *out, const jup_run_t *run, const jup_analysis_t *analysis);

/** One line of `width` characters per rank for each phase: which chunk it works on, or waits. */
void jup_report_timeline(FILE *out, const jup_run_t *run, const jup_analysis_t *analysis,
                         int width);

#endif
