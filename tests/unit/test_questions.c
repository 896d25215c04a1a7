/* Files of questions: every shape that is taken, and what is said of those that are not. */
#include "ask/questions.h"
#include "base/mem.h"
#include "io_sample.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static jup_status_t read_text(const char *text, jup_questions_t *q, jup_error_t *err)
{
    char path[256];
    io_sample_path(path, "questions");
    io_sample_write(path, text, strlen(text));
    memset(q, 0, sizeof *q);
    jup_status_t status = jup_questions_read(q, path, err);
    remove(path);
    return status;
}

static void check(const jup_questions_t *q, int32_t i, const char *id, const char *category,
                  const char *text)
{
    ck_assert_int_lt(i, q->n);
    ck_assert_str_eq(q->list[i].id, id);
    ck_assert_str_eq(q->list[i].category, category);
    ck_assert_str_eq(q->list[i].text, text);
}

START_TEST(every_shape_is_taken)
{
    jup_questions_t q;
    jup_error_t err = {.text = ""};
    const char *text = "{\"question\": \"one\"}\n"
                       "{\"id\": \"a\", \"category\": \"c\", \"question\": \"two\", \"x\": [1]}\n"
                       "\n  \t\r\n"
                       "{\"question_id\": 7, \"kind\": \"k\", \"turns\": [\"three\", \"no\"]}\n"
                       "{\"id\": 8, \"split\": \"s\", \"questions\": [\"four\"]}\r\n"
                       "{\"id\": 1.5, \"phrasings\": [\"\\u00e9\"]}\n"
                       "{\"question\": \"\"}";
    ck_assert_msg(read_text(text, &q, &err) == JUP_OK, "%s", err.text);
    ck_assert_int_eq(q.n, 6);
    check(&q, 0, "1", "", "one");
    check(&q, 1, "a", "c", "two");
    check(&q, 2, "7", "k", "three");
    check(&q, 3, "8", "s", "four");
    check(&q, 4, "7", "", "\xc3\xa9"); /* the number of its line */
    check(&q, 5, "8", "", "");
    jup_questions_reset(&q);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(what_is_wrong_has_its_line)
{
    const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"question\": \"one\"}\n\n{\"question\": }\n", "questions:3: "},
        {"{\"question\": \"one\"}\n{\"query\": \"two\"}\n",
         "questions:2: there is no \"question\""},
        {"{\"question\": 5}\n", "questions:1: there is no \"question\""},
        {"{\"turns\": []}\n", "questions:1: there is no \"question\""},
        {"[\"one\"]\n", "questions:1: there is no \"question\""},
        {"{\"question\": \"one\"} {\"question\": \"two\"}\n", "questions:1: "},
        {"What is this?\n", "questions:1: "},
        {"{\"question\": \"\xff\"}\n", "questions"},
        {"", "holds no questions"},
        {" \n\n", "holds no questions"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jup_questions_t q;
        jup_error_t err = {.text = ""};
        ck_assert_int_eq(read_text(cases[i].text, &q, &err), JUP_EINPUT);
        ck_assert_msg(strstr(err.text, cases[i].words), "case %zu: '%s'", i, err.text);
        ck_assert_int_eq(q.n, 0);
        ck_assert_uint_eq(jup_mem_live_blocks(), 0);
    }
    jup_questions_t none = {0};
    jup_error_t err;
    ck_assert_int_eq(jup_questions_read(&none, "no such file", &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "no such file"));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("questions");
    unit_add(s, every_shape_is_taken, 20);
    unit_add(s, what_is_wrong_has_its_line, 20);
    return s;
}

UNIT_MAIN(suite)
