/* Lines that are added to a file, and the standard streams. */
#include "base/mem.h"
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static jup_status_t fail(const jup_lines_t *lines, int reason, jup_error_t *err)
{
    return jup_fail(err, JUP_EENV, "cannot write '%s': %s", lines->path, strerror(reason));
}

/* All of it, or 0 and the reason in errno. */
static bool write_all(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, text, bytes);
        if (n < 0 && errno != EINTR)
            return false;
        text += n > 0 ? n : 0;
        bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Of a plain file; -1 of what has none. */
static off_t length_of(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : -1;
}

/* A job that was killed may have left half a line. */
static bool end_last_line(int fd)
{
    char last = '\n';
    off_t length = length_of(fd);
    if (length > 0 && pread(fd, &last, 1, length - 1) != 1)
        return false;
    return last == '\n' || write_all(fd, "\n", 1);
}

/* Some network file systems have no locks: lines are whole there as long as one job writes. */
static bool lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

jup_status_t jup_lines_open(jup_lines_t *lines, const char *path, jup_error_t *err)
{
    *lines = (jup_lines_t){.fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)};
    if (lines->fd < 0 && (errno == EINVAL || errno == EACCES || errno == ENXIO))
        lines->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC); /* a pipe, a device */
    if (lines->fd < 0)
        return jup_fail(err, JUP_EINPUT, "cannot write '%s': %s", path, strerror(errno));
    lines->path = jup_strdup(path);
    jup_status_t status = JUP_OK;
    if (!lock(lines->fd))
        status =
            jup_fail(err, JUP_EINPUT,
                     "cannot write '%s': another job is writing to it; name another file", path);
    else if (!end_last_line(lines->fd))
        status = fail(lines, errno, err);
    if (status != JUP_OK)
        jup_lines_close(lines, NULL);
    return status;
}

jup_status_t jup_lines_add(jup_lines_t *lines, const char *text, jup_error_t *err)
{
    size_t bytes = strlen(text) + 1;
    off_t before = length_of(lines->fd);
    char *line = jup_new(bytes, 1);
    memcpy(line, text, bytes - 1);
    line[bytes - 1] = '\n';
    bool written = write_all(lines->fd, line, bytes);
    int reason = errno;
    jup_free(line);
    if (written)
        return JUP_OK;
    if (before >= 0 && ftruncate(lines->fd, before) != 0)
        return fail(lines, errno, err); /* half a line stays: it has no newline at its end */
    return fail(lines, reason, err);
}

int64_t jup_lines_length(const jup_lines_t *lines)
{
    return length_of(lines->fd);
}

jup_status_t jup_lines_cut(jup_lines_t *lines, int64_t length, jup_error_t *err)
{
    return ftruncate(lines->fd, length) == 0 ? JUP_OK : fail(lines, errno, err);
}

jup_status_t jup_lines_force(jup_lines_t *lines, jup_error_t *err)
{
    return length_of(lines->fd) < 0 || fdatasync(lines->fd) == 0 ? JUP_OK : fail(lines, errno, err);
}

jup_status_t jup_lines_close(jup_lines_t *lines, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    if (!lines->path)
        return JUP_OK;
    if (length_of(lines->fd) >= 0 && fsync(lines->fd) != 0)
        status = fail(lines, errno, err);
    if (close(lines->fd) != 0 && status == JUP_OK)
        status = fail(lines, errno, err);
    jup_free(lines->path);
    *lines = (jup_lines_t){.fd = -1};
    return status;
}

/* ---- standard streams ------------------------------------------------------------------------ */

/* Opened the wrong way round, so that reading or writing fails. */
void jup_streams_hold(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            return; /* not even that: messages will be lost */
}

static int unread = -1; /* a pipe without a reader */

/* What this process writes in vain raises the signal, too, wherever that was. */
static void lose_reader(int signal_number, siginfo_t *info, void *context)
{
    int kept = errno;
    (void)signal_number;
    (void)context;
    if (info->si_pid != getpid() && unread >= 0)
        dup2(unread, STDOUT_FILENO);
    errno = kept;
}

void jup_streams_hear_of_reader(void)
{
    int ends[2];
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = lose_reader;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    if (unread < 0 && pipe2(ends, O_CLOEXEC) == 0) {
        close(ends[0]);
        unread = ends[1];
    }
    sigaction(SIGPIPE, &action, NULL);
}

jup_status_t jup_streams_lost(int reason, jup_error_t *err)
{
    if (reason == EPIPE)
        return JUP_OK;
    return jup_fail(err, JUP_EENV, "cannot write to standard output: %s", strerror(reason));
}

jup_status_t jup_streams_check(jup_error_t *err)
{
    bool failed = fflush(stdout) != 0;
    int reason = failed ? errno : 0;
    if (!failed && !ferror(stdout))
        return JUP_OK;
    return jup_streams_lost(failed ? reason : jup_output_reason(STDOUT_FILENO), err);
}
