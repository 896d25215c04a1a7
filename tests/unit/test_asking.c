/* Asking over the engine of a tiny model, with a source that makes its prompts up: every sequence
   against the same prompt decoded alone, replies in order, failures, interruptions, memory. */
#include "ask/asking.h"
#include "ask/results.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "tiny_engine.h"
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
    QUESTIONS = 9,
    CONTEXT = 400,
    PROMPT = 20,
    ANSWER = 12,
    OUTLINE = 10,
    HEADING = 3,
    USELESS = 4, /* questions whose outline is of no use */
    TOO_LONG = 2 /* ... and which has a prompt that is longer than the context */
};

typedef struct asked {
    tiny_engine_t engine;
    jup_asking_t asking;
    jup_asking_options_t options;
    jup_source_t source;
    bool outlines, one_fails, point_fails;
    int32_t interrupt_at, unwanted_at; /* after so many replies, -1: never */
    int32_t done, failed, cut;
    jup_status_t status;
    jup_error_t err;
    size_t live_bytes; /* after half of the questions */
} asked_t;

/* ---- the source -------------------------------------------------------------------------------
 */

static void make_up(int32_t seed, int32_t n, jup_prompt_t *prompt)
{
    jup_rng_t rng;
    jup_rng_init(&rng, (uint64_t)seed);
    for (int32_t i = 0; i < n; i++)
        jup_tokens_add(&prompt->tokens, (int32_t)jup_rng_below(&rng, 61));
}

static bool wants_outline(void *self, int32_t question, const char **why)
{
    const asked_t *a = self;
    (void)question;
    *why = "asked for";
    return a->outlines;
}

/* An outline's prompt begins as the plain one, as people ask. */
static jup_status_t plain(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    const asked_t *a = self;
    bool fails = a->one_fails && question == TOO_LONG;
    (void)err;
    if (a->interrupt_at >= 0 && a->done == a->interrupt_at)
        raise(SIGINT);
    make_up(1 + question, fails ? CONTEXT + 1 : PROMPT + question, prompt);
    prompt->generate = ANSWER;
    return JUP_OK;
}

static jup_status_t outline(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    JUP_TRY(plain(self, question, prompt, err));
    make_up(1000 + question, 2, prompt);
    prompt->generate = OUTLINE;
    prompt->child_tokens = HEADING + ANSWER;
    return JUP_OK;
}

static int32_t points_of(int32_t question)
{
    return 2 + question % 4;
}

/* Every second token ends a line. */
static int32_t lines_of(int32_t question, int32_t tokens)
{
    int32_t lines = tokens / 2;
    return lines < points_of(question) ? lines : points_of(question);
}

static bool read_outline(void *self, int32_t question, const jup_answer_t *trunk, bool whole,
                         jup_outline_t *o, const char **why_not)
{
    int32_t lines = lines_of(question, trunk->n_tokens);
    (void)self;
    if (whole)
        ck_assert_int_eq(trunk->n_tokens, OUTLINE);
    else if (question == USELESS || trunk->n_tokens % 2 != 0 || lines < 2)
        return false;
    if (question == USELESS)
        *why_not = "it is of no use";
    memset(o, 0, sizeof *o);
    for (int32_t i = 0; i < lines; i++)
        snprintf(o->points[o->n++].title, JUP_OUTLINE_TITLE, "title %d.%d", question, i);
    return question != USELESS;
}

static jup_status_t point(void *self, int32_t question, const jup_prompt_t *trunk,
                          const jup_answer_t *answer, const jup_outline_t *o, int32_t i,
                          jup_prompt_t *prompt, jup_error_t *err)
{
    const asked_t *a = self;
    (void)err;
    (void)o;
    jup_prompt_add(prompt, trunk->tokens.ids, trunk->tokens.count);
    jup_prompt_add(prompt, answer->tokens, (size_t)answer->n_tokens);
    make_up(100 * question + i, HEADING, prompt);
    if (a->point_fails && question == TOO_LONG && i == 1)
        make_up(0, CONTEXT, prompt);
    prompt->generate = ANSWER - i;
    return JUP_OK;
}

/* ---- what comes of it -------------------------------------------------------------------------
 */

/* As many tokens as came are those of the prompt decoded alone. */
static void check_branch(const asked_t *a, const jup_branch_t *branch, int32_t tokens)
{
    int32_t expected[ANSWER], n = branch->answer.n_tokens;
    const jup_prompt_t *prompt = &branch->prompt;
    ck_assert(branch->ended);
    if (branch->answer.end == JUP_END_INTERRUPTED || branch->answer.end == JUP_END_CONTEXT)
        ck_assert_int_le(n, tokens);
    else
        ck_assert_int_eq(n, tokens);
    if (n == 0)
        return;
    tiny_model_decode(a->engine.model, prompt->tokens.ids, (int32_t)prompt->tokens.count,
                      &a->engine.options.stage.sampling, JUP_F16, expected, n);
    for (int32_t i = 0; i < n; i++)
        ck_assert_msg(branch->answer.tokens[i] == expected[i], "branch %d, token %d: %d, not %d",
                      branch->number, i, branch->answer.tokens[i], expected[i]);
}

/* There is no tokenizer, so that the text is the headings, in order, with nothing below. */
static void check_text(const jup_reply_t *reply)
{
    char expected[1024] = "";
    size_t at = 0;
    for (int32_t i = 0; reply->has_outline && i < reply->outline.n; i++)
        at += (size_t)snprintf(expected + at, sizeof expected - at, "%s%d. title %d.%d\n",
                               i ? "\n\n" : "", i + 1, reply->question, i);
    ck_assert_str_eq(reply->text, expected);
}

/* An early point goes on behind its line, the first two behind the second; others behind all. */
static void check_prompt(const asked_t *a, const jup_reply_t *reply, int32_t point)
{
    int32_t line = point < 2 ? 2 : point + 1;
    int32_t outline = a->options.early_points && 2 * line < OUTLINE ? 2 * line : OUTLINE;
    ck_assert_uint_eq(reply->points[point].prompt.tokens.count,
                      reply->trunk.prompt.tokens.count + (size_t)(outline + HEADING));
}

static void check_reply(asked_t *a, const jup_reply_t *reply)
{
    bool useless = reply->question == USELESS;
    ck_assert(reply->done);
    ck_assert_int_eq(reply->wants_outline, a->outlines);
    ck_assert_int_eq(reply->has_outline, a->outlines && !useless);
    ck_assert_str_eq(reply->reason, a->outlines && useless ? "it is of no use" : "asked for");
    if (reply->trunk.begun)
        check_branch(a, &reply->trunk, OUTLINE);
    if (reply->plain.begun)
        check_branch(a, &reply->plain, ANSWER);
    for (int32_t i = 0; reply->has_outline && i < reply->outline.n; i++) {
        ck_assert_int_eq(reply->points[i].number, i + 1);
        check_branch(a, &reply->points[i], ANSWER - i);
        check_prompt(a, reply, i);
    }
    check_text(reply);
}

static void take_reply(void *self, jup_reply_t *reply)
{
    asked_t *a = self;
    if (reply->problem) {
        ck_assert_int_eq(reply->question, TOO_LONG);
        ck_assert_ptr_nonnull(strstr(reply->problem, "no room in the context of 400"));
        ck_assert_str_eq(reply->reason, "failed");
        a->failed++;
    } else if (a->unwanted_at < 0 && a->interrupt_at < 0) {
        check_reply(a, reply);
    } else {
        check_branch(a, &reply->plain, ANSWER);
        a->cut += reply->plain.answer.end == JUP_END_INTERRUPTED;
    }
    a->done++;
    a->asking.unwanted = a->unwanted_at >= 0 && a->done >= a->unwanted_at;
    if (a->done == a->source.questions / 2)
        a->live_bytes = jup_mem_live_bytes();
}

static void work(jup_engine_t *engine, void *self)
{
    asked_t *a = self;
    jup_asking_init(&a->asking, &a->options, &a->source, engine, NULL);
    a->asking.done = take_reply;
    a->asking.done_self = a;
    a->status = jup_asking_run(&a->asking, &a->err);
}

static void prepare(asked_t *a, const tiny_model_t *model, bool outlines)
{
    memset(a, 0, sizeof *a);
    tiny_engine_init(&a->engine, model, 64 * 64);
    a->engine.sink = jup_asking_sink(&a->asking);
    a->engine.work = work;
    a->engine.self = a;
    a->options = (jup_asking_options_t){.context = CONTEXT, .parallel = 3, .quiet = true};
    a->source = (jup_source_t){.self = a,
                               .questions = QUESTIONS,
                               .wants_outline = wants_outline,
                               .plain = plain,
                               .outline = outline,
                               .read_outline = read_outline,
                               .point = point};
    a->outlines = outlines;
    a->interrupt_at = a->unwanted_at = -1;
}

static void ask(asked_t *a, int ranks, const jup_record_options_t *how)
{
    a->done = a->failed = a->cut = 0;
    tiny_engine_run(&a->engine, ranks, how);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

START_TEST(every_branch_is_its_prompt_decoded_alone)
{
    tiny_model_t model;
    asked_t a;
    tiny_model_init(&model, 4, 3);
    for (int ranks = 1; ranks <= 3; ranks += 2)
        for (int outlines = 0; outlines <= 2; outlines++) /* 2: early points */
            for (int32_t parallel = 1; parallel <= 5; parallel += 4) {
                prepare(&a, &model, outlines > 0);
                a.options.parallel = parallel;
                a.options.early_points = outlines > 1;
                ask(&a, ranks, &(jup_record_options_t){.seed = (uint64_t)parallel});
                ck_assert_int_eq(a.status, JUP_OK);
                ck_assert_int_eq(a.done, QUESTIONS);
                const jup_asking_totals_t *t = &a.asking.totals;
                ck_assert_int_eq(t->replies, QUESTIONS);
                ck_assert_int_eq(t->failed, 0);
                ck_assert_int_eq(t->outlines, outlines ? QUESTIONS - 1 : 0);
                ck_assert_int_eq(t->fallbacks, outlines > 0);
                ck_assert_int_eq(a.asking.interrupted, false);
                jup_asking_reset(&a.asking);
            }
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* One question is kept; an outline of no use makes a plain answer that shares its prompt. */
START_TEST(one_question_is_kept)
{
    tiny_model_t model;
    asked_t a;
    tiny_model_init(&model, 4, 3);
    for (int ranks = 1; ranks <= 2; ranks++) {
        prepare(&a, &model, true);
        a.source.questions = 1;
        ask(&a, ranks, &(jup_record_options_t){0});
        ck_assert_ptr_nonnull(a.asking.only);
        check_reply(&a, a.asking.only);
        ck_assert_int_eq(jup_reply_tokens(a.asking.only), OUTLINE + 2 * ANSWER - 1);
        ck_assert_int_eq(a.asking.totals.points, 2);
        jup_asking_reset(&a.asking);
    }
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(one_that_cannot_be_asked_does_not_stop_the_others)
{
    tiny_model_t model;
    asked_t a;
    tiny_model_init(&model, 4, 3);
    for (int how = 0; how < 4; how++) {
        prepare(&a, &model, how > 0);
        a.one_fails = how < 2;
        a.point_fails = how >= 2;
        a.options.early_points = how == 3;
        ask(&a, 2, &(jup_record_options_t){.seed = 4});
        ck_assert_int_eq(a.done, QUESTIONS);
        ck_assert_int_eq(a.failed, 1);
        ck_assert_int_eq(a.asking.totals.failed, 1);
        ck_assert_int_eq(a.status, JUP_EINPUT);
        ck_assert_ptr_nonnull(strstr(a.err.text, "no room in the context of 400"));
        jup_asking_reset(&a.asking);
    }
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* What is not asked when nobody wants it any more, or a signal came, is not begun; what was begun
   keeps what came. */
START_TEST(an_interruption_keeps_what_came)
{
    tiny_model_t model;
    asked_t a;
    tiny_model_init(&model, 4, 3);
    jup_interrupt_catch();
    for (int signals = 0; signals <= 1; signals++) {
        prepare(&a, &model, false);
        a.unwanted_at = signals ? -1 : 2;
        a.interrupt_at = signals ? 2 : -1;
        ask(&a, 2, &(jup_record_options_t){0});
        ck_assert(a.asking.interrupted);
        ck_assert_int_eq(a.status, JUP_OK);
        ck_assert_int_ge(a.done, 3);
        ck_assert_int_lt(a.done, QUESTIONS);
        ck_assert_int_ge(a.cut, 1);
        ck_assert_int_eq(a.asking.n_open, 0);
        jup_asking_reset(&a.asking);
    }
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* A full context is named; an answer of no tokens is an answer. */
START_TEST(answers_end_where_there_is_no_room)
{
    tiny_model_t model;
    asked_t a;
    tiny_model_init(&model, 2, 3);
    for (int32_t room = 0; room <= ANSWER; room += 4) {
        prepare(&a, &model, false);
        a.source.questions = 1;
        a.options.context = PROMPT + room;
        a.unwanted_at = QUESTIONS; /* answers are shorter than they are checked for */
        tiny_engine_run(&a.engine, 2, &(jup_record_options_t){0});
        const jup_answer_t *answer = &a.asking.only->plain.answer;
        ck_assert_int_eq(answer->n_tokens, room);
        ck_assert_int_eq(answer->end, room < ANSWER ? JUP_END_CONTEXT : JUP_END_LENGTH);
        jup_asking_reset(&a.asking);
    }
    tiny_model_reset(&model);
}
END_TEST

static void count_reply(void *self, jup_reply_t *reply)
{
    asked_t *a = self;
    ck_assert_ptr_null(reply->problem);
    a->done++;
    if (a->done == a->source.questions / 2)
        a->live_bytes = jup_mem_live_bytes();
    if (a->done == a->source.questions)
        ck_assert_uint_le(jup_mem_live_bytes(), a->live_bytes + 4096);
}

static jup_status_t short_prompt(void *self, int32_t question, jup_prompt_t *prompt,
                                 jup_error_t *err)
{
    (void)self;
    (void)err;
    make_up(question, 3, prompt);
    prompt->generate = 2;
    return JUP_OK;
}

static void work_through(jup_engine_t *engine, void *self)
{
    asked_t *a = self;
    jup_asking_init(&a->asking, &a->options, &a->source, engine, NULL);
    a->asking.done = count_reply;
    a->asking.done_self = a;
    a->status = jup_asking_run(&a->asking, &a->err);
}

START_TEST(memory_is_flat_over_thousands_of_questions)
{
    tiny_model_t model;
    asked_t a;
    tiny_model_init(&model, 1, 3);
    prepare(&a, &model, false);
    a.source.questions = 4000;
    a.source.plain = short_prompt;
    a.engine.work = work_through;
    ask(&a, 1, &(jup_record_options_t){0});
    ck_assert_int_eq(a.done, 4000);
    ck_assert_int_eq(a.asking.totals.tokens, 2 * 4000);
    jup_asking_reset(&a.asking);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* ---- going on from a journal -------------------------------------------------------------------
 */

typedef struct resumed {
    asked_t asked;
    jup_keep_t keep;
    int32_t answered[QUESTIONS];
    int32_t stop_after; /* replies; 0: none */
} resumed_t;

static void take_whole_reply(void *self, jup_reply_t *reply)
{
    resumed_t *r = self;
    check_reply(&r->asked, reply);
    r->answered[reply->question]++;
    r->asked.done++;
    jup_keep_result(&r->keep, reply->question, -1, "a line");
    r->asked.asking.unwanted = r->stop_after > 0 && r->asked.done >= r->stop_after;
}

static void work_and_keep(jup_engine_t *engine, void *self)
{
    resumed_t *r = self;
    asked_t *a = &r->asked;
    jup_asking_init(&a->asking, &a->options, &a->source, engine, NULL);
    a->asking.done = take_whole_reply;
    a->asking.done_self = r;
    a->status = jup_asking_run(&a->asking, &a->err);
}

/* One life: some more replies, on so many ranks. A killed one leaves half a record behind. */
static void live_on(resumed_t *r, const tiny_model_t *model, int life, bool outlines, float penalty)
{
    static const char torn[] = "tokens 3 0 5 17 4";
    asked_t *a = &r->asked;
    prepare(a, model, outlines);
    a->engine.options.stage.sampling.repeat_penalty = penalty;
    a->engine.options.stage.sampling.repeat_last = 20;
    a->engine.work = work_and_keep;
    a->engine.self = r;
    a->options.parallel = 1 + (life * 3) % 5;
    a->options.keep = &r->keep;
    memset(&r->keep, 0, sizeof r->keep);
    ck_assert_int_eq(
        jup_keep_prepare(&r->keep, "j", life > 0, QUESTIONS, model->config.vocab, NULL, &a->err),
        JUP_OK);
    ck_assert_int_eq(jup_keep_open(&r->keep, &a->err), JUP_OK);
    ask(a, 1 + life % 3, &(jup_record_options_t){.seed = (uint64_t)life});
    ck_assert_int_eq(a->status, JUP_OK);
    ck_assert_int_eq(jup_keep_close(&r->keep, &a->err), JUP_OK);
    FILE *file = fopen("j", "a");
    fwrite(torn, 1, (size_t)life % sizeof torn, file);
    fclose(file);
}

/* Over many lives each question is answered once, and as if there had been one. */
START_TEST(a_journal_goes_on_to_the_same_answers)
{
    char folder[] = "/tmp/jupiter-asking-XXXXXX";
    tiny_model_t model;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    tiny_model_init(&model, 4, 3);
    for (int how = 0; how < 4; how++) {
        resumed_t r = {.stop_after = 1};
        int32_t done = 0;
        int64_t known = 0;
        for (int life = 0; done < QUESTIONS; life++) {
            ck_assert_int_lt(life, 20);
            live_on(&r, &model, life, how & 1, how & 2 ? 1.4f : 1);
            known += r.asked.asking.totals.known;
            done = jup_asking_answered(&r.asked.asking);
            jup_asking_reset(&r.asked.asking);
        }
        for (int32_t q = 0; q < QUESTIONS; q++)
            ck_assert_int_eq(r.answered[q], 1);
        ck_assert_int_gt(known, 0);
        ck_assert_int_eq(unlink("j"), 0);
    }
    tiny_model_reset(&model);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("asking");
    unit_add(s, every_branch_is_its_prompt_decoded_alone, 300);
    unit_add(s, one_question_is_kept, 120);
    unit_add(s, one_that_cannot_be_asked_does_not_stop_the_others, 120);
    unit_add(s, an_interruption_keeps_what_came, 120);
    unit_add(s, answers_end_where_there_is_no_room, 60);
    unit_add(s, a_journal_goes_on_to_the_same_answers, 300);
    unit_add(s, memory_is_flat_over_thousands_of_questions, 300);
    return s;
}

UNIT_MAIN(suite)
