/* Showing: a reader who does not read stops nobody, and gets everything later, in order. */
#include "ask/reply.h"
#include "base/mem.h"
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 40000 }; /* more than a pipe holds */

typedef struct pipe_ends {
    int in;
    FILE *out;
    jup_show_t show;
} pipe_ends_t;

static void open_pipe(pipe_ends_t *p, bool ids)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(pipe(ends), 0);
    p->in = ends[0];
    p->out = fdopen(ends[1], "w");
    jup_show_init(&p->show, p->out, ids);
}

static void close_pipe(pipe_ends_t *p)
{
    jup_show_reset(&p->show);
    fclose(p->out);
    close(p->in);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

/* Line i of the text; its length is always the same. */
static const char *line_of(int i, char line[16])
{
    snprintf(line, 16, "line %06d\n", i);
    return line;
}

/* Reads lines until the writer closes, or `most` came; what is read has to be the text. */
static void *read_lines(void *self)
{
    pipe_ends_t *p = self;
    char expected[16], got[16];
    FILE *in = fdopen(dup(p->in), "r");
    for (int i = 0; i < LINES; i++) {
        ck_assert_ptr_nonnull(fgets(got, sizeof got, in));
        ck_assert_str_eq(got, line_of(i, expected));
    }
    fclose(in);
    return NULL;
}

START_TEST(a_full_pipe_stops_nobody)
{
    pipe_ends_t p;
    char line[16];
    pthread_t reader;
    open_pipe(&p, false);
    size_t all = 0;
    for (int i = 0; i < LINES; i++) {
        jup_show_text(&p.show, line_of(i, line));
        all += strlen(line);
        if (i % 100 == 0)
            jup_show_flush(&p.show, false); /* returns, though nobody reads */
    }
    jup_show_flush(&p.show, false);
    ck_assert_uint_gt(p.show.bytes, 0);
    ck_assert_uint_lt(p.show.bytes, all);
    ck_assert(!p.show.gone);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_lines, &p), 0);
    jup_show_flush(&p.show, true);
    ck_assert_uint_eq(p.show.bytes, 0);
    pthread_join(reader, NULL);
    close_pipe(&p);
}
END_TEST

START_TEST(a_reader_who_went_away_is_noticed)
{
    pipe_ends_t p;
    jup_error_t err;
    open_pipe(&p, false);
    ck_assert_int_eq(jup_show_check(&p.show, &err), JUP_OK);
    jup_show_text(&p.show, "one");
    jup_show_flush(&p.show, false);
    ck_assert(!p.show.gone);
    close(p.in);
    jup_show_text(&p.show, "two");
    jup_show_flush(&p.show, true); /* does not wait for ever */
    ck_assert(p.show.gone);
    jup_show_text(&p.show, "three");
    ck_assert_uint_eq(p.show.bytes, 0);
    jup_show_check(&p.show, &err);
    p.in = open("/dev/null", O_RDONLY);
    close_pipe(&p);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    jup_error_t err;
    jup_show_t show;
    FILE *full = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(full);
    jup_show_init(&show, full, false);
    jup_show_text(&show, "lost");
    jup_show_flush(&show, true);
    ck_assert(show.gone);
    ck_assert_int_eq(jup_show_check(&show, &err), JUP_EENV);
    ck_assert_ptr_nonnull(strstr(err.text, "No space left"));
    jup_show_reset(&show);
    fclose(full);
}
END_TEST

static const char *take(pipe_ends_t *p)
{
    static char text[1024];
    jup_show_flush(&p->show, true);
    fcntl(p->in, F_SETFL, O_NONBLOCK);
    ssize_t n = read(p->in, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

START_TEST(nobody_looks)
{
    jup_show_t show;
    jup_show_init(&show, NULL, false);
    jup_show_text(&show, "text");
    ck_assert_uint_eq(show.bytes, 0);
    jup_show_flush(&show, true);
    jup_show_reset(&show);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* ---- answers and replies -----------------------------------------------------------------------
 */

static const jup_answer_rules_t no_words = {0};

static void set_text(jup_answer_t *answer, const char *text, size_t settled)
{
    jup_free(answer->text);
    answer->text = jup_strdup(text);
    answer->length = strlen(text);
    answer->settled = settled;
}

START_TEST(an_answer_is_shown_as_far_as_it_is_settled)
{
    pipe_ends_t p;
    jup_answer_t answer;
    jup_shown_t shown = {0};
    open_pipe(&p, false);
    jup_answer_init(&answer, &no_words, false);
    set_text(&answer, "one two", 4);
    jup_show_answer(&p.show, &answer, &shown);
    ck_assert_str_eq(take(&p), "one ");
    jup_show_answer(&p.show, &answer, &shown);
    ck_assert_str_eq(take(&p), "");
    set_text(&answer, "one two three", 13);
    jup_show_answer(&p.show, &answer, &shown);
    ck_assert_str_eq(take(&p), "two three");
    jup_answer_reset(&answer);
    close_pipe(&p);
}
END_TEST

START_TEST(ids_have_spaces_between_them)
{
    pipe_ends_t p;
    jup_answer_t answer;
    jup_shown_t shown = {0};
    open_pipe(&p, true);
    jup_answer_init(&answer, &no_words, false);
    jup_answer_token(&answer, 7);
    jup_answer_token(&answer, 1234567890);
    jup_show_answer(&p.show, &answer, &shown);
    ck_assert_str_eq(take(&p), "7 1234567890");
    jup_answer_token(&answer, 0);
    jup_show_answer(&p.show, &answer, &shown);
    ck_assert_str_eq(take(&p), " 0");
    jup_answer_reset(&answer);
    close_pipe(&p);
}
END_TEST

static void begin_points(jup_reply_t *reply, int32_t n)
{
    jup_reply_init(reply, 0);
    jup_reply_branch_out(reply, &(jup_outline_t){.n = n});
    reply->trunk.ended = true;
    for (int32_t i = 0; i < n; i++) {
        reply->points[i].handle = 10 + i;
        reply->points[i].begun = true;
        jup_answer_init(&reply->points[i].answer, &no_words, false);
        snprintf(reply->outline.points[i].title, JUP_OUTLINE_TITLE, "T%d", i + 1);
    }
}

static void end_point(jup_reply_t *reply, int32_t i, const char *text)
{
    jup_branch_t *point = jup_reply_branch_of(reply, 10 + i);
    ck_assert_ptr_eq(point, &reply->points[i]);
    set_text(&point->answer, text, strlen(text));
    point->ended = true;
}

/* Points come in any order, and are shown in theirs; all of it is the joined text and a line end.
 */
START_TEST(points_are_shown_and_joined_in_order)
{
    pipe_ends_t p;
    jup_reply_t reply;
    open_pipe(&p, false);
    begin_points(&reply, 3);
    end_point(&reply, 2, "three");
    jup_reply_show(&reply, &p.show);
    ck_assert_str_eq(take(&p), "");
    set_text(&reply.points[0].answer, "on", 1);
    jup_reply_show(&reply, &p.show);
    ck_assert_str_eq(take(&p), "1. T1\no");
    end_point(&reply, 0, "one");
    jup_reply_show(&reply, &p.show);
    ck_assert_str_eq(take(&p), "ne");
    ck_assert(!jup_reply_outline_ended(&reply));
    end_point(&reply, 1, "");
    ck_assert(jup_reply_outline_ended(&reply));
    reply.trunk.ended = false; /* more points may come */
    ck_assert(!jup_reply_outline_ended(&reply));
    reply.done = true;
    jup_reply_show(&reply, &p.show);
    ck_assert_str_eq(take(&p), "\n\n2. T2\n\n\n3. T3\nthree\n");
    char *joined = jup_reply_join(&reply);
    ck_assert_str_eq(joined, "1. T1\none\n\n2. T2\n\n\n3. T3\nthree");
    jup_free(joined);
    jup_reply_reset(&reply);
    close_pipe(&p);
}
END_TEST

START_TEST(ids_of_points_have_a_line_each)
{
    pipe_ends_t p;
    jup_reply_t reply;
    open_pipe(&p, true);
    begin_points(&reply, 2);
    jup_answer_token(&reply.points[0].answer, 1);
    jup_answer_token(&reply.points[0].answer, 2);
    jup_answer_token(&reply.points[1].answer, 3);
    reply.points[0].ended = reply.points[1].ended = reply.done = true;
    jup_reply_show(&reply, &p.show);
    ck_assert_str_eq(take(&p), "1 2\n3\n");
    jup_reply_reset(&reply);
    close_pipe(&p);
}
END_TEST

START_TEST(a_cut_reply_ends_what_had_begun)
{
    jup_reply_t reply;
    begin_points(&reply, 3);
    reply.points[2].begun = false;
    jup_answer_reset(&reply.points[2].answer);
    end_point(&reply, 0, "whole");
    set_text(&reply.points[1].answer, "ha", 1);
    jup_reply_cut(&reply, JUP_END_INTERRUPTED, 5);
    ck_assert_int_eq(reply.points[0].answer.end, JUP_END_LENGTH);
    ck_assert_int_eq(reply.points[1].answer.end, JUP_END_INTERRUPTED);
    ck_assert_uint_eq(reply.points[1].answer.settled, 2);
    ck_assert_double_eq(reply.points[1].end_s, 5);
    ck_assert(!reply.points[2].ended);
    ck_assert_ptr_null(jup_reply_branch_of(&reply, 99));
    char *joined = jup_reply_join(&reply);
    ck_assert_str_eq(joined, "1. T1\nwhole\n\n2. T2\nha\n\n3. T3\n");
    jup_free(joined);
    jup_reply_reset(&reply);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(what_broke_off_first_ends_a_reply)
{
    jup_reply_t reply;
    begin_points(&reply, 3);
    for (int i = 0; i < 3; i++)
        reply.points[i].answer.end = i == 1 ? JUP_END_OF_TEXT : JUP_END_STOP;
    ck_assert_int_eq(jup_reply_end(&reply), JUP_END_STOP);
    reply.points[1].answer.end = JUP_END_CONTEXT;
    ck_assert_int_eq(jup_reply_end(&reply), JUP_END_CONTEXT);
    reply.points[0].answer.end = JUP_END_LENGTH;
    ck_assert_int_eq(jup_reply_end(&reply), JUP_END_LENGTH);
    reply.cut = true;
    ck_assert_int_eq(jup_reply_end(&reply), JUP_END_INTERRUPTED);
    jup_reply_reset(&reply);
    reply.plain.answer.end = JUP_END_CONTEXT;
    ck_assert_int_eq(jup_reply_end(&reply), JUP_END_CONTEXT);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("show");
    unit_add(s, a_full_pipe_stops_nobody, 60);
    unit_add(s, a_reader_who_went_away_is_noticed, 20);
    unit_add(s, a_full_disk_is_an_error, 20);
    unit_add(s, nobody_looks, 20);
    unit_add(s, an_answer_is_shown_as_far_as_it_is_settled, 20);
    unit_add(s, ids_have_spaces_between_them, 20);
    unit_add(s, points_are_shown_and_joined_in_order, 20);
    unit_add(s, ids_of_points_have_a_line_each, 20);
    unit_add(s, a_cut_reply_ends_what_had_begun, 20);
    unit_add(s, what_broke_off_first_ends_a_reply, 20);
    return s;
}

UNIT_MAIN(suite)
