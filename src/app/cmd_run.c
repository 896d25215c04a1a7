/* jupiter run: rank 0 reads the user's wishes, all ranks answer together. */
#include "app/commands.h"
#include "app/run.h"
#include "app/run_journal.h"
#include "app/run_report.h"
#include "ask/results.h"
#include "base/log.h"
#include "base/output.h"
#include "io/npy.h"

#include <stdlib.h>

typedef struct answers {
    jup_setup_t *setup;
    jup_asking_t asking;
    jup_show_t show;
    jup_npy_t logits;
    jup_lines_t results;
    bool closed;
    jup_status_t written; /* of results */
    jup_error_t write_err;
} answers_t;

static void take_logits(void *self, const float *logits, int32_t rows)
{
    answers_t *a = self;
    jup_npy_add(&a->logits, logits, rows);
}

/* What a journal is told of before it happens, so that no line is handed out twice. */
static jup_keep_t *keep_of(const answers_t *a)
{
    return a->setup->keep.path ? &a->setup->keep : NULL;
}

static void keep_line(answers_t *a, const char *line)
{
    if (a->written == JUP_OK)
        a->written = jup_lines_add(&a->results, line, &a->write_err);
}

static void print_line(const char *line)
{
    puts(line);
    fflush(stdout);
}

/* Results of a file of questions go to a file, or to standard output. */
static void write_result(void *self, jup_reply_t *reply)
{
    answers_t *a = self;
    const jup_run_options_t *o = &a->setup->options;
    bool to_file = a->results.path != NULL;
    char *line = jup_results_line(reply, &a->setup->questions.list[reply->question]);
    if (!jup_keep_result(keep_of(a), reply->question, to_file ? jup_lines_length(&a->results) : -1,
                         line))
        a->asking.unwanted = true;
    else if (to_file)
        keep_line(a, line);
    else if (o->print_tokens)
        jup_results_write_ids(stdout, reply);
    else if (!o->json)
        print_line(line);
    free(line);
    a->asking.unwanted = a->asking.unwanted || a->written != JUP_OK || ferror(stdout);
}

/* The results are open: half a line at their end goes, it will be written again. */
static jup_status_t open_journal(answers_t *a, const jup_job_t *job, jup_error_t *err)
{
    jup_keep_t *keep = &a->setup->keep;
    JUP_TRY(jup_keep_open(keep, err));
    jup_run_journal_begin(a->setup, job);
    if (a->results.path && keep->path && keep->results_end >= 0)
        return jup_lines_cut(&a->results, keep->results_end, err);
    return JUP_OK;
}

/* JUP_OK, or why results or the journal are not whole. */
static jup_status_t close_results(answers_t *a, jup_error_t *err)
{
    jup_keep_t *keep = &a->setup->keep;
    a->closed = true;
    if (a->written == JUP_OK)
        a->written = jup_lines_close(&a->results, &a->write_err);
    jup_keep_event(keep, "%s: %d of %d questions answered",
                   a->asking.interrupted ? "stops before the end" : "ends",
                   jup_asking_answered(&a->asking), a->setup->source.questions);
    jup_status_t kept = jup_keep_close(keep, err);
    if (a->written != JUP_OK)
        *err = a->write_err;
    return a->written != JUP_OK ? a->written : kept;
}

static jup_status_t open_outputs(void *self, jup_life_t *life, jup_error_t *err)
{
    answers_t *a = self;
    const jup_run_options_t *o = &a->setup->options;
    if (o->ask.results)
        JUP_TRY(jup_lines_open(&a->results, o->ask.results, err));
    JUP_TRY(open_journal(a, &life->job, err));
    if (!o->logits)
        return JUP_OK;
    return jup_npy_open(&a->logits, o->logits, life->session.config.vocab, err);
}

static jup_status_t work(void *self, jup_life_t *life, jup_error_t *err)
{
    answers_t *a = self;
    const jup_run_options_t *o = &a->setup->options;
    const jup_asking_options_t options = {
        .rules = {.tokenizer = a->setup->tokenizer, .ignore_eos = o->ignore_eos, .stops = o->stops},
        .context = jup_setup_context(a->setup),
        .parallel = life->job.parallel,
        .early_points = o->ask.early_points,
        .quiet = o->quiet,
        .shows = !o->ask.questions && !o->json && a->setup->source.questions == 1,
        .at_start = a->setup->prompt_is_empty,
        .keep = keep_of(a),
    };
    jup_show_init(&a->show, options.shows ? stdout : NULL, o->print_tokens);
    jup_asking_init(&a->asking, &options, &a->setup->source, &life->session.engine, &a->show);
    life->session.engine.user.logits = take_logits;
    life->session.engine.user.logits_self = a;
    if (o->ask.questions) {
        a->asking.done = write_result;
        a->asking.done_self = a;
    }
    jup_error_t asking_err;
    jup_status_t status = jup_asking_run(&a->asking, &asking_err);
    JUP_TRY(close_results(a, err));
    if (status != JUP_OK)
        *err = asking_err;
    return status;
}

static void cut(void *self, jup_life_t *life, char *kept, size_t size)
{
    answers_t *a = self;
    jup_error_t err;
    const char *results = a->setup->options.ask.results;
    int32_t under_way = a->asking.n_open, before = a->asking.totals.replies;
    (void)life;
    a->asking.interrupted = true;
    jup_asking_cut(&a->asking);
    if (!a->closed && close_results(a, &err) != JUP_OK)
        jup_report(&err);
    if (a->setup->source.questions == 1)
        snprintf(kept, size, "%d tokens of the answer", (int)a->asking.totals.tokens);
    else
        snprintf(kept, size, "%d of %d answers and the beginnings of %d%s%s", before,
                 a->setup->source.questions, under_way, results ? " in " : "",
                 results ? results : "");
}

/* Whether more than a prompt was decoded, plainly. */
static bool is_more_than_plain(const answers_t *a)
{
    return jup_ask_wanted(&a->setup->options.ask);
}

static void print_json(const answers_t *a, const jup_run_t *record, const jup_analysis_t *analysis)
{
    jup_run_report_json(record, analysis, a->asking.only);
}

/* Whether -n or the context ended what the model had not ended. */
static bool is_cut(const jup_branch_t *branch, jup_answer_end_t end)
{
    return branch->begun && branch->answer.n_tokens > 0 && branch->answer.end == end;
}

/* Said where a person would wonder why an answer breaks off. */
static void tell_cut(const answers_t *a)
{
    const jup_reply_t *only = a->asking.only;
    const jup_run_options_t *o = &a->setup->options;
    bool by_length = false, by_context = false;
    if (!only || !a->setup->tokenizer || o->ignore_eos)
        return;
    for (int32_t i = -1; i < (only->has_outline ? only->outline.n : 0); i++) {
        const jup_branch_t *branch = i < 0 ? &only->plain : &only->points[i];
        by_length = by_length || is_cut(branch, JUP_END_LENGTH);
        by_context = by_context || is_cut(branch, JUP_END_CONTEXT);
    }
    if (by_length)
        jup_info("the answer was cut after %d tokens; -n N lets it go on", o->generate);
    if (by_context)
        jup_info("the answer was cut: the context of %d tokens is full",
                 jup_setup_context(a->setup));
}

static jup_status_t report(void *self, jup_life_t *life, jup_run_t *record, jup_error_t *err)
{
    answers_t *a = self;
    jup_analysis_t analysis;
    const jup_run_options_t *o = &a->setup->options;
    const jup_reply_t *only = a->asking.only;
    jup_run_store(record, &analysis, "run");
    jup_results_store(&a->asking, record);
    if (only)
        jup_run_set_meta(record, "ended_by", jup_answer_end_name(jup_reply_end(only)));
    if (o->json)
        print_json(a, record, &analysis);
    else if (!o->quiet && !life->lost) {
        tell_cut(a);
        jup_run_print(record, &analysis, &life->job.plan);
        if (is_more_than_plain(a))
            jup_results_print(stderr, &a->asking);
    }
    jup_analysis_reset(&analysis);
    JUP_TRY(jup_show_check(&a->show, err));
    return jup_npy_close(&a->logits, err);
}

static jup_speaker_t speaker(void *self, jup_setup_t *setup)
{
    answers_t *a = self;
    a->setup = setup;
    return (jup_speaker_t){.self = a,
                           .sink = jup_asking_sink(&a->asking),
                           .open = open_outputs,
                           .cut = cut,
                           .work = work,
                           .report = report};
}

static void reset(void *self)
{
    answers_t *a = self;
    jup_asking_reset(&a->asking);
    jup_show_reset(&a->show);
    jup_lines_close(&a->results, NULL);
    jup_npy_reset(&a->logits);
}

int jup_cmd_run(int argc, const char **argv)
{
    static const jup_run_way_t way = {
        .bytes = sizeof(answers_t), .speaker = speaker, .reset = reset};
    return jup_run_command(argc, argv, &way);
}
