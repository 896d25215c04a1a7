#include "serve/clerk.h"

#include "ask/logprobs.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"

#include <string.h>

static void lock(jup_clerk_t *clerk)
{
    pthread_mutex_lock(&clerk->desk->lock);
}

static void unlock(jup_clerk_t *clerk)
{
    pthread_mutex_unlock(&clerk->desk->lock);
}

static jup_order_t *order_of(jup_clerk_t *clerk, int32_t question, jup_choice_t **choice)
{
    lock(clerk);
    jup_order_t *order = jup_desk_find(clerk->desk, question, choice);
    unlock(clerk);
    return order;
}

/* ---- the source ------------------------------------------------------------------------------ */

/* Further choices wait for the first one's prompt, which they share. */
static jup_choice_t *next_choice(jup_order_t *order)
{
    for (int32_t i = 0; i < order->wish.choices; i++) {
        jup_choice_t *choice = &order->choices[i];
        if (choice->question < 0 && !choice->done && (i == 0 || order->choices[0].came))
            return choice;
    }
    return NULL;
}

static bool next(void *self, int32_t *question)
{
    jup_clerk_t *clerk = self;
    jup_desk_t *desk = clerk->desk;
    jup_choice_t *choice = NULL;
    lock(clerk);
    for (jup_order_t *order = desk->first; order && !choice; order = order->next)
        if (!order->cancelled && (choice = next_choice(order)))
            desk->waiting -= choice == order->choices;
    if (choice) {
        *question = choice->question = desk->next_question;
        desk->next_question = desk->next_question == INT32_MAX ? 0 : desk->next_question + 1;
        desk->running++;
    }
    unlock(clerk);
    return choice != NULL;
}

static const jup_answer_rules_t *rules(void *self, int32_t question)
{
    jup_choice_t *choice;
    return &order_of(self, question, &choice)->rules;
}

/* Each order has the source of one question, which a run would have. */
static bool wants_outline(void *self, int32_t question, const char **why)
{
    jup_choice_t *choice;
    jup_order_t *order = order_of(self, question, &choice);
    return order->source.wants_outline(order->source.self, 0, why);
}

static jup_status_t plain(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    jup_choice_t *choice;
    jup_order_t *order = order_of(self, question, &choice);
    JUP_TRY(order->source.plain(order->source.self, 0, prompt, err));
    prompt->picking = &choice->picking;
    prompt->spare = true;
    prompt->unguessed = order->wish.unguessed;
    return JUP_OK;
}

static jup_status_t outline(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    jup_choice_t *choice;
    jup_order_t *order = order_of(self, question, &choice);
    JUP_TRY(order->source.outline(order->source.self, 0, prompt, err));
    prompt->unguessed = order->wish.unguessed;
    return JUP_OK;
}

static bool read_outline(void *self, int32_t question, const jup_answer_t *trunk, bool whole,
                         jup_outline_t *o, const char **why_not)
{
    jup_choice_t *choice;
    jup_order_t *order = order_of(self, question, &choice);
    return order->source.read_outline(order->source.self, 0, trunk, whole, o, why_not);
}

static jup_status_t point(void *self, int32_t question, const jup_prompt_t *trunk,
                          const jup_answer_t *answer, const jup_outline_t *o, int32_t i,
                          jup_prompt_t *prompt, jup_error_t *err)
{
    jup_choice_t *choice;
    jup_order_t *order = order_of(self, question, &choice);
    JUP_TRY(order->source.point(order->source.self, 0, trunk, answer, o, i, prompt, err));
    prompt->unguessed = order->wish.unguessed;
    return JUP_OK;
}

jup_source_t jup_clerk_source(jup_clerk_t *clerk)
{
    return (jup_source_t){
        .self = clerk,
        .next = next,
        .rules = rules,
        .wants_outline = wants_outline,
        .plain = plain,
        .outline = outline,
        .read_outline = read_outline,
        .point = point,
    };
}

/* ---- news ------------------------------------------------------------------------------------ */

/* Bytes at the beginning that end with a whole character (what is withheld may begin in one). */
static size_t whole_characters(const char *text, size_t n)
{
    size_t back = 1;
    while (back <= n && back < 4 && ((unsigned char)text[n - back] & 0xC0) == 0x80)
        back++;
    if (back > n)
        return n;
    unsigned char lead = (unsigned char)text[n - back];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return wanted > back ? n - back : n;
}

/* What came of the points, side by side: titles first, then text. NULL: nothing. */
static json_t *news_of_points(jup_choice_t *choice, const jup_reply_t *reply)
{
    json_t *points = json_array();
    for (int32_t i = 0; reply->has_outline && reply->points && i < reply->outline.n; i++) {
        const jup_answer_t *answer = &reply->points[i].answer;
        const jup_outline_point_t *p = &reply->outline.points[i];
        size_t from = choice->shown[i];
        size_t n = reply->points[i].begun && answer->settled > from
                       ? whole_characters(answer->text + from, answer->settled - from)
                       : 0;
        if (n == 0 && i < choice->n_shown)
            continue;
        json_t *one = json_pack("{s:i, s:s, s:o}", "number", i + 1, "title", p->title, "text",
                                json_stringn_nocheck(n ? answer->text + from : "", n));
        json_array_append_new(points, one);
        choice->shown[i] = from + n;
        choice->n_shown = i < choice->n_shown ? choice->n_shown : i + 1;
    }
    if (json_array_size(points) > 0)
        return json_pack("{s:o}", "points", points);
    json_decref(points);
    return NULL;
}

static json_t *news_of_logprobs(jup_choice_t *choice, const jup_reply_t *reply)
{
    const jup_answer_t *answer = &reply->plain.answer;
    int from = choice->told;
    if (!choice->picking.told || !reply->plain.begun)
        return NULL;
    choice->told = answer->n_tokens;
    return jup_logprobs_json(answer, from, answer->n_tokens);
}

static void deliver_news(jup_clerk_t *clerk, jup_order_t *order, jup_choice_t *choice,
                         jup_reply_t *reply, const char *finish)
{
    jup_show_t *show = &choice->show;
    int before = choice->told;
    jup_reply_show(reply, show);
    jup_news_t news = {.text = show->pending,
                       .bytes = finish ? show->bytes : whole_characters(show->pending, show->bytes),
                       .points = news_of_points(choice, reply),
                       .finish = finish};
    bool told =
        choice->picking.told && reply->plain.begun && (reply->plain.answer.n_tokens > before);
    if (news.bytes == 0 && !news.points && !finish && !told)
        return;
    news.logprobs = news_of_logprobs(choice, reply);
    char *text = jup_speak_news(&clerk->who, order, (int32_t)(choice - order->choices), &news);
    choice->greeted = true;
    if (news.bytes)
        memmove(show->pending, show->pending + news.bytes, show->bytes - news.bytes);
    show->bytes -= news.bytes;
    jup_desk_deliver(clerk->desk, order, text, strlen(text), false);
    jup_free(text);
}

static void note_first(jup_order_t *order, jup_choice_t *choice, const jup_reply_t *reply)
{
    if (choice->came || reply->trunk.answer.n_tokens + reply->plain.answer.n_tokens == 0)
        return;
    choice->came = true;
    if (choice == order->choices) {
        order->reused = reply->trunk.begun ? reply->trunk.reused : reply->plain.reused;
        order->first_s = jup_clock_now_s();
    }
}

/* Whether the reply is still wanted. */
static bool take_news(jup_clerk_t *clerk, jup_reply_t *reply)
{
    jup_choice_t *choice;
    lock(clerk);
    jup_order_t *order = jup_desk_find(clerk->desk, reply->question, &choice);
    bool wanted = !order->cancelled;
    note_first(order, choice, reply);
    if (wanted && order->wish.stream)
        deliver_news(clerk, order, choice, reply, NULL);
    unlock(clerk);
    return wanted;
}

/* ---- the end of an order --------------------------------------------------------------------- */

static void count_end(jup_desk_t *desk, const jup_order_t *order)
{
    jup_desk_totals_t *t = &desk->totals;
    bool failed = order->problem.status != 0;
    t->cancelled += order->gone;
    t->failed += failed && !order->gone;
    t->prompt_tokens += (int64_t)order->prompt.count;
    t->reused_tokens += order->reused;
    t->answer_tokens += jup_order_tokens(order);
    if (order->gone || failed)
        return;
    t->finished++;
    t->first_token_s += order->first_s - order->begin_s;
    t->answer_s += order->end_s - order->begin_s;
}

/* The client's last bytes. */
static void conclude(jup_clerk_t *clerk, jup_order_t *order)
{
    static const char done[] = "data: [DONE]\n\n";
    char *last = NULL;
    order->end_s = jup_clock_now_s();
    count_end(clerk->desk, order);
    if (order->problem.status)
        last = order->wish.stream ? jup_speak_problem_event(&order->problem)
                                  : jup_speak_problem(&order->problem);
    else if (!order->wish.stream)
        last = jup_speak_whole(&clerk->who, order);
    else if (order->wish.usage)
        last = jup_speak_usage(&clerk->who, order);
    if (last)
        jup_desk_deliver(clerk->desk, order, last, strlen(last), false);
    if (order->wish.stream)
        jup_desk_deliver(clerk->desk, order, done, sizeof done - 1, false);
    jup_free(last);
    jup_desk_finish(clerk->desk, order);
}

/* Orders that are cancelled before, or between, their choices. */
static void sweep(jup_clerk_t *clerk)
{
    jup_order_t *next_order;
    for (jup_order_t *order = clerk->desk->first; order; order = next_order) {
        next_order = order->next;
        for (int32_t i = 0; i < order->wish.choices && order->cancelled; i++)
            if (order->choices[i].question < 0)
                order->choices[i].done = true;
        if (order->cancelled && jup_order_is_done(order))
            conclude(clerk, order);
    }
}

static const char *finish_of(const jup_reply_t *reply)
{
    jup_answer_end_t end = jup_reply_end(reply);
    return end == JUP_END_OF_TEXT || end == JUP_END_STOP ? "stop" : "length";
}

static void keep_result(jup_choice_t *choice, jup_reply_t *reply)
{
    const jup_answer_t *answer = &reply->plain.answer;
    choice->text = jup_strdup(reply->text ? reply->text : "");
    choice->tokens = jup_reply_tokens(reply);
    choice->finish = finish_of(reply);
    if (choice->picking.told && reply->plain.begun)
        choice->logprobs = jup_logprobs_json(answer, 0, answer->n_tokens);
    memset(choice->shown, 0, sizeof choice->shown);
    choice->points = news_of_points(choice, reply);
}

static void take_reply(void *self, jup_reply_t *reply)
{
    jup_clerk_t *clerk = self;
    jup_choice_t *choice;
    lock(clerk);
    jup_order_t *order = jup_desk_find(clerk->desk, reply->question, &choice);
    clerk->desk->running--;
    note_first(order, choice, reply);
    if (reply->problem && !order->problem.status)
        jup_problem(&order->problem, 400, "invalid_value", NULL, "%.600s", reply->problem);
    order->cancelled = order->cancelled || reply->problem;
    choice->done = true;
    if (order->wish.stream && !order->cancelled)
        deliver_news(clerk, order, choice, reply, finish_of(reply));
    keep_result(choice, reply);
    if (jup_order_is_done(order))
        conclude(clerk, order);
    unlock(clerk);
}

/* ---- work ------------------------------------------------------------------------------------ */

static void look_round(jup_clerk_t *clerk)
{
    const double every_s = 0.1;
    double now_s = jup_clock_now_s();
    if (now_s < clerk->looked_s + every_s)
        return;
    clerk->looked_s = now_s;
    lock(clerk);
    clerk->desk->closing = clerk->desk->closing || jup_interrupted();
    jup_desk_look_round(clerk->desk);
    sweep(clerk);
    unlock(clerk);
}

/* Often while there is work, seldom while there is none: that wakes all ranks. */
static void ask_stages(jup_clerk_t *clerk, jup_engine_t *engine, double every_s)
{
    double now_s = jup_clock_now_s();
    bool due = now_s >= clerk->asked_s + every_s;
    if (due) {
        clerk->asked_s = now_s;
        jup_engine_ask_vitals(engine);
    }
    if (jup_engine_take_vitals(engine) || due)
        jup_state_update(clerk->state, clerk->desk, engine);
}

static void between(void *self, jup_asking_t *asking)
{
    const double every_s = 0.25;
    jup_clerk_t *clerk = self;
    look_round(clerk);
    ask_stages(clerk, asking->engine, every_s);
    for (int32_t i = 0; i < asking->options.parallel; i++) {
        jup_reply_t *reply = asking->open[i];
        if (reply && !take_news(clerk, reply))
            jup_asking_cancel(asking, reply);
    }
}

/* What was answered may be on its way to its client yet. */
static bool is_over(jup_clerk_t *clerk)
{
    lock(clerk);
    bool over = clerk->desk->closing && !clerk->desk->first && clerk->desk->unread == 0;
    unlock(clerk);
    return over;
}

void jup_clerk_work(jup_clerk_t *clerk, jup_asking_t *asking)
{
    const double pause_s = 0.1, idle_s = 3;
    jup_error_t err;
    asking->goes_on = true;
    asking->between = between;
    asking->done = take_reply;
    asking->done_self = clerk;
    while (!is_over(clerk)) {
        jup_asking_run(asking, &err);
        look_round(clerk);
        ask_stages(clerk, asking->engine, idle_s);
        jup_desk_wait(clerk->desk, pause_s);
    }
}
