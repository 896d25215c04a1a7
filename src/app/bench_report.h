/** A bench's rows as a table for people (Markdown), for spreadsheets (CSV), for programs (JSON). */
#ifndef JUP_APP_BENCH_REPORT_H
#define JUP_APP_BENCH_REPORT_H

#include "app/bench.h"

#include <stdio.h>

/** "md", "csv" or "json"; false: unknown. */
bool jup_bench_knows(const char *format);
void jup_bench_report(FILE *out, const char *format, const jup_bench_t *bench);

/** Lowest, middle and highest of n > 0 values, which it sorts; of an even number the middle is the
 * mean of two. */
typedef struct jup_spread {
    double least, median, most;
} jup_spread_t;
jup_spread_t jup_spread_of(double *values, int32_t n);

#endif
