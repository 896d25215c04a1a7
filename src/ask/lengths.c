#include "ask/lengths.h"

#include "base/checked.h"

#include <stdio.h>
#include <string.h>

static const jup_script_request_t *request_of(const jup_script_t *s, int32_t question)
{
    return &s->requests[question];
}

/* Tokens that no other branch shares. */
static void make_up(const jup_script_t *s, int32_t question, int32_t branch, int32_t n,
                    jup_prompt_t *prompt)
{
    int32_t token = (question * JUP_OUTLINE_POINTS + branch) % s->model.vocab;
    for (int32_t i = 0; i < n; i++) {
        token = jup_scripted_next(&s->model, token, -1 - i);
        jup_tokens_add(&prompt->tokens, token);
    }
}

static bool wants_outline(void *self, int32_t question, const char **why)
{
    *why = "asked for";
    return request_of(self, question)->n_points > 0;
}

static jup_status_t plain(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    const jup_script_request_t *r = request_of(self, question);
    (void)err;
    make_up(self, question, 0, r->prompt, prompt);
    prompt->generate = r->answer;
    return JUP_OK;
}

static int32_t longest_point(const jup_script_request_t *r)
{
    int64_t longest = 0;
    for (int32_t p = 0; p < r->n_points; p++)
        longest = jup_max_i64(longest, r->points[p]);
    return (int32_t)longest;
}

/* A list's first mark is in the prompt. */
static jup_status_t outline(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    const jup_script_t *s = self;
    const jup_script_request_t *r = request_of(s, question);
    (void)err;
    make_up(self, question, 0, r->prompt, prompt);
    for (int32_t i = 1; s->model.n_titles && i <= JUP_SCRIPTED_MARK; i++)
        prompt->tokens.ids[r->prompt - i] = jup_scripted_mark(&s->model, 1, JUP_SCRIPTED_MARK - i);
    prompt->generate = r->outline;
    prompt->list = true;
    prompt->child_tokens = r->heading + longest_point(r);
    return JUP_OK;
}

/* A mark's first token ends the line of the title before it. */
static int32_t titles_ended(const jup_scripted_t *model, int32_t tokens)
{
    int32_t end = 0;
    for (int32_t n = 1; n < model->n_titles; n++) {
        end += model->titles[n - 1];
        if (tokens == end + 1)
            return n;
        end += JUP_SCRIPTED_MARK;
    }
    return 0;
}

static bool read_outline(void *self, int32_t question, const jup_answer_t *trunk, bool whole,
                         jup_outline_t *o, const char **why_not)
{
    const jup_script_t *s = self;
    int32_t points = request_of(s, question)->n_points;
    memset(o, 0, sizeof *o);
    (void)why_not;
    o->n = whole ? points : titles_ended(&s->model, trunk->n_tokens);
    if (!whole && o->n < 2)
        return false;
    for (int32_t i = 0; i < o->n; i++) {
        o->points[i].number = i + 1;
        snprintf(o->points[i].title, sizeof o->points[i].title, "point %d", i + 1);
    }
    return true;
}

static jup_status_t point(void *self, int32_t question, const jup_prompt_t *trunk,
                          const jup_answer_t *answer, const jup_outline_t *o, int32_t i,
                          jup_prompt_t *prompt, jup_error_t *err)
{
    const jup_script_request_t *r = request_of(self, question);
    (void)o;
    (void)err;
    jup_prompt_add(prompt, trunk->tokens.ids, trunk->tokens.count);
    jup_prompt_add(prompt, answer->tokens, (size_t)answer->n_tokens);
    make_up(self, question, i + 1, r->heading, prompt);
    prompt->generate = r->points[i];
    return JUP_OK;
}

jup_source_t jup_lengths_source(jup_script_t *script)
{
    return (jup_source_t){
        .self = script,
        .questions = script->n,
        .wants_outline = wants_outline,
        .plain = plain,
        .outline = outline,
        .read_outline = read_outline,
        .point = point,
    };
}

void jup_lengths_most(const jup_script_t *script, int32_t *branches, int64_t *trunk_tokens,
                      int64_t *branch_tokens)
{
    *branches = 1;
    *trunk_tokens = *branch_tokens = 0;
    for (int32_t i = 0; i < script->n; i++) {
        const jup_script_request_t *r = &script->requests[i];
        *branches = (int32_t)jup_max_i64(*branches, r->n_points);
        *trunk_tokens = jup_max_i64(*trunk_tokens, (int64_t)r->prompt + r->answer + r->outline);
        *branch_tokens = jup_max_i64(*branch_tokens, (int64_t)r->heading + longest_point(r));
    }
}
