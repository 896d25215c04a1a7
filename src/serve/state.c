#include "serve/state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 18 }; /* a thousand ranks */

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

/* ---- stages ---------------------------------------------------------------------------------- */

void jup_state_init(jup_state_t *state, int32_t ranks)
{
    memset(state, 0, sizeof *state);
    state->begin_s = jup_clock_now_s();
    state->ranks = ranks;
    state->now = jup_new((size_t)ranks, sizeof *state->now);
    state->before = jup_new((size_t)ranks, sizeof *state->before);
}

void jup_state_reset(jup_state_t *state)
{
    jup_free(state->now);
    jup_free(state->before);
    memset(state, 0, sizeof *state);
}

void jup_state_update(jup_state_t *state, jup_desk_t *desk, const jup_engine_t *engine)
{
    const jup_scheduler_t *s = &engine->scheduler;
    const jup_vitals_board_t *board = &engine->board;
    size_t bytes = (size_t)state->ranks * sizeof *state->now;
    pthread_mutex_lock(&desk->lock);
    state->steps = s->steps;
    state->kv_pages = s->pages_promised;
    state->kv_pages_most = s->pages;
    if (board->n == state->ranks && board->rounds > state->rounds) {
        memcpy(state->now, board->now, bytes);
        memcpy(state->before, board->before, bytes);
        state->rounds = board->rounds;
    }
    pthread_mutex_unlock(&desk->lock);
}

/* Of the time between the last two tellings; 0 until there are two. */
static double share_of(const jup_state_t *state, int32_t rank, double now_s, double before_s)
{
    double length_s = state->now[rank].at_s - state->before[rank].at_s;
    if (state->rounds < 2 || length_s <= 0)
        return 0;
    double share = (now_s - before_s) / length_s;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

static double busy_share(const jup_state_t *state, int32_t r)
{
    return share_of(state, r, state->now[r].busy_s, state->before[r].busy_s);
}

static double wait_share(const jup_state_t *state, int32_t r)
{
    const jup_vitals_t *now = &state->now[r], *before = &state->before[r];
    return share_of(state, r, now->wait_recv_s + now->wait_send_s,
                    before->wait_recv_s + before->wait_send_s);
}

static double value_of(const jup_state_t *state, int32_t r, int what)
{
    const jup_vitals_t *v = &state->now[r];
    const double values[] = {v->busy_s,
                             busy_share(state, r),
                             v->wait_recv_s + v->wait_send_s,
                             (double)v->sent_bytes,
                             (double)v->sent_messages,
                             (double)v->resident_bytes,
                             (double)v->kv_bytes};
    return values[what];
}

static void put_stages(writer_t *w, const jup_state_t *state)
{
    static const struct {
        const char *name, *type, *help;
    } figures[] = {
        {"busy_seconds_total", "counter", "Seconds of computing."},
        {"busy_share", "gauge", "Share of the time spent computing, lately."},
        {"wait_seconds_total", "counter", "Seconds of waiting for messages."},
        {"sent_bytes_total", "counter", "Bytes sent to other ranks."},
        {"sent_messages_total", "counter", "Messages sent to other ranks."},
        {"resident_bytes", "gauge", "Memory of the process."},
        {"kv_bytes", "gauge", "Memory of the cache."},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0] && state->rounds > 0; i++) {
        put(w, "# HELP jupiter_stage_%s %s\n# TYPE jupiter_stage_%s %s\n", figures[i].name,
            figures[i].help, figures[i].name, figures[i].type);
        for (int32_t r = 0; r < state->ranks; r++)
            put(w, "jupiter_stage_%s{rank=\"%d\",stage=\"%d\",member=\"%d\"} %.17g\n",
                figures[i].name, r, state->now[r].stage, state->now[r].member,
                value_of(state, r, (int)i));
    }
}

static json_t *json_stages(const jup_state_t *state)
{
    json_t *list = json_array();
    for (int32_t r = 0; r < state->ranks && state->rounds > 0; r++) {
        const jup_vitals_t *v = &state->now[r];
        json_array_append_new(
            list, json_pack("{s:i, s:i, s:i, s:[i,i], s:f, s:f, s:I, s:I, s:I, s:I}", "rank", r,
                            "stage", v->stage, "member", v->member, "layers", v->layer_first,
                            v->layer_last - 1, "busy", busy_share(state, r), "waiting",
                            wait_share(state, r), "sent_bytes", (json_int_t)v->sent_bytes,
                            "sent_messages", (json_int_t)v->sent_messages, "resident_bytes",
                            (json_int_t)v->resident_bytes, "kv_bytes", (json_int_t)v->kv_bytes));
    }
    return list;
}

/* ---------------------------------------------------------------------------------------------- */

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
    put_stages(&w, state);
    pthread_mutex_unlock(&desk->lock);
    return w.text;
}

char *jup_state_json(const jup_state_t *state, jup_desk_t *desk)
{
    pthread_mutex_lock(&desk->lock);
    const jup_desk_totals_t *t = &desk->totals;
    json_t *json = json_pack(
        "{s:s, s:f, s:f, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "model", state->model,
        "told_s", state->now[0].at_s, "uptime_s", jup_clock_now_s() - state->begin_s, "waiting",
        desk->waiting, "running", desk->running, "finished", (json_int_t)t->finished,
        "prompt_tokens", (json_int_t)t->prompt_tokens, "reused_tokens",
        (json_int_t)t->reused_tokens, "answer_tokens", (json_int_t)t->answer_tokens, "steps",
        (json_int_t)state->steps, "kv_pages", (json_int_t)state->kv_pages, "kv_pages_limit",
        (json_int_t)state->kv_pages_most);
    json_object_set_new(json, "stages", json_stages(state));
    pthread_mutex_unlock(&desk->lock);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)), *copy = jup_strdup(text);
    free(text);
    json_decref(json);
    return copy;
}
