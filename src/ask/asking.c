#include "ask/asking.h"

#include "ask/router.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <string.h>

/* ---- parts ----------------------------------------------------------------------------------- */

static jup_status_t begin_part(jup_asking_t *a, jup_inquiry_t *q, jup_answer_part_t *part,
                               int32_t parent, int32_t generate, int32_t child_tokens)
{
    const jup_asking_options_t *o = &a->options;
    int32_t n = (int32_t)part->prompt.count;
    if (n >= o->context)
        return jup_fail(&a->err, JUP_EINPUT,
                        "question %s: its prompt of %d tokens leaves no room in the model's "
                        "context of %d",
                        q->question->id, n, o->context);
    jup_answer_init(&part->answer, a->tokenizer, false, NULL, false, o->ignore_eos, o->stops);
    part->begun = true;
    part->begin_s = jup_clock_now_s();
    const jup_sequence_spec_t spec = {
        .request = q->number,
        .branch = part->branch,
        .prompt = part->prompt.ids,
        .n_prompt = n,
        .generate = (int32_t)jup_min_i64(generate, o->context - n),
        .parent = parent,
        .hold = child_tokens > 0,
        .child_tokens = child_tokens,
    };
    return jup_scheduler_submit(&a->engine->scheduler, &spec, &part->handle, &a->err);
}

static void reset_part(jup_answer_part_t *part)
{
    if (part->begun)
        jup_answer_reset(&part->answer);
    jup_tokens_reset(&part->prompt);
    memset(part, 0, sizeof *part);
    part->handle = -1;
}

/* ---- prompts --------------------------------------------------------------------------------- */

static jup_status_t encode_question(jup_asking_t *a, const jup_inquiry_t *q, const char *form,
                                    jup_tokens_t *tokens)
{
    char *text = jup_prompts_fill(a->prompts, form, q->question->text, 0, NULL);
    jup_status_t status = jup_prompts_encode(a->prompts, a->tokenizer, text, tokens, &a->err);
    jup_free(text);
    return status;
}

static void copy_tokens(jup_tokens_t *to, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        jup_tokens_add(to, ids[i]);
}

/* The trunk's tokens without an end of text, then the point's heading. */
static jup_status_t encode_point(jup_asking_t *a, const jup_inquiry_t *q, int32_t point,
                                 jup_tokens_t *tokens)
{
    const jup_answer_t *outline = &q->trunk.answer;
    size_t n = (size_t)outline->n_tokens;
    if (n > 0 && jup_tokenizer_is_eog(a->tokenizer, outline->tokens[n - 1]))
        n--;
    copy_tokens(tokens, q->trunk.prompt.ids, q->trunk.prompt.count);
    copy_tokens(tokens, outline->tokens, n);
    bool line_ends = outline->length > 0 && outline->text[outline->length - 1] == '\n';
    char *heading =
        jup_prompts_fill(a->prompts, a->prompts->point, q->question->text,
                         q->outline.points[point].number, q->outline.points[point].title);
    jup_status_t status = JUP_OK;
    if (!a->prompts->special && !line_ends)
        status = jup_prompts_encode_further(a->prompts, a->tokenizer, "\n", tokens, &a->err);
    if (status == JUP_OK)
        status = jup_prompts_encode_further(a->prompts, a->tokenizer, heading, tokens, &a->err);
    jup_free(heading);
    return status;
}

/* ---- a question's course --------------------------------------------------------------------- */

static jup_status_t begin_plain(jup_asking_t *a, jup_inquiry_t *q)
{
    if (a->raw)
        copy_tokens(&q->plain.prompt, a->raw->ids, a->raw->count);
    else
        JUP_TRY(encode_question(a, q, a->prompts->plain, &q->plain.prompt));
    return begin_part(a, q, &q->plain, q->trunk.handle, a->options.generate, 0);
}

static jup_status_t begin_outline(jup_asking_t *a, jup_inquiry_t *q)
{
    JUP_TRY(encode_question(a, q, a->prompts->outline, &q->trunk.prompt));
    return begin_part(a, q, &q->trunk, -1, JUP_OUTLINE_TOKENS, a->options.generate + 64);
}

static jup_status_t begin_inquiry(jup_asking_t *a, jup_inquiry_t *q)
{
    q->begun = true;
    q->begin_s = jup_clock_now_s();
    a->open++;
    q->reason = "asked for";
    q->wants_outline = a->options.outline != JUP_OUTLINE_OFF;
    if (a->options.outline == JUP_OUTLINE_AUTO)
        q->wants_outline = jup_router_wants_outline(q->question->text, &q->reason);
    return q->wants_outline ? begin_outline(a, q) : begin_plain(a, q);
}

static jup_status_t begin_points(jup_asking_t *a, jup_inquiry_t *q)
{
    q->has_outline = true;
    q->points = jup_new((size_t)q->outline.n, sizeof *q->points);
    for (int32_t i = 0; i < q->outline.n; i++) {
        q->points[i].handle = -1;
        q->points[i].branch = i + 1;
    }
    for (int32_t i = 0; i < q->outline.n; i++) {
        JUP_TRY(encode_point(a, q, i, &q->points[i].prompt));
        JUP_TRY(begin_part(a, q, &q->points[i], q->trunk.handle, a->options.generate, 0));
    }
    return JUP_OK;
}

/* The outline is there: its points, or a plain answer after all. */
static jup_status_t use_outline(jup_asking_t *a, jup_inquiry_t *q)
{
    const char *begins = a->prompts->outline_begins;
    size_t n = strlen(begins), length = q->trunk.answer.length;
    char *text = jup_new(n + length + 1, 1);
    memcpy(text, begins, n);
    memcpy(text + n, q->trunk.answer.text, length);
    bool usable = jup_outline_parse(&q->outline, text, n + length, a->options.max_points);
    if (!usable) {
        q->reason = jup_outline_problem(&q->outline, text, n + length);
        if (!a->options.quiet && a->n == 1)
            jup_info("%s: answering plainly", q->reason);
    }
    jup_free(text);
    return usable ? begin_points(a, q) : begin_plain(a, q);
}

static bool all_points_ended(const jup_inquiry_t *q)
{
    for (int32_t i = 0; i < q->outline.n; i++)
        if (!q->points[i].ended)
            return false;
    return true;
}

/* ---- showing and joining --------------------------------------------------------------------- */

static void show_part(jup_inquiry_t *q, const jup_answer_part_t *part, FILE *out)
{
    if (part->answer.printed > q->shown)
        fwrite(part->answer.text + q->shown, 1, part->answer.printed - q->shown, out);
    q->shown = part->answer.printed;
}

static void show_points(jup_inquiry_t *q, FILE *out)
{
    for (; q->streaming < q->outline.n; q->streaming++) {
        const jup_answer_part_t *part = &q->points[q->streaming];
        if (part->answer.printed == 0 && !part->ended)
            return;
        if (!q->heading_shown)
            fprintf(out, "%d. %s\n", q->streaming + 1, q->outline.points[q->streaming].title);
        q->heading_shown = true;
        show_part(q, part, out);
        if (!part->ended)
            return;
        fputs(q->streaming + 1 < q->outline.n ? "\n\n" : "", out);
        q->shown = 0;
        q->heading_shown = false;
    }
}

/* Shows what is new of the question's answer, in order. */
static void show(jup_asking_t *a, jup_inquiry_t *q)
{
    FILE *out = q->number == 0 ? a->options.stream : NULL;
    if (!out)
        return;
    if (q->has_outline)
        show_points(q, out);
    else if (q->plain.begun)
        show_part(q, &q->plain, out);
    if (q->done)
        fputc('\n', out);
    fflush(out);
}

static char *join(const jup_inquiry_t *q)
{
    if (!q->has_outline)
        return jup_strdup(q->plain.begun ? q->plain.answer.text : "");
    size_t bytes = 1, at = 0;
    for (int32_t i = 0; i < q->outline.n; i++)
        bytes += JUP_OUTLINE_TITLE + 32 + q->points[i].answer.length;
    char *text = jup_new(bytes, 1);
    for (int32_t i = 0; i < q->outline.n; i++)
        at += (size_t)snprintf(text + at, bytes - at, "%s%d. %s\n%s", i ? "\n\n" : "", i + 1,
                               q->outline.points[i].title,
                               q->points[i].begun ? q->points[i].answer.text : "");
    return text;
}

static void finish_inquiry(jup_asking_t *a, jup_inquiry_t *q)
{
    q->done = true;
    q->end_s = jup_clock_now_s();
    q->text = join(q);
    a->open--;
    if (q->trunk.handle >= 0)
        jup_scheduler_release(&a->engine->scheduler, q->trunk.handle);
    show(a, q);
    if (a->done)
        a->done(a->done_self, q);
}

/* ---- what the engine says -------------------------------------------------------------------- */

static jup_answer_part_t *part_of(jup_inquiry_t *q, int32_t handle)
{
    if (q->trunk.handle == handle)
        return &q->trunk;
    if (q->plain.handle == handle)
        return &q->plain;
    for (int32_t i = 0; q->points && i < q->outline.n; i++)
        if (q->points[i].handle == handle)
            return &q->points[i];
    return NULL;
}

static jup_answer_part_t *find(jup_asking_t *a, int32_t handle, jup_inquiry_t **inquiry)
{
    for (int32_t i = 0; i < a->next; i++) {
        jup_inquiry_t *q = &a->inquiries[i];
        jup_answer_part_t *part = q->done ? NULL : part_of(q, handle);
        if (part) {
            *inquiry = q;
            return part;
        }
    }
    return NULL;
}

static bool take_token(void *self, int32_t handle, int32_t token, int32_t accepted_by)
{
    jup_asking_t *a = self;
    jup_inquiry_t *q;
    jup_answer_part_t *part = find(a, handle, &q);
    double now_s = jup_clock_now_s();
    if (!part)
        return false;
    if (part->answer.n_tokens == 0)
        part->first_s = now_s;
    jup_recorder_token(
        a->engine->stage.recorder,
        &(jup_token_record_t){.time_s = now_s,
                              .request = q->number,
                              .branch = part->branch,
                              .position = (int32_t)part->prompt.count + part->answer.n_tokens,
                              .id = token,
                              .accepted_by = accepted_by});
    bool goes_on = jup_answer_token(&part->answer, token);
    show(a, q);
    return goes_on;
}

static void fail(jup_asking_t *a, jup_inquiry_t *q, jup_status_t status)
{
    if (status == JUP_OK)
        return;
    a->status = a->status == JUP_OK ? status : a->status;
    q->reason = "failed";
    if (!q->done)
        finish_inquiry(a, q);
}

static void take_end(void *self, int32_t handle)
{
    jup_asking_t *a = self;
    jup_inquiry_t *q;
    jup_answer_part_t *part = find(a, handle, &q);
    if (!part)
        return;
    part->ended = true;
    part->end_s = jup_clock_now_s();
    jup_answer_finish(&part->answer);
    show(a, q);
    if (part == &q->trunk)
        fail(a, q, use_outline(a, q));
    else if (part == &q->plain || all_points_ended(q))
        finish_inquiry(a, q);
    while (a->status == JUP_OK && a->next < a->n && a->open < a->options.parallel) {
        q = &a->inquiries[a->next++];
        fail(a, q, begin_inquiry(a, q));
    }
}

jup_scheduler_sink_t jup_asking_sink(jup_asking_t *asking)
{
    return (jup_scheduler_sink_t){.self = asking, .token = take_token, .ended = take_end};
}

/* ---- all of them ----------------------------------------------------------------------------- */

void jup_asking_init(jup_asking_t *asking, const jup_asking_options_t *options,
                     jup_engine_t *engine, const jup_tokenizer_t *tokenizer,
                     const jup_prompts_t *prompts, const jup_questions_t *questions,
                     const jup_tokens_t *raw)
{
    memset(asking, 0, sizeof *asking);
    asking->options = *options;
    asking->engine = engine;
    asking->tokenizer = tokenizer;
    asking->prompts = prompts;
    asking->raw = raw;
    asking->n = questions->n;
    asking->inquiries = jup_new((size_t)questions->n, sizeof *asking->inquiries);
    for (int32_t i = 0; i < questions->n; i++) {
        jup_inquiry_t *q = &asking->inquiries[i];
        q->question = &questions->list[i];
        q->number = i;
        q->trunk.handle = q->plain.handle = -1;
    }
}

void jup_asking_reset(jup_asking_t *asking)
{
    for (int32_t i = 0; i < asking->n; i++) {
        jup_inquiry_t *q = &asking->inquiries[i];
        reset_part(&q->trunk);
        reset_part(&q->plain);
        for (int32_t p = 0; q->points && p < q->outline.n; p++)
            reset_part(&q->points[p]);
        jup_free(q->points);
        jup_free(q->text);
    }
    jup_free(asking->inquiries);
    memset(asking, 0, sizeof *asking);
}

jup_status_t jup_asking_run(jup_asking_t *asking, bool *interrupted, jup_error_t *err)
{
    *interrupted = false;
    while (asking->status == JUP_OK && asking->next < asking->n &&
           asking->open < asking->options.parallel) {
        jup_inquiry_t *q = &asking->inquiries[asking->next++];
        fail(asking, q, begin_inquiry(asking, q));
    }
    *interrupted = !jup_engine_run(asking->engine);
    if (asking->status != JUP_OK)
        *err = asking->err;
    return asking->status;
}

int32_t jup_inquiry_tokens(const jup_inquiry_t *inquiry)
{
    int32_t n = (inquiry->trunk.begun ? inquiry->trunk.answer.n_tokens : 0) +
                (inquiry->plain.begun ? inquiry->plain.answer.n_tokens : 0);
    for (int32_t i = 0; inquiry->points && i < inquiry->outline.n; i++)
        n += inquiry->points[i].begun ? inquiry->points[i].answer.n_tokens : 0;
    return n;
}
