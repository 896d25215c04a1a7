#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic jup_log_level_t threshold = JUP_LOG_NORMAL;
static atomic_int log_rank = -1;

void jup_log_configure(jup_log_level_t level, int rank)
{
    threshold = level;
    log_rank = rank;
}

jup_log_level_t jup_log_get_level(void)
{
    return threshold;
}

/* One write per line, so that lines of several ranks do not mix. */
static void print_line(const char *prefix, const char *format, va_list args)
{
    char line[2000];
    vsnprintf(line, sizeof line, format, args);
    fprintf(stderr, "%s%s\n", prefix, line);
}

void jup_info(const char *format, ...)
{
    if (threshold < JUP_LOG_NORMAL)
        return;
    va_list args;
    va_start(args, format);
    print_line("", format, args);
    va_end(args);
}

void jup_verbose(const char *format, ...)
{
    if (threshold < JUP_LOG_VERBOSE)
        return;
    char prefix[32] = "";
    int rank = log_rank;
    if (rank >= 0)
        snprintf(prefix, sizeof prefix, "[%d] ", rank);
    va_list args;
    va_start(args, format);
    print_line(prefix, format, args);
    va_end(args);
}

void jup_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("jupiter: warning: ", format, args);
    va_end(args);
}
