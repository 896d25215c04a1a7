#include "ask/texts.h"

#include "ask/router.h"
#include "base/mem.h"
#include "io/text_file.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const jup_texts_t *t, int32_t question)
{
    return t->questions->list[question].text;
}

static bool wants_outline(void *self, int32_t question, const char **why)
{
    const jup_texts_t *t = self;
    *why = "asked for";
    if (t->mode != JUP_OUTLINE_AUTO)
        return t->mode == JUP_OUTLINE_ON;
    return jup_router_wants_outline(text_of(t, question), why);
}

static jup_status_t encode(const jup_texts_t *t, int32_t question, const char *form,
                           jup_tokens_t *tokens, jup_error_t *err)
{
    size_t bytes = strlen(text_of(t, question));
    if (t->context && bytes > jup_text_most_bytes(t->context))
        return jup_fail(err, JUP_EINPUT,
                        "the question has %zu bytes, more than the context of %d tokens can hold",
                        bytes, t->context);
    jup_filled_t asked = {0};
    jup_prompts_fill(t->prompts, form, text_of(t, question), 0, NULL, &asked);
    jup_status_t status = jup_prompts_encode(t->prompts, t->tokenizer, &asked, tokens, err);
    jup_filled_reset(&asked);
    return status;
}

static jup_status_t plain(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    const jup_texts_t *t = self;
    prompt->generate = t->generate;
    prompt->picking = t->picking;
    if (!t->raw)
        return encode(t, question, t->prompts->plain, &prompt->tokens, err);
    jup_prompt_add(prompt, t->raw->ids, t->raw->count);
    return JUP_OK;
}

static jup_status_t outline(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    const jup_texts_t *t = self;
    prompt->generate = JUP_OUTLINE_TOKENS;
    prompt->picking = t->picking;
    prompt->list = true;
    prompt->child_tokens = t->generate + JUP_HEADING_TOKENS;
    return encode(t, question, t->prompts->outline, &prompt->tokens, err);
}

static bool ends_a_line(const jup_answer_t *answer)
{
    return answer->length > 0 && answer->text[answer->length - 1] == '\n';
}

/* The list may begin in the prompt: "1.". What a stop string could still cut is no whole line. */
static bool read_outline(void *self, int32_t question, const jup_answer_t *trunk, bool whole,
                         jup_outline_t *o, const char **why_not)
{
    const jup_texts_t *t = self;
    const char *begins = t->prompts->outline_begins;
    size_t n = strlen(begins);
    (void)question;
    if (!whole && (trunk->settled < trunk->length || !ends_a_line(trunk)))
        return false;
    char *text = jup_new(n + trunk->length + 1, 1);
    memcpy(text, begins, n);
    memcpy(text + n, trunk->text, trunk->length);
    bool usable =
        (whole ? jup_outline_parse : jup_outline_begun)(o, text, n + trunk->length, t->max_points);
    if (!usable)
        *why_not = jup_outline_problem(o, text, n + trunk->length);
    jup_free(text);
    return usable;
}

/* The trunk's tokens without an end of text. */
static void add_trunk(const jup_texts_t *t, const jup_prompt_t *trunk, const jup_answer_t *answer,
                      jup_prompt_t *prompt)
{
    size_t n = (size_t)answer->n_tokens;
    if (n > 0 && jup_tokenizer_is_eog(t->tokenizer, answer->tokens[n - 1]))
        n--;
    jup_prompt_add(prompt, trunk->tokens.ids, trunk->tokens.count);
    jup_prompt_add(prompt, answer->tokens, n);
}

static jup_status_t point(void *self, int32_t question, const jup_prompt_t *trunk,
                          const jup_answer_t *answer, const jup_outline_t *o, int32_t i,
                          jup_prompt_t *prompt, jup_error_t *err)
{
    const jup_texts_t *t = self;
    const jup_outline_point_t *p = &o->points[i];
    prompt->generate = t->generate;
    prompt->picking = t->picking;
    prompt->next_number = p->number + 1;
    add_trunk(t, trunk, answer, prompt);
    jup_filled_t heading = {0};
    if (!t->prompts->special && !ends_a_line(answer))
        jup_fill(&heading, "\n", &(jup_values_t){0});
    jup_prompts_fill(t->prompts, t->prompts->point, text_of(t, question), p->number, p->title,
                     &heading);
    jup_status_t status =
        jup_prompts_encode_further(t->prompts, t->tokenizer, &heading, &prompt->tokens, err);
    jup_filled_reset(&heading);
    return status;
}

jup_source_t jup_texts_source(jup_texts_t *texts)
{
    return (jup_source_t){
        .self = texts,
        .questions = texts->questions->n,
        .wants_outline = wants_outline,
        .plain = plain,
        .outline = outline,
        .read_outline = read_outline,
        .point = point,
    };
}

void jup_texts_form(const jup_texts_t *texts, jup_form_t *form)
{
    memset(form, 0, sizeof *form);
    for (int32_t k = 1; k <= JUP_FORM_NUMBERS && form->n == k - 1; k++) {
        char text[16];
        jup_tokens_t mark = {0};
        jup_filled_t filled = {0};
        jup_error_t err;
        snprintf(text, sizeof text, "\n%d.", k);
        jup_prompts_fill(texts->prompts, text, NULL, 0, NULL, &filled);
        jup_status_t status =
            jup_prompts_encode_further(texts->prompts, texts->tokenizer, &filled, &mark, &err);
        jup_filled_reset(&filled);
        if (status == JUP_OK && mark.count <= JUP_FORM_MARK) {
            memcpy(form->mark[k], mark.ids, mark.count * sizeof *mark.ids);
            form->length[k] = (int32_t)mark.count;
            form->n = k;
        }
        jup_tokens_reset(&mark);
    }
}

static jup_status_t first_prompt(jup_texts_t *t, int32_t question, jup_prompt_t *prompt,
                                 jup_error_t *err)
{
    const char *why;
    return wants_outline(t, question, &why) ? outline(t, question, prompt, err)
                                            : plain(t, question, prompt, err);
}

jup_status_t jup_texts_longest(jup_texts_t *texts, int32_t fits, int32_t *longest, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    *longest = 0;
    for (int32_t i = 0; i < texts->questions->n && status == JUP_OK; i++) {
        jup_prompt_t prompt = {0};
        status = first_prompt(texts, i, &prompt, err);
        int32_t n = (int32_t)prompt.tokens.count;
        if (status != JUP_OK && texts->questions->n > 1) { /* it will be told in its place */
            status = JUP_OK;
            n = INT32_MAX;
        }
        if (n <= fits && n > *longest)
            *longest = n;
        jup_prompt_reset(&prompt);
    }
    return status;
}
