#include "ask/asking.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"

#include <string.h>

/* ---- branches -------------------------------------------------------------------------------- */

/* The model goes on behind these tokens (n), which are not its own any more. */
static jup_status_t submit(jup_asking_t *a, const jup_reply_t *reply, jup_branch_t *branch,
                           const int32_t *tokens, int32_t n, int32_t generate, int32_t parent,
                           jup_error_t *err)
{
    const jup_sequence_spec_t spec = {
        .request = reply->question,
        .branch = branch->number,
        .prompt = tokens,
        .n_prompt = n,
        .generate = generate,
        .parent = parent,
        .list = branch->prompt.list,
        .hold = branch->prompt.child_tokens > 0,
        .child_tokens = branch->prompt.child_tokens,
        .picking = branch->prompt.picking,
        .spare = branch->prompt.spare,
        .plain = branch->prompt.unguessed,
    };
    return jup_scheduler_submit(&a->engine->scheduler, &spec, &branch->handle, err);
}

/* The prompt, and what an earlier run has found out of the answer, as a longer prompt. */
static jup_status_t go_on(jup_asking_t *a, const jup_reply_t *reply, jup_branch_t *branch,
                          int32_t generate, int32_t parent, jup_error_t *err)
{
    const jup_tokens_t *prompt = &branch->prompt.tokens;
    const jup_answer_t *answer = &branch->answer;
    int32_t n = (int32_t)prompt->count + answer->n_tokens;
    if (answer->n_tokens == 0)
        return submit(a, reply, branch, prompt->ids, n, generate, parent, err);
    int32_t *all = jup_new((size_t)n, sizeof *all);
    memcpy(all, prompt->ids, prompt->count * sizeof *all);
    memcpy(all + prompt->count, answer->tokens, (size_t)answer->n_tokens * sizeof *all);
    jup_status_t status = submit(a, reply, branch, all, n, generate, parent, err);
    jup_free(all);
    return status;
}

static void end_branch(jup_branch_t *branch)
{
    branch->ended = true;
    branch->end_s = jup_clock_now_s();
    jup_answer_finish(&branch->answer);
}

/* Prompts of the points that have none yet: they go on where the outline is now. */
static jup_status_t prepare_points(jup_asking_t *a, jup_reply_t *reply, jup_error_t *err)
{
    for (int32_t i = 0; i < reply->outline.n; i++) {
        jup_prompt_t *prompt = &reply->points[i].prompt;
        if (prompt->tokens.count > 0)
            continue;
        jup_status_t status =
            a->source.point(a->source.self, reply->question, &reply->trunk.prompt,
                            &reply->trunk.answer, &reply->outline, i, prompt, err);
        if (status != JUP_OK) {
            jup_prompt_reset(prompt);
            return status;
        }
    }
    return JUP_OK;
}

/* A token of the outline came: points whose lines are there need not wait for the others. */
static void notice_points(jup_asking_t *a, jup_reply_t *reply)
{
    jup_outline_t outline;
    jup_error_t err;
    const char *why_not;
    if (!a->options.early_points ||
        !a->source.read_outline(a->source.self, reply->question, &reply->trunk.answer, false,
                                &outline, &why_not))
        return;
    jup_reply_branch_out(reply, &outline);
    prepare_points(a, reply, &err); /* what fails is tried again, and told, at its end */
}

static bool hear_token(jup_asking_t *a, jup_reply_t *reply, jup_branch_t *branch, int32_t token)
{
    bool goes_on = jup_answer_token(&branch->answer, token);
    if (branch == &reply->trunk && goes_on)
        notice_points(a, reply);
    return goes_on;
}

/* Takes in what an earlier run has found out; whether the answer ends with it. */
static bool replay(jup_asking_t *a, jup_reply_t *reply, jup_branch_t *branch, int32_t generate)
{
    int32_t n;
    bool goes_on = true;
    const int32_t *ids =
        jup_keep_known(a->options.keep, reply->question, jup_keep_branch(reply, branch), &n);
    for (int32_t i = 0; i < n && goes_on && i < generate; i++)
        goes_on = hear_token(a, reply, branch, ids[i]);
    branch->known = branch->kept = branch->answer.n_tokens;
    if (branch->known > 0)
        branch->first_s = branch->begin_s;
    return branch->known > 0 && (!goes_on || branch->known == generate);
}

static jup_status_t begin_branch(jup_asking_t *a, jup_reply_t *reply, jup_branch_t *branch,
                                 int32_t parent, jup_error_t *err)
{
    const jup_asking_options_t *o = &a->options;
    const jup_prompt_t *prompt = &branch->prompt;
    int32_t n = (int32_t)prompt->tokens.count;
    if (n > o->context)
        return jup_fail(err, JUP_EINPUT,
                        "the prompt of %d tokens leaves no room in the context of %d", n,
                        o->context);
    int32_t room = o->context - n;
    const jup_answer_rules_t *rules =
        a->source.rules ? a->source.rules(a->source.self, reply->question) : &o->rules;
    jup_answer_init(&branch->answer, rules, o->at_start);
    if (prompt->next_number > 0)
        jup_answer_end_before(&branch->answer, prompt->next_number);
    branch->answer.end = room < prompt->generate ? JUP_END_CONTEXT : JUP_END_LENGTH;
    branch->begun = true;
    branch->begin_s = jup_clock_now_s();
    int32_t generate = (int32_t)jup_min_i64(prompt->generate, room);
    bool over = replay(a, reply, branch, generate);
    if (over && prompt->child_tokens == 0) {
        end_branch(branch);
        return JUP_OK;
    }
    /* a trunk that is over goes into the cache, for its points to share */
    return go_on(a, reply, branch, over ? 0 : generate - branch->known, parent, err);
}

/* ---- a question's course --------------------------------------------------------------------- */

static jup_status_t begin_plain(jup_asking_t *a, jup_reply_t *reply, jup_error_t *err)
{
    JUP_TRY(a->source.plain(a->source.self, reply->question, &reply->plain.prompt, err));
    return begin_branch(a, reply, &reply->plain, reply->trunk.handle, err);
}

static jup_status_t begin_outline(jup_asking_t *a, jup_reply_t *reply, jup_error_t *err)
{
    JUP_TRY(a->source.outline(a->source.self, reply->question, &reply->trunk.prompt, err));
    return begin_branch(a, reply, &reply->trunk, -1, err);
}

/* Those that have a prompt and have not begun. */
static jup_status_t begin_points(jup_asking_t *a, jup_reply_t *reply, jup_error_t *err)
{
    for (int32_t i = 0; reply->points && i < reply->outline.n; i++) {
        jup_branch_t *branch = &reply->points[i];
        if (!branch->begun && branch->prompt.tokens.count > 0)
            JUP_TRY(begin_branch(a, reply, branch, reply->trunk.handle, err));
    }
    return JUP_OK;
}

/* The outline is there: its points, or a plain answer after all. */
static jup_status_t use_outline(jup_asking_t *a, jup_reply_t *reply, jup_error_t *err)
{
    jup_outline_t outline;
    if (a->source.read_outline(a->source.self, reply->question, &reply->trunk.answer, true,
                               &outline, &reply->reason)) {
        jup_reply_branch_out(reply, &outline);
        JUP_TRY(prepare_points(a, reply, err));
        return begin_points(a, reply, err);
    }
    if (!a->options.quiet && a->source.questions == 1)
        jup_info("%s: answering plainly", reply->reason);
    return begin_plain(a, reply, err);
}

static void add_up(jup_asking_totals_t *t, const jup_reply_t *reply)
{
    t->replies++;
    t->failed += reply->problem != NULL;
    t->cut += reply->cut;
    t->tokens += jup_reply_tokens(reply);
    t->known += jup_reply_known(reply);
    t->outlines += reply->has_outline;
    t->points += reply->has_outline ? reply->outline.n : 0;
    t->fallbacks += reply->wants_outline && !reply->has_outline;
    t->end_s = reply->end_s > t->end_s ? reply->end_s : t->end_s;
}

/* A spare sequence that came to its end is the scheduler's from then on. */
static bool is_let_go(const jup_branch_t *branch)
{
    return branch->prompt.spare && branch->ended && branch->answer.end != JUP_END_INTERRUPTED;
}

static void release_branches(jup_asking_t *a, jup_reply_t *reply)
{
    jup_scheduler_t *s = &a->engine->scheduler;
    for (int32_t i = 0; reply->points && i < reply->outline.n; i++)
        jup_scheduler_release(s, reply->points[i].handle);
    if (!is_let_go(&reply->plain))
        jup_scheduler_release(s, reply->plain.handle);
    jup_scheduler_release(s, reply->trunk.handle);
}

/* The reply is over, and its place is free. */
static void finish_reply(jup_asking_t *a, jup_reply_t *reply)
{
    reply->done = true;
    reply->end_s = jup_clock_now_s();
    reply->text = jup_reply_join(reply);
    release_branches(a, reply);
    add_up(&a->totals, reply);
    jup_keep_reply(a->options.keep, reply);
    jup_keep_forget(a->options.keep, reply->question);
    if (a->done && !(a->options.keep && reply->cut))
        a->done(a->done_self, reply);
    for (int32_t i = 0; i < a->options.parallel; i++)
        if (a->open[i] == reply)
            a->open[i] = NULL;
    a->n_open--;
    if (a->source.questions == 1) {
        a->only = reply;
        return;
    }
    jup_reply_reset(reply);
    jup_free(reply);
}

static void fail_reply(jup_asking_t *a, jup_reply_t *reply, const jup_error_t *err)
{
    if (a->totals.failed == 0)
        a->err = *err;
    reply->problem = jup_strdup(err->text);
    reply->reason = "failed";
    finish_reply(a, reply);
}

/* All of it was known before, or its last branch has ended. */
static void finish_if_over(jup_asking_t *a, jup_reply_t *reply)
{
    if (reply->has_outline ? jup_reply_outline_ended(reply) : reply->plain.ended)
        finish_reply(a, reply);
}

static void finish_or_go_on(jup_asking_t *a, jup_reply_t *reply, jup_status_t status,
                            const jup_error_t *err)
{
    if (status == JUP_OK)
        finish_if_over(a, reply);
    else
        fail_reply(a, reply, err);
}

static void begin_reply(jup_asking_t *a, int32_t question)
{
    jup_error_t err;
    jup_reply_t *reply = jup_new(1, sizeof *reply);
    jup_reply_init(reply, question);
    for (int32_t i = 0; i < a->options.parallel; i++)
        if (!a->open[i]) {
            a->open[i] = reply;
            break;
        }
    a->n_open++;
    reply->begin_s = jup_clock_now_s();
    reply->wants_outline = a->source.wants_outline(a->source.self, reply->question, &reply->reason);
    jup_status_t status =
        reply->wants_outline ? begin_outline(a, reply, &err) : begin_plain(a, reply, &err);
    finish_or_go_on(a, reply, status, &err);
}

static bool next_question(jup_asking_t *a, int32_t *question)
{
    if (a->source.next)
        return a->source.next(a->source.self, question);
    while (a->next < a->source.questions && jup_keep_is_finished(a->options.keep, a->next)) {
        a->next++;
        a->totals.finished++;
    }
    *question = a->next;
    a->next += a->next < a->source.questions;
    return *question < a->source.questions;
}

static void begin_more(jup_asking_t *a)
{
    int32_t question;
    while (a->n_open < a->options.parallel && next_question(a, &question))
        begin_reply(a, question);
}

/* ---- what the engine says -------------------------------------------------------------------- */

static jup_branch_t *find(jup_asking_t *a, int32_t handle, jup_reply_t **reply)
{
    for (int32_t i = 0; i < a->options.parallel; i++) {
        jup_branch_t *branch = a->open[i] ? jup_reply_branch_of(a->open[i], handle) : NULL;
        if (branch) {
            *reply = a->open[i];
            return branch;
        }
    }
    return NULL;
}

static bool take_token(void *self, int32_t handle, int32_t token, int32_t accepted_by)
{
    jup_asking_t *a = self;
    jup_reply_t *reply;
    jup_branch_t *branch = find(a, handle, &reply);
    double now_s = jup_clock_now_s();
    if (!branch)
        return false;
    if (branch->answer.n_tokens == 0) {
        branch->first_s = now_s;
        branch->reused = jup_scheduler_reused(&a->engine->scheduler, handle);
    }
    jup_recorder_token(a->engine->stage.recorder,
                       &(jup_token_record_t){.time_s = now_s,
                                             .request = reply->question,
                                             .branch = branch->number,
                                             .position = (int32_t)branch->prompt.tokens.count +
                                                         branch->answer.n_tokens,
                                             .id = token,
                                             .accepted_by = accepted_by});
    bool goes_on = hear_token(a, reply, branch, token);
    jup_error_t err;
    if (branch == &reply->trunk && goes_on && begin_points(a, reply, &err) != JUP_OK) {
        fail_reply(a, reply, &err);
        begin_more(a);
        return false;
    }
    return goes_on;
}

static void take_likely(void *self, int32_t handle, const jup_likely_t *likely)
{
    jup_reply_t *reply;
    jup_branch_t *branch = find(self, handle, &reply);
    if (branch)
        jup_answer_likely(&branch->answer, likely);
}

static void take_end(void *self, int32_t handle)
{
    jup_asking_t *a = self;
    jup_reply_t *reply;
    jup_error_t err;
    jup_branch_t *branch = find(a, handle, &reply);
    if (!branch)
        return;
    end_branch(branch);
    if (branch == &reply->trunk)
        finish_or_go_on(a, reply, use_outline(a, reply, &err), &err);
    else
        finish_if_over(a, reply);
    begin_more(a);
}

jup_scheduler_sink_t jup_asking_sink(jup_asking_t *asking)
{
    return (jup_scheduler_sink_t){
        .self = asking, .token = take_token, .likely = take_likely, .ended = take_end};
}

/* ---- between steps --------------------------------------------------------------------------- */

static bool any_token(const jup_reply_t *reply)
{
    return reply->trunk.answer.n_tokens > 0 || reply->plain.answer.n_tokens > 0;
}

/* How far the only question's prompt has gone in, or how many replies are done. */
static void show_progress(jup_asking_t *a)
{
    const jup_reply_t *reply = a->open[0];
    if (a->source.next)
        return;
    if (a->source.questions > 1) {
        jup_progress_show(&a->progress, "questions", a->totals.finished + a->totals.replies,
                          a->source.questions);
        return;
    }
    if (!reply || any_token(reply)) {
        jup_progress_clear(&a->progress);
        return;
    }
    const jup_branch_t *first = reply->trunk.begun ? &reply->trunk : &reply->plain;
    jup_progress_show(&a->progress, "prefill",
                      jup_scheduler_cached(&a->engine->scheduler, first->handle),
                      (int64_t)first->prompt.tokens.count);
}

static bool after_step(void *self)
{
    jup_asking_t *a = self;
    jup_reply_t *reply = a->only ? a->only : a->open[0];
    show_progress(a);
    if (a->options.shows && reply && !reply->done) {
        jup_reply_show(reply, a->show);
        jup_show_flush(a->show, false);
    }
    if (a->between)
        a->between(a->done_self, a);
    if (a->source.next)
        begin_more(a);
    bool kept = jup_keep_write(a->options.keep, a->open, a->options.parallel);
    a->interrupted = (jup_interrupted() && !a->goes_on) || a->unwanted || !kept ||
                     (a->options.shows && a->show->gone);
    return !a->interrupted;
}

/* ---- all of them ----------------------------------------------------------------------------- */

void jup_asking_init(jup_asking_t *asking, const jup_asking_options_t *options,
                     const jup_source_t *source, jup_engine_t *engine, jup_show_t *show)
{
    memset(asking, 0, sizeof *asking);
    asking->options = *options;
    asking->source = *source;
    asking->engine = engine;
    asking->show = show;
    asking->open = jup_new((size_t)options->parallel, sizeof *asking->open);
    engine->user.self = asking;
    engine->user.after_step = after_step;
}

static void free_reply(jup_reply_t *reply)
{
    if (!reply)
        return;
    jup_reply_reset(reply);
    jup_free(reply);
}

void jup_asking_reset(jup_asking_t *asking)
{
    for (int32_t i = 0; asking->open && i < asking->options.parallel; i++)
        free_reply(asking->open[i]);
    free_reply(asking->only);
    jup_free(asking->open);
    memset(asking, 0, sizeof *asking);
}

static void show_end(jup_asking_t *a)
{
    jup_progress_clear(&a->progress);
    if (!a->options.shows || !a->only)
        return;
    jup_reply_show(a->only, a->show);
    jup_show_flush(a->show, true);
}

void jup_asking_cut(jup_asking_t *a)
{
    for (int32_t i = 0; i < a->options.parallel; i++) {
        if (!a->open[i])
            continue;
        jup_reply_cut(a->open[i], JUP_END_INTERRUPTED, jup_clock_now_s());
        finish_reply(a, a->open[i]);
    }
    if (a->only && any_token(a->only))
        show_end(a);
}

int32_t jup_asking_answered(const jup_asking_t *asking)
{
    const jup_asking_totals_t *t = &asking->totals;
    return t->finished + t->replies - t->cut;
}

void jup_asking_cancel(jup_asking_t *asking, jup_reply_t *reply)
{
    jup_reply_cut(reply, JUP_END_INTERRUPTED, jup_clock_now_s());
    finish_reply(asking, reply);
}

jup_status_t jup_asking_run(jup_asking_t *asking, jup_error_t *err)
{
    asking->totals.begin_s = asking->totals.end_s = jup_clock_now_s();
    begin_more(asking);
    if (!jup_engine_run(asking->engine))
        jup_asking_cut(asking);
    else
        show_end(asking);
    if (asking->totals.failed == 0)
        return JUP_OK;
    *err = asking->err;
    return err->code;
}
