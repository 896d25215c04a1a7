#include "base/status.h"

#include "base/terminal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static jup_die_hook_t die_hook;
static jup_die_announcer_t die_announcer;
static void *die_announcer_self;

jup_status_t jup_fail(jup_error_t *err, jup_status_t code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        err->code = code;
    }
    return code;
}

jup_status_t jup_fail_in(jup_error_t *err, const char *format, ...)
{
    assert(err);
    char context[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);

    char whole[2 * sizeof err->text + 4];
    snprintf(whole, sizeof whole, "%s: %s", context, err->text);
    whole[sizeof err->text - 1] = '\0';
    memcpy(err->text, whole, strlen(whole) + 1);
    return err->code;
}

void jup_die_set_hook(jup_die_hook_t hook)
{
    die_hook = hook;
}

void jup_die_set_announcer(jup_die_announcer_t announcer, void *self)
{
    die_announcer = announcer;
    die_announcer_self = self;
}

void jup_die_announce(int exit_code)
{
    if (die_announcer)
        die_announcer(die_announcer_self, exit_code);
}

void jup_die(jup_status_t code, const char *format, ...)
{
    char text[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "jupiter: %s\n", text);
    jup_terminal_restore();
    jup_die_announce((int)code);
    if (die_hook)
        die_hook((int)code);
    exit((int)code);
}
