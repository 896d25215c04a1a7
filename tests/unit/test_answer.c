/* Answers: text as the tokens come, held back where a stop string or a character may be unfinished;
   against the whole text cut at once. */
#include "ask/answer.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io_sample.h"
#include "unit.h"

#include <string.h>

enum { EOS = 2, BYTE = 3 }; /* of the sample's vocabulary */

typedef struct fixture {
    jup_gguf_t *g;
    jup_tokenizer_t *tokenizer;
    jup_answer_rules_t rules;
    jup_answer_t answer;
} fixture_t;

static void begin(fixture_t *f, char *const *stops)
{
    jup_error_t err;
    f->g = io_sample_vocabulary("answer", NULL);
    ck_assert_int_eq(jup_tokenizer_new(f->g, &f->tokenizer, &err), JUP_OK);
    f->rules = (jup_answer_rules_t){.tokenizer = f->tokenizer, .stops = stops};
    jup_answer_init(&f->answer, &f->rules, false);
}

static void finish(fixture_t *f)
{
    jup_answer_reset(&f->answer);
    jup_tokenizer_destroy(f->tokenizer);
    jup_gguf_close(f->g);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

/* The bytes as tokens, until the answer ends; what is settled only grows, and stays. */
static bool put(jup_answer_t *answer, const char *bytes)
{
    bool goes_on = true;
    for (; *bytes && goes_on; bytes++) {
        size_t settled = answer->settled;
        char before[256];
        memcpy(before, answer->text, settled);
        goes_on = jup_answer_token(answer, BYTE + (unsigned char)*bytes);
        ck_assert_uint_ge(answer->settled, settled);
        ck_assert_uint_le(answer->settled, answer->length);
        ck_assert_int_eq(memcmp(answer->text, before, settled), 0);
    }
    return goes_on;
}

static void check(const jup_answer_t *answer, const char *text, size_t settled)
{
    ck_assert_str_eq(answer->text, text);
    ck_assert_uint_eq(answer->length, strlen(text));
    ck_assert_uint_eq(answer->settled, settled);
}

START_TEST(what_may_begin_a_stop_string_is_held_back)
{
    char stop[] = "###", *stops[] = {stop, NULL};
    fixture_t f;
    begin(&f, stops);
    ck_assert(put(&f.answer, "ab#"));
    check(&f.answer, "ab#", 2);
    ck_assert(put(&f.answer, "#c"));
    check(&f.answer, "ab##c", 5); /* it was none */
    ck_assert(put(&f.answer, "##"));
    check(&f.answer, "ab##c##", 5);
    ck_assert(!put(&f.answer, "#"));
    check(&f.answer, "ab##c", 5);
    jup_answer_finish(&f.answer);
    check(&f.answer, "ab##c", 5);
    ck_assert_int_eq(f.answer.end, JUP_END_STOP);
    ck_assert_int_eq(f.answer.n_tokens, 8);
    finish(&f);
}
END_TEST

START_TEST(what_is_held_back_comes_at_the_end)
{
    char stop[] = "###", *stops[] = {stop, NULL};
    fixture_t f;
    begin(&f, stops);
    put(&f.answer, "ab##");
    jup_answer_finish(&f.answer);
    check(&f.answer, "ab##", 4);
    ck_assert_int_eq(f.answer.end, JUP_END_LENGTH);
    finish(&f);
}
END_TEST

START_TEST(the_first_of_several_stop_strings_cuts)
{
    char longer[] = "cde", shorter[] = "d", *stops[] = {longer, shorter, NULL};
    fixture_t f;
    begin(&f, stops);
    ck_assert(!put(&f.answer, "abcd")); /* the shorter one is complete first */
    check(&f.answer, "abc", 2);
    jup_answer_finish(&f.answer);
    check(&f.answer, "abc", 3);
    finish(&f);
}
END_TEST

/* A token may bring the end of a stop string and more. */
START_TEST(a_stop_string_within_a_token_cuts_the_token)
{
    char stop[] = "ell", *stops[] = {stop, NULL};
    fixture_t f;
    jup_tokens_t tokens = {0};
    begin(&f, stops);
    ck_assert_int_eq(jup_tokenizer_encode(f.tokenizer, jup_text("hello", 5), 0, &tokens, NULL),
                     JUP_OK);
    ck_assert_uint_eq(tokens.count, 1);
    ck_assert(put(&f.answer, "ab"));
    ck_assert(!jup_answer_token(&f.answer, tokens.ids[0]));
    jup_answer_finish(&f.answer);
    ck_assert_ptr_nonnull(strstr(f.answer.text, "h"));
    ck_assert_ptr_null(strstr(f.answer.text, "e"));
    jup_tokens_reset(&tokens);
    finish(&f);
}
END_TEST

/* Whoever asked may have gone with them: a server's client, say. */
START_TEST(rules_may_go_before_the_answer_is_reset)
{
    fixture_t f;
    begin(&f, NULL);
    put(&f.answer, "a\xc3"); /* half a character waits for the rest */
    memset(&f.rules, 0, sizeof f.rules);
    finish(&f);
}
END_TEST

START_TEST(half_a_character_is_not_shown)
{
    fixture_t f;
    begin(&f, NULL);
    put(&f.answer, "a\xc3");
    check(&f.answer, "a", 1);
    put(&f.answer, "\xa9");
    check(&f.answer, "a\xc3\xa9", 3);
    put(&f.answer, "\xe4\xb8");
    check(&f.answer, "a\xc3\xa9", 3);
    put(&f.answer, "\x96");
    check(&f.answer, "a\xc3\xa9\xe4\xb8\x96", 6);
    put(&f.answer, "\xe4\xb8"); /* never completed: replaced */
    jup_answer_finish(&f.answer);
    ck_assert_ptr_nonnull(strstr(f.answer.text, "\xef\xbf\xbd"));
    ck_assert_uint_eq(f.answer.settled, f.answer.length);
    finish(&f);
}
END_TEST

START_TEST(an_end_of_text_ends_unless_it_is_ignored)
{
    fixture_t f;
    begin(&f, NULL);
    put(&f.answer, "ab");
    ck_assert(!jup_answer_token(&f.answer, EOS));
    jup_answer_finish(&f.answer);
    check(&f.answer, "ab", 2);
    ck_assert_int_eq(f.answer.end, JUP_END_OF_TEXT);
    ck_assert_int_eq(f.answer.n_tokens, 3);
    jup_answer_reset(&f.answer);
    f.rules.ignore_eos = true;
    jup_answer_init(&f.answer, &f.rules, false);
    ck_assert(jup_answer_token(&f.answer, EOS));
    ck_assert(put(&f.answer, "ab"));
    ck_assert_int_eq(f.answer.end, JUP_END_LENGTH);
    finish(&f);
}
END_TEST

/* A point of a list ends where the next number would begin, whatever the other answers end at. */
START_TEST(a_point_ends_before_the_next_number)
{
    char stop[] = "###", *stops[] = {stop, NULL};
    fixture_t f;
    const char *ends[] = {"text\n3.", "text\n3)", "text###"};
    begin(&f, stops);
    for (size_t i = 0; i < 3; i++) {
        jup_answer_reset(&f.answer);
        jup_answer_init(&f.answer, &f.rules, false);
        jup_answer_end_before(&f.answer, 3);
        ck_assert(!put(&f.answer, ends[i]));
        jup_answer_finish(&f.answer);
        check(&f.answer, "text", 4);
    }
    jup_answer_reset(&f.answer);
    jup_answer_init(&f.answer, &f.rules, false);
    jup_answer_end_before(&f.answer, 3);
    ck_assert(put(&f.answer, "text\n30 of 3."));
    finish(&f);
}
END_TEST

START_TEST(without_a_tokenizer_there_are_ids_only)
{
    const jup_answer_rules_t rules = {0};
    jup_answer_t answer;
    jup_answer_init(&answer, &rules, true);
    for (int32_t i = 0; i < 200; i++)
        ck_assert(jup_answer_token(&answer, i));
    jup_answer_finish(&answer);
    check(&answer, "", 0);
    ck_assert_int_eq(answer.n_tokens, 200);
    ck_assert_int_eq(answer.tokens[199], 199);
    jup_answer_reset(&answer);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(ends_have_names)
{
    const char *const names[] = {"length", "end of text", "stop string", "interrupted", "context"};
    for (int end = JUP_END_LENGTH; end <= JUP_END_CONTEXT; end++)
        ck_assert_str_eq(jup_answer_end_name((jup_answer_end_t)end), names[end]);
}
END_TEST

/* Any text, any stop strings: what comes is the whole text before the first of them. */
START_TEST(any_text_is_cut_as_if_it_were_there_at_once)
{
    char stop[2][5], *stops[] = {stop[0], stop[1], NULL};
    fixture_t f;
    jup_rng_t rng;
    jup_rng_init(&rng, 7);
    begin(&f, stops);
    for (int round = 0; round < 3000; round++) {
        char text[24];
        for (int i = 0; i < 2; i++) {
            size_t n = 1 + jup_rng_below(&rng, 4);
            for (size_t c = 0; c < n; c++)
                stop[i][c] = (char)('a' + jup_rng_below(&rng, 2));
            stop[i][n] = '\0';
        }
        for (size_t c = 0; c < sizeof text - 1; c++)
            text[c] = (char)('a' + jup_rng_below(&rng, 2 + jup_rng_below(&rng, 3)));
        text[sizeof text - 1] = '\0';
        jup_answer_reset(&f.answer);
        jup_answer_init(&f.answer, &f.rules, false);
        bool goes_on = put(&f.answer, text);
        jup_answer_finish(&f.answer);
        /* the one that is complete first ends it; of two that are so at once the first begins */
        size_t n = (size_t)f.answer.n_tokens;
        const char *a = strstr(text, stop[0]), *b = strstr(text, stop[1]);
        ck_assert_int_eq(goes_on, !a && !b);
        size_t end_a = a ? (size_t)(a - text) + strlen(stop[0]) : 99;
        size_t end_b = b ? (size_t)(b - text) + strlen(stop[1]) : 99;
        size_t end = end_a < end_b ? end_a : end_b, cut = sizeof text - 1;
        if (!goes_on)
            ck_assert_uint_eq(n, end);
        if (a && end_a == end)
            cut = (size_t)(a - text);
        if (b && end_b == end && (size_t)(b - text) < cut)
            cut = (size_t)(b - text);
        text[cut] = '\0';
        check(&f.answer, text, cut);
    }
    finish(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("answer");
    unit_add(s, what_may_begin_a_stop_string_is_held_back, 20);
    unit_add(s, what_is_held_back_comes_at_the_end, 20);
    unit_add(s, the_first_of_several_stop_strings_cuts, 20);
    unit_add(s, a_stop_string_within_a_token_cuts_the_token, 20);
    unit_add(s, rules_may_go_before_the_answer_is_reset, 20);
    unit_add(s, half_a_character_is_not_shown, 20);
    unit_add(s, an_end_of_text_ends_unless_it_is_ignored, 20);
    unit_add(s, a_point_ends_before_the_next_number, 20);
    unit_add(s, without_a_tokenizer_there_are_ids_only, 20);
    unit_add(s, ends_have_names, 20);
    unit_add(s, any_text_is_cut_as_if_it_were_there_at_once, 60);
    return s;
}

UNIT_MAIN(suite)
