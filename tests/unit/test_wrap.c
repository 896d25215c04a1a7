/* Words on a screen: none is broken that fits, nothing but line ends is added, and it does not
   matter in which pieces the text comes. */
#include "ask/wrap.h"
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 4000 };

typedef struct screen {
    char text[MOST];
    size_t bytes;
} screen_t;

static void put(void *self, const char *text, size_t bytes)
{
    screen_t *s = self;
    ck_assert_uint_lt(s->bytes + bytes, MOST);
    memcpy(s->text + s->bytes, text, bytes);
    s->bytes += bytes;
    s->text[s->bytes] = '\0';
}

/* In pieces of so many bytes, which never cut a character: 0x80 to 0xBF go on. */
static void wrap(screen_t *s, int columns, const char *text, size_t piece)
{
    jup_wrap_t w;
    memset(s, 0, sizeof *s);
    jup_wrap_init(&w, columns, put, s);
    for (size_t at = 0, n; text[at]; at += n) {
        n = strlen(text + at) < piece ? strlen(text + at) : piece;
        while (((unsigned char)text[at + n] & 0xC0) == 0x80)
            n++;
        jup_wrap_text(&w, text + at, n);
    }
    jup_wrap_flush(&w);
}

static void check(int columns, const char *text, const char *expected)
{
    screen_t s;
    for (size_t piece = 1; piece <= 40; piece += 3) {
        wrap(&s, columns, text, piece);
        ck_assert_str_eq(s.text, expected);
    }
}

START_TEST(words_stay_whole)
{
    check(10, "one two three four", "one two\nthree four");
    check(10, "0123456789 0", "0123456789\n0");
    check(10, "0123456789012345 67", "0123456789012345 67");
    check(10, "a\n\n  indented by two", "a\n\n  indented\nby two");
    check(10, "ends with blanks  ", "ends with\nblanks  ");
    check(0, "one two three four five six seven", "one two three four five six seven");
}
END_TEST

/* Umlauts have two bytes and one column, Chinese characters three bytes and two columns. */
START_TEST(columns_are_not_bytes)
{
    check(10, "äöüäö üäöü ß", "äöüäö üäöü\nß");
    check(10, "一二三四五六", "一二三四五\n六");
    check(10, "abc 一二三四", "abc 一二三\n四");
}
END_TEST

START_TEST(every_line_fits_and_nothing_is_lost)
{
    char text[MOST] = "", joined[MOST];
    screen_t s;
    unsigned state = 7;
    while (strlen(text) < MOST / 2) {
        state = state * 1103515245u + 12345u;
        snprintf(text + strlen(text), 16, "%.*s%c", (int)((state >> 16) % 9 + 1), "abcdefghijkl",
                 (state >> 8) % 11 == 0 ? '\n' : ' ');
    }
    wrap(&s, 23, text, 5);
    size_t n = 0, column = 0, breaks = 0;
    for (size_t i = 0; i < s.bytes; i++) {
        column = s.text[i] == '\n' ? 0 : column + 1;
        ck_assert_uint_le(column, 24); /* a blank may stand over the edge */
        bool added = s.text[i] == '\n' && text[n] != '\n';
        breaks += added;
        joined[n] = added ? ' ' : s.text[i];
        n++;
    }
    joined[n] = '\0';
    ck_assert_str_eq(joined, text);
    ck_assert_uint_gt(breaks, 20);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("wrap");
    unit_add(s, words_stay_whole, 10);
    unit_add(s, columns_are_not_bytes, 10);
    unit_add(s, every_line_fits_and_nothing_is_lost, 10);
    return s;
}

UNIT_MAIN(suite)
