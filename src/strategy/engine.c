#include "strategy/engine.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

jup_forward_limits_t jup_engine_limits(const jup_engine_options_t *options)
{
    return (jup_forward_limits_t){
        .rows = options->stage.rows,
        .outputs =
            options->scheduler.outputs > 0 ? options->scheduler.outputs : options->stage.rows,
        .kv_tokens = options->scheduler.kv_tokens,
    };
}

int32_t jup_engine_default_window(int32_t stages)
{
    return stages > 1 ? stages + 1 : 1;
}

int32_t jup_engine_most_window(int32_t stages)
{
    return stages > 1 ? 2 * stages + 1 : 1;
}

/* One stage: verdicts are at hand as soon as a step is through. */
static bool alone(const jup_engine_t *e)
{
    return e->stage.place->stages == 1;
}

static int last_leader(const jup_engine_t *e)
{
    return jup_place_leader(e->stage.place, e->stage.place->stages - 1);
}

static void look_up(void *self);
static void take_logits(void *self, const float *logits, int32_t rows);

static void init_first(jup_engine_t *e, const jup_engine_options_t *options,
                       jup_speculation_t *speculation, const jup_scheduler_sink_t *sink)
{
    jup_scheduler_options_t own = options->scheduler;
    own.rows = options->stage.rows;
    own.ahead = options->stage.ahead;
    own.logits = options->stage.logits;
    jup_scheduler_init(&e->scheduler, &own, speculation, sink);
    e->scheduler.kv = &e->stage.forward->kv;
    e->n_results = options->stage.window;
    size_t most = (size_t)e->n_results;
    e->results = jup_new(most, sizeof *e->results);
    e->result_pending = jup_new(most, sizeof *e->result_pending);
    e->wrong = jup_new(most, sizeof *e->wrong);
    jup_vitals_board_init(&e->board, e->stage.comm->size);
    e->stage.look_up = own.ahead ? look_up : NULL;
    e->stage.look_up_self = e;
    e->stage.take_logits = take_logits;
    e->stage.take_logits_self = e;
    if (own.logits && !alone(e))
        e->logits = jup_new((size_t)e->scheduler.options.outputs,
                            (size_t)e->stage.forward->config->vocab * sizeof *e->logits);
    for (int32_t i = 0; i < e->n_results && !alone(e); i++)
        e->results[i] = jup_new(jup_stage_result_bytes(&options->stage), 1);
}

jup_status_t jup_engine_init(jup_engine_t *e, jup_comm_t *comm, const jup_place_t *place,
                             jup_forward_t *forward, jup_recorder_t *recorder,
                             const jup_engine_options_t *options, jup_heads_t *heads,
                             jup_speculation_t *speculation, const jup_scheduler_sink_t *sink,
                             jup_error_t *err)
{
    memset(e, 0, sizeof *e);
    JUP_TRY(jup_stage_init(&e->stage, comm, place, forward, recorder, &options->stage, heads, err));
    if (comm->rank == 0)
        init_first(e, options, speculation, sink);
    recorder->context.chunk = -1;
    recorder->context.layer_first = forward->weights->shard.first;
    recorder->context.layer_last = forward->weights->shard.last;
    return JUP_OK;
}

void jup_engine_reset(jup_engine_t *e)
{
    jup_stage_reset(&e->stage);
    jup_scheduler_reset(&e->scheduler);
    jup_vitals_board_reset(&e->board);
    for (int32_t i = 0; i < e->n_results; i++)
        jup_free(e->results[i]);
    jup_free(e->results);
    jup_free(e->result_pending);
    jup_free(e->wrong);
    jup_free(e->logits);
    memset(e, 0, sizeof *e);
}

/* ---- the first stage's loop ------------------------------------------------------------------ */

static void take_logits(void *self, const float *logits, int32_t rows)
{
    jup_engine_t *e = self;
    if (e->user.logits)
        e->user.logits(e->user.logits_self, logits, rows);
}

static void receive_logits(jup_engine_t *e)
{
    int32_t rows = jup_step_outputs(&e->stage.step);
    size_t row_bytes = (size_t)e->stage.forward->config->vocab * sizeof *e->logits;
    if (rows == 0)
        return;
    jup_comm_recv(e->stage.comm, last_leader(e), JUP_MSG_LOGITS, e->logits,
                  (size_t)rows * row_bytes);
    take_logits(e, e->logits, rows);
}

static void expect_result(jup_engine_t *e)
{
    uint32_t place = e->results_begun++ % (uint32_t)e->n_results;
    jup_comm_begin_recv(e->stage.comm, last_leader(e), JUP_MSG_RESULT, e->stage.step.id,
                        e->results[place], jup_stage_result_bytes(&e->stage.options),
                        &e->result_pending[place]);
}

void jup_engine_ask_vitals(jup_engine_t *e)
{
    e->scheduler.report = !e->board.awaited;
}

bool jup_engine_take_vitals(jup_engine_t *e)
{
    if (!e->board.awaited)
        return false;
    jup_comm_progress(e->stage.comm);
    return jup_vitals_collect(&e->board, e->stage.comm, false);
}

static void await_vitals(jup_engine_t *e)
{
    jup_vitals_t own;
    for (int32_t i = 0; i < e->stage.step.n_edits; i++)
        if (e->stage.step.edits[i].op == JUP_EDIT_REPORT) {
            jup_vitals_take(&own, e->stage.comm, e->stage.place, e->stage.forward,
                            e->stage.recorder);
            jup_vitals_await(&e->board, e->stage.comm, &own);
        }
}

void jup_engine_send(jup_engine_t *e)
{
    await_vitals(e);
    if (!alone(e) && jup_step_verdicts(&e->stage.step) > 0)
        expect_result(e);
    jup_stage_work(&e->stage);
    if (!alone(e) && e->stage.options.logits)
        receive_logits(e);
}

static jup_pending_t *oldest_result(const jup_engine_t *e)
{
    return &e->result_pending[e->results_ended % (uint32_t)e->n_results];
}

void jup_engine_receive(jup_engine_t *e)
{
    jup_pending_t *pending = oldest_result(e);
    if (alone(e))
        return; /* the verdicts are there already */
    jup_comm_end(e->stage.comm, pending);
    const int32_t *result = e->results[e->results_ended++ % (uint32_t)e->n_results];
    if (!jup_stage_read_result(e->stage.verdicts, result, pending->bytes))
        jup_comm_die_unreadable(e->stage.comm, "verdicts", pending->bytes, last_leader(e));
}

/* Waits for the oldest step's verdicts, hands them to the scheduler, and stops what they refute. */
static void take_oldest(jup_engine_t *e)
{
    jup_scheduler_t *s = &e->scheduler;
    jup_verdicts_t *verdicts = e->stage.verdicts;
    jup_engine_receive(e);
    jup_scheduler_take(s, verdicts->step, verdicts->list, verdicts->n);
    if (s->options.ahead && !s->options.no_cancel)
        jup_cancel_tell(&e->stage.cancel, e->wrong, jup_scheduler_cancel(s, e->wrong));
}

static bool oldest_is_done(const jup_engine_t *e)
{
    return e->scheduler.air_n > 0 && (alone(e) || !oldest_result(e)->active);
}

static void take_done(jup_engine_t *e)
{
    jup_comm_progress(e->stage.comm);
    while (oldest_is_done(e))
        take_oldest(e);
}

/* Verdicts are taken while a step is computed that they may refute. */
static void look_up(void *self)
{
    jup_engine_t *e = self;
    while (jup_scheduler_is_ahead(&e->scheduler) && oldest_is_done(e))
        take_oldest(e);
}

static bool next(jup_engine_t *e)
{
    double start_s = jup_clock_now_s();
    bool found = jup_scheduler_next(&e->scheduler, &e->stage.step);
    if (found && e->scheduler.speculation->n_drafts > 0) {
        e->stage.recorder->context.step = e->stage.step.id;
        jup_recorder_span(e->stage.recorder, JUP_SPAN_DRAFT, start_s, jup_clock_now_s(),
                          e->stage.step.rows, 0, 0);
    }
    return found;
}

static void release_all(jup_engine_t *e)
{
    jup_scheduler_t *s = &e->scheduler;
    for (int32_t i = 0; i < s->n_slots; i++)
        if (s->slots[i]->handle >= 0)
            jup_scheduler_release(s, s->slots[i]->handle);
}

static void drain(jup_engine_t *e)
{
    for (;;) {
        while (e->scheduler.air_n > 0)
            take_oldest(e);
        if (!jup_scheduler_flush(&e->scheduler, &e->stage.step))
            return;
        jup_engine_send(e);
    }
}

bool jup_engine_run(jup_engine_t *e)
{
    bool going = true;
    while (going && (jup_scheduler_is_busy(&e->scheduler) || e->scheduler.air_n > 0)) {
        take_done(e);
        if (next(e))
            jup_engine_send(e);
        else if (e->scheduler.air_n > 0)
            take_oldest(e);
        else if (!jup_scheduler_give_up(&e->scheduler))
            break;
        going = !e->user.after_step || e->user.after_step(e->user.self);
    }
    if (!going)
        release_all(e);
    drain(e);
    return going;
}

void jup_engine_stop(jup_engine_t *e)
{
    jup_vitals_collect(&e->board, e->stage.comm, true);
    jup_stage_stop(&e->stage);
}

void jup_engine_serve(jup_engine_t *e)
{
    jup_stage_serve(&e->stage);
}
