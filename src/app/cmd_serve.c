/* jupiter serve: as jupiter run, with questions that come over HTTP for as long as it lives. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "app/commands.h"
#include "app/options.h"
#include "base/log.h"

#ifdef HAVE_MICROHTTPD

#include "app/run.h"
#include "ask/results.h"
#include "serve/clerk.h"
#include "serve/http.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct server {
    jup_setup_t *setup;
    char name[80];
    jup_prompts_t with_system; /* empty: the model's prompts have no place for a system text */
    jup_forms_t forms;
    jup_wish_rules_t rules;
    jup_desk_t desk;
    jup_state_t state;
    jup_clerk_t clerk;
    jup_asking_t asking;
    jup_source_t source;
    jup_http_t http;
} server_t;

/* The file's name without folders and ending. */
static void name_model(server_t *s)
{
    const jup_run_options_t *o = &s->setup->options;
    const char *path = o->serve.name ? o->serve.name : o->model;
    const char *slash = o->serve.name ? NULL : strrchr(path, '/');
    snprintf(s->name, sizeof s->name, "%.79s", slash && slash[1] ? slash + 1 : path);
    char *dot = strstr(s->name, ".gguf");
    if (dot && !o->serve.name)
        *dot = '\0';
}

static void choose_forms(server_t *s)
{
    const jup_setup_t *setup = s->setup;
    jup_error_t err;
    bool place = jup_prompts_choose(&s->with_system, setup->gguf, setup->options.ask.prompts, "?",
                                    &err) == JUP_OK;
    s->forms = (jup_forms_t){
        .plain = &setup->prompts,
        .with_system = place ? &s->with_system : NULL,
        .tokenizer = setup->tokenizer,
        .context = jup_setup_context(setup),
        .max_points = setup->options.ask.max_points,
    };
}

static void make_rules(server_t *s, const jup_life_t *life)
{
    enum { MOST_CHOICES = 16 };
    const jup_run_options_t *o = &s->setup->options;
    s->rules = (jup_wish_rules_t){
        .model = s->name,
        .sampling = jup_run_options_sampling(o),
        .most_tokens = s->forms.context,
        .point_tokens = o->generate,
        .most_choices = MOST_CHOICES,
        .speculates = jup_job_speculates(&life->job),
    };
}

static jup_status_t open_door(server_t *s, jup_life_t *life, jup_error_t *err)
{
    const jup_serve_options_t *o = &s->setup->options.serve;
    const char *key = o->key ? o->key : getenv("JUPITER_API_KEY");
    s->clerk = (jup_clerk_t){.desk = &s->desk, .state = &s->state, .who.model = s->name};
    snprintf(s->clerk.who.fingerprint, sizeof s->clerk.who.fingerprint, "fp_%016" PRIx64,
             life->job.digest);
    s->http = (jup_http_t){
        .options = {.host = o->host ? o->host : "127.0.0.1",
                    .port = o->port,
                    .key = key,
                    .cors = o->cors,
                    .most_bytes = (size_t)o->most_kib * 1024,
                    .connections = o->connections,
                    .idle_s = o->idle_s},
        .desk = &s->desk,
        .forms = &s->forms,
        .rules = &s->rules,
        .who = s->clerk.who,
        .state = &s->state,
    };
    return jup_http_open(&s->http, err);
}

/* The model is loaded on every rank by now. */
static jup_status_t open_server(void *self, jup_life_t *life, jup_error_t *err)
{
    server_t *s = self;
    const jup_serve_options_t *o = &s->setup->options.serve;
    const jup_desk_limits_t limits = {
        .parallel = life->job.parallel, .queue = o->queue, .order_s = o->order_s};
    name_model(s);
    choose_forms(s);
    make_rules(s, life);
    jup_state_init(&s->state, life->pipe.size);
    s->state.model = s->name;
    JUP_TRY(jup_desk_init(&s->desk, &limits, jup_http_wake, err));
    return open_door(s, life, err);
}

static jup_status_t work(void *self, jup_life_t *life, jup_error_t *err)
{
    server_t *s = self;
    const jup_asking_options_t options = {
        .rules = {.tokenizer = s->setup->tokenizer},
        .context = jup_setup_context(s->setup),
        .parallel = life->job.parallel,
        .early_points = s->setup->options.ask.early_points,
        .quiet = true,
    };
    (void)err;
    s->source = jup_clerk_source(&s->clerk);
    jup_asking_init(&s->asking, &options, &s->source, &life->session.engine, NULL);
    fprintf(stderr, "jupiter: %s at http://%s:%d/\n", s->name, s->http.options.host,
            jup_http_port(&s->http));
    jup_clerk_work(&s->clerk, &s->asking);
    jup_http_close(&s->http);
    return JUP_OK;
}

static jup_status_t report(void *self, jup_life_t *life, jup_run_t *record, jup_error_t *err)
{
    server_t *s = self;
    jup_analysis_t analysis;
    (void)err;
    jup_run_store(record, &analysis, "serve");
    jup_results_store(&s->asking, record);
    if (!s->setup->options.quiet)
        jup_info("%lld requests answered, %lld cancelled, %lld refused; %lld tokens written",
                 (long long)s->desk.totals.finished, (long long)s->desk.totals.cancelled,
                 (long long)s->desk.totals.refused, (long long)s->desk.totals.answer_tokens);
    jup_analysis_reset(&analysis);
    (void)life;
    return JUP_OK;
}

static jup_speaker_t speaker(void *self, jup_setup_t *setup)
{
    server_t *s = self;
    s->setup = setup;
    return (jup_speaker_t){.self = s,
                           .sink = jup_asking_sink(&s->asking),
                           .stops = "jupiter: no more requests are taken\n",
                           .open = open_server,
                           .work = work,
                           .report = report};
}

static void reset(void *self)
{
    server_t *s = self;
    jup_http_close(&s->http);
    jup_asking_reset(&s->asking);
    jup_desk_reset(&s->desk);
    jup_state_reset(&s->state);
    jup_prompts_reset(&s->with_system);
}

int jup_cmd_serve(int argc, const char **argv)
{
    static const jup_run_way_t way = {
        .bytes = sizeof(server_t), .speaker = speaker, .reset = reset};
    return jup_run_command(argc, argv, &way);
}

#else

int jup_cmd_serve(int argc, const char **argv)
{
    jup_error_t err;
    (void)argc;
    (void)argv;
    jup_fail(
        &err, JUP_EENV,
        "this build has no server, since configure found no libmicrohttpd; install it (Debian: "
        "libmicrohttpd-dev), configure and build again");
    return jup_launched_beside_others() ? JUP_EENV : jup_report(&err);
}

#endif
