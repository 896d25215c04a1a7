#include "base/temporary.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder(void)
{
    const char *named = getenv("TMPDIR");
    return named && *named ? named : "/tmp";
}

static jup_status_t fail(int reason, jup_error_t *err)
{
    return jup_fail(err, JUP_EENV,
                    "cannot write a temporary file in '%s': %s; set TMPDIR to a folder with room",
                    folder(), strerror(reason));
}

jup_status_t jup_temporary_open(int *fd, jup_error_t *err)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s/jupiter-XXXXXX", folder());
    *fd = n < (int)sizeof name ? mkostemp(name, O_CLOEXEC) : -1;
    if (*fd < 0)
        return fail(n < (int)sizeof name ? errno : ENAMETOOLONG, err);
    unlink(name);
    return JUP_OK;
}

jup_status_t jup_temporary_write(int fd, const void *data, size_t bytes, size_t offset,
                                 jup_error_t *err)
{
    const char *at = data;
    while (bytes > 0) {
        ssize_t n = pwrite(fd, at, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(n < 0 ? errno : ENOSPC, err);
        at += n;
        offset += (size_t)n;
        bytes -= (size_t)n;
    }
    return JUP_OK;
}

jup_status_t jup_temporary_alloc(void **block, size_t count, size_t size, jup_error_t *err)
{
    int fd;
    size_t room = jup_mem_file_bytes(count, size);
    if (room == 0)
        return jup_alloc(block, count, size, "temporary data", err);
    JUP_TRY(jup_temporary_open(&fd, err));
    int reason = posix_fallocate(fd, 0, (off_t)room);
    *block = reason ? NULL : jup_mem_map_file(fd, count, size);
    reason = reason ? reason : errno;
    close(fd);
    return *block ? JUP_OK : fail(reason, err);
}
