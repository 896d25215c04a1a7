/* Reading a journal. */
#include "base/checksum.h"
#include "base/input.h"
#include "base/mem.h"
#include "io/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUM_DIGITS = 16 };

typedef struct reader {
    FILE *file;
    char line[JUP_JOURNAL_LINE]; /* without its end, terminated */
    size_t length;
    int64_t number, bytes; /* of lines, and of all of them with their ends, so far */
    int32_t ids[JUP_JOURNAL_IDS];
} reader_t;

/* ---- lines ----------------------------------------------------------------------------------- */

/* False at the file's end. *whole: it ends in a line end and is no longer than any record. */
static bool next_line(reader_t *r, bool *whole)
{
    int c;
    r->length = 0;
    *whole = true;
    int64_t before = r->bytes;
    while ((c = getc_unlocked(r->file)) != EOF) {
        r->bytes++;
        if (c == '\n')
            break;
        if (r->length + 1 < sizeof r->line)
            r->line[r->length++] = (char)c;
        else
            *whole = false;
        if (!*whole && r->number == 0)
            break; /* this is something else, perhaps endless */
    }
    r->line[r->length] = '\0';
    r->number++;
    *whole = *whole && c == '\n' && strlen(r->line) == r->length;
    return r->bytes > before;
}

/* Takes the sum off the line; whether it is right. */
static bool unseal(reader_t *r)
{
    if (r->length < SUM_DIGITS + 1)
        return false;
    size_t text = r->length - SUM_DIGITS - 1;
    const char *digits = r->line + text + 1;
    if (r->line[text] != ' ' || strspn(digits, "0123456789abcdef") != SUM_DIGITS)
        return false;
    r->line[text] = '\0';
    r->length = text;
    return strtoull(digits, NULL, 16) == jup_checksum(JUP_CHECKSUM_EMPTY, r->line, text);
}

/* ---- records --------------------------------------------------------------------------------- */

/* A word and what follows it; "" where there is none. */
static char *split(char *text)
{
    char *space = strchr(text, ' ');
    if (!space)
        return text + strlen(text);
    *space = '\0';
    return space + 1;
}

static bool take_number(const char **at, int64_t least, int64_t most, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(*at, &end, 10);
    if (end == *at || errno || (*end != ' ' && *end != '\0') || *value < least || *value > most)
        return false;
    *at = *end ? end + 1 : end;
    return true;
}

static bool take_int(const char **at, int32_t least, int32_t most, int32_t *value)
{
    int64_t number;
    bool good = take_number(at, least, most, &number);
    *value = good ? (int32_t)number : 0;
    return good;
}

static bool parse_tokens(reader_t *r, const char *at, jup_journal_record_t *record)
{
    record->kind = JUP_JOURNAL_IS_TOKENS;
    record->ids = r->ids;
    if (!take_int(&at, 0, INT32_MAX, &record->question) ||
        !take_int(&at, JUP_JOURNAL_OUTLINE, JUP_JOURNAL_BRANCHES, &record->branch) ||
        !take_int(&at, 0, INT32_MAX - JUP_JOURNAL_IDS, &record->at))
        return false;
    while (*at && record->n < JUP_JOURNAL_IDS)
        if (!take_int(&at, 0, INT32_MAX, &r->ids[record->n++]))
            return false;
    return *at == '\0' && record->n > 0;
}

static bool parse_result(const char *at, jup_journal_record_t *record)
{
    record->kind = JUP_JOURNAL_IS_RESULT;
    if (!take_int(&at, 0, INT32_MAX, &record->question) ||
        !take_number(&at, -1, INT64_MAX / 4, &record->offset) ||
        !take_number(&at, 0, INT64_MAX / 4, &record->bytes) || strlen(at) != SUM_DIGITS ||
        strspn(at, "0123456789abcdef") != SUM_DIGITS)
        return false;
    record->sum = strtoull(at, NULL, 16);
    return true;
}

/* A field, or an event: a word and a text. */
static bool parse_text(char *at, jup_journal_kind_t kind, jup_journal_record_t *record)
{
    record->kind = kind;
    record->name = at;
    record->text = split(at);
    return *record->name != '\0';
}

static bool parse(reader_t *r, jup_journal_record_t *record)
{
    char *rest = split(r->line);
    *record = (jup_journal_record_t){.line = r->number};
    if (strcmp(r->line, "tokens") == 0)
        return parse_tokens(r, rest, record);
    if (strcmp(r->line, "result") == 0)
        return parse_result(rest, record);
    if (strcmp(r->line, "event") == 0)
        return parse_text(rest, JUP_JOURNAL_IS_EVENT, record);
    return strcmp(r->line, "field") == 0 && parse_text(rest, JUP_JOURNAL_IS_FIELD, record);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Whether the file has no more than the first record's beginning: a job was ended as it wrote it,
   and others may have put a line end behind it. */
static bool ends_in_first(const reader_t *r, bool whole)
{
    char first[64];
    uint64_t sum = jup_checksum(JUP_CHECKSUM_EMPTY, JUP_JOURNAL_FIRST, strlen(JUP_JOURNAL_FIRST));
    snprintf(first, sizeof first, "%s %016" PRIx64, JUP_JOURNAL_FIRST, sum);
    int c = getc_unlocked(r->file);
    if (c != EOF)
        ungetc(c, r->file);
    size_t most = strlen(first) - whole;
    return c == EOF && r->length <= most && memcmp(first, r->line, r->length) == 0;
}

/* *torn: there is nothing but a beginning of the first record, or not even that. */
static jup_status_t read_first(reader_t *r, const char *path, bool *torn, jup_error_t *err)
{
    bool whole, any = next_line(r, &whole);
    *torn = !any || ends_in_first(r, whole);
    if (*torn)
        return JUP_OK;
    if (!whole || !unseal(r) || strncmp(r->line, "jupiter-journal ", 16) != 0)
        return jup_fail(err, JUP_EINPUT, "'%s' is not a journal of this program", path);
    if (strcmp(r->line, JUP_JOURNAL_FIRST) != 0)
        return jup_fail(err, JUP_EINPUT, "'%s' is a journal of version %.20s; this program knows 1",
                        path, r->line + 16);
    return JUP_OK;
}

/* Damage with whole records behind it is not what a crash leaves. */
static jup_status_t check_torn(reader_t *r, const char *path, jup_error_t *err)
{
    bool whole;
    int64_t number = r->number;
    while (next_line(r, &whole))
        if (whole && unseal(r))
            return jup_fail(err, JUP_EINPUT,
                            "'%s' is damaged: the checksum of line %lld is wrong, and whole "
                            "records follow it; copy it again, or begin a new journal",
                            path, (long long)number);
    return JUP_OK;
}

static jup_status_t read_records(reader_t *r, const char *path, jup_journal_take_t take, void *self,
                                 jup_journal_extent_t *extent, jup_error_t *err)
{
    bool whole, torn;
    jup_journal_record_t record;
    JUP_TRY(read_first(r, path, &torn, err));
    if (torn)
        return JUP_OK;
    extent->good_bytes = r->bytes;
    while (next_line(r, &whole)) {
        if (!whole || !unseal(r))
            return check_torn(r, path, err);
        if (!parse(r, &record))
            return jup_fail(err, JUP_EINPUT, "'%s': line %lld is no record that this program knows",
                            path, (long long)r->number);
        JUP_TRY(take(self, &record, err));
        extent->good_bytes = r->bytes;
    }
    return JUP_OK;
}

jup_status_t jup_journal_read(const char *path, jup_journal_take_t take, void *self,
                              jup_journal_extent_t *extent, jup_error_t *err)
{
    *extent = (jup_journal_extent_t){0};
    FILE *file;
    JUP_TRY(jup_input_open(path, JUP_INPUT_PLAIN, &file, err));
    reader_t *r = jup_new(1, sizeof *r);
    r->file = file;
    jup_status_t status = read_records(r, path, take, self, extent, err);
    if (status == JUP_OK && ferror(file))
        status = jup_fail(err, JUP_EENV, "cannot read '%s': the disk fails", path);
    extent->torn_bytes = r->bytes - extent->good_bytes;
    jup_free(r);
    fclose(file);
    return status;
}
