#include "base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_S = 4 }; /* with a pipe that nobody has written to */

static const char *name_of(mode_t mode)
{
    return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a pipe" : "a device";
}

/* Also when the writer has left without a word: the pipe is empty, then. */
static bool has_writer(int fd)
{
    struct pollfd there = {.fd = fd, .events = POLLIN};
    return poll(&there, 1, PATIENCE_S * 1000) == 1;
}

static jup_status_t check(const char *path, int fd, jup_input_t kind, jup_error_t *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return jup_fail(err, JUP_EINPUT, "cannot read '%s': %s", path, strerror(errno));
    if (S_ISREG(info.st_mode))
        return JUP_OK;
    if (kind == JUP_INPUT_PLAIN || S_ISDIR(info.st_mode))
        return jup_fail(err, JUP_EINPUT, "cannot read '%s': it is %s; give a plain file", path,
                        name_of(info.st_mode));
    if (S_ISFIFO(info.st_mode) && !has_writer(fd))
        return jup_fail(err, JUP_EINPUT,
                        "cannot read '%s': it is a pipe, and nobody has written to it for %d s",
                        path, PATIENCE_S);
    return JUP_OK;
}

/* Not waiting in open(): a pipe would do so for its writer. */
jup_status_t jup_input_open(const char *path, jup_input_t kind, FILE **file, jup_error_t *err)
{
    *file = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return jup_fail(err, JUP_EINPUT, "cannot read '%s': %s", path, strerror(errno));
    jup_status_t status = check(path, fd, kind, err);
    int flags = fcntl(fd, F_GETFL);
    if (status == JUP_OK && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0)
        *file = fdopen(fd, "rb");
    if (*file)
        return JUP_OK;
    if (status == JUP_OK)
        status = jup_fail(err, JUP_EINPUT, "cannot read '%s': %s", path, strerror(errno));
    close(fd);
    return status;
}
