/* Results: the JSON line of every kind of reply, ids, and figures. */
#include "ask/results.h"
#include "base/mem.h"
#include "unit.h"

#include <jansson.h>
#include <string.h>

static const jup_answer_rules_t no_words = {0};
static const jup_question_t question = {.id = "q\"1", .category = "c", .text = "Why?\n"};

static void write_branch(jup_branch_t *branch, const char *text, int32_t token, int32_t n)
{
    branch->begun = branch->ended = true;
    jup_answer_init(&branch->answer, &no_words, true);
    for (int32_t i = 0; i < n; i++)
        jup_answer_token(&branch->answer, token + i);
    jup_free(branch->answer.text);
    branch->answer.text = jup_strdup(text);
    branch->answer.length = branch->answer.settled = strlen(text);
    branch->begin_s = 10;
    branch->first_s = n ? 10.5 : 0;
    branch->end_s = 12;
}

static json_t *line_of(const jup_reply_t *reply)
{
    char *line = jup_results_line(reply, &question);
    ck_assert_ptr_null(strchr(line, '\n'));
    json_t *json = json_loads(line, 0, NULL);
    ck_assert_ptr_nonnull(json);
    free(line);
    ck_assert_str_eq(json_string_value(json_object_get(json, "id")), question.id);
    ck_assert_str_eq(json_string_value(json_object_get(json, "category")), question.category);
    ck_assert_str_eq(json_string_value(json_object_get(json, "question")), question.text);
    return json;
}

static const char *text_at(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    ck_assert_msg(text != NULL, "no text '%s'", key);
    return text;
}

static double number_at(const json_t *json, const char *key)
{
    ck_assert(json_is_number(json_object_get(json, key)));
    return json_number_value(json_object_get(json, key));
}

static void check_branch(const json_t *json, const char *text, int32_t token, size_t n)
{
    const json_t *tokens = json_object_get(json, "tokens");
    ck_assert_str_eq(text_at(json, "text"), text);
    ck_assert_uint_eq(json_array_size(tokens), n);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(json_integer_value(json_array_get(tokens, i)), token + (int)i);
    ck_assert_double_eq(number_at(json, "first_token_s"), n ? 0.5 : 0);
    ck_assert_double_eq(number_at(json, "seconds"), 2);
}

static jup_reply_t new_reply(void)
{
    jup_reply_t reply;
    jup_reply_init(&reply, 0);
    reply.reason = "asked for";
    reply.begin_s = 9;
    reply.end_s = 13;
    return reply;
}

/* What goes to a file of ids. */
static void check_ids(const jup_reply_t *reply, const char *expected)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    jup_results_write_ids(out, reply);
    fclose(out);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(a_plain_reply)
{
    for (int32_t n = 0; n <= 2; n += 2) {
        jup_reply_t reply = new_reply();
        write_branch(&reply.plain, "caf\xc3\xa9 \"", 7, n);
        reply.plain.answer.end = JUP_END_CONTEXT;
        reply.text = jup_reply_join(&reply);
        json_t *json = line_of(&reply);
        ck_assert_str_eq(text_at(json, "mode"), "plain");
        ck_assert_str_eq(text_at(json, "reason"), "asked for");
        ck_assert_str_eq(text_at(json, "answer"), "caf\xc3\xa9 \"");
        ck_assert_double_eq(number_at(json, "n_tokens"), n);
        ck_assert_double_eq(number_at(json, "first_token_s"), n ? 1.5 : 0);
        ck_assert_double_eq(number_at(json, "seconds"), 4);
        check_branch(json_object_get(json, "plain"), "caf\xc3\xa9 \"", 7, (size_t)n);
        ck_assert_str_eq(text_at(json_object_get(json, "plain"), "ended_by"), "context");
        ck_assert_ptr_null(json_object_get(json, "points"));
        ck_assert_ptr_null(json_object_get(json, "error"));
        json_decref(json);
        check_ids(&reply, n ? "7 8\n" : "\n");
        jup_reply_reset(&reply);
    }
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(a_reply_by_outline)
{
    jup_reply_t reply = new_reply();
    write_branch(&reply.trunk, "4. A\n9. B\n", 1, 3);
    jup_reply_branch_out(&reply, &(jup_outline_t){.n = 2});
    reply.outline.points[0].number = 4;
    reply.outline.points[1].number = 9;
    snprintf(reply.outline.points[0].title, JUP_OUTLINE_TITLE, "A");
    snprintf(reply.outline.points[1].title, JUP_OUTLINE_TITLE, "B");
    write_branch(&reply.points[0], "a", 20, 2);
    write_branch(&reply.points[1], "b", 30, 1);
    reply.text = jup_reply_join(&reply);
    json_t *json = line_of(&reply);
    const json_t *points = json_object_get(json, "points");
    ck_assert_str_eq(text_at(json, "mode"), "outline");
    ck_assert_str_eq(text_at(json, "answer"), "1. A\na\n\n2. B\nb");
    ck_assert_double_eq(number_at(json, "n_tokens"), 6);
    check_branch(json_object_get(json, "outline"), "4. A\n9. B\n", 1, 3);
    ck_assert_uint_eq(json_array_size(points), 2);
    check_branch(json_array_get(points, 0), "a", 20, 2);
    check_branch(json_array_get(points, 1), "b", 30, 1);
    ck_assert_double_eq(number_at(json_array_get(points, 1), "number"), 9);
    ck_assert_str_eq(text_at(json_array_get(points, 1), "title"), "B");
    json_decref(json);
    check_ids(&reply, "20 21\n30\n");
    jup_reply_reset(&reply);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* Text that is no UTF-8 has no place in JSON; the ids say what it was. */
START_TEST(a_reply_that_is_no_text)
{
    jup_reply_t reply = new_reply();
    write_branch(&reply.plain, "\xff", 7, 1);
    reply.text = jup_reply_join(&reply);
    json_t *json = line_of(&reply);
    ck_assert(json_is_null(json_object_get(json, "answer")));
    json_decref(json);
    jup_reply_reset(&reply);
}
END_TEST

START_TEST(a_question_that_could_not_be_asked)
{
    jup_reply_t reply = new_reply();
    reply.problem = jup_strdup("it is too long");
    reply.text = jup_reply_join(&reply);
    json_t *json = line_of(&reply);
    ck_assert_str_eq(text_at(json, "error"), "it is too long");
    ck_assert_ptr_null(json_object_get(json, "answer"));
    ck_assert_ptr_null(json_object_get(json, "mode"));
    json_decref(json);
    jup_reply_reset(&reply);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("results");
    unit_add(s, a_plain_reply, 20);
    unit_add(s, a_reply_by_outline, 20);
    unit_add(s, a_reply_that_is_no_text, 20);
    unit_add(s, a_question_that_could_not_be_asked, 20);
    return s;
}

UNIT_MAIN(suite)
