#include "io/text_file.h"

#include "base/input.h"
#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 1 << 16 };

static jup_status_t open_file(const char *path, FILE **file, jup_error_t *err)
{
    if (strcmp(path, "-") != 0)
        return jup_input_open(path, JUP_INPUT_ANY, file, err);
    *file = stdin;
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

/* Up to `most` bytes and one more, which tells that there is too much. */
static bool read_block(FILE *file, size_t most, char **block, size_t *n)
{
    size_t room = 0, got;
    *block = NULL;
    *n = 0;
    do {
        if (*n == room) {
            room = room ? 2 * room : BLOCK;
            room = room < most + 1 ? room : most + 1;
            *block = jup_resize(*block, room + 1, 1);
        }
        got = fread(*block + *n, 1, room - *n, file);
        *n += got;
    } while (got > 0 && *n <= most);
    return !ferror(file);
}

static jup_status_t read_whole(const char *path, size_t most, const char *why, char **text,
                               size_t *length, jup_error_t *err)
{
    FILE *file;
    JUP_TRY(open_file(path, &file, err));
    errno = 0;
    bool done = read_block(file, most, text, length);
    int reason = errno;
    if (file != stdin)
        fclose(file);
    if (done && *length <= most) {
        (*text)[*length] = '\0';
        return JUP_OK;
    }
    jup_free(*text);
    *text = NULL;
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    if (!done)
        return jup_fail(err, JUP_EINPUT, "cannot read %s: %s", name, strerror(reason));
    return jup_fail(err, JUP_EINPUT, "%s has more than %zu bytes, %s", name, most, why);
}

jup_status_t jup_file_read(const char *path, char **text, size_t *length, jup_error_t *err)
{
    return read_whole(path, (size_t)1 << 28, "more than such a file has", text, length, err);
}

jup_status_t jup_text_read(const char *path, size_t most, const char *why, char **text,
                           size_t *length, jup_error_t *err)
{
    JUP_TRY(read_whole(path, most, why, text, length, err));
    *length = trim(*text, *length);
    return JUP_OK;
}
