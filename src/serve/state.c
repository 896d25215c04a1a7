#include "serve/state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16 };

typedef struct writer {
    char *text;
    size_t n;
} writer_t;

static void put(writer_t *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(writer_t *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->text + w->n, MOST - w->n, format, args);
    va_end(args);
    w->n += n > 0 && (size_t)n < MOST - w->n ? (size_t)n : 0;
}

static void put_one(writer_t *w, const char *name, const char *type, const char *help, double value)
{
    put(w, "# HELP jupiter_%s %s\n# TYPE jupiter_%s %s\njupiter_%s %.17g\n", name, help, name, type,
        name, value);
}

static void put_totals(writer_t *w, const jup_desk_totals_t *t)
{
    put(w, "# HELP jupiter_requests_total Requests for answers, by what became of them.\n"
           "# TYPE jupiter_requests_total counter\n");
    const struct {
        const char *name;
        int64_t n;
    } outcomes[] = {{"finished", t->finished},
                    {"cancelled", t->cancelled},
                    {"refused", t->refused},
                    {"failed", t->failed - t->timed_out},
                    {"timeout", t->timed_out}};
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
        put(w, "jupiter_requests_total{outcome=\"%s\"} %lld\n", outcomes[i].name,
            (long long)outcomes[i].n);
    put_one(w, "prompt_tokens_total", "counter", "Tokens of prompts.", (double)t->prompt_tokens);
    put_one(w, "reused_tokens_total", "counter", "Of these, found in the cache.",
            (double)t->reused_tokens);
    put_one(w, "answer_tokens_total", "counter", "Tokens of answers.", (double)t->answer_tokens);
    put_one(w, "first_token_seconds_sum", "counter",
            "Seconds until the first token, of finished requests.", t->first_token_s);
    put_one(w, "answer_seconds_sum", "counter", "Seconds of finished requests.", t->answer_s);
}

char *jup_state_metrics(const jup_state_t *state, jup_desk_t *desk)
{
    writer_t w = {.text = jup_new(MOST, 1)};
    pthread_mutex_lock(&desk->lock);
    put_totals(&w, &desk->totals);
    put_one(&w, "queue_requests", "gauge", "Requests that wait.", desk->waiting);
    put_one(&w, "running_answers", "gauge", "Answers being written.", desk->running);
    put_one(&w, "uptime_seconds", "gauge", "Seconds since the start.",
            jup_clock_now_s() - state->begin_s);
    put_one(&w, "steps_total", "counter", "Steps through the stages.", (double)state->steps);
    put_one(&w, "kv_pages", "gauge", "Pages of the cache that are promised.",
            (double)state->kv_pages);
    put_one(&w, "kv_pages_limit", "gauge", "Pages that the cache may have.",
            (double)state->kv_pages_most);
    pthread_mutex_unlock(&desk->lock);
    return w.text;
}

char *jup_state_json(const jup_state_t *state, jup_desk_t *desk)
{
    pthread_mutex_lock(&desk->lock);
    const jup_desk_totals_t *t = &desk->totals;
    json_t *json = json_pack(
        "{s:f, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "uptime_s",
        jup_clock_now_s() - state->begin_s, "waiting", desk->waiting, "running", desk->running,
        "finished", (json_int_t)t->finished, "prompt_tokens", (json_int_t)t->prompt_tokens,
        "reused_tokens", (json_int_t)t->reused_tokens, "answer_tokens",
        (json_int_t)t->answer_tokens, "steps", (json_int_t)state->steps, "kv_pages",
        (json_int_t)state->kv_pages, "kv_pages_limit", (json_int_t)state->kv_pages_most);
    pthread_mutex_unlock(&desk->lock);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)), *copy = jup_strdup(text);
    free(text);
    json_decref(json);
    return copy;
}
