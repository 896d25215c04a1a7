#include "serve/compose.h"

#include "base/mem.h"
#include "io/text_file.h"

#include <stdio.h>
#include <string.h>

static bool has_place(const jup_forms_t *forms, const jup_wish_t *wish)
{
    return wish->system && forms->with_system;
}

jup_prompts_t jup_compose_prompts(const jup_forms_t *forms, const jup_wish_t *wish)
{
    jup_prompts_t prompts = has_place(forms, wish) ? *forms->with_system : *forms->plain;
    if (has_place(forms, wish))
        prompts.system = wish->system;
    return prompts;
}

char *jup_compose_question(const jup_forms_t *forms, const jup_wish_t *wish, int32_t turn)
{
    const char *text = wish->turns[turn].text;
    if (turn > 0 || !wish->system || !*wish->system || has_place(forms, wish))
        return jup_strdup(text);
    size_t bytes = strlen(wish->system) + strlen(text) + 3;
    char *both = jup_new(bytes, 1);
    snprintf(both, bytes, "%s\n\n%s", wish->system, text);
    return both;
}

/* A question, and after the first one what stands between turns. */
static jup_status_t add_question(const jup_forms_t *forms, const jup_wish_t *wish, int32_t turn,
                                 jup_tokens_t *tokens, jup_error_t *err)
{
    jup_prompts_t prompts = jup_compose_prompts(forms, wish);
    char *question = jup_compose_question(forms, wish, turn);
    jup_filled_t asked = {0};
    jup_prompts_fill(&prompts, turn ? prompts.further : prompts.plain, question, 0, NULL, &asked);
    jup_status_t status =
        turn ? jup_prompts_encode_further(&prompts, forms->tokenizer, &asked, tokens, err)
             : jup_prompts_encode(&prompts, forms->tokenizer, &asked, tokens, err);
    jup_filled_reset(&asked);
    jup_free(question);
    return status;
}

/* An answer is text, whatever it looks like; the turn's end may be a control token. */
static jup_status_t add_answer(const jup_forms_t *forms, const jup_wish_t *wish, int32_t turn,
                               jup_tokens_t *tokens, jup_error_t *err)
{
    const char *text = wish->turns[turn].text, *ends = forms->plain->turn_ends;
    JUP_TRY(jup_tokenizer_encode(forms->tokenizer, jup_text(text, strlen(text)), JUP_ENCODE_FURTHER,
                                 tokens, err));
    return jup_tokenizer_encode(forms->tokenizer, jup_text(ends, strlen(ends)), JUP_ENCODE_SPECIAL,
                                tokens, err);
}

static jup_status_t add_turns(const jup_forms_t *forms, const jup_wish_t *wish,
                              jup_tokens_t *tokens, jup_error_t *err)
{
    for (int32_t i = 0; i < wish->n_turns; i++)
        JUP_TRY(wish->turns[i].user ? add_question(forms, wish, i, tokens, err)
                                    : add_answer(forms, wish, i, tokens, err));
    return JUP_OK;
}

static bool check_ids(const jup_forms_t *forms, const jup_tokens_t *tokens, jup_problem_t *problem)
{
    int32_t vocab = jup_tokenizer_vocab_size(forms->tokenizer);
    for (size_t i = 0; i < tokens->count; i++)
        if (tokens->ids[i] >= vocab)
            return jup_problem(problem, 400, "invalid_value", "prompt",
                               "prompt has the token %d, ids must be below %d", tokens->ids[i],
                               vocab);
    return true;
}

static size_t bytes_of(const jup_wish_t *wish)
{
    size_t bytes = wish->text ? strlen(wish->text) : 0;
    for (int32_t i = 0; i < wish->n_turns; i++)
        bytes += strlen(wish->turns[i].text);
    return bytes + (wish->system ? strlen(wish->system) : 0);
}

static const char *field_of(const jup_wish_t *wish)
{
    return wish->kind == JUP_WISH_CHAT ? "messages" : "prompt";
}

static jup_status_t encode(const jup_forms_t *forms, const jup_wish_t *wish, jup_tokens_t *tokens,
                           jup_error_t *err)
{
    if (wish->kind == JUP_WISH_CHAT)
        return add_turns(forms, wish, tokens, err);
    if (wish->text)
        return jup_tokenizer_encode(forms->tokenizer, jup_text(wish->text, strlen(wish->text)),
                                    JUP_ENCODE_BOS, tokens, err);
    for (size_t i = 0; i < wish->tokens.count; i++)
        jup_tokens_add(tokens, wish->tokens.ids[i]);
    return JUP_OK;
}

bool jup_compose(const jup_forms_t *forms, const jup_wish_t *wish, jup_tokens_t *tokens,
                 jup_problem_t *problem)
{
    jup_error_t err;
    const char *field = field_of(wish);
    if (!check_ids(forms, &wish->tokens, problem))
        return false;
    if (bytes_of(wish) > jup_text_most_bytes(forms->context))
        return jup_problem(problem, 400, "context_length_exceeded", field,
                           "%s has %zu bytes, more than the context of %d tokens can hold", field,
                           bytes_of(wish), forms->context);
    if (encode(forms, wish, tokens, &err) != JUP_OK)
        return jup_problem(problem, 400, "invalid_value", field, "%.600s", err.text);
    if (tokens->count == 0)
        return jup_problem(problem, 400, "invalid_value", field,
                           "%s is empty, and this model puts no token in front", field);
    if (tokens->count >= (size_t)forms->context)
        return jup_problem(problem, 400, "context_length_exceeded", field,
                           "%s has %zu tokens, the context has room for %d with the answer; "
                           "shorten it",
                           field, tokens->count, forms->context);
    return true;
}
