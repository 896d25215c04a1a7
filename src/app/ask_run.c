#include "app/ask_run.h"

#include "app/ask_report.h"
#include "app/run_report.h"
#include "app/scripted.h"
#include "ask/asking.h"
#include "ask/chat.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"
#include "comm/collect.h"
#include "strategy/measure.h"
#include "trace/gather.h"

#include <errno.h>
#include <string.h>

typedef struct ask {
    jup_comm_t *comm;
    jup_comm_t pipe; /* the ranks that have a stage */
    jup_run_setup_t *setup;
    jup_job_t *job;
    jup_session_t *session;
    jup_recorder_t *recorder;
    jup_heads_t heads;             /* last stage */
    jup_speculation_t speculation; /* rank 0, as are the next */
    jup_engine_t engine;
    jup_asking_t asking;
    jup_chat_t chat;
    jup_scripted_t scripted;
    FILE *results;
} ask_t;

static bool is_first(const ask_t *ask)
{
    return ask->comm->rank == 0;
}

/* ---- loading --------------------------------------------------------------------------------- */

static jup_status_t load_heads(ask_t *ask, jup_error_t *err)
{
    const jup_config_t *c = &ask->session->config;
    if (!ask->job->ask.heads[0] || ask->pipe.rank != ask->pipe.size - 1)
        return JUP_OK;
    JUP_TRY(jup_heads_init(&ask->heads, &ask->session->compute, c->dim, c->vocab,
                           JUP_STEP_MAX_SEGMENTS, err));
    return jup_heads_read(&ask->heads, ask->job->ask.heads, err);
}

static jup_status_t init_speculation(ask_t *ask, jup_error_t *err)
{
    const jup_ask_options_t *o = &ask->setup->options.ask;
    jup_speculation_t *s = &ask->speculation;
    jup_speculation_init(s);
    s->chain = o->chain;
    s->exact = o->nodes > 0;
    const jup_script_model_t *script = &ask->job->ask.engine.stage.script;
    bool any = o->lookup || o->medusa || o->model || script->depth > 0;
    s->nodes = any ? (o->nodes ? o->nodes : 32) : 1;
    if (o->medusa) {
        jup_draft_t *draft = &s->drafts[s->n_drafts++];
        jup_draft_medusa_init(draft);
        s->has_heads = true;
        if (o->accuracy)
            JUP_TRY(jup_accuracy_read(&draft->accuracy, o->accuracy, 50, err));
    }
    if (o->model)
        JUP_TRY(jup_draft_model_init(&s->drafts[s->n_drafts++], o->draft, ask->session->compute.ops,
                                     ask->session->compute.threads, ask->session->gguf,
                                     ask->session->config.vocab, err));
    if (script->depth > 0)
        jup_draft_script_init(&s->drafts[s->n_drafts++], script);
    if (o->lookup)
        jup_draft_lookup_init(&s->drafts[s->n_drafts++]);
    return JUP_OK;
}

static bool has_stage(const ask_t *ask)
{
    return jup_job_has_stage(ask->job, ask->comm->rank);
}

static jup_scheduler_sink_t sink_of(ask_t *ask)
{
    if (is_first(ask) && ask->setup->options.ask.chat)
        return jup_chat_sink(&ask->chat);
    if (ask->job->ask.engine.stage.script.on)
        return jup_scripted_sink(&ask->scripted);
    return jup_asking_sink(&ask->asking);
}

static jup_status_t load_here(ask_t *ask, jup_error_t *err)
{
    const jup_scheduler_sink_t sink = sink_of(ask);
    JUP_TRY(jup_session_open(ask->session, ask->job, ask->comm->rank, err));
    JUP_TRY(load_heads(ask, err));
    if (is_first(ask))
        JUP_TRY(init_speculation(ask, err));
    return jup_engine_init(&ask->engine, &ask->pipe, &ask->session->forward, ask->recorder,
                           &ask->job->ask.engine, ask->job->ask.heads[0] ? &ask->heads : NULL,
                           &ask->speculation, &sink, err);
}

static jup_status_t open_results(ask_t *ask, jup_error_t *err)
{
    const char *path = ask->setup->options.ask.results;
    if (!path)
        return JUP_OK;
    ask->results = fopen(path, "w");
    if (!ask->results)
        return jup_fail(err, JUP_EINPUT, "cannot write %s: %s", path, strerror(errno));
    return JUP_OK;
}

static jup_status_t load(ask_t *ask, jup_error_t *err)
{
    double start_s = jup_clock_now_s();
    jup_status_t status = has_stage(ask) ? load_here(ask, err) : JUP_OK;
    if (status == JUP_OK && is_first(ask))
        status = open_results(ask, err);
    status = jup_comm_agree(ask->comm, status, err);
    jup_recorder_span(ask->recorder, JUP_SPAN_LOAD, start_s, jup_clock_now_s(), 0, 0,
                      (double)ask->session->weights.mapped_bytes);
    return status;
}

/* ---- answering ------------------------------------------------------------------------------- */

static bool interrupted(void *self)
{
    (void)self;
    return jup_interrupted();
}

/* Results go to a file, or to standard output where there are many. */
static void write_result(void *self, const jup_inquiry_t *inquiry)
{
    ask_t *ask = self;
    if (ask->results)
        jup_ask_write_result(ask->results, inquiry);
    else if (ask->asking.n > 1 && !ask->setup->options.json)
        jup_ask_write_result(stdout, inquiry);
}

static jup_status_t answer_all(ask_t *ask, jup_error_t *err)
{
    const jup_run_options_t *o = &ask->setup->options;
    const jup_ask_setup_t *s = &ask->setup->ask;
    bool stopped;
    jup_asking_options_t options = {
        .outline = s->raw ? JUP_OUTLINE_OFF : o->ask.outline,
        .generate = o->generate,
        .context = o->context ? o->context : ask->session->config.context,
        .max_points = o->ask.max_points,
        .parallel =
            jup_ask_parallel(&o->ask, s->questions.n, ask->job->ask.engine.scheduler.window),
        .ignore_eos = o->ignore_eos,
        .quiet = o->quiet,
        .stops = o->stops,
        .stream = s->questions.n == 1 && !o->json ? stdout : NULL,
    };
    jup_asking_init(&ask->asking, &options, &ask->engine, ask->setup->tokenizer, &s->prompts,
                    &s->questions, s->raw ? &ask->setup->prompt : NULL);
    ask->asking.done = write_result;
    ask->asking.done_self = ask;
    jup_status_t status = jup_asking_run(&ask->asking, &stopped, err);
    jup_engine_stop(&ask->engine);
    return status;
}

static jup_status_t converse(ask_t *ask, jup_error_t *err)
{
    const jup_run_options_t *o = &ask->setup->options;
    ask->chat = (jup_chat_t){
        .engine = &ask->engine,
        .tokenizer = ask->setup->tokenizer,
        .prompts = &ask->setup->ask.prompts,
        .generate = o->generate,
        .context = o->context ? o->context : ask->session->config.context,
        .ignore_eos = o->ignore_eos,
        .quiet = o->quiet,
        .stops = o->stops,
        .in = stdin,
        .out = stdout,
    };
    jup_status_t status = jup_chat_run(&ask->chat, err);
    jup_engine_stop(&ask->engine);
    return status;
}

static jup_status_t play_script(ask_t *ask, jup_error_t *err)
{
    const jup_script_t *script = &ask->setup->ask.script;
    int32_t window = ask->job->ask.engine.scheduler.window;
    /* the job's model knows the vocabulary too */
    ask->setup->ask.script.model = ask->job->ask.engine.stage.script;
    jup_scripted_init(&ask->scripted, script, &ask->engine,
                      jup_ask_parallel(&ask->setup->options.ask, script->n, window));
    jup_status_t status = jup_scripted_run(&ask->scripted, err);
    jup_engine_stop(&ask->engine);
    return status;
}

static jup_status_t work(ask_t *ask, jup_error_t *err)
{
    ask->engine.interrupted = interrupted;
    if (ask->job->ask.measure)
        jup_engine_measure(&ask->engine, ask->job->ask.fit_window);
    if (ask->setup->ask.script.n)
        return play_script(ask, err);
    return ask->setup->options.ask.chat ? converse(ask, err) : answer_all(ask, err);
}

static jup_status_t report(ask_t *ask, jup_error_t *err)
{
    jup_rank_record_t mine;
    jup_run_t record;
    jup_status_t status = JUP_OK;
    const jup_pipeline_t hops = {.from = {.buffer_bytes = ask->engine.stage.from.buffer_bytes},
                                 .to = {.buffer_bytes = ask->engine.stage.to.buffer_bytes}};
    jup_run_init(&record);
    jup_run_report_rank(&mine, ask->comm->rank, ask->session, &hops);
    jup_trace_gather(ask->comm, ask->recorder, &mine, &record);
    if (is_first(ask)) {
        jup_answer_t whole;
        jup_ask_whole_answer(&ask->asking, &whole);
        if (ask->asking.n)
            jup_ask_store(&ask->asking, &record);
        else if (ask->scripted.script)
            jup_scripted_store(&ask->scripted, &record);
        status = jup_run_report(&record, ask->setup, ask->job, &ask->session->config, &whole, err);
        bool wordy = !ask->setup->options.quiet && !ask->setup->options.json;
        if (wordy && ask->asking.n)
            jup_ask_print(stderr, &ask->asking);
        else if (wordy && ask->scripted.script)
            jup_scripted_print(stderr, &ask->scripted);
        jup_free(whole.text);
        jup_free(whole.tokens);
    }
    jup_run_reset(&record);
    return jup_comm_agree(ask->comm, status, err);
}

static jup_status_t run(ask_t *ask, jup_error_t *err)
{
    JUP_TRY(load(ask, err));
    jup_trace_sync_clocks(ask->comm, ask->recorder);
    jup_interrupt_catch();
    jup_status_t status = JUP_OK;
    if (is_first(ask))
        status = work(ask, err);
    else if (has_stage(ask))
        jup_engine_serve(&ask->engine);
    JUP_TRY(jup_comm_agree(ask->comm, status, err));
    return report(ask, err);
}

jup_status_t jup_ask_run(jup_comm_t *comm, jup_run_setup_t *setup, jup_job_t *job,
                         jup_session_t *session, jup_recorder_t *recorder, jup_error_t *err)
{
    ask_t *ask = jup_new(1, sizeof *ask);
    ask->comm = comm;
    ask->pipe = jup_comm_narrow(comm, job->stages);
    ask->setup = setup;
    ask->job = job;
    ask->session = session;
    ask->recorder = recorder;
    jup_status_t status = run(ask, err);
    jup_asking_reset(&ask->asking);
    jup_scripted_reset(&ask->scripted);
    jup_engine_reset(&ask->engine);
    jup_speculation_reset(&ask->speculation);
    jup_heads_reset(&ask->heads);
    if (ask->results)
        fclose(ask->results);
    jup_free(ask);
    return status;
}
