/* What becomes known, into the journal. */
#include "ask/keep.h"

#include "base/checksum.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double WRITE_S = 0.2, FORCE_S = 5;

/* ---- opening and closing --------------------------------------------------------------------- */

void jup_keep_field(jup_keep_t *keep, const char *name, const char *format, ...)
{
    char value[4096];
    va_list arguments;
    if (keep->n_fields == JUP_KEEP_FIELDS)
        return;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    jup_keep_field_t *field = &keep->fields[keep->n_fields++];
    field->name = name;
    jup_journal_escape(value, field->value);
}

void jup_keep_event(jup_keep_t *keep, const char *format, ...)
{
    char text[512];
    va_list arguments;
    if (!keep || !keep->path)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    jup_journal_event(&keep->journal, text);
}

/* Keeps the first failure. */
static void write_all(jup_keep_t *keep, bool force)
{
    double now_s = jup_clock_now_s();
    keep->written_s = now_s;
    if (force)
        keep->forced_s = now_s;
    if (keep->status == JUP_OK)
        keep->status = jup_journal_write(&keep->journal, force, &keep->err);
}

jup_status_t jup_keep_open(jup_keep_t *keep, jup_error_t *err)
{
    const jup_journal_extent_t *extent = &keep->extent;
    if (!keep->path)
        return JUP_OK;
    if (keep->resumes)
        JUP_TRY(jup_journal_go_on(&keep->journal, keep->path, extent->good_bytes,
                                  extent->torn_bytes, err));
    else
        JUP_TRY(jup_journal_begin(&keep->journal, keep->path, err));
    if (extent->good_bytes > 0)
        return JUP_OK;
    for (int32_t i = 0; i < keep->n_fields; i++)
        jup_journal_field(&keep->journal, keep->fields[i].name, keep->fields[i].value);
    return jup_journal_write(&keep->journal, true, err);
}

jup_status_t jup_keep_close(jup_keep_t *keep, jup_error_t *err)
{
    jup_error_t closing;
    jup_status_t closed = jup_journal_close(&keep->journal, &closing);
    jup_status_t status = keep->status;
    if (status != JUP_OK && err)
        *err = keep->err;
    else if (closed != JUP_OK && err)
        *err = closing;
    for (int32_t i = 0; i < keep->n_known; i++)
        jup_free(keep->known[i].ids);
    jup_free(keep->known);
    jup_free(keep->finished);
    memset(keep, 0, sizeof *keep);
    return status != JUP_OK ? status : closed;
}

/* ---- tokens and results ---------------------------------------------------------------------- */

int32_t jup_keep_branch(const jup_reply_t *reply, const jup_branch_t *branch)
{
    return branch == &reply->trunk ? JUP_JOURNAL_OUTLINE : branch->number;
}

static void keep_branch(jup_keep_t *keep, const jup_reply_t *reply, jup_branch_t *branch)
{
    const jup_answer_t *answer = &branch->answer;
    if (!branch->begun || branch->kept == answer->n_tokens)
        return;
    jup_journal_tokens(&keep->journal, reply->question, jup_keep_branch(reply, branch),
                       branch->kept, answer->tokens + branch->kept,
                       answer->n_tokens - branch->kept);
    branch->kept = answer->n_tokens;
}

void jup_keep_reply(jup_keep_t *keep, jup_reply_t *reply)
{
    if (!keep)
        return;
    keep_branch(keep, reply, &reply->trunk);
    keep_branch(keep, reply, &reply->plain);
    for (int32_t i = 0; reply->points && i < reply->outline.n; i++)
        keep_branch(keep, reply, &reply->points[i]);
}

bool jup_keep_write(jup_keep_t *keep, jup_reply_t *const *open, int32_t n)
{
    if (!keep)
        return true;
    double now_s = jup_clock_now_s();
    if (now_s - keep->written_s < WRITE_S)
        return keep->status == JUP_OK;
    for (int32_t i = 0; i < n; i++)
        if (open[i])
            jup_keep_reply(keep, open[i]);
    write_all(keep, now_s - keep->forced_s >= FORCE_S);
    return keep->status == JUP_OK;
}

bool jup_keep_result(jup_keep_t *keep, int32_t question, int64_t offset, const char *line)
{
    if (!keep)
        return true;
    size_t bytes = strlen(line);
    jup_journal_result(&keep->journal, question, offset, (int64_t)bytes,
                       jup_checksum(JUP_CHECKSUM_EMPTY, line, bytes));
    write_all(keep, false);
    return keep->status == JUP_OK;
}
