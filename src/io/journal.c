/* Writing a journal. */
#include "io/journal.h"

#include "base/checksum.h"
#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- records that wait ----------------------------------------------------------------------- */

static void make_room(jup_journal_t *journal, size_t bytes)
{
    if (journal->bytes + bytes <= journal->cap)
        return;
    journal->cap = 2 * (journal->bytes + bytes);
    journal->waiting = jup_resize(journal->waiting, journal->cap, 1);
}

/* The record's text ends at `end` of what waits; its sum is added. */
static void seal(jup_journal_t *journal, size_t end)
{
    const char *record = journal->waiting + journal->bytes;
    uint64_t sum = jup_checksum(JUP_CHECKSUM_EMPTY, record, end - journal->bytes);
    end += (size_t)snprintf(journal->waiting + end, journal->cap - end, " %016" PRIx64 "\n", sum);
    journal->bytes = end;
}

static void __attribute__((format(printf, 2, 3)))
add(jup_journal_t *journal, const char *format, ...)
{
    va_list arguments;
    make_room(journal, JUP_JOURNAL_LINE);
    char *at = journal->waiting + journal->bytes;
    va_start(arguments, format);
    int n = vsnprintf(at, JUP_JOURNAL_LINE - 32, format, arguments);
    va_end(arguments);
    if (n >= JUP_JOURNAL_LINE - 32)
        n = JUP_JOURNAL_LINE - 33;
    seal(journal, journal->bytes + (size_t)n);
}

void jup_journal_escape(const char *value, char *text)
{
    enum { TAIL = 24 }; /* for the last character's escape, and a sum */
    size_t at = 0;
    const char *c = value;
    for (; *c && at < JUP_JOURNAL_VALUE - TAIL; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte >= 0x20 && byte != 0x7f && byte != '\\')
            text[at++] = *c;
        else
            at += (size_t)snprintf(text + at, 5, "\\x%02x", byte);
    }
    text[at] = '\0';
    if (*c)
        snprintf(text + at, TAIL - 4, "~%016" PRIx64,
                 jup_checksum(JUP_CHECKSUM_EMPTY, value, strlen(value)));
}

void jup_journal_field(jup_journal_t *journal, const char *name, const char *escaped)
{
    add(journal, "field %s %s", name, escaped);
}

void jup_journal_event(jup_journal_t *journal, const char *text)
{
    char date[32], line[JUP_JOURNAL_VALUE];
    jup_clock_date(date);
    jup_journal_escape(text, line);
    add(journal, "event %s %s", date, line);
}

static void add_tokens(jup_journal_t *journal, int32_t question, int32_t branch, int32_t at,
                       const int32_t *ids, int32_t n)
{
    make_room(journal, JUP_JOURNAL_LINE);
    char *text = journal->waiting;
    size_t end = journal->bytes, cap = journal->cap;
    end += (size_t)snprintf(text + end, cap - end, "tokens %d %d %d", question, branch, at);
    for (int32_t i = 0; i < n; i++)
        end += (size_t)snprintf(text + end, cap - end, " %d", ids[i]);
    seal(journal, end);
}

void jup_journal_tokens(jup_journal_t *journal, int32_t question, int32_t branch, int32_t at,
                        const int32_t *ids, int32_t n)
{
    for (int32_t i = 0; i < n; i += JUP_JOURNAL_IDS)
        add_tokens(journal, question, branch, at + i, ids + i,
                   n - i < JUP_JOURNAL_IDS ? n - i : JUP_JOURNAL_IDS);
}

void jup_journal_result(jup_journal_t *journal, int32_t question, int64_t offset, int64_t bytes,
                        uint64_t line)
{
    add(journal, "result %d %" PRId64 " %" PRId64 " %016" PRIx64, question, offset, bytes, line);
}

/* ---- the file -------------------------------------------------------------------------------- */

jup_status_t jup_journal_begin(jup_journal_t *journal, const char *path, jup_error_t *err)
{
    memset(journal, 0, sizeof *journal);
    JUP_TRY(jup_lines_open(&journal->lines, path, err));
    int64_t length = jup_lines_length(&journal->lines);
    if (length != 0)
        jup_lines_close(&journal->lines, NULL);
    if (length < 0)
        return jup_fail(err, JUP_EINPUT,
                        "'%s' is no plain file: what a journal keeps could not be read again; name "
                        "another",
                        path);
    if (length > 0)
        return jup_fail(err, JUP_EINPUT,
                        "'%s' is there already; go on from it with --resume, or name another file",
                        path);
    add(journal, JUP_JOURNAL_FIRST);
    return JUP_OK;
}

jup_status_t jup_journal_go_on(jup_journal_t *journal, const char *path, int64_t good_bytes,
                               int64_t torn_bytes, jup_error_t *err)
{
    memset(journal, 0, sizeof *journal);
    JUP_TRY(jup_lines_open(&journal->lines, path, err));
    int64_t length = jup_lines_length(&journal->lines), read = good_bytes + torn_bytes;
    jup_status_t status = JUP_OK;
    if (length < read || length > read + 1) /* a line end is put behind a torn one */
        status = jup_fail(err, JUP_EINPUT, "'%s' was changed by another job; run this again", path);
    else if (length > good_bytes)
        status = jup_lines_cut(&journal->lines, good_bytes, err);
    if (status != JUP_OK)
        jup_lines_close(&journal->lines, NULL);
    else if (good_bytes == 0)
        add(journal, JUP_JOURNAL_FIRST);
    return status;
}

jup_status_t jup_journal_write(jup_journal_t *journal, bool force, jup_error_t *err)
{
    if (journal->bytes > 0) {
        journal->waiting[journal->bytes - 1] = '\0'; /* the last line's end is added again */
        journal->bytes = 0;
        JUP_TRY(jup_lines_add(&journal->lines, journal->waiting, err));
    }
    return force ? jup_lines_force(&journal->lines, err) : JUP_OK;
}

jup_status_t jup_journal_close(jup_journal_t *journal, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    if (journal->lines.path) {
        status = jup_journal_write(journal, false, err);
        jup_status_t closed = jup_lines_close(&journal->lines, status == JUP_OK ? err : NULL);
        status = status == JUP_OK ? closed : status;
    }
    jup_free(journal->waiting);
    memset(journal, 0, sizeof *journal);
    return status;
}
