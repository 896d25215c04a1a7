#include "base/launcher.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tell(const char *line)
{
    const char *pipe = getenv("JUPITER_LAUNCH");
    int fd = pipe ? open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    ssize_t written = write(fd, line, strlen(line));
    (void)written;
    close(fd);
}

static void tell_number(const char *word, long number)
{
    char line[48];
    snprintf(line, sizeof line, "%s%ld\n", word, number);
    tell(line);
}

void jup_launcher_tell_here(void)
{
    tell_number("here ", (long)getpid());
}

void jup_launcher_tell_device(int rank, const char *name)
{
    char line[120];
    snprintf(line, sizeof line, "device %d %.80s\n", rank, name);
    tell(line);
}

void jup_launcher_tell_verdict(int code)
{
    tell_number("verdict ", code);
}

void jup_launcher_tell_code(int code)
{
    tell_number("", code);
}

void jup_launcher_tell_done(int code)
{
    tell_number("done ", code);
}
