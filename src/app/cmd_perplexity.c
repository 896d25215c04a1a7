/* jupiter perplexity: how well the model foretells a text, window by window. */
#include "app/commands.h"
#include "app/run.h"
#include "ask/asking.h"
#include "ask/surprise.h"

#include <stdio.h>

typedef struct reading {
    jup_setup_t *setup;
    jup_asking_t asking;
    jup_surprise_t surprise;
} reading_t;

static void take_logits(void *self, const float *logits, int32_t rows)
{
    reading_t *r = self;
    jup_surprise_take(&r->surprise, logits, rows);
}

static jup_status_t work(void *self, jup_life_t *life, jup_error_t *err)
{
    reading_t *r = self;
    const jup_asking_options_t options = {.rules = {.tokenizer = r->setup->tokenizer},
                                          .context = r->setup->windows.size,
                                          .parallel = 1,
                                          .quiet = r->setup->options.quiet};
    r->surprise =
        (jup_surprise_t){.windows = &r->setup->windows, .vocab = life->session.whole.vocab};
    jup_asking_init(&r->asking, &options, &r->setup->source, &life->session.engine, NULL);
    life->session.engine.user.logits = take_logits;
    life->session.engine.user.logits_self = r;
    return jup_asking_run(&r->asking, err);
}

static jup_status_t report(void *self, jup_life_t *life, jup_run_t *record, jup_error_t *err)
{
    reading_t *r = self;
    const jup_surprise_t *s = &r->surprise;
    int32_t size = s->windows->size;
    double error, perplexity = jup_surprise_perplexity(s, &error);
    jup_analysis_t analysis;
    jup_run_store(record, &analysis, "perplexity");
    jup_run_set_number(record, "perplexity", perplexity);
    jup_run_set_number(record, "perplexity_error", error);
    if (r->setup->options.json)
        printf("{\"perplexity\": %.6f, \"error\": %.6f, \"nats\": %.8f, \"tokens\": %lld, "
               "\"window\": %d}\n",
               perplexity, error, s->sum / (double)s->tokens, (long long)s->tokens, size);
    else
        printf("perplexity %.4f +/- %.4f (%lld tokens: the later half of %lld windows of %d)\n",
               perplexity, error, (long long)s->tokens, (long long)(s->rows / size), size);
    if (!r->setup->options.quiet && !r->setup->options.json)
        jup_run_print(record, &analysis, &life->job.plan);
    jup_analysis_reset(&analysis);
    if (s->tokens > 1)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT, "too few tokens were read to tell of a perplexity");
}

static jup_speaker_t speaker(void *self, jup_setup_t *setup)
{
    reading_t *r = self;
    r->setup = setup;
    return (jup_speaker_t){
        .self = r, .sink = jup_asking_sink(&r->asking), .work = work, .report = report};
}

static void reset(void *self)
{
    reading_t *r = self;
    jup_asking_reset(&r->asking);
}

int jup_cmd_perplexity(int argc, const char **argv)
{
    static const jup_run_way_t way = {
        .bytes = sizeof(reading_t), .speaker = speaker, .reset = reset};
    return jup_run_command(argc, argv, &way);
}
