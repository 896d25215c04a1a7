#include "trace/recorder.h"

#include <math.h>
#include <string.h>

const char *jup_span_kind_name(int kind)
{
    static const char *const names[JUP_SPAN_KINDS] = {
        "load", "plan", "embed", "layers", "head", "draft", "pack", "wait_recv", "wait_send"};
    return kind >= 0 && kind < JUP_SPAN_KINDS ? names[kind] : "?";
}

bool jup_span_kind_is_compute(int kind)
{
    return kind >= JUP_SPAN_EMBED && kind <= JUP_SPAN_PACK;
}

/* Room of a kind of events, in parts of a whole of 16: a step has about as many of each. */
static void init_store(jup_recorder_t *recorder, jup_store_t *store, size_t bytes, size_t parts)
{
    jup_store_init(store, bytes, JUP_RECORDER_BYTES / 16 * parts, recorder->mode == JUP_RECORD_ALL);
}

void jup_recorder_init(jup_recorder_t *recorder, int rank, jup_record_t mode)
{
    memset(recorder, 0, sizeof *recorder);
    recorder->mode = mode;
    recorder->on = mode != JUP_RECORD_SUMS;
    recorder->rank = rank;
    recorder->full_s = INFINITY;
    recorder->context = (jup_span_t){.request = -1, .branch = -1, .step = -1, .chunk = -1};
    init_store(recorder, &recorder->spans, sizeof(jup_span_t), 9);
    init_store(recorder, &recorder->messages, sizeof(jup_message_record_t), 5);
    init_store(recorder, &recorder->tokens, sizeof(jup_token_record_t), 2);
    if (mode == JUP_RECORD_BEGINNING && rank == 0)
        jup_totals_init(&recorder->totals);
}

void jup_recorder_reset(jup_recorder_t *recorder)
{
    jup_store_reset(&recorder->spans);
    jup_store_reset(&recorder->messages);
    jup_store_reset(&recorder->tokens);
    jup_totals_reset(&recorder->totals);
    memset(recorder, 0, sizeof *recorder);
}

/* NULL: no more are taken. */
static void *next_row(jup_recorder_t *recorder, jup_store_t *store, double time_s)
{
    void *row = recorder->on ? jup_store_add(store) : NULL;
    if (recorder->on && !row) {
        recorder->on = false;
        recorder->full_s = time_s;
    }
    return row;
}

static void add_to_sums(jup_recorder_t *recorder, jup_span_kind_t kind, double seconds)
{
    if (kind == JUP_SPAN_WAIT_RECV)
        recorder->wait_recv_s += seconds;
    else if (kind == JUP_SPAN_WAIT_SEND)
        recorder->wait_send_s += seconds;
    else if (jup_span_kind_is_compute(kind))
        recorder->busy_s += seconds;
}

static void add_to_totals(jup_recorder_t *recorder, jup_span_kind_t kind, double start_s,
                          double end_s, int32_t rows)
{
    const jup_span_t *context = &recorder->context;
    if (!recorder->totals.open || !jup_span_kind_is_compute(kind) || context->request < 0 ||
        context->chunk < 0)
        return;
    jup_totals_prefill(&recorder->totals, context->request, start_s, end_s,
                       kind == JUP_SPAN_LAYERS ? rows : 0);
}

void jup_recorder_span(jup_recorder_t *recorder, jup_span_kind_t kind, double start_s, double end_s,
                       int32_t rows, double flops, double bytes)
{
    add_to_sums(recorder, kind, end_s - start_s);
    add_to_totals(recorder, kind, start_s, end_s, rows);
    jup_span_t *span = next_row(recorder, &recorder->spans, start_s);
    if (!span)
        return;
    *span = recorder->context;
    span->rank = recorder->rank;
    span->kind = kind;
    span->start_s = start_s;
    span->end_s = end_s;
    span->rows = rows;
    span->flops = flops;
    span->bytes = bytes;
}

void jup_recorder_token(jup_recorder_t *recorder, const jup_token_record_t *token)
{
    if (recorder->totals.open)
        jup_totals_token(&recorder->totals, token->request, token->time_s);
    jup_token_record_t *row = next_row(recorder, &recorder->tokens, token->time_s);
    if (row)
        *row = *token;
}

static void on_message(void *self, const jup_pending_t *done)
{
    jup_recorder_t *recorder = self;
    jup_message_record_t *row = next_row(recorder, &recorder->messages, done->done_s);
    if (!row)
        return;
    *row = (jup_message_record_t){
        .post_s = done->post_s,
        .done_s = done->done_s,
        .bytes = (int64_t)done->bytes,
        .rank = recorder->rank,
        .src = done->sending ? recorder->rank : done->peer,
        .dst = done->sending ? done->peer : recorder->rank,
        .kind = done->kind,
        .label = done->label,
    };
}

static void on_wait(void *self, const jup_pending_t *on, double start_s, double end_s)
{
    jup_span_kind_t kind = on->sending ? JUP_SPAN_WAIT_SEND : JUP_SPAN_WAIT_RECV;
    jup_recorder_span(self, kind, start_s, end_s, 0, 0, (double)on->bytes);
}

void jup_recorder_observe(jup_recorder_t *recorder, jup_comm_t *comm)
{
    comm->observer =
        (jup_comm_observer_t){.self = recorder, .message = on_message, .waited = on_wait};
}
