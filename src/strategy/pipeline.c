#include "strategy/pipeline.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

/* One answer of the last stage: a token, and logits when asked for. */
typedef struct jup_result {
    int32_t step, token;
    float margin;
    int32_t logit_rows;
    float logits[]; /* (logit_rows, vocab) */
} jup_result_t;

static bool is_first(const jup_pipeline_t *p)
{
    return p->comm->rank == 0;
}

static bool is_last(const jup_pipeline_t *p)
{
    return p->comm->rank == p->comm->size - 1;
}

static int32_t longest_chunk(const jup_request_t *request)
{
    int32_t longest = 1;
    for (int32_t i = 0; i < request->n_chunks; i++)
        longest = (int32_t)jup_max_i64(longest, request->chunks[i]);
    return longest;
}

jup_forward_limits_t jup_pipeline_limits(const jup_request_t *request)
{
    int32_t rows = longest_chunk(request);
    return (jup_forward_limits_t){
        .rows = rows,
        .outputs = request->all_logits ? rows : 1,
        .kv_tokens = (int64_t)request->prompt_tokens + request->generate,
    };
}

static bool move_messages(void *self)
{
    jup_comm_progress(self);
    return true;
}

static size_t result_bytes(const jup_pipeline_t *p, int32_t logit_rows)
{
    return sizeof(jup_result_t) +
           (size_t)logit_rows * (size_t)p->forward->config->vocab * sizeof(float);
}

jup_status_t jup_pipeline_init(jup_pipeline_t *p, jup_comm_t *comm, jup_forward_t *forward,
                               jup_recorder_t *recorder, const jup_request_t *request,
                               jup_dtype_t wire, jup_error_t *err)
{
    int32_t rows = longest_chunk(request);
    memset(p, 0, sizeof *p);
    p->comm = comm;
    p->forward = forward;
    p->recorder = recorder;
    p->request = request;
    forward->between = move_messages;
    forward->between_self = comm;
    jup_step_init(&p->step, rows);
    p->result_bytes = result_bytes(p, request->all_logits ? rows : 0);
    p->result = jup_new(p->result_bytes, 1);

    jup_status_t status = JUP_OK;
    int64_t dim = forward->config->dim;
    if (!is_first(p))
        status = jup_hop_init(&p->from, comm, comm->rank - 1, wire, dim, rows, err);
    if (status == JUP_OK && !is_last(p))
        status = jup_hop_init(&p->to, comm, comm->rank + 1, wire, dim, rows, err);
    if (is_last(p))
        jup_sampler_init(&p->sampler, &request->sampling, forward->config->vocab);
    if (status != JUP_OK)
        jup_pipeline_reset(p);
    return status;
}

void jup_pipeline_reset(jup_pipeline_t *p)
{
    jup_hop_reset(&p->from);
    jup_hop_reset(&p->to);
    jup_step_reset(&p->step);
    jup_sampler_reset(&p->sampler);
    jup_free(p->result);
    memset(p, 0, sizeof *p);
}

/* ---- the work of a stage on a step ----------------------------------------------------------- */

static double weight_bytes(const jup_forward_t *f)
{
    return (double)f->weights->mapped_bytes;
}

static void compute_layers(jup_pipeline_t *p)
{
    jup_forward_t *f = p->forward;
    const jup_segment_t *segment = &p->step.segments[0];
    jup_error_t err;
    if (jup_forward_begin(f, &p->step, &err) != JUP_OK)
        jup_die(err.code, "rank %d: %s", p->comm->rank, err.text);

    double start_s = jup_clock_now_s();
    if (is_first(p)) {
        jup_forward_embed(f, &p->step);
        double embedded_s = jup_clock_now_s();
        jup_recorder_span(p->recorder, JUP_SPAN_EMBED, start_s, embedded_s, p->step.rows, 0, 0);
        start_s = embedded_s;
    }
    jup_forward_layers(f, &p->step);
    double layers = f->weights->shard.last - f->weights->shard.first;
    jup_recorder_span(p->recorder, JUP_SPAN_LAYERS, start_s, jup_clock_now_s(), p->step.rows,
                      layers * jup_config_layer_flops(f->config, p->step.rows, segment->pos),
                      weight_bytes(f));
}

/* Last stage: logits, a token, and the message to the first stage. */
static void answer(jup_pipeline_t *p)
{
    jup_forward_t *f = p->forward;
    jup_result_t *result = p->result;
    double start_s = jup_clock_now_s();
    int32_t vocab = f->config->vocab;

    jup_comm_end(p->comm, &p->result_pending); /* the buffer is free again */
    int32_t outputs = jup_forward_head(f, &p->step);
    result->step = p->step.id;
    result->logit_rows = p->request->all_logits ? outputs : 0;
    memcpy(result->logits, f->logits, (size_t)result->logit_rows * (size_t)vocab * sizeof(float));

    float *last = f->logits + (int64_t)(outputs - 1) * vocab;
    jup_argmax(last, vocab, &result->margin);
    result->token = jup_sampler_pick(&p->sampler, last);
    jup_recorder_span(p->recorder, JUP_SPAN_HEAD, start_s, jup_clock_now_s(), outputs,
                      jup_config_head_flops(f->config, outputs), 0);
    if (!is_first(p))
        jup_comm_begin_send(p->comm, 0, JUP_MSG_RESULT, p->step.id, result,
                            result_bytes(p, result->logit_rows), &p->result_pending);
}

/* Everything a stage does with p->step once its activations (or tokens) are there. */
static void work(jup_pipeline_t *p)
{
    p->recorder->context.step = p->step.id;
    p->recorder->context.chunk = p->step.id < p->request->n_chunks ? p->step.id : -1;
    compute_layers(p);
    if (!is_last(p)) {
        jup_hop_send(&p->to, &p->step, p->forward->x);
        return;
    }
    for (int32_t i = 0; i < p->step.rows; i++)
        jup_sampler_accept(&p->sampler, p->step.tokens[i]);
    if (jup_step_outputs(&p->step) > 0)
        answer(p);
}

/* ---- stages after the first ------------------------------------------------------------------ */

/* Rows of the step with this number: all ranks know the chunks, then comes one token at a time. */
static int32_t rows_of_step(const jup_request_t *request, uint32_t number)
{
    return number < (uint32_t)request->n_chunks ? request->chunks[number] : 1;
}

static void post_receives(jup_pipeline_t *p)
{
    while (jup_hop_has_room(&p->from))
        jup_hop_post(&p->from, rows_of_step(p->request, p->from.posted));
}

/* A stop comes once per receive that may be posted; the rest of them is taken in and passed on. */
static void stop(jup_pipeline_t *p)
{
    for (int i = 0; i < JUP_HOP_WINDOW; i++) {
        if (!is_last(p))
            jup_hop_send(&p->to, &p->step, p->forward->x);
        if (i + 1 < JUP_HOP_WINDOW)
            jup_hop_receive(&p->from, &p->step, p->forward->x);
    }
}

static void run_stage(jup_pipeline_t *p)
{
    for (;;) {
        post_receives(p);
        jup_hop_receive(&p->from, &p->step, p->forward->x);
        if (p->step.kind == JUP_STEP_STOP)
            break;
        post_receives(p);
        work(p);
    }
    stop(p);
}

/* ---- the first stage ------------------------------------------------------------------------- */

static bool interrupted(const jup_pipeline_t *p)
{
    return p->sink->interrupted && p->sink->interrupted(p->sink->self);
}

/* Every chunk but the last asks for no logits, unless all are wanted. */
static bool wants_result(const jup_pipeline_t *p, int32_t chunk)
{
    return p->request->all_logits || chunk == p->request->n_chunks - 1;
}

static void post_result(jup_pipeline_t *p, int32_t label)
{
    if (!is_last(p))
        jup_comm_begin_recv(p->comm, p->comm->size - 1, JUP_MSG_RESULT, label, p->result,
                            p->result_bytes, &p->result_pending);
}

/* Waits for the last stage's answer to the newest step. */
static void take_result(jup_pipeline_t *p)
{
    if (!is_last(p))
        jup_comm_end(p->comm, &p->result_pending);
    if (p->result->logit_rows && p->sink->logits)
        p->sink->logits(p->sink->self, p->result->logits, p->result->logit_rows);
}

/* Returns false when interrupted. */
static bool prefill(jup_pipeline_t *p, const int32_t *prompt)
{
    const jup_request_t *request = p->request;
    int32_t pos = 0;
    for (int32_t chunk = 0; chunk < request->n_chunks; chunk++) {
        if (interrupted(p))
            return false;
        int32_t rows = request->chunks[chunk];
        int32_t outputs = request->all_logits ? rows : chunk == request->n_chunks - 1;
        jup_step_begin(&p->step, JUP_STEP_WORK, chunk);
        jup_step_add(&p->step, 0, pos, prompt + pos, NULL, rows, outputs);
        if (wants_result(p, chunk))
            post_result(p, chunk);
        work(p);
        pos += rows;
        if (wants_result(p, chunk))
            take_result(p);
        if (p->sink->progress)
            p->sink->progress(p->sink->self, chunk + 1, request->n_chunks);
    }
    return true;
}

static void record_token(jup_pipeline_t *p, int32_t position)
{
    jup_recorder_token(p->recorder, &(jup_token_record_t){.time_s = jup_clock_now_s(),
                                                          .request = 0,
                                                          .branch = 0,
                                                          .position = position,
                                                          .id = p->result->token});
}

static void decode(jup_pipeline_t *p, jup_pipeline_times_t *times)
{
    const jup_request_t *request = p->request;
    times->first_token_s = jup_clock_now_s();
    while (times->generated < request->generate) {
        int32_t pos = request->prompt_tokens + times->generated++;
        int32_t token = p->result->token;
        record_token(p, pos);
        if (!p->sink->token(p->sink->self, token, p->result->margin))
            break;
        if (times->generated == request->generate || interrupted(p))
            break;
        int32_t id = request->n_chunks + times->generated - 1;
        jup_step_begin(&p->step, JUP_STEP_WORK, id);
        jup_step_add(&p->step, 0, pos, &token, NULL, 1, 1);
        post_result(p, id);
        work(p);
        take_result(p);
    }
}

static void run_first(jup_pipeline_t *p, const int32_t *prompt, jup_pipeline_times_t *times)
{
    memset(times, 0, sizeof *times);
    times->start_s = jup_clock_now_s();
    if (prefill(p, prompt))
        decode(p, times);
    times->end_s = jup_clock_now_s();
    if (is_last(p))
        return;
    jup_step_begin(&p->step, JUP_STEP_STOP, -1);
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_hop_send(&p->to, &p->step, p->forward->x);
}

void jup_pipeline_run(jup_pipeline_t *p, const int32_t *prompt, const jup_sink_t *sink,
                      jup_pipeline_times_t *times)
{
    p->sink = sink;
    p->recorder->context.request = 0;
    p->recorder->context.branch = 0;
    p->recorder->context.layer_first = p->forward->weights->shard.first;
    p->recorder->context.layer_last = p->forward->weights->shard.last;
    if (is_first(p))
        run_first(p, prompt, times);
    else
        run_stage(p);
    if (!is_last(p))
        jup_hop_flush(&p->to);
    jup_comm_end(p->comm, &p->result_pending);
}
