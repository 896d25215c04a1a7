/* Sources of questions: texts as a model's prompts say, and lengths for phantoms. */
#include "ask/lengths.h"
#include "ask/texts.h"
#include "base/mem.h"
#include "io_sample.h"
#include "unit.h"

#include <string.h>

typedef struct fixture {
    jup_gguf_t *g;
    jup_tokenizer_t *tokenizer;
    jup_prompts_t prompts;
    jup_questions_t questions;
    jup_texts_t texts;
    jup_source_t source;
} fixture_t;

static void begin(fixture_t *f, jup_outline_mode_t mode)
{
    jup_error_t err = {.text = ""};
    memset(f, 0, sizeof *f);
    f->g = io_sample_vocabulary("sources", NULL);
    ck_assert_int_eq(jup_tokenizer_new(f->g, &f->tokenizer, &err), JUP_OK);
    ck_assert_msg(jup_prompts_choose(&f->prompts, f->g, "question-outline-1", NULL, &err) == JUP_OK,
                  "%s", err.text);
    jup_questions_add(&f->questions, "1", "", "How do I look after a world?");
    jup_questions_add(&f->questions, "2", "", "How many hellos are there?");
    f->texts = (jup_texts_t){.questions = &f->questions,
                             .prompts = &f->prompts,
                             .tokenizer = f->tokenizer,
                             .mode = mode,
                             .generate = 30,
                             .max_points = 3};
    f->source = jup_texts_source(&f->texts);
}

static void finish(fixture_t *f)
{
    jup_questions_reset(&f->questions);
    jup_prompts_reset(&f->prompts);
    jup_tokenizer_destroy(f->tokenizer);
    jup_gguf_close(f->g);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

/* The prompt is the begin of text and this text. */
static void check_text(const fixture_t *f, const jup_prompt_t *prompt, const char *text)
{
    jup_tokens_t expected = {0};
    ck_assert_int_eq(jup_tokenizer_encode(f->tokenizer, jup_text(text, strlen(text)),
                                          JUP_ENCODE_BOS, &expected, NULL),
                     JUP_OK);
    ck_assert_uint_eq(prompt->tokens.count, expected.count);
    ck_assert_int_eq(
        memcmp(prompt->tokens.ids, expected.ids, expected.count * sizeof *expected.ids), 0);
    jup_tokens_reset(&expected);
}

START_TEST(plain_prompts_are_as_the_model_wants_them)
{
    fixture_t f;
    jup_error_t err;
    jup_prompt_t prompt = {0};
    const char *why = "";
    begin(&f, JUP_OUTLINE_OFF);
    ck_assert_int_eq(f.source.questions, 2);
    ck_assert(!f.source.wants_outline(f.source.self, 0, &why));
    ck_assert_int_eq(f.source.plain(f.source.self, 1, &prompt, &err), JUP_OK);
    check_text(&f, &prompt, "Question: How many hellos are there?\nAnswer:\n");
    ck_assert_int_eq(prompt.generate, 30);
    ck_assert_int_eq(prompt.child_tokens, 0);
    jup_prompt_reset(&prompt);
    finish(&f);
}
END_TEST

START_TEST(auto_asks_the_router)
{
    fixture_t f;
    const char *why = "";
    begin(&f, JUP_OUTLINE_AUTO);
    ck_assert(f.source.wants_outline(f.source.self, 0, &why));
    ck_assert(!f.source.wants_outline(f.source.self, 1, &why));
    ck_assert_str_eq(why, "a fact");
    f.texts.mode = JUP_OUTLINE_ON;
    ck_assert(f.source.wants_outline(f.source.self, 1, &why));
    ck_assert_str_eq(why, "asked for");
    finish(&f);
}
END_TEST

/* The text as tokens and an end of text, as a model writes it. */
static void write_answer(const fixture_t *f, jup_answer_t *answer, const char *text)
{
    static jup_answer_rules_t rules;
    rules = (jup_answer_rules_t){.tokenizer = f->tokenizer};
    jup_answer_init(answer, &rules, false);
    for (; *text; text++)
        jup_answer_token(answer, 3 + (unsigned char)*text);
    jup_answer_token(answer, 2);
    jup_answer_finish(answer);
}

START_TEST(points_go_on_where_the_outline_ends)
{
    fixture_t f;
    jup_error_t err;
    jup_prompt_t trunk = {0}, point = {0};
    jup_answer_t answer;
    jup_outline_t outline;
    const char *why_not = "";
    begin(&f, JUP_OUTLINE_ON);
    void *self = f.source.self;
    ck_assert_int_eq(f.source.outline(self, 0, &trunk, &err), JUP_OK);
    check_text(&f, &trunk, "Question: How do I look after a world?\nOutline:\n");
    ck_assert_int_eq(trunk.generate, JUP_OUTLINE_TOKENS);
    ck_assert_int_eq(trunk.child_tokens, 30 + JUP_HEADING_TOKENS);
    for (int ends = 0; ends <= 1; ends++) { /* the last line, too, or not */
        write_answer(&f, &answer, ends ? "1. Old\n2. Red\n" : "1. Old\n2. Red");
        ck_assert(f.source.read_outline(self, 0, &answer, true, &outline, &why_not));
        ck_assert_int_eq(outline.n, 2);
        ck_assert_int_eq(f.source.point(self, 0, &trunk, &answer, &outline, 1, &point, &err),
                         JUP_OK);
        /* prompt, outline without its end of text, a line's end, the heading */
        jup_tokens_t heading = {0};
        jup_filled_t said = {0};
        size_t n = trunk.tokens.count + (size_t)answer.n_tokens - 1;
        const char *rest = ends ? "Expand point 2: Red\n" : "\nExpand point 2: Red\n";
        jup_fill(&said, rest, &(jup_values_t){0});
        jup_prompts_encode_further(&f.prompts, f.tokenizer, &said, &heading, NULL);
        jup_filled_reset(&said);
        ck_assert_uint_eq(point.tokens.count, n + heading.count);
        ck_assert_int_eq(memcmp(point.tokens.ids, trunk.tokens.ids, trunk.tokens.count * 4), 0);
        ck_assert_int_eq(memcmp(point.tokens.ids + trunk.tokens.count, answer.tokens,
                                (size_t)(answer.n_tokens - 1) * 4),
                         0);
        ck_assert_int_eq(memcmp(point.tokens.ids + n, heading.ids, heading.count * 4), 0);
        ck_assert_int_eq(point.generate, 30);
        ck_assert_int_eq(point.next_number, 3);
        jup_tokens_reset(&heading);
        jup_prompt_reset(&point);
        jup_answer_reset(&answer);
    }
    const struct {
        const char *text;
        int32_t points;
    } begun[] = {{"1. Old\n2. Red\n", 2},   {"1. Old\n", 0},       {"1. Old\n2. Red\n3.", 0},
                 {"1. Old\n2. Red\n\n", 2}, {"- Old\n- Red\n", 0}, {"1. Old\n2. Red\n3. Dim\n", 3}};
    for (size_t i = 0; i < sizeof begun / sizeof begun[0]; i++) {
        write_answer(&f, &answer, begun[i].text);
        ck_assert_int_eq(f.source.read_outline(self, 0, &answer, false, &outline, &why_not),
                         begun[i].points > 0);
        if (begun[i].points > 0)
            ck_assert_int_eq(outline.n, begun[i].points);
        answer.settled--; /* a stop string may still cut it */
        ck_assert(!f.source.read_outline(self, 0, &answer, false, &outline, &why_not));
        jup_answer_reset(&answer);
    }
    write_answer(&f, &answer, "There is no list.");
    ck_assert(!f.source.read_outline(self, 0, &answer, true, &outline, &why_not));
    ck_assert_ptr_nonnull(strstr(why_not, "no list"));
    jup_answer_reset(&answer);
    jup_prompt_reset(&trunk);
    finish(&f);
}
END_TEST

START_TEST(a_prompt_may_be_taken_as_it_is)
{
    fixture_t f;
    jup_error_t err;
    jup_prompt_t prompt = {0};
    int32_t ids[] = {5, 6, 7}, longest;
    const jup_tokens_t raw = {.ids = ids, .count = 3};
    begin(&f, JUP_OUTLINE_OFF);
    f.texts.raw = &raw;
    ck_assert_int_eq(f.source.plain(f.source.self, 0, &prompt, &err), JUP_OK);
    ck_assert_uint_eq(prompt.tokens.count, 3);
    ck_assert_int_eq(memcmp(prompt.tokens.ids, ids, sizeof ids), 0);
    jup_prompt_reset(&prompt);
    ck_assert_int_eq(jup_texts_longest(&f.texts, 100, &longest, &err), JUP_OK);
    ck_assert_int_eq(longest, 3);
    finish(&f);
}
END_TEST

START_TEST(the_longest_that_fits)
{
    fixture_t f;
    jup_error_t err;
    int32_t n[2], longest;
    begin(&f, JUP_OUTLINE_OFF);
    for (int32_t i = 0; i < 2; i++) {
        jup_prompt_t prompt = {0};
        f.source.plain(f.source.self, i, &prompt, &err);
        n[i] = (int32_t)prompt.tokens.count;
        jup_prompt_reset(&prompt);
    }
    ck_assert_int_ne(n[0], n[1]);
    int32_t most = n[0] > n[1] ? n[0] : n[1], least = n[0] > n[1] ? n[1] : n[0];
    jup_texts_longest(&f.texts, INT32_MAX, &longest, &err);
    ck_assert_int_eq(longest, most);
    jup_texts_longest(&f.texts, most - 1, &longest, &err);
    ck_assert_int_eq(longest, least);
    jup_texts_longest(&f.texts, least - 1, &longest, &err);
    ck_assert_int_eq(longest, 0);
    finish(&f);
}
END_TEST

/* ---- lengths -----------------------------------------------------------------------------------
 */

START_TEST(lengths_are_as_the_script_says)
{
    jup_script_request_t requests[] = {
        {.prompt = 20, .answer = 9},
        {.prompt = 12, .outline = 5, .heading = 3, .n_points = 2, .points = {7, 11}}};
    jup_script_t script = {
        .model = {.on = 1, .vocab = 100, .seed = 3}, .requests = requests, .n = 2};
    jup_source_t source = jup_lengths_source(&script);
    jup_prompt_t prompt = {0}, trunk = {0}, other = {0};
    jup_outline_t outline;
    jup_answer_t answer;
    jup_error_t err;
    const jup_answer_rules_t rules = {0};
    const char *why = "";
    ck_assert_int_eq(source.questions, 2);
    ck_assert(!source.wants_outline(source.self, 0, &why));
    ck_assert(source.wants_outline(source.self, 1, &why));
    source.plain(source.self, 0, &prompt, &err);
    ck_assert_uint_eq(prompt.tokens.count, 20);
    ck_assert_int_eq(prompt.generate, 9);
    source.outline(source.self, 1, &trunk, &err);
    ck_assert_uint_eq(trunk.tokens.count, 12);
    ck_assert_int_eq(trunk.generate, 5);
    ck_assert_int_eq(trunk.child_tokens, 3 + 11);
    ck_assert_int_ne(memcmp(prompt.tokens.ids, trunk.tokens.ids, 12 * 4), 0);
    jup_answer_init(&answer, &rules, true);
    for (int32_t i = 0; i < 5; i++)
        jup_answer_token(&answer, 40 + i);
    ck_assert(source.read_outline(source.self, 1, &answer, true, &outline, &why));
    ck_assert_int_eq(outline.n, 2);
    ck_assert_str_eq(outline.points[1].title, "point 2");
    jup_prompt_reset(&prompt);
    source.point(source.self, 1, &trunk, &answer, &outline, 0, &prompt, &err);
    source.point(source.self, 1, &trunk, &answer, &outline, 1, &other, &err);
    ck_assert_uint_eq(prompt.tokens.count, 12 + 5 + 3);
    ck_assert_int_eq(prompt.generate, 7);
    ck_assert_int_eq(other.generate, 11);
    ck_assert_int_eq(memcmp(prompt.tokens.ids, trunk.tokens.ids, 12 * 4), 0);
    ck_assert_int_eq(prompt.tokens.ids[12], 40);
    ck_assert_int_eq(memcmp(prompt.tokens.ids, other.tokens.ids, 17 * 4), 0);
    ck_assert_int_ne(memcmp(prompt.tokens.ids + 17, other.tokens.ids + 17, 3 * 4), 0);
    for (size_t i = 0; i < prompt.tokens.count; i++)
        ck_assert(prompt.tokens.ids[i] >= 0 && prompt.tokens.ids[i] < 100);
    jup_prompt_reset(&prompt);
    jup_prompt_reset(&trunk);
    jup_prompt_reset(&other);
    jup_answer_reset(&answer);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(the_most_that_a_script_asks_for)
{
    jup_script_request_t requests[] = {
        {.prompt = 20, .answer = 9},
        {.prompt = 12, .outline = 5, .heading = 3, .n_points = 2, .points = {7, 11}},
        {.prompt = 2, .outline = 1, .heading = 9, .n_points = 4, .points = {1, 1, 1, 1}}};
    const jup_script_t script = {.requests = requests, .n = 3};
    int32_t branches;
    int64_t trunk, branch;
    jup_lengths_most(&script, &branches, &trunk, &branch);
    ck_assert_int_eq(branches, 4);
    ck_assert_int_eq(trunk, 29);
    ck_assert_int_eq(branch, 14);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("sources");
    unit_add(s, plain_prompts_are_as_the_model_wants_them, 20);
    unit_add(s, auto_asks_the_router, 20);
    unit_add(s, points_go_on_where_the_outline_ends, 20);
    unit_add(s, a_prompt_may_be_taken_as_it_is, 20);
    unit_add(s, the_longest_that_fits, 20);
    unit_add(s, lengths_are_as_the_script_says, 20);
    unit_add(s, the_most_that_a_script_asks_for, 20);
    return s;
}

UNIT_MAIN(suite)
