#include "io/text_file.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 1 << 16 };
static const size_t most_bytes = (size_t)1 << 28;

static jup_status_t open_file(const char *path, FILE **file, jup_error_t *err)
{
    if (strcmp(path, "-") == 0) {
        *file = stdin;
        return JUP_OK;
    }
    struct stat about;
    *file = fopen(path, "rb");
    if (!*file)
        return jup_fail(err, JUP_EINPUT, "cannot read %s: %s", path, strerror(errno));
    if (fstat(fileno(*file), &about) == 0 && S_ISDIR(about.st_mode)) {
        fclose(*file);
        return jup_fail(err, JUP_EINPUT, "cannot read %s: it is a folder", path);
    }
    return JUP_OK;
}

/* Drops a byte-order mark and one final line end: an editor's, not the writer's. */
static size_t trim(char *text, size_t n)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (n >= 3 && memcmp(text, mark, 3) == 0)
        memmove(text, text + 3, n -= 3);
    if (n > 0 && text[n - 1] == '\n')
        n -= n > 1 && text[n - 2] == '\r' ? 2 : 1;
    text[n] = '\0';
    return n;
}

jup_status_t jup_file_read(const char *path, char **text, size_t *length, jup_error_t *err)
{
    FILE *file;
    JUP_TRY(open_file(path, &file, err));
    char *block = NULL;
    size_t n = 0, got;
    do {
        block = jup_resize(block, n + BLOCK + 1, 1);
        got = fread(block + n, 1, BLOCK, file);
        n += got;
    } while (got > 0 && n < most_bytes);
    int failed = ferror(file);
    if (file != stdin)
        fclose(file);
    if (failed || n >= most_bytes) {
        jup_free(block);
        return jup_fail(err, JUP_EINPUT, "cannot read %s: %s", path,
                        failed ? "an error occurred" : "it is larger than 256 MiB");
    }
    block[n] = '\0';
    *text = block;
    *length = n;
    return JUP_OK;
}

jup_status_t jup_text_read(const char *path, char **text, size_t *length, jup_error_t *err)
{
    JUP_TRY(jup_file_read(path, text, length, err));
    *length = trim(*text, *length);
    return JUP_OK;
}
