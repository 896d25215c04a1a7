/* Scripted workloads: the file, the tokens that stand in for a model's, the guesses at them. */
#include "ask/script.h"
#include "unit.h"

#include "base/clock.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const jup_scripted_t model = {
    .on = true, .vocab = 1000, .seed = 3, .depth = 3, .accuracy = {{0.6}, {0.4}, {0.9}}};

static jup_status_t read_text(const char *text, jup_script_t *script, jup_error_t *err)
{
    char path[256];
    snprintf(path, sizeof path, "%s/jupiter-script-%d.yaml", P_tmpdir, (int)getpid());
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    jup_status_t status = jup_script_read(script, path, err);
    remove(path);
    return status;
}

START_TEST(a_script_says_all_lengths)
{
    jup_script_t s;
    jup_error_t err = {0};
    const char *text = "script_version: 1\nseed: 7\naccuracy: [0.5, 0.25]\ndraft_ms: 4\n"
                       "requests:\n- {prompt: 100, answer: 20}\n"
                       "- {prompt: 50, outline: 30, heading: 4, points: [5, 60, 7]}\n";
    ck_assert_msg(read_text(text, &s, &err) == JUP_OK, "%s", err.text);
    ck_assert_int_eq(s.n, 2);
    ck_assert_int_eq(s.model.depth, 2);
    ck_assert_double_eq(s.model.accuracy[1][0], 0.25);
    ck_assert_double_eq_tol(s.model.draft_s, 0.004, 1e-9);
    ck_assert_int_eq(s.requests[1].n_points, 3);
    ck_assert_int_eq(s.requests[1].points[1], 60);
    ck_assert_int_eq(jup_script_longest_prompt(&s), 100);
    ck_assert_int_eq(jup_script_longest_sequence(&s), 50 + 30 + 4 + 60);
    jup_script_reset(&s);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(a_script_that_makes_no_sense_is_refused)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"requests: [{prompt: 1, answer: 1}]\n", "script_version"},
        {"script_version: 2\nrequests: [{prompt: 1, answer: 1}]\n", "script_version"},
        {"script_version: 1\n", "requests"},
        {"script_version: 1\nrequests: []\n", "has 0 entries"},
        {"script_version: 1\nrequests: [{answer: 1}]\n", "prompt"},
        {"script_version: 1\nrequests: [{prompt: 1}]\n", "either answer"},
        {"script_version: 1\nrequests: [{prompt: 1, answer: 2, points: [3]}]\n", "either answer"},
        {"script_version: 1\nrequests: [{prompt: 1, outline: 2, points: [3]}]\n", "either answer"},
        {"script_version: 1\nrequests: [{prompt: 0, answer: 2}]\n", "prompt is 0"},
        {"script_version: 1\naccuracy: [[0.7, 0.7]]\nrequests: [{prompt: 1, answer: 2}]\n",
         "accuracy[0] sums to more than 1"},
        {"script_version: 1\nform: true\nrequests: [{prompt: 1, answer: 2}]\n", "needs titles"},
        {"script_version: 1\ntitles: [2, 3]\nrequests: [{prompt: 9, outline: 7, heading: 1, "
         "points: [1, 1]}]\n",
         "an outline of 7 tokens and 2 points, titles make it 8 and 2"},
        {"script_version: 1\naccuracy: [1.5]\nrequests: [{prompt: 1, answer: 2}]\n", "accuracy[0]"},
        {"script_version: 1\ndraft_ms: 18\nrequests: [{prompt: 1, answer: 2}]\n", "needs accuracy"},
        {"script_version: 1\ndraft_ms: -1\nrequests: [{prompt: 1, answer: 2}]\n", "draft_ms"},
        {"script_version: 1\nwhat: 1\nrequests: [{prompt: 1, answer: 2}]\n", "what"},
        {"script_version: 1\nrequests: [prompt]\n", "requests[0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jup_script_t s;
        jup_error_t err = {0};
        ck_assert_int_eq(read_text(cases[i].text, &s, &err), JUP_EINPUT);
        ck_assert_msg(strstr(err.text, cases[i].message) != NULL, "case %zu: %s", i, err.text);
        ck_assert_uint_eq(jup_mem_live_blocks(), 0);
    }
}
END_TEST

/* Guesses are right as often as the script says, given that those before them are. */
START_TEST(guesses_come_true_as_told)
{
    enum { TRIALS = 20000 };
    jup_draft_t draft;
    int32_t tokens[2] = {1, 2};
    double right[3] = {0}, tried[3] = {0};
    jup_draft_scripted_init(&draft, &model);
    for (int32_t i = 0; i < TRIALS; i++) {
        jup_guesses_t g;
        tokens[0] = i;
        tokens[1] = i % model.vocab;
        const int32_t longer[] = {0, 0, i % model.vocab};
        jup_draft_context_t context = {.tokens = i % 2 ? tokens : longer, .n = i % 2 ? 2 : 3};
        draft.propose(draft.self, &context, &g);
        ck_assert_int_eq(g.depth, 3);
        int32_t token = i % model.vocab, pos = context.n - 1;
        for (int32_t d = 0; d < 3; d++) {
            token = jup_scripted_next(&model, token, pos + d);
            tried[d]++;
            if (g.token[d][0] != token)
                break;
            right[d]++;
        }
    }
    for (int d = 0; d < 3; d++)
        ck_assert_double_le(fabs(right[d] / tried[d] - model.accuracy[d][0]), 0.05);
    jup_draft_reset(&draft);
}
END_TEST

START_TEST(what_guessing_takes_is_charged)
{
    jup_draft_t draft;
    jup_guesses_t g;
    jup_scripted_t slow = model;
    const int32_t token = 1;
    slow.draft_s = 0.004;
    jup_draft_scripted_init(&draft, &slow);
    double start_s = jup_clock_now_s();
    draft.propose(draft.self, &(jup_draft_context_t){.tokens = &token, .n = 1}, &g);
    ck_assert_double_ge(jup_clock_now_s() - start_s, 3 * 0.004); /* three tokens ahead */
    jup_draft_reset(&draft);
}
END_TEST

START_TEST(every_row_with_logits_gets_its_next_token)
{
    const int32_t tokens[] = {5, 6, 7, 8}, parents[] = {-1, 0, 0, 1};
    jup_step_t step;
    jup_step_init(&step, 16);
    jup_step_begin(&step, JUP_STEP_WORK, 0);
    jup_step_add(&step, 0, 10, tokens, NULL, 4, 1);
    jup_step_add(&step, 1, 20, tokens, parents, 4, 4);
    float *logits = jup_new(5 * 1000, sizeof *logits);
    jup_scripted_write(&model, &step, logits);
    const int32_t token[] = {8, 5, 6, 7, 8}, pos[] = {13, 20, 21, 21, 22};
    for (int row = 0; row < 5; row++) {
        int32_t next = jup_scripted_next(&model, token[row], pos[row]);
        for (int32_t i = 0; i < 1000; i++)
            ck_assert_float_eq(logits[row * 1000 + i], i == next ? 1.0f : 0.0f);
    }
    jup_scripted_erase(&model, &step, logits);
    for (int32_t i = 0; i < 5 * 1000; i++)
        ck_assert_float_eq(logits[i], 0);
    jup_free(logits);
    jup_step_reset(&step);
}
END_TEST

START_TEST(candidates_come_true_as_told)
{
    jup_scripted_t wide = {.on = true,
                           .vocab = 1000,
                           .seed = 5,
                           .depth = 1,
                           .width = {3},
                           .accuracy = {{0.5, 0.2, 0.1}}};
    double right[3] = {0};
    jup_draft_t draft;
    jup_draft_scripted_init(&draft, &wide);
    static int32_t text[4001];
    for (int32_t i = 0; i < 4000; i++) {
        jup_guesses_t g;
        draft.propose(draft.self, &(jup_draft_context_t){.tokens = text, .n = i + 1}, &g);
        int32_t next = text[i + 1] = jup_scripted_next(&wide, text[i], i);
        ck_assert_int_eq(g.width[0], 3);
        for (int r = 0; r < 3; r++)
            right[r] += g.token[0][r] == next;
    }
    for (int r = 0; r < 3; r++)
        ck_assert_double_le(fabs(right[r] / 4000 - wide.accuracy[0][r]), 0.03);
    ck_assert_double_eq_tol(jup_accuracy_of(&draft.accuracy, 0, 1), 0.2, 1e-9);
    jup_draft_reset(&draft);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("script");
    unit_add(s, a_script_says_all_lengths, 60);
    unit_add(s, a_script_that_makes_no_sense_is_refused, 60);
    unit_add(s, guesses_come_true_as_told, 60);
    unit_add(s, what_guessing_takes_is_charged, 30);
    unit_add(s, candidates_come_true_as_told, 60);
    unit_add(s, every_row_with_logits_gets_its_next_token, 60);
    return s;
}

UNIT_MAIN(suite)
