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

void jup_launcher_tell_here(void)
{
    char line[32];
    snprintf(line, sizeof line, "here %ld\n", (long)getpid());
    tell(line);
}

void jup_launcher_tell_code(int code)
{
    char line[16];
    snprintf(line, sizeof line, "%d\n", code);
    tell(line);
}
