/* Messages of one line and of several, as they come through a pipe in any pieces. */
#include "ask/input.h"
#include "base/mem.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct asked {
    int signs, further;
} asked_t;

static void sign(void *self, bool further)
{
    asked_t *asked = self;
    asked->signs++;
    asked->further += further;
}

static void begin(jup_input_t *input, const char *text)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    jup_input_init(input, ends[0]);
}

static void finish(jup_input_t *input)
{
    close(input->fd);
    jup_input_reset(input);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

static void expect(jup_input_t *input, const char *expected)
{
    char *text = NULL;
    jup_input_event_t event = jup_input_message(input, NULL, NULL, &text);
    ck_assert_int_eq(event, expected ? JUP_INPUT_MESSAGE : JUP_INPUT_END);
    if (expected)
        ck_assert_str_eq(text, expected);
    jup_free(text);
}

START_TEST(a_line_is_a_message)
{
    jup_input_t input;
    begin(&input, "one\n\n  two \t\r\nlast");
    expect(&input, "one");
    expect(&input, "");
    expect(&input, "  two");
    expect(&input, "last");
    expect(&input, NULL);
    expect(&input, NULL);
    finish(&input);
}
END_TEST

START_TEST(several_lines_are_one)
{
    jup_input_t input;
    begin(&input,
          "one\\\ntwo\\\nthree\n\"\"\"\nfour\n\nfive\\\n\"\"\"\n\"\"\"six\"\"\"\nseven\\\n");
    expect(&input, "one\ntwo\nthree");
    expect(&input, "\nfour\n\nfive\\\n");
    expect(&input, "six");
    expect(&input, "seven");
    expect(&input, NULL);
    finish(&input);
}
END_TEST

START_TEST(a_block_that_never_ends_is_what_there_is)
{
    jup_input_t input;
    begin(&input, "\"\"\"one\ntwo");
    expect(&input, "one\ntwo");
    expect(&input, NULL);
    finish(&input);
}
END_TEST

/* A sign only where something is waited for, another one for further lines. */
START_TEST(signs)
{
    jup_input_t input;
    asked_t asked = {0};
    char *text = NULL;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    jup_input_init(&input, ends[0]);
    ck_assert_int_eq(write(ends[1], "one\\\n", 5), 5);
    ck_assert_int_eq(write(ends[1], "two\nthree\n", 10), 10);
    ck_assert_int_eq(jup_input_message(&input, sign, &asked, &text), JUP_INPUT_MESSAGE);
    ck_assert_str_eq(text, "one\ntwo");
    jup_free(text);
    ck_assert_int_eq(asked.signs, 1); /* the second line was there already */
    ck_assert_int_eq(jup_input_message(&input, sign, &asked, &text), JUP_INPUT_MESSAGE);
    ck_assert_int_eq(asked.signs, 1);
    jup_free(text);
    ck_assert_int_eq(write(ends[1], "four\\\n", 6), 6);
    close(ends[1]);
    ck_assert_int_eq(jup_input_message(&input, sign, &asked, &text), JUP_INPUT_MESSAGE);
    ck_assert_str_eq(text, "four");
    ck_assert_int_eq(asked.signs, 3);
    ck_assert_int_eq(asked.further, 1);
    jup_free(text);
    finish(&input);
}
END_TEST

START_TEST(long_lines_and_many_pieces)
{
    enum { LONG = 30000 };
    static char text[LONG + 8], line[LONG + 1];
    jup_input_t input;
    memset(line, 'x', LONG);
    snprintf(text, sizeof text, "%s\nend\n", line);
    begin(&input, text);
    expect(&input, line);
    expect(&input, "end");
    expect(&input, NULL);
    finish(&input);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("input");
    unit_add(s, a_line_is_a_message, 10);
    unit_add(s, several_lines_are_one, 10);
    unit_add(s, a_block_that_never_ends_is_what_there_is, 10);
    unit_add(s, signs, 10);
    unit_add(s, long_lines_and_many_pieces, 10);
    return s;
}

UNIT_MAIN(suite)
