/* A head whose rows are shared over the record transport: picks, margins and draws are those of the
   whole head, whatever travels, and so many bytes travel as should. */
#include "base/mem.h"
#include "base/rng.h"
#include "comm/record.h"
#include "model/forward.h"
#include "model/sampler.h"
#include "strategy/head.h"
#include "tiny_model.h"
#include "unit.h"

#include <math.h>
#include <string.h>

enum { MEMBERS = 4, DIM = 32, VOCAB = 300, ROWS = 9, OUTPUTS = 5, STEPS = 6 };

static const int shares[MEMBERS + 1][MEMBERS + 1] = {
    {0}, {0, VOCAB}, {0, 200, VOCAB}, {0, 90, 95, VOCAB}, {0, 1, 120, 200, VOCAB}};

typedef struct setup {
    tiny_model_t model;
    float *output; /* (VOCAB, DIM) */
    float x[STEPS][ROWS * DIM];
    int n;
    int32_t best;
    bool told;
    bool narrow; /* the leader has place for one or two members' logits at a time */
    double log_sums[STEPS][OUTPUTS];      /* where told */
    float logits[STEPS][OUTPUTS * VOCAB]; /* what the leader has */
    uint64_t sent_bytes[MEMBERS];
} setup_t;

static setup_t *new_setup(uint64_t seed)
{
    setup_t *s = jup_new(1, sizeof *s);
    jup_rng_t rng;
    jup_rng_init(&rng, seed);
    tiny_model_init(&s->model, 1, seed);
    s->model.config.vocab = VOCAB;
    s->output = jup_new(VOCAB * DIM, sizeof *s->output);
    for (int i = 0; i < VOCAB * DIM; i++)
        s->output[i] = (float)jup_rng_normal(&rng);
    for (int i = 250; i < 280; i++) /* two tokens in two parts that are always alike */
        memcpy(s->output + i * DIM, s->output + (i - 240) * DIM, DIM * sizeof *s->output);
    for (int i = 0; i < STEPS * ROWS * DIM; i++)
        s->x[i / (ROWS * DIM)][i % (ROWS * DIM)] = (float)jup_rng_normal(&rng);
    return s;
}

static void free_setup(setup_t *s)
{
    tiny_model_reset(&s->model);
    jup_free(s->output);
    jup_free(s);
}

/* Two segments; three rows and two want logits. Step 4 wants none. */
static void make_step(jup_step_t *step, int i)
{
    const int32_t tokens[ROWS] = {0};
    jup_step_begin(step, JUP_STEP_WORK, i);
    jup_step_add(step, 0, 0, tokens, NULL, 5, i == 4 ? 0 : 3);
    jup_step_add(step, 1, 0, tokens, NULL, 4, i == 4 ? 0 : 2);
}

/* A forward pass whose head has rows [first, end) of the output matrix. */
static void init_forward(jup_forward_t *f, jup_weights_t *w, jup_compute_t *compute,
                         const setup_t *s, int first, int end)
{
    jup_error_t err;
    jup_forward_limits_t limits = {.rows = ROWS,
                                   .outputs = OUTPUTS,
                                   .kv_tokens = 256,
                                   .kv_dtype = JUP_F16,
                                   .residual_dtype = JUP_F16};
    tiny_model_part(&s->model, 0, 1, w);
    w->output = (jup_linear_t){
        .w = {.dtype = JUP_F32, .rows = end - first, .cols = DIM, .data = s->output + first * DIM}};
    ck_assert_int_eq(jup_compute_init(compute, &jup_ops_naive, 1, &err), JUP_OK);
    ck_assert_int_eq(jup_forward_init(f, &s->model.config, w, compute, &limits, &err), JUP_OK);
}

static void reset_forward(jup_forward_t *f, jup_weights_t *w, jup_compute_t *compute)
{
    jup_forward_reset(f);
    jup_compute_reset(compute);
    jup_weights_reset(w);
}

static void live(jup_comm_t *comm, void *self)
{
    setup_t *s = self;
    const int at[] = {0, s->n};
    jup_place_t place;
    jup_head_share_t head;
    jup_forward_t f;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_step_t step;
    jup_error_t err;
    int me = comm->rank;
    jup_place_init(&place, me, 1, at);
    place.vocab = jup_new((size_t)s->n + 1, sizeof *place.vocab);
    memcpy(place.vocab, shares[s->n], ((size_t)s->n + 1) * sizeof *place.vocab);
    ck_assert_int_eq(jup_head_share_init(&head, comm, &place, s->best, s->told, OUTPUTS, &err),
                     JUP_OK);
    if (me == 0 && s->narrow) {
        ck_assert_uint_ge(head.buffer_bytes, OUTPUTS * VOCAB * sizeof(float) / 2);
        head.buffer_bytes = OUTPUTS * 210 * sizeof(float);
    }
    init_forward(&f, &weights, &compute, s, shares[s->n][me], shares[s->n][me + 1]);
    jup_step_init(&step, ROWS);
    for (int i = 0; i < STEPS; i++) {
        make_step(&step, i);
        memcpy(f.x, s->x[i], sizeof s->x[i]);
        int32_t outputs = jup_forward_head(&f, &step);
        if (me > 0) {
            jup_head_share_send(&head, f.logits, outputs);
        } else {
            jup_head_share_receive(&head, f.logits, outputs);
            memcpy(s->logits[i], head.logits, (size_t)(outputs * VOCAB) * sizeof(float));
            if (jup_head_share_sums(&head))
                memcpy(s->log_sums[i], head.log_sums, (size_t)outputs * sizeof(double));
        }
    }
    s->sent_bytes[me] = comm->sent_bytes;
    jup_step_reset(&step);
    reset_forward(&f, &weights, &compute);
    jup_head_share_reset(&head);
    jup_place_reset(&place);
}

static void run(setup_t *s, uint64_t seed)
{
    jup_record_log_t log;
    jup_record_options_t how = {.seed = seed, .rendezvous = seed % 2};
    jup_record_run(s->n, &how, live, s, &log);
    ck_assert_uint_eq(log.unmatched_receives, 0);
    jup_record_log_reset(&log);
}

/* The oracle: the whole head on one rank; logits (STEPS, OUTPUTS * VOCAB). */
static void whole_head(const setup_t *s, float (*logits)[OUTPUTS * VOCAB])
{
    jup_forward_t f;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_step_t step;
    init_forward(&f, &weights, &compute, s, 0, VOCAB);
    jup_step_init(&step, ROWS);
    for (int i = 0; i < STEPS; i++) {
        make_step(&step, i);
        memcpy(f.x, s->x[i], sizeof s->x[i]);
        int32_t outputs = jup_forward_head(&f, &step);
        memcpy(logits[i], f.logits, (size_t)outputs * VOCAB * sizeof(float));
    }
    jup_step_reset(&step);
    reset_forward(&f, &weights, &compute);
}

/* What a sampler picks from a row, with the tokens of the context that a penalty looks at. */
static int32_t pick(const jup_sampling_t *sampling, const float *row, int salt)
{
    float logits[VOCAB];
    jup_sampling_t seeded = *sampling;
    jup_sampler_t sampler;
    seeded.seed += (uint64_t)salt;
    memcpy(logits, row, sizeof logits);
    jup_sampler_init(&sampler, &seeded, VOCAB);
    jup_sampler_accept(&sampler, jup_argmax(row, VOCAB, NULL)); /* which it takes back */
    jup_sampler_accept(&sampler, salt % VOCAB);
    int32_t token = jup_sampler_pick(&sampler, logits);
    jup_sampler_reset(&sampler);
    return token;
}

static void check_rows(const setup_t *s, float (*whole)[OUTPUTS * VOCAB],
                       const jup_sampling_t *sampling)
{
    for (int i = 0; i < STEPS * OUTPUTS; i++) {
        const float *row = s->logits[i / OUTPUTS] + i % OUTPUTS * VOCAB;
        const float *expected = whole[i / OUTPUTS] + i % OUTPUTS * VOCAB;
        float margin, expected_margin;
        if (i / OUTPUTS == 4)
            continue;
        ck_assert_int_eq(jup_argmax(row, VOCAB, &margin),
                         jup_argmax(expected, VOCAB, &expected_margin));
        ck_assert_float_eq(margin, expected_margin);
        for (int salt = 0; salt < 20; salt++)
            ck_assert_int_eq(pick(sampling, row, salt), pick(sampling, expected, salt));
        for (int id = 0; id < VOCAB; id++)
            ck_assert(row[id] == expected[id] || (s->best && row[id] == -INFINITY));
    }
}

/* How many travel is the stage's choice: so many are enough for these settings. */
static const struct {
    jup_sampling_t sampling;
    int32_t best;
} settings[] = {
    {{.temperature = 0, .top_p = 1, .repeat_penalty = 1}, 2},
    {{.temperature = 2, .top_k = 7, .top_p = 0.9f, .repeat_penalty = 1}, 7},
    {{.temperature = 2, .top_k = 7, .top_p = 1, .min_p = 0.3f, .repeat_penalty = 1}, 7},
    {{.temperature = 0, .top_p = 1, .repeat_penalty = 3, .repeat_last = 4}, 0},
    {{.temperature = 2, .top_p = 1, .repeat_penalty = 1}, 0},
};
enum { SETTINGS = sizeof settings / sizeof settings[0] };

START_TEST(picks_and_margins_are_those_of_all_logits)
{
    float(*whole)[OUTPUTS * VOCAB] = jup_new(STEPS, sizeof *whole);
    for (int i = 0; i < SETTINGS * MEMBERS; i++) {
        setup_t *s = new_setup(40 + (uint64_t)i);
        s->n = 1 + i / SETTINGS;
        s->best = settings[i % SETTINGS].best;
        s->narrow = s->n > 2 && s->best == 0;
        run(s, (uint64_t)i);
        whole_head(s, whole);
        check_rows(s, whole, &settings[i % SETTINGS].sampling);
        free_setup(s);
    }
    jup_free(whole);
}
END_TEST

START_TEST(sums_over_all_logits_come_with_the_best)
{
    float(*whole)[OUTPUTS * VOCAB] = jup_new(STEPS, sizeof *whole);
    for (int n = 1; n <= MEMBERS; n++) {
        setup_t *s = new_setup(80 + (uint64_t)n);
        s->n = n;
        s->best = 2;
        s->told = true;
        run(s, 0);
        whole_head(s, whole);
        for (int i = 0; i < STEPS * OUTPUTS; i++) {
            double sum = 0;
            if (i / OUTPUTS == 4)
                continue;
            for (int id = 0; id < VOCAB; id++)
                sum += exp((double)whole[i / OUTPUTS][i % OUTPUTS * VOCAB + id]);
            ck_assert_double_eq_tol(s->log_sums[i / OUTPUTS][i % OUTPUTS], log(sum), 1e-9);
        }
        free_setup(s);
    }
    jup_free(whole);
}
END_TEST

START_TEST(only_the_best_travel)
{
    setup_t *s = new_setup(5);
    s->n = 4;
    s->best = 2;
    run(s, 0);
    ck_assert_uint_eq(s->sent_bytes[0], 0);
    ck_assert_uint_eq(s->sent_bytes[1], (STEPS - 1) * OUTPUTS * 2 * 8);
    s->told = true;
    run(s, 0);
    ck_assert_uint_eq(s->sent_bytes[1], (STEPS - 1) * OUTPUTS * (2 * 8 + 8));
    s->best = 0;
    run(s, 0);
    ck_assert_uint_eq(s->sent_bytes[1], (STEPS - 1) * OUTPUTS * 119 * 4);
    free_setup(s);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("head");
    unit_add(all, picks_and_margins_are_those_of_all_logits, 60);
    unit_add(all, sums_over_all_logits_come_with_the_best, 60);
    unit_add(all, only_the_best_travel, 60);
    return all;
}
UNIT_MAIN(suite)
