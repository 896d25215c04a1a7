#include "base/output.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_standard_output(const char *path)
{
    return !path || strcmp(path, "-") == 0;
}

/* "folder/name" -> "folder", "name" -> "."; a new block. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = jup_new(n + 1, 1);
    memcpy(folder, slash ? path : ".", n);
    return folder;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Where a link leads, also when nothing is there yet; a new block. */
static char *follow(const char *path)
{
    char there[PATH_MAX], link[PATH_MAX];
    if (realpath(path, there))
        return jup_strdup(there);
    ssize_t n = readlink(path, link, sizeof link - 1);
    if (n <= 0)
        return jup_strdup(path);
    link[n] = '\0';
    if (link[0] == '/')
        return jup_strdup(link);
    char *folder = folder_of(path);
    size_t bytes = strlen(folder) + (size_t)n + 2;
    char *target = jup_new(bytes, 1);
    snprintf(target, bytes, "%s/%s", folder, link);
    jup_free(folder);
    return target;
}

static char *temporary_name(const char *target)
{
    size_t bytes = strlen(target) + 40;
    char *name = jup_new(bytes, 1);
    snprintf(name, bytes, "%s.%ld.part", target, (long)getpid());
    return name;
}

static jup_status_t refuse(const char *path, int reason, jup_error_t *err)
{
    const char *hint = reason == ENOENT || reason == ENOTDIR || reason == EACCES
                           ? "; name a file in a folder that exists and may be written"
                           : "";
    return jup_fail(err, JUP_EINPUT, "cannot write '%s': %s%s", path, strerror(reason), hint);
}

/* *in_place: what is there cannot be replaced by a file. */
static jup_status_t check_target(const char *path, const char *target, bool *in_place, mode_t *mode,
                                 jup_error_t *err)
{
    struct stat info;
    *in_place = false;
    *mode = 0;
    if (!*path)
        return jup_fail(err, JUP_EINPUT, "cannot write a file without a name");
    if (stat(target, &info) != 0)
        return JUP_OK; /* there is none yet, or its folder will say why not */
    if (S_ISDIR(info.st_mode))
        return jup_fail(err, JUP_EINPUT, "cannot write '%s': it is a folder; name a file in it",
                        path);
    if (access(target, W_OK) != 0)
        return refuse(path, errno, err);
    *in_place = !S_ISREG(info.st_mode);
    *mode = info.st_mode & 07777;
    return JUP_OK;
}

/* ---- whole files ----------------------------------------------------------------------------- */

static void forget(jup_output_t *out)
{
    jup_free(out->path);
    jup_free(out->target);
    jup_free(out->temporary);
    memset(out, 0, sizeof *out);
}

/* A new file, which nobody else can have open. */
static FILE *create(const char *name, mode_t mode)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return NULL;
    if (mode && fchmod(fd, mode) != 0)
        errno = 0; /* a file system without modes */
    return fdopen(fd, "w+b");
}

static jup_status_t open_file(jup_output_t *out, jup_error_t *err)
{
    bool in_place;
    mode_t mode;
    JUP_TRY(check_target(out->path, out->target, &in_place, &mode, err));
    if (!in_place)
        out->temporary = temporary_name(out->target);
    out->file = in_place ? fopen(out->target, "wb") : create(out->temporary, mode);
    return out->file ? JUP_OK : refuse(out->path, errno, err);
}

jup_status_t jup_output_open(jup_output_t *out, const char *path, jup_error_t *err)
{
    memset(out, 0, sizeof *out);
    if (is_standard_output(path)) {
        out->file = stdout;
        out->path = jup_strdup("standard output");
        return JUP_OK;
    }
    out->path = jup_strdup(path);
    out->target = follow(path);
    jup_status_t status = open_file(out, err);
    if (status != JUP_OK)
        forget(out);
    return status;
}

jup_status_t jup_output_fail(const jup_output_t *out, int reason, jup_error_t *err)
{
    const char *why = reason ? strerror(reason) : "an earlier write failed";
    return jup_fail(err, JUP_EENV, "cannot write '%s': %s", out->path, why);
}

int jup_output_reason(int fd)
{
    return write(fd, "\n", 1) < 0 ? errno : EIO;
}

/* 0, or the system's reason. */
static int complete(jup_output_t *out)
{
    int failed = fflush(out->file) != 0, reason = errno;
    if (!failed && ferror(out->file)) {
        failed = 1;
        reason = jup_output_reason(fileno(out->file));
    }
    if (!failed && out->temporary && fsync(fileno(out->file)) != 0) {
        failed = 1;
        reason = errno;
    }
    if (out->file != stdout && fclose(out->file) != 0 && !failed) {
        failed = 1;
        reason = errno;
    }
    out->file = NULL;
    if (!failed && out->temporary && rename(out->temporary, out->target) != 0) {
        failed = 1;
        reason = errno;
    }
    return failed ? reason : 0;
}

jup_status_t jup_output_close(jup_output_t *out, jup_error_t *err)
{
    if (!out->file)
        return JUP_OK;
    int reason = complete(out);
    jup_status_t status = reason ? jup_output_fail(out, reason, err) : JUP_OK;
    if (reason && out->temporary)
        unlink(out->temporary);
    forget(out);
    return status;
}

void jup_output_abandon(jup_output_t *out)
{
    if (out->file && out->file != stdout)
        fclose(out->file);
    if (out->temporary)
        unlink(out->temporary);
    forget(out);
}

jup_status_t jup_output_write(const char *path, const void *data, size_t bytes, jup_error_t *err)
{
    jup_output_t out;
    JUP_TRY(jup_output_open(&out, path, err));
    if (bytes == 0 || fwrite(data, 1, bytes, out.file) == bytes)
        return jup_output_close(&out, err);
    jup_status_t status = jup_output_fail(&out, errno, err);
    jup_output_abandon(&out);
    return status;
}

/* ---- before the work ------------------------------------------------------------------------- */

/* Which file a name means: by what is there, else by its folder and its name in it. */
typedef struct identity {
    bool known, there;
    dev_t device;
    ino_t inode;
    char *target;
} identity_t;

static void identify(const char *path, identity_t *id)
{
    struct stat info;
    memset(id, 0, sizeof *id);
    id->target = follow(path);
    id->there = stat(id->target, &info) == 0;
    id->known = id->there && S_ISREG(info.st_mode); /* devices may serve twice */
    if (!id->there) {
        char *folder = folder_of(id->target);
        id->known = stat(folder, &info) == 0;
        jup_free(folder);
    }
    id->device = info.st_dev;
    id->inode = info.st_ino;
}

static bool are_the_same(const identity_t *a, const identity_t *b)
{
    if (!a->known || !b->known || a->there != b->there || a->device != b->device ||
        a->inode != b->inode)
        return false;
    return a->there || strcmp(name_of(a->target), name_of(b->target)) == 0;
}

static jup_status_t check_apart(const jup_output_claim_t *a, const jup_output_claim_t *b,
                                jup_error_t *err)
{
    identity_t one, other;
    if (is_standard_output(a->path) || is_standard_output(b->path))
        return JUP_OK;
    identify(a->path, &one);
    identify(b->path, &other);
    bool same = are_the_same(&one, &other);
    jup_free(one.target);
    jup_free(other.target);
    if (!same)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT,
                    "%s '%s' and %s '%s' are the same file, which would be lost; write to another",
                    a->option, a->path, b->option, b->path);
}

/* By making the file that would be written first. */
static jup_status_t try_writing(const char *path, jup_error_t *err)
{
    jup_output_t out = {.path = jup_strdup(path), .target = follow(path)};
    bool in_place;
    mode_t mode;
    jup_status_t status = check_target(path, out.target, &in_place, &mode, err);
    if (status == JUP_OK && !in_place)
        status = open_file(&out, err);
    jup_output_abandon(&out);
    return status;
}

jup_status_t jup_output_check(const jup_output_claim_t *claims, size_t n, jup_error_t *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n && claims[i].writes; j++)
            if (j < i || (j > i && !claims[j].writes))
                JUP_TRY(check_apart(&claims[i], &claims[j], err));
    for (size_t i = 0; i < n; i++)
        if (claims[i].writes && !is_standard_output(claims[i].path))
            JUP_TRY(try_writing(claims[i].path, err));
    return JUP_OK;
}
