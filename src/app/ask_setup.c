#include "app/ask_setup.h"

#include "ask/asking.h"
#include "base/checked.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/kv.h"

#include <stdio.h>
#include <string.h>

enum { STEP_ROWS = 128, CHUNK_ROWS = 64, DEFAULT_NODES = 32 };

bool jup_ask_takes_questions(const jup_ask_options_t *o)
{
    return o->chat || o->questions || o->outline != JUP_OUTLINE_OFF;
}

static jup_status_t find_longest(const jup_ask_setup_t *setup, const jup_tokenizer_t *tokenizer,
                                 jup_tokens_t *longest, jup_error_t *err)
{
    for (int32_t i = 0; i < setup->questions.n; i++) {
        jup_tokens_t tokens = {0};
        char *text = jup_prompts_fill(&setup->prompts, setup->prompts.outline,
                                      setup->questions.list[i].text, 0, NULL);
        jup_status_t status = jup_prompts_encode(&setup->prompts, tokenizer, text, &tokens, err);
        jup_free(text);
        if (status == JUP_OK && tokens.count > longest->count) {
            jup_tokens_reset(longest);
            *longest = tokens;
        } else {
            jup_tokens_reset(&tokens);
        }
        JUP_TRY(status);
    }
    return JUP_OK;
}

jup_status_t jup_ask_prepare(jup_ask_setup_t *setup, const jup_ask_options_t *o,
                             const char *question, const jup_gguf_t *g,
                             const jup_tokenizer_t *tokenizer, jup_tokens_t *longest,
                             jup_error_t *err)
{
    JUP_TRY(jup_prompts_choose(&setup->prompts, g, o->prompts, err));
    if (o->questions)
        JUP_TRY(jup_questions_read(&setup->questions, o->questions, err));
    else
        jup_questions_add(&setup->questions, "1", "", question);
    return find_longest(setup, tokenizer, longest, err);
}

void jup_ask_prepare_raw(jup_ask_setup_t *setup, const char *text)
{
    setup->raw = true;
    jup_questions_add(&setup->questions, "1", "", text);
}

jup_status_t jup_ask_prepare_script(jup_ask_setup_t *setup, const char *path, jup_error_t *err)
{
    return jup_script_read(&setup->script, path, err);
}

void jup_ask_setup_reset(jup_ask_setup_t *setup)
{
    jup_script_reset(&setup->script);
    jup_questions_reset(&setup->questions);
    jup_prompts_reset(&setup->prompts);
}

int32_t jup_ask_parallel(const jup_ask_options_t *o, int32_t questions, int32_t window)
{
    int32_t parallel = o->outline == JUP_OUTLINE_OFF ? 2 * window : window;
    if (o->parallel)
        parallel = o->parallel;
    return (int32_t)jup_min_i64(parallel, questions);
}

/* As jup_scheduler_submit() counts: dropped candidates leave slots empty. */
static int64_t whole_pages(int64_t tokens)
{
    int64_t useful = JUP_KV_PAGE_SLOTS - DEFAULT_NODES;
    return (tokens / useful + 4) * JUP_KV_PAGE_SLOTS;
}

/* Tokens in the cache of one question at its height. */
static int64_t tokens_of_question(const jup_ask_options_t *o, int64_t prompt, int64_t generate,
                                  int64_t context, int64_t nodes)
{
    int64_t plain = whole_pages(jup_min_i64(prompt + generate, context) + nodes);
    if (o->outline == JUP_OUTLINE_OFF)
        return plain;
    int64_t point = whole_pages(generate + 64 + nodes);
    return plain + whole_pages(prompt + JUP_OUTLINE_TOKENS + nodes) + (o->max_points + 1) * point;
}

/* As many questions at a time as half of this host's memory takes. */
static int64_t cache_tokens(const jup_ask_options_t *o, const jup_questions_t *questions,
                            const jup_config_t *config, const jup_job_t *job, int64_t each)
{
    if (o->chat)
        return whole_pages(config->context) + JUP_KV_PAGE_SLOTS;
    int64_t parallel = jup_ask_parallel(o, questions->n, job->ask.engine.scheduler.window);
    int layers = 0;
    for (int r = 0; r < JUP_MAX_RANKS && job->first_layer[r + 1] > job->first_layer[r]; r++)
        layers = (int)jup_max_i64(layers, job->first_layer[r + 1] - job->first_layer[r]);
    double bytes = (double)jup_config_kv_bytes(config, job->kv_dtype) * layers * (double)each;
    double room = (double)jup_mem_available_bytes() / 2;
    while (parallel > 1 && bytes * (double)parallel > room)
        parallel--;
    return parallel * each;
}

/* All parts of the largest requests that are worked on at a time. */
static int64_t script_tokens(const jup_script_t *script, int64_t parallel, int32_t nodes)
{
    int64_t most = 0;
    for (int32_t i = 0; i < script->n; i++) {
        const jup_script_request_t *r = &script->requests[i];
        int64_t tokens = whole_pages(r->prompt + r->answer + r->outline + nodes);
        for (int32_t p = 0; p < r->n_points; p++)
            tokens += whole_pages(r->heading + r->points[p] + nodes);
        most = jup_max_i64(most, tokens);
    }
    return most * parallel;
}

/* What the script says in place of the user. */
static void take_script(const jup_script_t *script, const jup_ask_options_t *o,
                        const jup_config_t *config, int32_t nodes, jup_ask_job_t *ask)
{
    int64_t parallel = jup_ask_parallel(o, script->n, ask->engine.scheduler.window);
    ask->engine.stage.script = script->model;
    ask->engine.stage.script.vocab = config->vocab;
    ask->engine.scheduler.kv_tokens = script_tokens(script, parallel, nodes);
}

jup_status_t jup_ask_make_job(const jup_ask_setup_t *setup, const jup_ask_options_t *o,
                              const jup_config_t *config, int ranks, int32_t generate,
                              jup_job_t *job, jup_error_t *err)
{
    jup_ask_job_t *ask = &job->ask;
    if (!jup_ask_wanted(o))
        return JUP_OK;
    if (job->request.all_logits)
        return jup_fail(err, JUP_EINPUT,
                        "--logits goes with plain decoding of one prompt; leave out --outline, "
                        "--speculate and --questions");
    if (o->heads && strlen(o->heads) >= sizeof ask->heads)
        return jup_fail(err, JUP_EINPUT, "the path given to --heads is too long");
    bool speculates = o->lookup || o->medusa || o->model || setup->script.model.depth > 0;
    int32_t nodes = !speculates ? 1 : o->nodes ? o->nodes : DEFAULT_NODES;
    ask->on = true;
    ask->measure = speculates && o->nodes == 0;
    ask->fit_window = ask->measure && o->window == 0;
    int32_t window = o->window ? o->window : jup_engine_default_window(ranks);
    snprintf(ask->heads, sizeof ask->heads, "%s", o->medusa ? o->heads : "");
    ask->engine.stage = (jup_stage_options_t){
        .wire = job->wire,
        .rows = STEP_ROWS,
        .window = ask->fit_window ? jup_engine_most_window(ranks) : window,
        .ahead = speculates && o->typical <= 0 && ranks > 1,
        .sampling = job->request.sampling,
        .typical = {.epsilon = o->typical, .delta = 0.3f},
    };
    ask->engine.scheduler = (jup_scheduler_options_t){.window = window, .chunk = CHUNK_ROWS};
    if (setup->script.n) {
        take_script(&setup->script, o, config, nodes, ask);
        return JUP_OK;
    }
    int64_t each =
        tokens_of_question(o, job->request.prompt_tokens, generate, config->context, nodes);
    ask->engine.scheduler.kv_tokens = cache_tokens(o, &setup->questions, config, job, each);
    return JUP_OK;
}
