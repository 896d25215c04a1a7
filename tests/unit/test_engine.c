/* The engine over the record transport: for every draft source, shape of tree, number of ranks and
   of branches the tokens are those of plain decoding, and nothing leaks or goes missing. */
#include "base/mem.h"
#include "comm/record.h"
#include "strategy/engine.h"
#include "strategy/strategies.h"
#include "tiny_part.h"
#include "unit.h"

#include <string.h>

enum { MAX_BRANCHES = 8, PROMPT = 70, ANSWER = 24 };

typedef enum source { NONE, LOOKUP, ORACLE, NOISE, MOSTLY } source_t;

typedef struct setup {
    const tiny_model_t *model;
    int branches;
    source_t source;
    bool chain, ahead, no_cancel, rendezvous;
    int32_t nodes, rows, segments;
    int64_t kv_tokens;
    jup_sampling_t sampling;
    jup_way_t way; /* of all groups; alone: a stage a rank */
    int groups[4]; /* members of each stage; 0: no more */
    double speed[8];
    jup_dtype_t wire;
    int32_t prompt[MAX_BRANCHES][PROMPT + 10];
    int32_t n_prompt[MAX_BRANCHES];
    int32_t expected[MAX_BRANCHES][ANSWER];
    int32_t got[MAX_BRANCHES][ANSWER + 1];
    int32_t n_got[MAX_BRANCHES], ended[MAX_BRANCHES];
    int32_t handle[MAX_BRANCHES];
    int32_t trunk;
    int peak_pages;
    jup_scheduler_t figures; /* a copy, for its counters only */
    int64_t accepted, offered, left_out;
    int32_t peak_unserved; /* most tokens one branch was ahead of another */
} setup_t;

/* ---- a source that knows the answers, and one that knows nothing ------------------------------
 */

/* The branch whose answer is being written, and how far it is; -1: none that is known. */
static int branch_in(const setup_t *s, const jup_draft_context_t *c, int32_t *at)
{
    for (int b = s->branches - 1; b >= 0; b--) { /* the first one's prompt begins all others */
        *at = c->n - s->n_prompt[b];
        if (*at >= 0 && *at < ANSWER &&
            memcmp(c->tokens, s->prompt[b], (size_t)s->n_prompt[b] * 4) == 0)
            return b;
    }
    return -1;
}

/* Two of three first guesses are right; of the others the second is, which only a tree finds. */
static void guess_two_of_three(jup_guesses_t *g, int32_t d, int32_t at, int32_t right)
{
    int32_t wrong = (right + 1 + at % 2 * 60) % 61;
    g->width[d] = 3;
    g->token[d][0] = at % 3 ? right : wrong;
    g->token[d][1] = at % 3 ? wrong : right;
    g->token[d][2] = 7;
}

/* Right but for every seventh token, so that the next segments build on its guesses. */
static void guess_mostly(jup_guesses_t *g, int32_t d, int32_t at, int32_t right)
{
    g->width[d] = 1;
    g->token[d][0] = at % 7 == 6 ? (right + 1) % 61 : right;
}

static void know(void *self, const jup_draft_context_t *c, jup_guesses_t *g)
{
    const setup_t *s = self;
    int32_t at;
    int b = branch_in(s, c, &at);
    g->depth = 0;
    for (int32_t d = 0; b >= 0 && d < 5 && at + d < ANSWER; d++) {
        int32_t right = s->expected[b][at + d];
        if (s->source == MOSTLY)
            guess_mostly(g, d, at + d, right);
        else
            guess_two_of_three(g, d, at + d, right);
        g->depth = d + 1;
    }
}

static void make_noise(void *self, const jup_draft_context_t *c, jup_guesses_t *g)
{
    (void)self;
    g->depth = 4;
    for (int32_t d = 0; d < 4; d++) {
        g->width[d] = 2;
        g->token[d][0] = (c->n * 7 + d * 13) % 61;
        g->token[d][1] = (c->n * 5 + d * 11 + 3) % 61;
    }
}

static void init_speculation(jup_speculation_t *spec, setup_t *s)
{
    jup_speculation_init(spec);
    spec->nodes = s->nodes;
    spec->chain = s->chain;
    if (s->source == NONE)
        return;
    spec->n_drafts = 1;
    jup_draft_t *draft = &spec->drafts[0];
    jup_draft_lookup_init(draft);
    if (s->source != LOOKUP) {
        draft->self = s;
        draft->propose = s->source == NOISE ? make_noise : know;
    }
    if (s->source == MOSTLY)
        jup_accuracy_init(&draft->accuracy, 0.9, 1, 50);
}

/* ---- the sink ---------------------------------------------------------------------------------
 */

static int branch_of(const setup_t *s, int32_t handle)
{
    for (int b = 0; b < s->branches; b++)
        if (s->handle[b] == handle)
            return b;
    return -1;
}

static bool take_token(void *self, int32_t handle, int32_t token, int32_t accepted_by)
{
    setup_t *s = self;
    int b = branch_of(s, handle);
    if (b < 0)
        return true;
    ck_assert_int_lt(s->n_got[b], ANSWER);
    s->got[b][s->n_got[b]++] = token;
    for (int other = 0; other < s->branches; other++)
        if (s->n_got[b] - s->n_got[other] > s->peak_unserved)
            s->peak_unserved = s->n_got[b] - s->n_got[other];
    s->accepted += accepted_by > 0;
    return true;
}

static void take_end(void *self, int32_t handle)
{
    setup_t *s = self;
    int b = branch_of(s, handle);
    if (b >= 0)
        s->ended[b]++;
}

/* ---- one rank ----------------------------------------------------------------------------------
 */

static void submit_all(setup_t *s, jup_engine_t *e)
{
    jup_error_t err;
    jup_sequence_spec_t trunk = {
        .prompt = s->prompt[0], .n_prompt = PROMPT, .generate = 1, .parent = -1, .hold = true};
    ck_assert_int_eq(jup_scheduler_submit(&e->scheduler, &trunk, &s->trunk, &err), JUP_OK);
    jup_engine_run(e);
    for (int b = 0; b < s->branches; b++) {
        jup_sequence_spec_t spec = {.request = 0,
                                    .branch = b,
                                    .prompt = s->prompt[b],
                                    .n_prompt = s->n_prompt[b],
                                    .generate = ANSWER,
                                    .parent = s->trunk};
        ck_assert_int_eq(jup_scheduler_submit(&e->scheduler, &spec, &s->handle[b], &err), JUP_OK);
    }
    ck_assert(jup_engine_run(e));
    jup_scheduler_release(&e->scheduler, s->trunk);
    jup_engine_run(e);
}

/* Consecutive ranks to each stage. */
static void find_place(const setup_t *s, const jup_comm_t *comm, jup_place_t *place)
{
    int at[5] = {0}, stages = 0;
    if (s->way == JUP_WAY_ALONE) {
        jup_place_init_pipeline(place, comm->rank, comm->size);
        return;
    }
    for (; stages < 4 && s->groups[stages]; stages++)
        at[stages + 1] = at[stages] + s->groups[stages];
    ck_assert_int_eq(at[stages], comm->size);
    jup_place_init(place, comm->rank, stages, at);
    place->way = jup_place_members(place) > 1 ? s->way : JUP_WAY_ALONE;
}

/* The layers of the rank's stage, or its part of them. */
static void load(const setup_t *s, jup_place_t *place, jup_config_t *config, jup_weights_t *part)
{
    int n = jup_place_members(place), me = jup_place_member(place);
    jup_part_t parts[8];
    *config = s->model->config;
    if (n == 1 || jup_way_of_working(place->way)->whole) {
        tiny_model_part(s->model, place->stage, place->stages, part);
        return;
    }
    tiny_part_share(s->model, s->speed, n, parts);
    jup_shard_t shard = {.first = config->layers * place->stage / place->stages,
                         .last = config->layers * (place->stage + 1) / place->stages,
                         .embedding = jup_place_is_first(place),
                         .head = jup_place_is_last(place),
                         .part = parts[me]};
    tiny_part_shard(s->model, &shard, part);
    *config = jup_part_config(config, &parts[me]);
    if (!shard.head)
        return;
    place->vocab = jup_new((size_t)n + 1, sizeof *place->vocab);
    for (int m = 0; m < n; m++)
        place->vocab[m + 1] = parts[m].vocab_last;
}

static void run_rank(jup_comm_t *comm, void *self)
{
    setup_t *s = self;
    jup_place_t place;
    jup_config_t config;
    jup_error_t err;
    jup_weights_t part;
    jup_compute_t compute;
    jup_forward_t forward;
    jup_recorder_t recorder;
    jup_engine_t engine;
    jup_speculation_t spec;
    find_place(s, comm, &place);
    load(s, &place, &config, &part);
    int32_t window = jup_engine_default_window(place.stages);
    jup_engine_options_t options = {
        .stage = {.wire = s->wire,
                  .rows = s->rows,
                  .window = window,
                  .ahead = s->ahead,
                  .sampling = s->sampling},
        .scheduler = {.window = window,
                      .no_cancel = s->no_cancel,
                      .chunks = {.each = 32},
                      .segments = s->segments,
                      .kv_tokens = s->kv_tokens},
    };
    jup_compute_init(&compute, &jup_ops_naive, 1, &err);
    jup_forward_limits_t limits = jup_engine_limits(&options);
    limits.kv_dtype = limits.residual_dtype = s->wire;
    ck_assert_int_eq(jup_forward_init(&forward, &config, &part, &compute, &limits, &err), JUP_OK);
    jup_recorder_init(&recorder, comm->rank, JUP_RECORD_SUMS);
    init_speculation(&spec, s);
    jup_scheduler_sink_t sink = {.self = s, .token = take_token, .ended = take_end};
    ck_assert_int_eq(jup_engine_init(&engine, comm, &place, &forward, &recorder, &options, NULL,
                                     &spec, &sink, &err),
                     JUP_OK);
    if (comm->rank == 0) {
        submit_all(s, &engine);
        jup_engine_stop(&engine);
        s->figures = engine.scheduler;
        s->peak_pages = forward.kv.peak_pages;
        s->offered = spec.drafts[0].offered;
        ck_assert_int_eq(engine.scheduler.pages_promised, 0);
    } else {
        jup_engine_serve(&engine);
    }
    s->left_out += engine.stage.left_out;
    ck_assert_int_eq(forward.kv.pages_in_use, 0);
    jup_engine_reset(&engine);
    jup_speculation_reset(&spec);
    jup_recorder_reset(&recorder);
    jup_forward_reset(&forward);
    jup_compute_reset(&compute);
    jup_weights_reset(&part);
    jup_place_reset(&place);
}

/* ---- the matrix --------------------------------------------------------------------------------
 */

/* All prompts begin alike; each goes on in its own way. */
static void make_prompts(setup_t *s)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 5);
    for (int b = 0; b < MAX_BRANCHES; b++) {
        s->n_prompt[b] = PROMPT + (b ? 2 + b % 4 : 0);
        for (int32_t i = 0; i < s->n_prompt[b]; i++)
            s->prompt[b][i] = b && i < PROMPT ? s->prompt[0][i] : (int32_t)jup_rng_below(&rng, 61);
    }
}

static void expect_in(setup_t *s, jup_dtype_t dtype)
{
    for (int b = 0; b < s->branches; b++)
        tiny_model_decode(s->model, s->prompt[b], s->n_prompt[b], &s->sampling, dtype,
                          s->expected[b], ANSWER);
}

static void expect(setup_t *s)
{
    expect_in(s, JUP_F16);
}

static setup_t *new_setup(const tiny_model_t *model)
{
    setup_t *s = jup_new(1, sizeof *s);
    s->model = model;
    s->branches = MAX_BRANCHES;
    s->nodes = 12;
    s->rows = 64;
    s->kv_tokens = 64 * 80;
    s->wire = JUP_F16;
    for (int m = 0; m < 8; m++)
        s->speed[m] = 1;
    s->sampling = (jup_sampling_t){.top_p = 1, .repeat_penalty = 1};
    make_prompts(s);
    return s;
}

static void check_answers(setup_t *s, int ranks, const jup_record_options_t *how)
{
    jup_record_log_t log;
    memset(s->n_got, 0, sizeof s->n_got);
    memset(s->ended, 0, sizeof s->ended);
    s->accepted = s->left_out = 0;
    memset(s->handle, 0xff, sizeof s->handle);
    jup_record_run(ranks, how, run_rank, s, &log);
    for (int b = 0; b < s->branches; b++) {
        ck_assert_int_eq(s->n_got[b], ANSWER);
        ck_assert_int_eq(s->ended[b], 1);
        for (int32_t i = 0; i < ANSWER; i++)
            ck_assert_msg(s->got[b][i] == s->expected[b][i],
                          "source %d, %s, %d ranks, branch %d of %d: token %d is %d, not %d",
                          s->source, s->chain ? "chain" : "tree", ranks, b, s->branches, i,
                          s->got[b][i], s->expected[b][i]);
    }
    for (size_t i = 0; i < log.n; i++)
        ck_assert_int_ge(log.messages[i].received, 0);
    ck_assert_uint_eq(log.unmatched_receives, 0);
    jup_record_log_reset(&log);
}

START_TEST(every_combination_gives_the_plain_answer)
{
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    expect(s);
    const int branch_counts[] = {1, 2, 3, 5, 8};
    for (int source = NONE; source <= MOSTLY; source++)
        for (int shape = 0; shape < 3; shape++)
            for (int ranks = 1; ranks <= 4; ranks++)
                for (size_t i = 0; i < 5; i++) {
                    s->source = (source_t)source;
                    s->chain = shape > 0;
                    s->ahead = shape == 2;
                    s->branches = branch_counts[i];
                    check_answers(s, ranks, &(jup_record_options_t){0});
                    if (source == ORACLE)
                        ck_assert_int_gt(s->accepted, s->branches * ANSWER / 2);
                    if (source == ORACLE && shape == 0)
                        ck_assert_int_gt(s->accepted, s->branches * ANSWER * 2 / 3);
                }
    jup_free(s);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(any_order_of_turns_gives_the_same_answer)
{
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    expect(s);
    s->ahead = s->chain = true;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        s->source = (source_t)(seed % 5);
        s->nodes = s->source == MOSTLY ? 3 : 12;
        s->branches = 1 + (int)(seed % MAX_BRANCHES);
        s->segments = seed % 3 ? 0 : 1;
        check_answers(s, 2 + (int)(seed % 5) / 2,
                      &(jup_record_options_t){.seed = seed, .rendezvous = seed % 2});
    }
    jup_free(s);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* Draws depend on seed and text alone, so that speculation gives the very same sample. */
START_TEST(samples_do_not_depend_on_speculation)
{
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    s->sampling = (jup_sampling_t){.temperature = 0.7f,
                                   .top_p = 0.95f,
                                   .top_k = 20,
                                   .repeat_penalty = 1.1f,
                                   .repeat_last = 16,
                                   .seed = 42};
    s->branches = 3;
    s->source = NONE;
    jup_record_log_t log;
    memset(s->handle, 0xff, sizeof s->handle);
    jup_record_run(1, &(jup_record_options_t){0}, run_rank, s, &log);
    jup_record_log_reset(&log);
    for (int b = 0; b < s->branches; b++)
        memcpy(s->expected[b], s->got[b], sizeof s->expected[b]);
    for (int source = NONE; source <= NOISE; source++)
        for (int ranks = 1; ranks <= 4; ranks += 3)
            for (int shape = 0; shape < 2; shape++) {
                s->source = (source_t)source;
                s->chain = s->ahead = shape > 0;
                check_answers(s, ranks, &(jup_record_options_t){0});
            }
    jup_free(s);
    tiny_model_reset(&model);
}
END_TEST

/* What builds on wrong guesses is stopped on its way; what builds on right ones never is. */
START_TEST(wrong_guesses_are_cancelled_early)
{
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    expect(s);
    s->ahead = s->chain = true;
    s->branches = 1;
    s->source = MOSTLY;
    s->nodes = 3;
    for (int ranks = 2; ranks <= 4; ranks++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            check_answers(s, ranks, &(jup_record_options_t){.seed = seed, .rendezvous = seed % 2});
            ck_assert_int_gt(s->figures.cancelled, 0);
            ck_assert_int_eq(s->figures.cancelled, s->figures.stale);
            ck_assert_int_lt(s->figures.stale, s->figures.ahead);
            ck_assert_int_gt(s->left_out, 0);
        }
    s->no_cancel = true;
    check_answers(s, 4, &(jup_record_options_t){0});
    ck_assert_int_gt(s->figures.stale, 0);
    ck_assert_int_eq(s->figures.cancelled + s->left_out, 0);
    s->no_cancel = false;
    s->source = NONE;
    check_answers(s, 4, &(jup_record_options_t){0});
    ck_assert_int_eq(s->figures.cancelled + s->left_out, 0);
    jup_free(s);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(the_pipe_is_full_and_nobody_starves)
{
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    expect(s);
    for (int ranks = 2; ranks <= 4; ranks++)
        for (s->branches = ranks; s->branches <= MAX_BRANCHES; s->branches++) {
            s->peak_unserved = 0;
            check_answers(s, ranks, &(jup_record_options_t){0});
            /* every stage has a step of its own, and branches advance together */
            ck_assert_int_ge(s->figures.peak_air, ranks);
            ck_assert_int_eq(s->figures.peak_live, s->branches);
            ck_assert_int_le(s->peak_unserved, 3);
        }
    jup_free(s);
    tiny_model_reset(&model);
}
END_TEST

START_TEST(branches_pay_for_their_own_tokens_only)
{
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    expect(s);
    for (s->branches = 1; s->branches <= MAX_BRANCHES; s->branches++) {
        check_answers(s, 2, &(jup_record_options_t){0});
        int shared = (PROMPT + JUP_KV_PAGE_SLOTS - 1) / JUP_KV_PAGE_SLOTS;
        int own = (ANSWER + 10 + JUP_KV_PAGE_SLOTS - 1) / JUP_KV_PAGE_SLOTS;
        ck_assert_int_le(s->peak_pages, shared + s->branches * own);
    }
    jup_free(s);
    tiny_model_reset(&model);
}
END_TEST

START_TEST(a_small_cache_makes_branches_wait)
{
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    expect(s);
    for (int pages = 10; pages <= 20; pages += 2) {
        s->source = pages % 4 ? ORACLE : NONE;
        s->kv_tokens = (int64_t)pages * JUP_KV_PAGE_SLOTS;
        check_answers(s, 3, &(jup_record_options_t){0});
        ck_assert_int_lt(s->figures.peak_live, MAX_BRANCHES);
        ck_assert_int_le(s->peak_pages, pages);
    }
    jup_free(s);
    tiny_model_reset(&model);
}
END_TEST

/* Every way of sharing layers, in one group and in a pipeline of groups: the tokens of one rank,
 * with guesses and branches in flight. Sums over members change last bits, so f32 throughout. */
START_TEST(groups_answer_like_one_rank)
{
    static const int shapes[][4] = {{2}, {3}, {4}, {2, 1}, {1, 2}, {2, 2}, {1, 3, 1}};
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    s->wire = JUP_F32;
    s->branches = 3;
    s->speed[1] = 2; /* uneven shares */
    expect_in(s, JUP_F32);
    for (int way = JUP_WAY_TENSOR; way <= JUP_WAY_GALAXY; way++)
        for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++)
            for (int source = NONE; source <= MOSTLY; source += 2) {
                int ranks = 0;
                s->way = (jup_way_t)way;
                s->source = (source_t)source;
                s->chain = s->ahead = shape % 2;
                memcpy(s->groups, shapes[shape], sizeof s->groups);
                for (int g = 0; g < 4; g++)
                    ranks += s->groups[g];
                check_answers(s, ranks,
                              &(jup_record_options_t){.seed = shape + 1, .rendezvous = shape % 2});
            }
    jup_free(s);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* What is found wrong on the last stage only has nothing to be judged on, for its members too. */
START_TEST(wrong_guesses_reach_groups_as_such)
{
    static const int shapes[][4] = {{1, 2}, {2, 2}, {1, 1, 2}, {2, 3}};
    tiny_model_t model;
    tiny_model_init(&model, 4, 3);
    setup_t *s = new_setup(&model);
    s->wire = JUP_F32;
    s->branches = 1;
    s->source = MOSTLY;
    s->nodes = 3;
    s->chain = s->ahead = true;
    expect_in(s, JUP_F32);
    for (int way = JUP_WAY_TENSOR; way <= JUP_WAY_GALAXY; way++)
        for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) {
            int ranks = 0;
            s->way = (jup_way_t)way;
            s->no_cancel = shape % 2;
            memcpy(s->groups, shapes[shape], sizeof s->groups);
            for (int g = 0; g < 4; g++)
                ranks += s->groups[g];
            check_answers(s, ranks, &(jup_record_options_t){.seed = shape + 1});
            ck_assert_int_gt(s->figures.stale, 0);
        }
    jup_free(s);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("engine");
    unit_add(s, every_combination_gives_the_plain_answer, 600);
    unit_add(s, any_order_of_turns_gives_the_same_answer, 300);
    unit_add(s, samples_do_not_depend_on_speculation, 300);
    unit_add(s, wrong_guesses_are_cancelled_early, 300);
    unit_add(s, the_pipe_is_full_and_nobody_starves, 300);
    unit_add(s, branches_pay_for_their_own_tokens_only, 300);
    unit_add(s, a_small_cache_makes_branches_wait, 300);
    unit_add(s, groups_answer_like_one_rank, 300);
    unit_add(s, wrong_guesses_reach_groups_as_such, 300);
    return s;
}

UNIT_MAIN(suite)
