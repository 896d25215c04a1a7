#include "trace/chrome.h"

#include "base/mem.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* Format: "Trace Event Format", Google, 2016. Times are microseconds. */

enum { THREAD_COMPUTE, THREAD_WAIT, THREAD_SENT = 100, THREAD_RECEIVED = 200, LANES = 64 };

typedef struct writer {
    FILE *out;
    size_t n_events;
    /* when the slice drawn last in each lane of messages ends, per rank: (n_ranks, LANES) */
    double *sent_until_s, *received_until_s;
} writer_t;

static double us(double seconds)
{
    return 1e6 * seconds;
}

/* Text from a file may not be UTF-8, which JSON has to be. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text ? text : "?");
    return json ? json : json_string("?");
}

/* Takes the event. */
static void put(writer_t *w, json_t *event)
{
    fputs(w->n_events++ ? ",\n" : "\n", w->out);
    json_dumpf(event, w->out, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(event);
}

static void put_name(writer_t *w, const char *what, int pid, int tid, json_t *name)
{
    put(w, json_pack("{s:s, s:s, s:i, s:i, s:{s:o}}", "name", what, "ph", "M", "pid", pid, "tid",
                     tid, "args", "name", name));
}

static void put_processes(writer_t *w, const jup_run_t *run)
{
    for (size_t i = 0; i < run->n_ranks; i++) {
        const jup_rank_record_t *rank = &run->ranks[i];
        char name[160];
        snprintf(name, sizeof name, "rank %zu (%s, layers %d to %d)", i, rank->host,
                 rank->layer_first, rank->layer_last - 1);
        put_name(w, "process_name", (int)i, 0, text_json(name));
        put(w, json_pack("{s:s, s:s, s:i, s:{s:i}}", "name", "process_sort_index", "ph", "M", "pid",
                         (int)i, "args", "sort_index", (int)i));
        put_name(w, "thread_name", (int)i, THREAD_COMPUTE, text_json("compute"));
        put_name(w, "thread_name", (int)i, THREAD_WAIT, text_json("wait"));
        put_name(w, "thread_name", (int)i, THREAD_SENT, text_json("messages sent"));
        put_name(w, "thread_name", (int)i, THREAD_RECEIVED, text_json("messages received"));
    }
}

static void put_span(writer_t *w, const jup_span_t *span)
{
    char name[64];
    bool waits = span->kind == JUP_SPAN_WAIT_RECV || span->kind == JUP_SPAN_WAIT_SEND;
    const char *kind = jup_span_kind_name(span->kind);
    if (span->chunk >= 0 && !waits)
        snprintf(name, sizeof name, "%s chunk %d", kind, span->chunk);
    else
        snprintf(name, sizeof name, "%s", kind);
    put(w, json_pack("{s:s, s:s, s:s, s:f, s:f, s:i, s:i, s:{s:i, s:i, s:i, s:i, s:i, s:i, s:f, "
                     "s:f}}",
                     "name", name, "cat", kind, "ph", "X", "ts", us(span->start_s), "dur",
                     us(span->end_s - span->start_s), "pid", span->rank, "tid",
                     waits ? THREAD_WAIT : THREAD_COMPUTE, "args", "request", span->request,
                     "branch", span->branch, "step", span->step, "rows", span->rows, "layer_first",
                     span->layer_first, "layer_last", span->layer_last, "flops",
                     isfinite(span->flops) ? span->flops : 0, "bytes",
                     isfinite(span->bytes) ? span->bytes : 0));
}

/* Slices of one thread must not overlap: the first lane that is free by then. */
static int free_lane(double *until_s, double start_s, double end_s)
{
    int lane = 0;
    while (lane + 1 < LANES && until_s[lane] > start_s)
        lane++;
    until_s[lane] = end_s;
    return lane;
}

static void put_slice(writer_t *w, const jup_message_t *m, bool sent, int tid)
{
    char name[64];
    double start_s = sent ? m->post_s : m->start_s, end_s = sent ? m->sent_s : m->done_s;
    snprintf(name, sizeof name, "%s %s rank %d", jup_message_kind_name(m->kind),
             sent ? "to" : "from", sent ? m->dst : m->src);
    put(w, json_pack("{s:s, s:s, s:s, s:f, s:f, s:i, s:i, s:{s:I, s:i}}", "name", name, "cat",
                     "message", "ph", "X", "ts", us(start_s), "dur", us(end_s - start_s), "pid",
                     sent ? m->src : m->dst, "tid", tid, "args", "bytes", (json_int_t)m->bytes,
                     "label", m->label));
}

/* An arrow's end lies inside the slice that it belongs to. */
static void put_arrow_end(writer_t *w, size_t id, bool from, double time_s, int pid, int tid)
{
    json_t *event =
        json_pack("{s:s, s:s, s:s, s:I, s:f, s:i, s:i}", "name", "message", "cat", "message", "ph",
                  from ? "s" : "f", "id", (json_int_t)id, "ts", us(time_s), "pid", pid, "tid", tid);
    if (!from)
        json_object_set_new(event, "bp", json_string("e"));
    put(w, event);
}

static bool is_stretch(double start_s, double end_s)
{
    return isfinite(start_s) && isfinite(end_s) && end_s >= start_s;
}

static void put_message(writer_t *w, const jup_message_t *m, size_t id)
{
    double *sent = w->sent_until_s + (size_t)m->src * LANES;
    double *received = w->received_until_s + (size_t)m->dst * LANES;
    bool has_sent = is_stretch(m->post_s, m->sent_s);
    bool has_received = is_stretch(m->start_s, m->done_s);
    int out = THREAD_SENT, in = THREAD_RECEIVED;
    if (has_sent) {
        out += free_lane(sent, m->post_s, m->sent_s);
        put_slice(w, m, true, out);
    }
    if (has_received) {
        in += free_lane(received, m->start_s, m->done_s);
        put_slice(w, m, false, in);
    }
    if (!has_sent || !has_received)
        return;
    put_arrow_end(w, id, true, m->post_s, m->src, out);
    put_arrow_end(w, id, false, m->start_s + 0.99 * (m->done_s - m->start_s), m->dst, in);
}

static void put_token(writer_t *w, const jup_token_record_t *token)
{
    char name[64];
    snprintf(name, sizeof name, "token %d", token->id);
    put(w, json_pack("{s:s, s:s, s:s, s:s, s:f, s:i, s:i, s:{s:i, s:i, s:i}}", "name", name, "cat",
                     "token", "ph", "i", "s", "p", "ts", us(token->time_s), "pid", 0, "tid",
                     THREAD_COMPUTE, "args", "position", token->position, "branch", token->branch,
                     "accepted_by", token->accepted_by));
}

static void put_meta(writer_t *w, const jup_run_t *run)
{
    json_t *meta = json_object();
    for (size_t i = 0; i < run->n_meta; i++)
        json_object_set_new(meta, run->meta[i].key, text_json(run->meta[i].value));
    fputs("\n], \"displayTimeUnit\": \"ms\", \"otherData\": ", w->out);
    json_dumpf(meta, w->out, JSON_COMPACT);
    fputs("}\n", w->out);
    json_decref(meta);
}

void jup_chrome_write(FILE *out, const jup_run_t *run)
{
    writer_t w = {.out = out};
    w.sent_until_s = jup_new(run->n_ranks * LANES, sizeof *w.sent_until_s);
    w.received_until_s = jup_new(run->n_ranks * LANES, sizeof *w.received_until_s);
    for (size_t i = 0; i < run->n_ranks * LANES; i++)
        w.sent_until_s[i] = w.received_until_s[i] = -INFINITY;
    fputs("{\"traceEvents\": [", out);
    put_processes(&w, run);
    for (size_t i = 0; i < run->n_spans; i++)
        put_span(&w, &run->spans[i]);
    for (size_t i = 0; i < run->n_messages; i++)
        put_message(&w, &run->messages[i], i + 1);
    for (size_t i = 0; i < run->n_tokens; i++)
        put_token(&w, &run->tokens[i]);
    put_meta(&w, run);
    jup_free(w.sent_until_s);
    jup_free(w.received_until_s);
}
