/**
 * A run made by hand: two ranks, a prompt of 8 tokens in two chunks, two tokens out. Small enough
 * to work its numbers out on paper:
 *
 *   rank 0  [c0 0-1][c1 1-2]........wait 2.1-3.6.........[d 3.6-3.8]wait-4.3
 *   rank 1  wait 0-1.25 [c0 1.25-2.25][c1 2.25-3.25][head -3.5] wait [d 3.9-4.1][head -4.2]
 */
#ifndef JUP_TESTS_TRACE_SAMPLE_H
#define JUP_TESTS_TRACE_SAMPLE_H

#include "trace/run.h"

/** Fills an initialised, empty run. */
void sample_run(jup_run_t *run);

#endif
