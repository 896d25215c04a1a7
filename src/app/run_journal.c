#include "app/run_journal.h"

#include "base/checksum.h"
#include "base/log.h"
#include "strategy/strategies.h"

#include <inttypes.h>
#include <string.h>

static uint64_t add_text(uint64_t sum, const char *text)
{
    return text ? jup_checksum(sum, text, strlen(text) + 1) : jup_checksum(sum, "", 1);
}

/* ---- what tokens depend on ------------------------------------------------------------------- */

/* A prompt as it is, or questions and how they are asked. */
static void name_questions(jup_setup_t *setup)
{
    jup_keep_t *keep = &setup->keep;
    const jup_prompts_t *p = &setup->prompts;
    const jup_ask_options_t *o = &setup->options.ask;
    uint64_t sum = JUP_CHECKSUM_EMPTY;
    if (setup->texts.raw) {
        sum = jup_checksum(sum, setup->prompt.ids, setup->prompt.count * sizeof *setup->prompt.ids);
        jup_keep_field(keep, "prompt", "%zu tokens (%016" PRIx64 ")", setup->prompt.count, sum);
        return;
    }
    for (int32_t i = 0; i < setup->questions.n; i++)
        sum = add_text(sum, setup->questions.list[i].text);
    jup_keep_field(keep, "questions", "%d (%016" PRIx64 ")", setup->questions.n, sum);
    const char *const forms[] = {p->plain, p->outline, p->point, p->outline_begins, p->system};
    sum = JUP_CHECKSUM_EMPTY;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        sum = add_text(sum, forms[i]);
    jup_keep_field(keep, "--prompts", "%s (%016" PRIx64 ")", p->name, sum);
    jup_keep_field(keep, "--outline", "%s",
                   o->outline == JUP_OUTLINE_ON     ? "on"
                   : o->outline == JUP_OUTLINE_AUTO ? "auto"
                                                    : "off");
    if (o->early_points)
        jup_keep_field(keep, "--early-points", "on");
    if (o->outline != JUP_OUTLINE_OFF)
        jup_keep_field(keep, "--max-points", "%d", o->max_points);
}

/* One field, however many there are; the sum tells texts apart that look alike in a list. */
static void name_stops(jup_keep_t *keep, char *const *stops)
{
    char list[JUP_JOURNAL_VALUE / 2];
    size_t at = 0;
    uint64_t sum = JUP_CHECKSUM_EMPTY;
    for (char *const *stop = stops; *stop; stop++) {
        sum = add_text(sum, *stop);
        if (at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", *stop);
    }
    jup_keep_field(keep, "--stop", "%s (%016" PRIx64 ")", list, sum);
}

static void name_end(jup_setup_t *setup)
{
    jup_keep_t *keep = &setup->keep;
    const jup_run_options_t *o = &setup->options;
    jup_keep_field(keep, "-n", "%d", o->generate);
    jup_keep_field(keep, "--context", "%d", jup_setup_context(setup));
    if (o->ignore_eos)
        jup_keep_field(keep, "--ignore-eos", "on");
    if (o->stops && o->stops[0])
        name_stops(keep, o->stops);
}

/* Options without effect do not count. */
static void name_sampling(jup_setup_t *setup)
{
    jup_keep_t *keep = &setup->keep;
    const jup_sampling_t s = jup_run_options_sampling(&setup->options);
    jup_keep_field(keep, "--temperature", "%g", (double)s.temperature);
    if (s.temperature > 0) {
        jup_keep_field(keep, "--top-k", "%d", s.top_k);
        jup_keep_field(keep, "--top-p", "%g", (double)s.top_p);
        jup_keep_field(keep, "--min-p", "%g", (double)s.min_p);
        jup_keep_field(keep, "--seed", "%" PRIu64, s.seed);
    }
    jup_keep_field(keep, "--repeat-penalty", "%g", (double)s.repeat_penalty);
    if (s.repeat_penalty != 1)
        jup_keep_field(keep, "--repeat-last", "%d", s.repeat_last);
}

/* A way of sharing the work counts only where it changes tokens, as do guesses. */
static void name_computing(jup_setup_t *setup, const jup_job_t *job)
{
    jup_keep_t *keep = &setup->keep;
    const jup_run_options_t *o = &setup->options;
    const jup_strategy_t *strategy = jup_strategy_by_name(job->plan.strategy);
    jup_keep_field(keep, "model", "%016" PRIx64, job->digest);
    jup_keep_field(keep, "--compute", "%s", job->compute);
    jup_keep_field(keep, "--wire", "%s", jup_dtype_any_name(job->wire));
    jup_keep_field(keep, "--kv", "%s", jup_dtype_any_name(job->kv_dtype));
    if (strategy && !jup_strategy_is_lossless(strategy))
        jup_keep_field(keep, "--strategy", "%s", strategy->name);
    if (o->ask.typical > 0) {
        jup_keep_field(keep, "--typical", "%g", (double)o->ask.typical);
        jup_keep_field(keep, "--speculate", "%s", o->ask.speculate ? o->ask.speculate : "none");
    }
}

jup_status_t jup_run_journal_prepare(jup_setup_t *setup, const jup_job_t *job, jup_error_t *err)
{
    const jup_ask_options_t *o = &setup->options.ask;
    if (!o->journal && !o->resume)
        return JUP_OK;
    name_computing(setup, job);
    name_questions(setup);
    name_end(setup);
    name_sampling(setup);
    return jup_keep_prepare(&setup->keep, o->resume ? o->resume : o->journal, o->resume != NULL,
                            setup->source.questions, setup->config.vocab, o->results, err);
}

/* ---------------------------------------------------------------------------------------------- */

/* Layers of each stage, as --layers has them. */
static void list_layers(const jup_plan_t *plan, char *text, size_t bytes)
{
    size_t at = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < plan->n_stages && at < bytes; i++)
        at += (size_t)snprintf(text + at, bytes - at, "%s%d", i ? "," : "",
                               plan->stages[i].last - plan->stages[i].first);
}

void jup_run_journal_begin(jup_setup_t *setup, const jup_job_t *job)
{
    char layers[120];
    const jup_keep_t *keep = &setup->keep;
    if (!keep->path)
        return;
    list_layers(&job->plan, layers, sizeof layers);
    jup_keep_event(&setup->keep,
                   "%s on %d ranks, strategy %s, layers %s: %d of %d questions "
                   "answered, %lld tokens known",
                   keep->resumes ? "goes on" : "begins", job->plan.n_members, job->plan.strategy,
                   layers, keep->n_finished, keep->questions, (long long)keep->known_tokens);
    if (keep->resumes && !setup->options.quiet)
        jup_info("%s: %d of %d questions were answered, %lld tokens are known", keep->path,
                 keep->n_finished, keep->questions, (long long)keep->known_tokens);
}
