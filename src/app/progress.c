#include "app/progress.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

/* A launcher reads the ranks' stderr through pipes and says so with this variable unset; a person
 * sees the bar only where stderr really is a terminal. */
static bool on_terminal(void)
{
    return isatty(STDERR_FILENO) && jup_log_get_level() >= JUP_LOG_NORMAL;
}

void jup_progress_show(jup_progress_t *progress, const char *what, int64_t done, int64_t all)
{
    if (!on_terminal() || all <= 0)
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
