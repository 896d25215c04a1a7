#include "base/progress.h"

#include "base/log.h"
#include "base/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

/* JUPITER_PROGRESS=1 or 0 says it where it cannot be found out. */
static bool on_terminal(void)
{
    const char *forced = getenv("JUPITER_PROGRESS");
    if (jup_log_get_level() < JUP_LOG_NORMAL)
        return false;
    return forced ? strcmp(forced, "0") != 0 : jup_terminal_is_at(STDERR_FILENO);
}

void jup_progress_show(jup_progress_t *progress, const char *what, int64_t done, int64_t all)
{
    if (all <= 0 || !on_terminal())
        return;
    int filled = (int)(done * BAR_WIDTH / all);
    char bar[BAR_WIDTH + 1];
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %lld/%lld\033[K", what, bar, (long long)done, (long long)all);
    fflush(stderr);
    progress->what = what;
    progress->shown = true;
}

void jup_progress_clear(jup_progress_t *progress)
{
    if (!progress->shown)
        return;
    fprintf(stderr, "\r\033[K");
    fflush(stderr);
    progress->shown = false;
}
