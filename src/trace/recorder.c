#include "trace/recorder.h"

#include "base/mem.h"

#include <string.h>

enum { FIRST_CAPACITY = 1 << 12 };

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

void jup_recorder_init(jup_recorder_t *recorder, int rank, bool on)
{
    memset(recorder, 0, sizeof *recorder);
    recorder->on = on;
    recorder->rank = rank;
    recorder->context = (jup_span_t){.request = -1, .branch = -1, .step = -1, .chunk = -1};
    if (!on)
        return;
    recorder->cap_spans = recorder->cap_messages = recorder->cap_tokens = FIRST_CAPACITY;
    recorder->spans = jup_new(FIRST_CAPACITY, sizeof *recorder->spans);
    recorder->messages = jup_new(FIRST_CAPACITY, sizeof *recorder->messages);
    recorder->tokens = jup_new(FIRST_CAPACITY, sizeof *recorder->tokens);
}

void jup_recorder_reset(jup_recorder_t *recorder)
{
    jup_free(recorder->spans);
    jup_free(recorder->messages);
    jup_free(recorder->tokens);
    memset(recorder, 0, sizeof *recorder);
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

void jup_recorder_span(jup_recorder_t *recorder, jup_span_kind_t kind, double start_s, double end_s,
                       int32_t rows, double flops, double bytes)
{
    add_to_sums(recorder, kind, end_s - start_s);
    if (!recorder->on)
        return;
    if (recorder->n_spans == recorder->cap_spans) {
        recorder->cap_spans *= 2;
        recorder->spans = jup_resize(recorder->spans, recorder->cap_spans, sizeof *recorder->spans);
    }
    jup_span_t *span = &recorder->spans[recorder->n_spans++];
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
    if (!recorder->on)
        return;
    if (recorder->n_tokens == recorder->cap_tokens) {
        recorder->cap_tokens *= 2;
        recorder->tokens =
            jup_resize(recorder->tokens, recorder->cap_tokens, sizeof *recorder->tokens);
    }
    recorder->tokens[recorder->n_tokens++] = *token;
}

static void on_message(void *self, const jup_pending_t *done)
{
    jup_recorder_t *recorder = self;
    if (!recorder->on)
        return;
    if (recorder->n_messages == recorder->cap_messages) {
        recorder->cap_messages *= 2;
        recorder->messages =
            jup_resize(recorder->messages, recorder->cap_messages, sizeof *recorder->messages);
    }
    recorder->messages[recorder->n_messages++] = (jup_message_record_t){
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
