/** A progress bar on stderr, when that is a terminal or JUPITER_PROGRESS=1; else nothing. */
#ifndef JUP_BASE_PROGRESS_H
#define JUP_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct jup_progress {
    const char *what;
    bool shown;
} jup_progress_t;

void jup_progress_show(jup_progress_t *progress, const char *what, int64_t done, int64_t all);

/** Wipes the bar, so that other text can follow. */
void jup_progress_clear(jup_progress_t *progress);

#endif
