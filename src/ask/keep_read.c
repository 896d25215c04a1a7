/* What earlier runs have found out, from the journal. */
#include "ask/keep.h"
#include "base/checksum.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct reading {
    jup_keep_t *keep;
    const char *path, *results;
    int fd; /* of the results; -1: none */
    bool fits[JUP_KEEP_FIELDS];
    bool has_more; /* than fields and events */
} reading_t;

/* ---- what the tokens depend on --------------------------------------------------------------- */

static jup_status_t differs(const reading_t *r, const char *name, const char *there,
                            const char *here, jup_error_t *err)
{
    return jup_fail(err, JUP_EINPUT,
                    "'%s' is of a run with %s %s, this one has %s: its tokens would not fit; use "
                    "the same, or begin a new journal",
                    r->path, name, there, here);
}

static jup_status_t take_field(reading_t *r, const jup_journal_record_t *record, jup_error_t *err)
{
    const jup_keep_t *keep = r->keep;
    for (int32_t i = 0; i < keep->n_fields; i++) {
        if (strcmp(keep->fields[i].name, record->name) != 0)
            continue;
        r->fits[i] = true;
        return strcmp(keep->fields[i].value, record->text) == 0
                   ? JUP_OK
                   : differs(r, record->name, record->text, keep->fields[i].value, err);
    }
    return differs(r, record->name, record->text, "none", err);
}

static jup_status_t check_fields(const reading_t *r, jup_error_t *err)
{
    for (int32_t i = 0; i < r->keep->n_fields; i++)
        if (!r->fits[i])
            return differs(r, r->keep->fields[i].name, "none", r->keep->fields[i].value, err);
    return JUP_OK;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static jup_keep_known_t *find(const jup_keep_t *keep, int32_t question, int32_t branch)
{
    for (int32_t i = keep->n_known - 1; i >= 0; i--) /* the newest are asked for most */
        if (keep->known[i].question == question && keep->known[i].branch == branch)
            return &keep->known[i];
    return NULL;
}

static jup_keep_known_t *find_or_add(jup_keep_t *keep, int32_t question, int32_t branch)
{
    jup_keep_known_t *known = find(keep, question, branch);
    if (known)
        return known;
    if (keep->n_known == keep->cap_known) {
        keep->cap_known = keep->cap_known ? 2 * keep->cap_known : 16;
        keep->known = jup_resize(keep->known, (size_t)keep->cap_known, sizeof *keep->known);
    }
    known = &keep->known[keep->n_known++];
    *known = (jup_keep_known_t){.question = question, .branch = branch};
    return known;
}

static jup_status_t inconsistent(const reading_t *r, const jup_journal_record_t *record,
                                 const char *what, jup_error_t *err)
{
    return jup_fail(err, JUP_EINPUT, "'%s': line %lld does not fit to what is before it: %s",
                    r->path, (long long)record->line, what);
}

static jup_status_t take_tokens(reading_t *r, const jup_journal_record_t *record, jup_error_t *err)
{
    jup_keep_t *keep = r->keep;
    if (record->question >= keep->questions)
        return inconsistent(r, record, "there is no such question", err);
    for (int32_t i = 0; i < record->n; i++)
        if (record->ids[i] >= keep->vocab)
            return inconsistent(r, record, "the model has no such token", err);
    if (keep->finished[record->question])
        return JUP_OK;
    jup_keep_known_t *known = find_or_add(keep, record->question, record->branch);
    if (known->n != record->at)
        return inconsistent(r, record, "tokens before these are missing", err);
    if (known->n + record->n > known->cap) {
        known->cap = 2 * (known->n + record->n);
        known->ids = jup_resize(known->ids, (size_t)known->cap, sizeof *known->ids);
    }
    memcpy(known->ids + known->n, record->ids, (size_t)record->n * sizeof *record->ids);
    known->n += record->n;
    keep->known_tokens += record->n;
    return JUP_OK;
}

void jup_keep_forget(jup_keep_t *keep, int32_t question)
{
    for (int32_t i = 0; keep && i < keep->n_known; i++)
        if (keep->known[i].question == question) {
            jup_free(keep->known[i].ids);
            keep->known[i--] = keep->known[--keep->n_known];
        }
}

/* ---- results --------------------------------------------------------------------------------- */

/* Whether the results have this line where it was to go. */
static bool has_line(const reading_t *r, const jup_journal_record_t *record)
{
    char piece[4096];
    uint64_t sum = JUP_CHECKSUM_EMPTY;
    for (int64_t done = 0; done < record->bytes;) {
        size_t n = sizeof piece;
        if (record->bytes - done < (int64_t)n)
            n = (size_t)(record->bytes - done);
        ssize_t got = pread(r->fd, piece, n, record->offset + done);
        if (got <= 0)
            return false;
        sum = jup_checksum(sum, piece, (size_t)got);
        done += got;
    }
    return sum == record->sum && pread(r->fd, piece, 1, record->offset + record->bytes) == 1 &&
           piece[0] == '\n';
}

/* The line's beginning ends the file: whoever wrote it was killed while doing so. */
static bool is_torn(const reading_t *r, const jup_journal_record_t *record)
{
    off_t length = lseek(r->fd, 0, SEEK_END);
    char last = '\n';
    return length > record->offset && length <= record->offset + record->bytes &&
           pread(r->fd, &last, 1, length - 1) == 1 && last != '\n';
}

static bool was_handed_out(reading_t *r, const jup_journal_record_t *record)
{
    r->keep->results_end = -1;
    if (record->offset < 0 || !r->results)
        return record->offset < 0 && !r->results; /* nobody can look it up */
    if (r->fd < 0)
        return false;
    if (is_torn(r, record))
        r->keep->results_end = record->offset;
    return has_line(r, record);
}

static jup_status_t take_result(reading_t *r, const jup_journal_record_t *record, jup_error_t *err)
{
    jup_keep_t *keep = r->keep;
    if (record->question >= keep->questions)
        return inconsistent(r, record, "there is no such question", err);
    if (!was_handed_out(r, record) || keep->finished[record->question])
        return JUP_OK;
    keep->finished[record->question] = true;
    keep->n_finished++;
    jup_keep_forget(keep, record->question);
    return JUP_OK;
}

/* ---------------------------------------------------------------------------------------------- */

static jup_status_t take(void *self, const jup_journal_record_t *record, jup_error_t *err)
{
    reading_t *r = self;
    switch (record->kind) {
    case JUP_JOURNAL_IS_FIELD:
        return take_field(r, record, err);
    case JUP_JOURNAL_IS_TOKENS:
        r->has_more = true;
        return take_tokens(r, record, err);
    case JUP_JOURNAL_IS_RESULT:
        r->has_more = true;
        return take_result(r, record, err);
    case JUP_JOURNAL_IS_EVENT:
        break;
    }
    return JUP_OK;
}

/* A job that was ended as it began its journal: nothing is known. */
static bool ends_before_its_fields(const reading_t *r)
{
    return !r->has_more && check_fields(r, NULL) != JUP_OK;
}

static void begin_anew(reading_t *r)
{
    jup_journal_extent_t *extent = &r->keep->extent;
    extent->torn_bytes += extent->good_bytes;
    extent->good_bytes = 0;
    jup_warn("'%s' was not written further than its beginning: nothing is known, it is begun anew",
             r->path);
}

static jup_status_t read_all(reading_t *r, jup_error_t *err)
{
    jup_keep_t *keep = r->keep;
    r->fd = r->results ? open(r->results, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    jup_status_t status = jup_journal_read(r->path, take, r, &keep->extent, err);
    if (r->fd >= 0)
        close(r->fd);
    if (status == JUP_OK && ends_before_its_fields(r))
        begin_anew(r);
    else if (status == JUP_OK)
        status = check_fields(r, err);
    if (status == JUP_OK && keep->extent.good_bytes > 0 && keep->extent.torn_bytes > 0)
        jup_warn("'%s' ends in a record that was not written whole; its %lld bytes are dropped",
                 r->path, (long long)keep->extent.torn_bytes);
    return status;
}

jup_status_t jup_keep_prepare(jup_keep_t *keep, const char *path, bool resumes, int32_t questions,
                              int32_t vocab, const char *results, jup_error_t *err)
{
    keep->path = path;
    keep->resumes = resumes;
    keep->questions = questions;
    keep->vocab = vocab;
    keep->results_end = -1;
    keep->finished = jup_new((size_t)questions + 1, 1);
    if (!resumes)
        return JUP_OK;
    reading_t r = {.keep = keep, .path = path, .results = results, .fd = -1};
    return read_all(&r, err);
}

bool jup_keep_is_finished(const jup_keep_t *keep, int32_t question)
{
    return keep && keep->finished[question];
}

const int32_t *jup_keep_known(const jup_keep_t *keep, int32_t question, int32_t branch, int32_t *n)
{
    const jup_keep_known_t *known = keep ? find(keep, question, branch) : NULL;
    *n = known ? known->n : 0;
    return known ? known->ids : NULL;
}
