/* What goes into the engine's steps: whole chunks, also beside other sequences; logits of every
   position; prompts without an answer; what measuring leaves behind. */
#include "base/interrupt.h"
#include "base/mem.h"
#include "strategy/measure.h"
#include "tiny_engine.h"
#include "unit.h"

#include <math.h>
#include <signal.h>
#include <string.h>

enum { PROMPT = 50, MOST = 3 * PROMPT, ANSWER = 12, SEQUENCES = 5, VOCAB = 61 };

typedef struct watched {
    tiny_engine_t engine;
    int32_t prompt[SEQUENCES][MOST];
    int32_t n_prompt[SEQUENCES], generate, n_sequences;
    int32_t handle[SEQUENCES], n_got[SEQUENCES], ended[SEQUENCES], got[SEQUENCES][ANSWER];
    float *logits; /* (MOST, VOCAB) */
    int32_t n_logits;
    /* of the steps */
    jup_chunks_t chunks;
    int32_t next_chunk[SEQUENCES], mixed;
    bool fit_window;
    int32_t window; /* in use after measuring */
} watched_t;

static int sequence_of(const watched_t *w, int32_t handle)
{
    for (int i = 0; i < w->n_sequences; i++)
        if (w->handle[i] == handle)
            return i;
    ck_abort_msg("no sequence %d", handle);
}

static bool take_token(void *self, int32_t handle, int32_t token, int32_t accepted_by)
{
    watched_t *w = self;
    int i = sequence_of(w, handle);
    (void)accepted_by;
    ck_assert_int_lt(w->n_got[i], w->generate);
    w->got[i][w->n_got[i]++] = token;
    return true;
}

static void take_end(void *self, int32_t handle)
{
    watched_t *w = self;
    w->ended[sequence_of(w, handle)]++;
}

static void prepare(watched_t *w, const tiny_model_t *model, int32_t n)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 9);
    memset(w, 0, sizeof *w);
    tiny_engine_init(&w->engine, model, 64 * 64);
    w->engine.self = w;
    w->engine.sink = (jup_scheduler_sink_t){.self = w, .token = take_token, .ended = take_end};
    w->n_sequences = n;
    w->generate = ANSWER;
    for (int s = 0; s < SEQUENCES; s++) {
        w->n_prompt[s] = PROMPT;
        for (int i = 0; i < MOST; i++)
            w->prompt[s][i] = (int32_t)jup_rng_below(&rng, VOCAB);
    }
}

static void submit(watched_t *w, jup_engine_t *engine)
{
    jup_error_t err;
    for (int32_t s = 0; s < w->n_sequences; s++) {
        const jup_sequence_spec_t spec = {.request = s,
                                          .prompt = w->prompt[s],
                                          .n_prompt = w->n_prompt[s],
                                          .generate = w->generate,
                                          .parent = -1};
        ck_assert_int_eq(jup_scheduler_submit(&engine->scheduler, &spec, &w->handle[s], &err),
                         JUP_OK);
    }
}

static void check_answers(const watched_t *w)
{
    for (int s = 0; s < w->n_sequences; s++) {
        int32_t expected[ANSWER];
        ck_assert_int_eq(w->ended[s], 1);
        ck_assert_int_eq(w->n_got[s], w->generate);
        if (w->generate == 0)
            continue;
        tiny_model_decode(w->engine.model, w->prompt[s], w->n_prompt[s],
                          &w->engine.options.stage.sampling, JUP_F16, expected, w->generate);
        ck_assert_int_eq(memcmp(w->got[s], expected, (size_t)w->generate * sizeof *expected), 0);
    }
}

/* ---- chunks ------------------------------------------------------------------------------------
 */

/* Every chunk is the next one of its prompt, and whole. */
static void check_step(watched_t *w, const jup_step_t *step)
{
    for (int32_t i = 0; i < step->n_segments; i++) {
        const jup_segment_t *segment = &step->segments[i];
        int32_t ends[MOST], s = segment->request, chunk = segment->chunk - 1;
        if (chunk < 0)
            continue;
        jup_chunks_cut(&w->chunks, w->n_prompt[s], ends);
        ck_assert_int_eq(chunk, w->next_chunk[s]++);
        ck_assert_int_eq(segment->pos, chunk ? ends[chunk - 1] : 0);
        ck_assert_int_eq(segment->pos + segment->rows, ends[chunk]);
        w->mixed += step->n_segments > 1;
    }
}

/* The scheduler fills steps that are looked at before they go. */
static void work_step_by_step(jup_engine_t *engine, void *self)
{
    watched_t *w = self;
    jup_scheduler_t *s = &engine->scheduler;
    submit(w, engine);
    while (jup_scheduler_is_busy(s) || s->air_n > 0) {
        if (jup_scheduler_next(s, &engine->stage.step)) {
            check_step(w, &engine->stage.step);
            jup_engine_send(engine);
        } else {
            jup_engine_receive(engine);
            jup_scheduler_take(s, engine->stage.verdicts->step, engine->stage.verdicts->list,
                               engine->stage.verdicts->n);
        }
    }
    jup_engine_run(engine); /* what is left to drop */
}

START_TEST(chunks_stay_whole_beside_others)
{
    static const int32_t lengths[] = {10, 25, 15};
    tiny_model_t model;
    watched_t *w = jup_new(1, sizeof *w);
    tiny_model_init(&model, 4, 3);
    for (int ranks = 1; ranks <= 3; ranks++)
        for (int32_t rows = 30; rows <= 60; rows += 15) {
            prepare(w, &model, SEQUENCES);
            for (int s = 0; s < SEQUENCES; s++)
                w->n_prompt[s] = s % 2 ? PROMPT : PROMPT / 2 + s;
            w->chunks = (jup_chunks_t){.lengths = lengths, .n = 3};
            w->engine.options.scheduler.chunks = w->chunks;
            w->engine.options.stage.rows = rows;
            w->engine.work = work_step_by_step;
            tiny_engine_run(&w->engine, ranks, &(jup_record_options_t){.seed = (uint64_t)rows});
            check_answers(w);
            for (int s = 0; s < SEQUENCES; s++) {
                int32_t ends[MOST];
                ck_assert_int_eq(w->next_chunk[s],
                                 jup_chunks_cut(&w->chunks, w->n_prompt[s], ends));
            }
            ck_assert_int_gt(w->mixed, 0);
        }
    jup_free(w);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* ---- logits ------------------------------------------------------------------------------------
 */

static void take_logits(void *self, const float *logits, int32_t rows)
{
    watched_t *w = self;
    ck_assert_int_le(w->n_logits + rows, MOST);
    memcpy(w->logits + w->n_logits * VOCAB, logits, (size_t)rows * VOCAB * sizeof *logits);
    w->n_logits += rows;
}

static void work_for_logits(jup_engine_t *engine, void *self)
{
    watched_t *w = self;
    engine->user = (jup_engine_user_t){.logits = take_logits, .logits_self = w};
    submit(w, engine);
    ck_assert(jup_engine_run(engine));
}

/* The whole prompt in one step, without any engine. */
static float *logits_of(const tiny_model_t *model, const int32_t *tokens, int32_t n)
{
    jup_error_t err;
    jup_compute_t compute;
    jup_forward_t f;
    jup_step_t step;
    float *logits = jup_new((size_t)n * VOCAB, sizeof *logits);
    const jup_forward_limits_t limits = {.rows = n,
                                         .outputs = n,
                                         .kv_tokens = n + 128,
                                         .kv_dtype = JUP_F16,
                                         .residual_dtype = JUP_F16};
    jup_compute_init(&compute, &jup_ops_naive, 1, &err);
    ck_assert_int_eq(jup_forward_init(&f, &model->config, &model->all, &compute, &limits, &err),
                     JUP_OK);
    jup_step_init(&step, n);
    jup_step_begin(&step, JUP_STEP_WORK, 0);
    jup_step_add(&step, 0, 0, tokens, NULL, n, n);
    jup_forward_begin(&f, &step, &err);
    jup_forward_embed(&f, &step);
    jup_forward_layers(&f, &step);
    ck_assert_int_eq(jup_forward_head(&f, &step), n);
    memcpy(logits, f.logits, (size_t)n * VOCAB * sizeof *logits);
    jup_step_reset(&step);
    jup_forward_reset(&f);
    jup_compute_reset(&compute);
    return logits;
}

START_TEST(logits_are_those_of_the_plain_forward_pass)
{
    static const int32_t lengths[] = {10, 25, 15};
    tiny_model_t model;
    watched_t *w = jup_new(1, sizeof *w);
    tiny_model_init(&model, 4, 3);
    for (int ranks = 1; ranks <= 4; ranks++)
        for (int32_t generate = 0; generate <= 3; generate += 3) {
            int32_t sequence[MOST];
            prepare(w, &model, 1);
            w->generate = generate;
            w->logits = jup_new(MOST * VOCAB, sizeof *w->logits);
            w->engine.options.stage.logits = true;
            w->engine.options.stage.rows = 25;
            w->engine.options.scheduler.chunks = (jup_chunks_t){.lengths = lengths, .n = 3};
            w->engine.work = work_for_logits;
            tiny_engine_run(&w->engine, ranks, &(jup_record_options_t){.seed = 1});
            /* of every token but the last, on which nothing follows */
            int32_t n = PROMPT + (generate ? generate - 1 : 0);
            ck_assert_int_eq(w->n_logits, n);
            memcpy(sequence, w->prompt[0], PROMPT * sizeof *sequence);
            memcpy(sequence + PROMPT, w->got[0], (size_t)generate * sizeof *sequence);
            float *expected = logits_of(&model, sequence, n);
            for (int32_t i = 0; i < n * VOCAB; i++)
                ck_assert_float_le(fabsf(w->logits[i] - expected[i]), 1e-3f);
            jup_free(expected);
            jup_free(w->logits);
            check_answers(w);
        }
    jup_free(w);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* ---- no answer ---------------------------------------------------------------------------------
 */

static void work_at_once(jup_engine_t *engine, void *self)
{
    submit(self, engine);
    ck_assert(jup_engine_run(engine));
}

START_TEST(a_prompt_without_an_answer_ends)
{
    tiny_model_t model;
    watched_t *w = jup_new(1, sizeof *w);
    tiny_model_init(&model, 4, 3);
    for (int ranks = 1; ranks <= 3; ranks++) {
        prepare(w, &model, SEQUENCES);
        w->generate = 0;
        w->engine.work = work_at_once;
        tiny_engine_run(&w->engine, ranks, &(jup_record_options_t){0});
        check_answers(w);
    }
    jup_free(w);
    tiny_model_reset(&model);
}
END_TEST

/* ---- measuring ---------------------------------------------------------------------------------
 */

static void look_things_up(jup_speculation_t *speculation)
{
    speculation->nodes = 8;
    jup_draft_lookup_init(&speculation->drafts[speculation->n_drafts++]);
}

static void measure_and_work(jup_engine_t *engine, void *self)
{
    watched_t *w = self;
    const jup_speculation_t *s = engine->scheduler.speculation;
    ck_assert(!s->costs_known);
    jup_engine_measure(engine, w->fit_window);
    ck_assert(s->costs_known);
    for (int32_t rows = 1; rows <= JUP_LAP_ROWS; rows++) {
        double before_s = rows > 1 ? s->lap.seconds[rows - 1] : 0;
        ck_assert(isfinite(s->lap.seconds[rows]) && s->lap.seconds[rows] > 0);
        ck_assert(s->lap.seconds[rows] >= before_s);
        ck_assert(isfinite(s->period.seconds[rows]) && s->period.seconds[rows] >= 0);
    }
    ck_assert_int_eq(engine->scheduler.air_n, 0);
    ck_assert_int_eq(engine->stage.forward->kv.pages_in_use, 0);
    w->window = engine->scheduler.options.window;
    submit(w, engine);
    ck_assert(jup_engine_run(engine));
}

/* Who wants to stop waits for a lap of one row to be known, for no more. */
static void be_stopped_and_work(jup_engine_t *engine, void *self)
{
    watched_t *w = self;
    int32_t first = engine->scheduler.next_step, ranks = engine->n_results;
    jup_interrupt_request(SIGINT);
    jup_engine_measure(engine, true);
    jup_interrupt_forget();
    ck_assert_int_le(engine->scheduler.next_step - first, 3 + 2 * ranks);
    submit(w, engine);
    ck_assert(jup_engine_run(engine));
}

START_TEST(measuring_heeds_a_wish_to_stop)
{
    tiny_model_t model;
    watched_t *w = jup_new(1, sizeof *w);
    tiny_model_init(&model, 4, 3);
    for (int ranks = 1; ranks <= 3; ranks++) {
        prepare(w, &model, 2);
        w->engine.speculate = look_things_up;
        w->engine.work = be_stopped_and_work;
        w->engine.options.stage.window = jup_engine_most_window(ranks);
        tiny_engine_run(&w->engine, ranks, &(jup_record_options_t){0});
        check_answers(w);
    }
    jup_free(w);
    tiny_model_reset(&model);
}
END_TEST

START_TEST(measuring_leaves_nothing_behind)
{
    tiny_model_t model;
    watched_t *w = jup_new(1, sizeof *w);
    tiny_model_init(&model, 4, 3);
    for (int ranks = 1; ranks <= 4; ranks++)
        for (int fit = 0; fit <= 1; fit++) {
            int32_t usual = jup_engine_default_window(ranks), most = jup_engine_most_window(ranks);
            prepare(w, &model, 2);
            w->fit_window = fit;
            w->engine.speculate = look_things_up;
            w->engine.work = measure_and_work;
            w->engine.options.scheduler.window = usual;
            w->engine.options.stage.window = fit ? most : usual;
            tiny_engine_run(&w->engine, ranks, &(jup_record_options_t){0});
            check_answers(w);
            if (fit) {
                ck_assert_int_ge(w->window, usual);
                ck_assert_int_le(w->window, most);
            } else {
                ck_assert_int_eq(w->window, usual);
            }
        }
    jup_free(w);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("steps");
    unit_add(s, chunks_stay_whole_beside_others, 120);
    unit_add(s, logits_are_those_of_the_plain_forward_pass, 120);
    unit_add(s, a_prompt_without_an_answer_ends, 60);
    unit_add(s, measuring_leaves_nothing_behind, 120);
    unit_add(s, measuring_heeds_a_wish_to_stop, 60);
    return s;
}

UNIT_MAIN(suite)
