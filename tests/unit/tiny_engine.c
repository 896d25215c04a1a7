#include "tiny_engine.h"

#include "base/mem.h"

#include <check.h>
#include <string.h>

void tiny_engine_init(tiny_engine_t *t, const tiny_model_t *model, int64_t kv_tokens)
{
    memset(t, 0, sizeof *t);
    t->model = model;
    t->options = (jup_engine_options_t){
        .stage = {.wire = JUP_F16, .rows = 64, .sampling = {.top_p = 1, .repeat_penalty = 1}},
        .scheduler = {.chunks = {.each = 32}, .kv_tokens = kv_tokens},
    };
}

static jup_engine_options_t options_for(const tiny_engine_t *t, int ranks)
{
    jup_engine_options_t options = t->options;
    if (options.scheduler.window == 0)
        options.scheduler.window = jup_engine_default_window(ranks);
    if (options.stage.window == 0)
        options.stage.window = options.scheduler.window;
    return options;
}

static void lead(tiny_engine_t *t, jup_engine_t *engine)
{
    t->work(engine, t->self);
    jup_engine_stop(engine);
    t->peak_pages = engine->stage.forward->kv.peak_pages;
    ck_assert_int_eq(engine->scheduler.pages_promised, 0);
    ck_assert_int_eq(engine->scheduler.air_n, 0);
}

static void live(jup_comm_t *comm, void *self)
{
    tiny_engine_t *t = self;
    jup_error_t err;
    jup_weights_t part;
    jup_compute_t compute;
    jup_forward_t forward;
    jup_recorder_t recorder;
    jup_speculation_t speculation;
    jup_engine_t engine;
    jup_place_t place;
    jup_engine_options_t options = options_for(t, comm->size);
    jup_forward_limits_t limits = jup_engine_limits(&options);
    limits.kv_dtype = limits.residual_dtype = JUP_F16;
    jup_place_init_pipeline(&place, comm->rank, comm->size);
    tiny_model_part(t->model, comm->rank, comm->size, &part);
    jup_compute_init(&compute, &jup_ops_naive, 1, &err);
    ck_assert_int_eq(jup_forward_init(&forward, &t->model->config, &part, &compute, &limits, &err),
                     JUP_OK);
    jup_recorder_init(&recorder, comm->rank, false);
    jup_speculation_init(&speculation);
    if (t->speculate && comm->rank == 0)
        t->speculate(&speculation);
    ck_assert_int_eq(jup_engine_init(&engine, comm, &place, &forward, &recorder, &options, NULL,
                                     &speculation, &t->sink, &err),
                     JUP_OK);
    if (comm->rank == 0)
        lead(t, &engine);
    else
        jup_engine_serve(&engine);
    ck_assert_int_eq(forward.kv.pages_in_use, 0);
    jup_engine_reset(&engine);
    jup_speculation_reset(&speculation);
    jup_recorder_reset(&recorder);
    jup_forward_reset(&forward);
    jup_compute_reset(&compute);
    jup_weights_reset(&part);
    jup_place_reset(&place);
}

void tiny_engine_run(tiny_engine_t *t, int ranks, const jup_record_options_t *how)
{
    jup_record_log_t log;
    jup_record_run(ranks, how, live, t, &log);
    for (size_t i = 0; i < log.n; i++)
        ck_assert_int_ge(log.messages[i].received, 0);
    ck_assert_uint_eq(log.unmatched_receives, 0);
    jup_record_log_reset(&log);
}
