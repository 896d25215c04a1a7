#include "app/bench.h"

#include "app/peer.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/rng.h"

#include <string.h>

typedef struct timing {
    jup_bench_t *bench;
    jup_life_t *life;
    jup_rng_t rng;
    double begin_s, first_s, last_s; /* of the sequence that runs */
    int32_t tokens;                  /* that came of it */
} timing_t;

void jup_bench_reset(jup_bench_t *bench)
{
    for (int32_t i = 0; i < bench->n_rows; i++) {
        jup_free(bench->rows[i].rates);
        jup_free(bench->rows[i].peers);
    }
    jup_free(bench->rows);
    memset(bench, 0, sizeof *bench);
}

static bool take_token(void *self, int32_t handle, int32_t token, int32_t accepted_by)
{
    timing_t *t = self;
    (void)handle;
    (void)token;
    (void)accepted_by;
    t->last_s = jup_clock_now_s();
    if (t->tokens++ == 0)
        t->first_s = t->last_s;
    return true; /* an end of text ends nothing here */
}

/* One sequence through the pipe, of tokens that it has not seen. */
static jup_status_t run_one(timing_t *t, int32_t prompt, int32_t generate, jup_error_t *err)
{
    jup_engine_t *engine = &t->life->session.engine;
    int32_t vocab = t->life->session.whole.vocab, handle;
    int32_t *ids = jup_new((size_t)prompt, sizeof *ids);
    for (int32_t i = 0; i < prompt; i++)
        ids[i] = (int32_t)(jup_rng_uniform(&t->rng) * (double)vocab);
    const jup_sequence_spec_t spec = {
        .prompt = ids, .n_prompt = prompt, .generate = generate, .parent = -1};
    t->tokens = 0;
    t->begin_s = jup_clock_now_s();
    jup_status_t status = jup_scheduler_submit(&engine->scheduler, &spec, &handle, err);
    jup_free(ids);
    JUP_TRY(status);
    if (!jup_engine_run(engine) || t->tokens < generate)
        return jup_fail(err, JUP_EENV, "interrupted: nothing was measured to its end");
    return JUP_OK;
}

/* Tokens a second of the row's test. */
static jup_status_t time_row(timing_t *t, const jup_bench_row_t *row, double *rate,
                             jup_error_t *err)
{
    JUP_TRY(row->decodes ? run_one(t, 1, row->tokens + 1, err) : run_one(t, row->tokens, 1, err));
    double seconds = row->decodes ? t->last_s - t->first_s : t->first_s - t->begin_s;
    *rate = seconds > 0 ? row->tokens / seconds : 0;
    return JUP_OK;
}

static jup_status_t repeat_row(timing_t *t, jup_bench_row_t *row, jup_error_t *err)
{
    const jup_bench_t *b = t->bench;
    double rate;
    for (int32_t i = 0; i < b->warm_up; i++)
        JUP_TRY(time_row(t, row, &rate, err));
    for (; row->n < b->repeats; row->n++) {
        JUP_TRY(time_row(t, row, &row->rates[row->n], err));
        if (row->peers)
            JUP_TRY(jup_peer_time(b->peer, b->model, t->life->session.compute.threads, row->decodes,
                                  row->tokens, &row->peers[row->n], err));
    }
    return JUP_OK;
}

static jup_bench_row_t *add_row(jup_bench_t *b, bool decodes, int32_t tokens)
{
    b->rows = jup_resize(b->rows, (size_t)b->n_rows + 1, sizeof *b->rows);
    jup_bench_row_t *row = &b->rows[b->n_rows++];
    *row = b->now;
    row->decodes = decodes;
    row->tokens = tokens;
    row->rates = jup_new((size_t)b->repeats, sizeof *row->rates);
    row->peers = b->peer ? jup_new((size_t)b->repeats, sizeof *row->peers) : NULL;
    return row;
}

static bool after_step(void *self)
{
    (void)self;
    return !jup_interrupted();
}

static jup_status_t work(void *self, jup_life_t *life, jup_error_t *err)
{
    timing_t *t = self;
    jup_bench_t *b = t->bench;
    t->life = life;
    jup_rng_init(&t->rng, 1);
    life->session.engine.user = (jup_engine_user_t){.self = t, .after_step = after_step};
    b->now.threads = life->session.compute.threads;
    for (int32_t i = 0; i < b->n_prompts; i++)
        JUP_TRY(repeat_row(t, add_row(b, false, b->prompts[i]), err));
    for (int32_t i = 0; i < b->n_answers; i++)
        JUP_TRY(repeat_row(t, add_row(b, true, b->answers[i]), err));
    return JUP_OK;
}

static jup_status_t report(void *self, jup_life_t *life, jup_run_t *record, jup_error_t *err)
{
    (void)self;
    (void)life;
    (void)record;
    (void)err;
    return JUP_OK; /* the whole table, once all sessions are over */
}

static jup_speaker_t speaker(void *self, jup_setup_t *setup)
{
    timing_t *t = self;
    t->bench = setup->user;
    return (jup_speaker_t){
        .self = t, .sink = {.self = t, .token = take_token}, .work = work, .report = report};
}

static void reset(void *self)
{
    (void)self;
}

const jup_run_way_t jup_bench_way = {.bytes = sizeof(timing_t), .speaker = speaker, .reset = reset};
