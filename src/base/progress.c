#include "base/progress.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

/* A launcher hands on the ranks' two streams in any order: a bar that is wiped late would take what
 * was printed meanwhile with it. Who has no answers on the screen says so with JUPITER_PROGRESS=1.
 */
static bool on_terminal(void)
{
    const char *forced = getenv("JUPITER_PROGRESS");
    if (jup_log_get_level() < JUP_LOG_NORMAL)
        return false;
    return forced ? strcmp(forced, "0") != 0 : isatty(STDERR_FILENO) != 0;
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
