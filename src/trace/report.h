/** A run for people: its speeds, a table of ranks and a timeline in text. */
#ifndef JUP_TRACE_REPORT_H
#define JUP_TRACE_REPORT_H

#include "trace/analyse.h"

#include <stdio.h>

/** Speeds, then a row per rank: busy, waiting, hidden communication, bytes sent, peak memory; and
 * its place, where ranks share layers. */
void jup_report_summary(FILE *out, const jup_run_t *run, const jup_analysis_t *analysis);

/** What the run was: model, date, options, one key a line. */
void jup_report_meta(FILE *out, const jup_run_t *run);

/**
 * The first request's prefill and its first tokens: one line of `width` characters per rank, each
 * the chunk (0-9, a-z, again) or token it worked on, or '-' where it waited.
 */
void jup_report_timeline(FILE *out, const jup_run_t *run, const jup_analysis_t *analysis,
                         int width);

#endif
