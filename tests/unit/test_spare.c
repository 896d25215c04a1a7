/* Sequences that share what others have left in the cache: whoever comes, goes or is cancelled, and
   however little room there is, each answer is that of its prompt alone. */
#include "base/mem.h"
#include "base/rng.h"
#include "tiny_engine.h"
#include "unit.h"

#include <string.h>

enum { SEQUENCES = 80, OPEN = 7, BASES = 3, BASE = 90, MOST = BASE + 8, ANSWER = 9, VOCAB = 61 };

typedef struct spared {
    tiny_engine_t engine;
    jup_rng_t rng;
    int32_t base[BASES][BASE];
    int32_t prompt[SEQUENCES][MOST], n_prompt[SEQUENCES];
    int32_t handle[SEQUENCES], n_got[SEQUENCES], got[SEQUENCES][ANSWER];
    bool over[SEQUENCES], cancelled[SEQUENCES];
    int32_t next, open, most_held;
    int64_t reused, prompts;
} spared_t;

static int32_t sequence_of(const spared_t *t, int32_t handle)
{
    for (int32_t i = 0; i < t->next; i++)
        if (t->handle[i] == handle)
            return i;
    ck_abort_msg("no sequence %d", handle);
}

static bool take_token(void *self, int32_t handle, int32_t token, int32_t accepted_by)
{
    spared_t *t = self;
    int32_t i = sequence_of(t, handle);
    (void)accepted_by;
    t->got[i][t->n_got[i]++] = token;
    return true;
}

static void take_end(void *self, int32_t handle)
{
    spared_t *t = self;
    t->over[sequence_of(t, handle)] = true;
    t->open--;
}

static int32_t below(spared_t *t, uint64_t n)
{
    return (int32_t)jup_rng_below(&t->rng, n);
}

/* The beginning of one of a few texts, or a turn behind an earlier answer; then its own words. */
static void make_prompt(spared_t *t, int32_t i)
{
    int32_t n = 1 + below(t, BASE), from = i ? below(t, (uint64_t)i) : 0;
    memcpy(t->prompt[i], t->base[below(t, BASES)], (size_t)n * sizeof(int32_t));
    if (i > 0 && t->over[from] && t->n_prompt[from] + ANSWER <= BASE && below(t, 2)) {
        n = t->n_prompt[from];
        memcpy(t->prompt[i], t->prompt[from], (size_t)n * sizeof(int32_t));
        memcpy(t->prompt[i] + n, t->got[from], (size_t)t->n_got[from] * sizeof(int32_t));
        n += t->n_got[from];
    }
    for (int32_t own = below(t, 8); own > 0; own--)
        t->prompt[i][n++] = below(t, VOCAB);
    t->n_prompt[i] = n;
}

static void submit(spared_t *t, jup_scheduler_t *s)
{
    jup_error_t err;
    int32_t i = t->next++;
    make_prompt(t, i);
    const jup_sequence_spec_t spec = {.request = i,
                                      .prompt = t->prompt[i],
                                      .n_prompt = t->n_prompt[i],
                                      .generate = ANSWER,
                                      .parent = -1,
                                      .spare = true};
    ck_assert_int_eq(jup_scheduler_submit(s, &spec, &t->handle[i], &err), JUP_OK);
    t->open++;
}

static void cancel_one(spared_t *t, jup_scheduler_t *s)
{
    int32_t i = below(t, (uint64_t)t->next);
    if (t->over[i])
        return;
    t->over[i] = t->cancelled[i] = true;
    t->open--;
    jup_scheduler_release(s, t->handle[i]);
}

static void take_oldest(jup_engine_t *engine)
{
    const jup_verdicts_t *verdicts = engine->stage.verdicts;
    jup_engine_receive(engine);
    jup_scheduler_take(&engine->scheduler, verdicts->step, verdicts->list, verdicts->n);
}

static void release_all(jup_engine_t *engine)
{
    jup_scheduler_t *s = &engine->scheduler;
    for (int32_t i = 0; i < s->n_slots; i++)
        if (s->slots[i]->handle >= 0)
            jup_scheduler_release(s, s->slots[i]->handle);
    jup_engine_run(engine);
}

static void work(jup_engine_t *engine, void *self)
{
    spared_t *t = self;
    jup_scheduler_t *s = &engine->scheduler;
    while (t->next < SEQUENCES || t->open > 0) {
        while (t->next < SEQUENCES && t->open < OPEN && below(t, 3))
            submit(t, s);
        if (t->next > 0 && below(t, 40) == 0)
            cancel_one(t, s);
        if (jup_scheduler_next(s, &engine->stage.step))
            jup_engine_send(engine);
        else if (s->air_n > 0)
            take_oldest(engine);
        int32_t held = 0;
        for (int32_t i = 0; i < s->n_slots; i++)
            held += s->slots[i]->state == JUP_SEQUENCE_HELD;
        t->most_held = held > t->most_held ? held : t->most_held;
        ck_assert_int_le(s->pages_promised, s->pages);
    }
    while (s->air_n > 0)
        take_oldest(engine);
    t->reused = s->reused_tokens;
    t->prompts = s->prompt_tokens;
    release_all(engine);
}

static void check_answers(const spared_t *t)
{
    int32_t expected[ANSWER];
    for (int32_t i = 0; i < SEQUENCES; i++) {
        if (t->cancelled[i])
            continue;
        ck_assert_int_eq(t->n_got[i], ANSWER);
        tiny_model_decode(t->engine.model, t->prompt[i], t->n_prompt[i],
                          &t->engine.options.stage.sampling, JUP_F16, expected, ANSWER);
        ck_assert_msg(memcmp(t->got[i], expected, sizeof expected) == 0, "sequence %d", i);
    }
}

static void run(const tiny_model_t *model, int ranks, int64_t pages, uint64_t seed, spared_t *t)
{
    memset(t, 0, sizeof *t);
    jup_rng_init(&t->rng, seed);
    for (int32_t i = 0; i < BASES * BASE; i++)
        t->base[i / BASE][i % BASE] = below(t, VOCAB);
    tiny_engine_init(&t->engine, model, pages * JUP_KV_PAGE_SLOTS);
    t->engine.self = t;
    t->engine.work = work;
    t->engine.sink = (jup_scheduler_sink_t){.self = t, .token = take_token, .ended = take_end};
    tiny_engine_run(&t->engine, ranks, &(jup_record_options_t){.seed = seed});
    check_answers(t);
    ck_assert_int_gt(t->reused, t->prompts / 8);
}

START_TEST(answers_are_those_of_the_prompts_alone)
{
    tiny_model_t model;
    spared_t *t = jup_new(1, sizeof *t);
    tiny_model_init(&model, 3, 3);
    for (uint64_t seed = 0; seed < 12; seed++) {
        run(&model, 1 + (int)(seed % 3), seed % 2 ? 400 : 20, seed, t);
        ck_assert_int_gt(t->most_held, seed % 2 ? 12 : 0);
    }
    tiny_model_reset(&model);
    jup_free(t);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("spare");
    unit_add(all, answers_are_those_of_the_prompts_alone, 120);
    return all;
}
UNIT_MAIN(suite)
