/* jupiter journal: what a journal holds, and what happened when. */
#include "app/commands.h"
#include "app/options.h"
#include "base/mem.h"
#include "io/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct summary {
    unsigned char *handed_out;             /* (n) */
    int64_t n, results, tokens, questions; /* questions: with tokens or a result, at least */
} summary_t;

static void note_question(summary_t *s, int32_t question, bool handed_out)
{
    enum { FEW = 64 };
    if (question >= s->n) {
        int64_t n = 2 * (int64_t)question + FEW;
        s->handed_out = jup_resize(s->handed_out, (size_t)n, 1);
        memset(s->handed_out + s->n, 0, (size_t)(n - s->n));
        s->n = n;
    }
    s->questions += s->handed_out[question] == 0;
    s->results += handed_out && s->handed_out[question] < 2;
    if (s->handed_out[question] < 2)
        s->handed_out[question] = handed_out ? 2 : 1;
}

static jup_status_t take(void *self, const jup_journal_record_t *record, jup_error_t *err)
{
    enum { MOST = 1 << 26 };
    summary_t *s = self;
    if (record->question > MOST)
        return jup_fail(err, JUP_EINPUT, "line %lld: question %d is more than can be counted",
                        (long long)record->line, record->question);
    if (record->kind == JUP_JOURNAL_IS_FIELD)
        printf("%-20s %s\n", record->name, record->text);
    else if (record->kind == JUP_JOURNAL_IS_EVENT)
        printf("%s %s\n", record->name, record->text);
    else
        note_question(s, record->question, record->kind == JUP_JOURNAL_IS_RESULT);
    s->tokens += record->n;
    return JUP_OK;
}

static jup_status_t show(const char *path, jup_error_t *err)
{
    summary_t s = {0};
    jup_journal_extent_t extent;
    jup_status_t status = jup_journal_read(path, take, &s, &extent, err);
    if (status == JUP_OK) {
        printf("%lld tokens of %lld questions, %lld results\n", (long long)s.tokens,
               (long long)s.questions, (long long)s.results);
        if (extent.good_bytes == 0)
            printf("it was not written further than its beginning; --resume begins it anew\n");
        else if (extent.torn_bytes)
            printf("its last record was not written whole: %lld bytes that --resume will drop\n",
                   (long long)extent.torn_bytes);
    }
    jup_free(s.handed_out);
    return status;
}

static jup_status_t ignore(void *self, const jup_journal_record_t *record, jup_error_t *err)
{
    (void)self;
    (void)record;
    (void)err;
    return JUP_OK;
}

static jup_status_t add_note(const char *path, const char *note, jup_error_t *err)
{
    jup_journal_t journal;
    jup_journal_extent_t extent;
    JUP_TRY(jup_journal_read(path, ignore, NULL, &extent, err));
    JUP_TRY(jup_journal_go_on(&journal, path, extent.good_bytes, extent.torn_bytes, err));
    jup_journal_event(&journal, note);
    return jup_journal_close(&journal, err);
}

static jup_status_t journal(poptContext context, const char *note, jup_error_t *err)
{
    const char *path = poptGetArg(context), *extra = poptGetArg(context);
    if (!path)
        return jup_fail(err, JUP_EINPUT, "no file given; use jupiter journal FILE");
    if (extra)
        return jup_fail(err, JUP_EINPUT, "unexpected argument '%s'; give one file", extra);
    return note ? add_note(path, note, err) : show(path, err);
}

int jup_cmd_journal(int argc, const char **argv)
{
    char *note = NULL;
    jup_options_t options = {0};
    jup_error_t err;
    const struct poptOption table[] = {{"note", 0, POPT_ARG_STRING, &note, 0,
                                        "add something that happened, for a launcher", "TEXT"},
                                       JUP_OPTION_HELP,
                                       POPT_TABLEEND};
    if (jup_launched_beside_others())
        return JUP_OK;
    jup_status_t status =
        jup_options_parse(&options, argc, argv, table, "FILE [--note TEXT]", true, &err);
    if (status == JUP_OK && options.help)
        jup_options_print_help(&options);
    else if (status == JUP_OK)
        status = journal(options.context, note, &err);
    jup_options_reset(&options);
    free(note);
    return status == JUP_OK ? 0 : jup_report(&err);
}
