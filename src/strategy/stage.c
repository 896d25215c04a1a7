#include "strategy/stage.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

static bool is_first(const jup_stage_t *stage)
{
    return stage->comm->rank == 0;
}

static bool is_last(const jup_stage_t *stage)
{
    return stage->comm->rank == stage->comm->size - 1;
}

/* Returns whether the rows of the step being worked on are still wanted. */
static bool move_messages(void *self)
{
    jup_stage_t *stage = self;
    jup_comm_progress(stage->comm);
    if (stage->look_up)
        stage->look_up(stage->look_up_self);
    if (stage->options.ahead && !is_first(stage))
        jup_cancel_hear(&stage->cancel);
    return stage->step.kind == JUP_STEP_WORK && !jup_cancel_has(&stage->cancel, stage->step.id);
}

/* ---- making and releasing -------------------------------------------------------------------- */

enum { RESULT_WORDS = 2 + JUP_STEP_MAX_SEGMENTS * JUP_VERDICT_WORDS };

size_t jup_stage_result_bytes(void)
{
    return RESULT_WORDS * sizeof(int32_t);
}

static void init_last(jup_stage_t *stage, jup_heads_t *heads)
{
    jup_verifier_init(&stage->verifier, &stage->options.sampling, &stage->options.typical,
                      stage->forward->config->vocab);
    stage->heads = heads;
    for (int i = 0; i < JUP_HOP_WINDOW && !is_first(stage); i++)
        stage->result[i] = jup_new(RESULT_WORDS, sizeof(int32_t));
}

jup_status_t jup_stage_init(jup_stage_t *stage, jup_comm_t *comm, jup_forward_t *forward,
                            jup_recorder_t *recorder, const jup_stage_options_t *options,
                            jup_heads_t *heads, jup_error_t *err)
{
    memset(stage, 0, sizeof *stage);
    stage->comm = comm;
    stage->forward = forward;
    stage->recorder = recorder;
    stage->options = *options;
    forward->between = move_messages;
    forward->between_self = stage;
    jup_step_init(&stage->step, options->rows);
    stage->verdicts = jup_new(1, sizeof *stage->verdicts);

    jup_status_t status = JUP_OK;
    int64_t dim = forward->config->dim;
    if (!is_first(stage))
        status = jup_hop_init(&stage->from, comm, comm->rank - 1, options->wire, dim, options->rows,
                              err);
    if (status == JUP_OK && !is_last(stage))
        status =
            jup_hop_init(&stage->to, comm, comm->rank + 1, options->wire, dim, options->rows, err);
    if (is_last(stage))
        init_last(stage, heads);
    if (status != JUP_OK)
        jup_stage_reset(stage);
    else if (options->ahead)
        jup_cancel_init(&stage->cancel, comm, options->window);
    return status;
}

void jup_stage_reset(jup_stage_t *stage)
{
    jup_hop_reset(&stage->from);
    jup_hop_reset(&stage->to);
    jup_step_reset(&stage->step);
    jup_cancel_reset(&stage->cancel);
    jup_verifier_reset(&stage->verifier);
    jup_free(stage->verdicts);
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_free(stage->result[i]);
    memset(stage, 0, sizeof *stage);
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* Spans name the request and branch of a step, where it has only one. */
static void set_context(jup_stage_t *stage)
{
    jup_span_t *context = &stage->recorder->context;
    const jup_step_t *step = &stage->step;
    const jup_segment_t *first = &step->segments[0];
    context->step = step->id;
    context->request = step->n_segments ? first->request : -1;
    context->branch = step->n_segments ? first->branch : -1;
    context->chunk = step->n_segments == 1 ? first->chunk - 1 : -1;
    for (int32_t s = 1; s < step->n_segments; s++) {
        if (step->segments[s].request != context->request)
            context->request = -1;
        if (step->segments[s].branch != context->branch)
            context->branch = -1;
    }
}

static double step_flops(const jup_stage_t *stage)
{
    const jup_shard_t *shard = &stage->forward->weights->shard;
    double flops = 0;
    for (int32_t s = 0; s < stage->step.n_segments; s++) {
        const jup_segment_t *segment = &stage->step.segments[s];
        flops += jup_config_layer_flops(stage->forward->config, segment->rows, segment->pos);
    }
    return flops * (shard->last - shard->first);
}

static void leave_rows_out(jup_stage_t *stage)
{
    stage->step.kind = JUP_STEP_CANCELLED;
    stage->left_out++;
}

static void compute(jup_stage_t *stage)
{
    jup_forward_t *f = stage->forward;
    jup_error_t err;
    if (jup_forward_begin(f, &stage->step, &err) != JUP_OK)
        jup_die(err.code, "rank %d: %s", stage->comm->rank, err.text);
    if (stage->step.rows == 0)
        return;
    if (!move_messages(stage)) {
        leave_rows_out(stage);
        return;
    }
    double start_s = jup_clock_now_s();
    if (is_first(stage)) {
        jup_forward_embed(f, &stage->step);
        double embedded_s = jup_clock_now_s();
        jup_recorder_span(stage->recorder, JUP_SPAN_EMBED, start_s, embedded_s, stage->step.rows, 0,
                          0);
        start_s = embedded_s;
    }
    bool whole = jup_forward_layers(f, &stage->step);
    jup_recorder_span(stage->recorder, JUP_SPAN_LAYERS, start_s, jup_clock_now_s(),
                      stage->step.rows, whole ? step_flops(stage) : 0,
                      whole ? (double)jup_weights_bytes(f->weights) : 0);
    if (!whole)
        leave_rows_out(stage);
}

/* ---- the last stage -------------------------------------------------------------------------- */

/* What proved wrong before it arrived, or on its way, needs no logits. */
static void leave_out(jup_step_t *step, const bool *stale, int32_t *wanted)
{
    for (int32_t s = 0; s < step->n_segments; s++) {
        wanted[s] = step->segments[s].judged;
        if (stale[s] || step->kind == JUP_STEP_CANCELLED)
            step->segments[s].outputs = 0;
    }
}

enum { GUESSES_WANTED = -1 };

/* Moves the row at the end of the accepted path to the front, where the heads will look. */
static void keep_hidden(jup_stage_t *stage, const jup_segment_t *segment, int64_t output,
                        jup_verdict_t *verdict, int32_t *ends)
{
    int64_t dim = stage->forward->config->dim, end = output + verdict->path[verdict->n_path - 1];
    float *hidden = stage->forward->hidden;
    if (!segment->guess || !stage->heads)
        return;
    verdict->guesses.depth = GUESSES_WANTED;
    memmove(hidden + (*ends)++ * dim, hidden + end * dim, (size_t)dim * sizeof *hidden);
}

static void require_numbers(const jup_stage_t *stage, const float *logits, int64_t n)
{
    if (!jup_verifier_can_judge(logits, n))
        jup_die(JUP_EINPUT,
                "rank %d: the logits of step %d are not numbers: a weight of the model is NaN or "
                "infinite, or a layer's sums overflow; check the file, and try --wire f32 --kv f32",
                stage->comm->rank, stage->step.id);
}

/* Judges all segments; the rows at the ends of their accepted paths go to hidden[] one by one. */
static void judge(jup_stage_t *stage, const int32_t *wanted)
{
    jup_forward_t *f = stage->forward;
    jup_verdicts_t *v = stage->verdicts;
    int64_t output = 0, vocab = f->config->vocab;
    int32_t row = 0, ends = 0;
    v->n = 0;
    for (int32_t s = 0; s < stage->step.n_segments; s++) {
        const jup_segment_t *segment = &stage->step.segments[s];
        if (wanted[s] > 0) {
            jup_verdict_t *verdict = &v->list[v->n++];
            *verdict = (jup_verdict_t){.sequence = segment->seq};
            if (segment->outputs > 0) {
                float *logits = f->logits + (output + segment->outputs - segment->judged) * vocab;
                require_numbers(stage, logits, segment->judged * vocab);
                jup_verifier_judge(&stage->verifier, &stage->step, s, row, logits, verdict);
                keep_hidden(stage, segment, output, verdict, &ends);
            }
        }
        row += segment->rows;
        output += segment->outputs;
    }
}

static void guess(jup_stage_t *stage)
{
    jup_verdicts_t *v = stage->verdicts;
    jup_guesses_t guesses[JUP_STEP_MAX_SEGMENTS];
    int32_t ends = 0;
    for (int32_t i = 0; i < v->n; i++)
        ends += v->list[i].guesses.depth == GUESSES_WANTED;
    if (ends == 0)
        return;
    double start_s = jup_clock_now_s();
    jup_heads_guess(stage->heads, stage->forward->hidden, ends, guesses);
    for (int32_t i = 0, end = 0; i < v->n; i++)
        if (v->list[i].guesses.depth == GUESSES_WANTED)
            v->list[i].guesses = guesses[end++];
    jup_recorder_span(stage->recorder, JUP_SPAN_DRAFT, start_s, jup_clock_now_s(), ends, 0, 0);
}

static void send_verdicts(jup_stage_t *stage)
{
    int slot = (int)(stage->results++ % JUP_HOP_WINDOW);
    jup_pending_t *pending = &stage->result_pending[slot];
    jup_comm_end(stage->comm, pending);
    int32_t *words = stage->result[slot], *out = words;
    *out++ = stage->verdicts->step;
    *out++ = stage->verdicts->n;
    for (int32_t i = 0; i < stage->verdicts->n; i++)
        out = jup_verdict_pack(&stage->verdicts->list[i], out);
    jup_comm_begin_send(stage->comm, 0, JUP_MSG_RESULT, stage->verdicts->step, words,
                        (size_t)(out - words) * sizeof *words, pending);
}

bool jup_stage_read_result(jup_verdicts_t *verdicts, const int32_t *words, size_t bytes)
{
    const int32_t *in = words, *end = words + bytes / sizeof *words;
    if (end - in < 2)
        return false;
    verdicts->step = *in++;
    verdicts->n = *in++;
    if (verdicts->n < 0 || verdicts->n > JUP_STEP_MAX_SEGMENTS)
        return false;
    for (int32_t i = 0; i < verdicts->n && in; i++)
        in = jup_verdict_unpack(&verdicts->list[i], in, end);
    return in == end;
}

/* Before they are judged, which may change them. */
static void hand_out_logits(jup_stage_t *stage, int32_t outputs)
{
    const jup_forward_t *f = stage->forward;
    size_t bytes = (size_t)outputs * (size_t)f->config->vocab * sizeof *f->logits;
    if (is_first(stage))
        stage->take_logits(stage->take_logits_self, f->logits, outputs);
    else
        jup_comm_send(stage->comm, 0, JUP_MSG_LOGITS, f->logits, bytes);
}

static void answer(jup_stage_t *stage)
{
    bool stale[JUP_STEP_MAX_SEGMENTS];
    int32_t wanted[JUP_STEP_MAX_SEGMENTS];
    double start_s = jup_clock_now_s();
    jup_verifier_begin(&stage->verifier, &stage->step, stale);
    leave_out(&stage->step, stale, wanted);
    int32_t outputs = jup_forward_head(stage->forward, &stage->step);
    stage->verdicts->step = stage->step.id;
    if (stage->options.scripted.on)
        jup_scripted_write(&stage->options.scripted, &stage->step, stage->forward->logits);
    if (stage->options.logits && outputs > 0)
        hand_out_logits(stage, outputs);
    judge(stage, wanted);
    if (stage->options.scripted.on)
        jup_scripted_erase(&stage->options.scripted, &stage->step, stage->forward->logits);
    if (outputs > 0)
        jup_recorder_span(stage->recorder, JUP_SPAN_HEAD, start_s, jup_clock_now_s(), outputs,
                          jup_config_head_flops(stage->forward->config, outputs), 0);
    guess(stage);
    if (!is_first(stage) && stage->verdicts->n > 0)
        send_verdicts(stage);
}

void jup_stage_work(jup_stage_t *stage)
{
    set_context(stage);
    compute(stage);
    if (is_last(stage))
        answer(stage);
    else
        jup_hop_send(&stage->to, &stage->step, stage->forward->x);
}

/* ---- stages after the first ------------------------------------------------------------------ */

static void post_receives(jup_stage_t *stage)
{
    while (jup_hop_has_room(&stage->from))
        jup_hop_post(&stage->from);
}

/* A stop comes once per receive that may be posted. */
static void pass_stop_on(jup_stage_t *stage)
{
    for (int i = 0; i < JUP_HOP_WINDOW; i++) {
        if (!is_last(stage))
            jup_hop_send(&stage->to, &stage->step, stage->forward->x);
        if (i + 1 < JUP_HOP_WINDOW)
            jup_hop_receive(&stage->from, &stage->step, stage->forward->x);
    }
}

static void finish(jup_stage_t *stage)
{
    if (!is_last(stage))
        jup_hop_flush(&stage->to);
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_comm_end(stage->comm, &stage->result_pending[i]);
    if (stage->options.ahead)
        jup_cancel_stop(&stage->cancel);
}

void jup_stage_serve(jup_stage_t *stage)
{
    for (;;) {
        post_receives(stage);
        jup_hop_receive(&stage->from, &stage->step, stage->forward->x);
        if (stage->step.kind == JUP_STEP_STOP)
            break;
        post_receives(stage);
        jup_stage_work(stage);
    }
    pass_stop_on(stage);
    finish(stage);
}

void jup_stage_stop(jup_stage_t *stage)
{
    jup_step_begin(&stage->step, JUP_STEP_STOP, -1);
    for (int i = 0; i < JUP_HOP_WINDOW && !is_last(stage); i++)
        jup_hop_send(&stage->to, &stage->step, stage->forward->x);
    finish(stage);
}
