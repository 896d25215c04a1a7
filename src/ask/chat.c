#include "ask/chat.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool take_token(void *self, int32_t handle, int32_t token, int32_t accepted_by)
{
    jup_chat_t *chat = self;
    (void)handle;
    jup_recorder_token(chat->engine->stage.recorder,
                       &(jup_token_record_t){.time_s = jup_clock_now_s(),
                                             .request = chat->turn,
                                             .position = chat->answer.n_tokens,
                                             .id = token,
                                             .accepted_by = accepted_by});
    return jup_answer_token(&chat->answer, token);
}

jup_scheduler_sink_t jup_chat_sink(jup_chat_t *chat)
{
    return (jup_scheduler_sink_t){.self = chat, .token = take_token};
}

static bool after_step(void *self)
{
    jup_chat_t *chat = self;
    jup_show_answer(chat->show, &chat->answer, &chat->shown);
    jup_show_flush(chat->show, false);
    return !jup_interrupted() && !chat->show->gone;
}

/* What was said so far, without an end of text, then the end of the turn. */
static jup_status_t encode_past(jup_chat_t *chat, jup_tokens_t *tokens, jup_error_t *err)
{
    int32_t n;
    const int32_t *known = jup_scheduler_tokens(&chat->engine->scheduler, chat->handle, &n);
    if (n > 0 && jup_tokenizer_is_eog(chat->rules.tokenizer, known[n - 1]))
        n--;
    for (int32_t i = 0; i < n; i++)
        jup_tokens_add(tokens, known[i]);
    const char *ends = chat->prompts->turn_ends;
    return jup_tokenizer_encode(chat->rules.tokenizer, jup_text(ends, strlen(ends)),
                                JUP_ENCODE_SPECIAL, tokens, err);
}

static jup_status_t encode_turn(jup_chat_t *chat, const char *line, jup_tokens_t *tokens,
                                jup_error_t *err)
{
    const char *form = chat->handle < 0 ? chat->prompts->plain : chat->prompts->further;
    jup_filled_t said = {0};
    jup_prompts_fill(chat->prompts, form, line, 0, NULL, &said);
    jup_status_t status = JUP_OK;
    if (chat->handle < 0) {
        status = jup_prompts_encode(chat->prompts, chat->rules.tokenizer, &said, tokens, err);
    } else {
        status = encode_past(chat, tokens, err);
        if (status == JUP_OK)
            status = jup_prompts_encode_further(chat->prompts, chat->rules.tokenizer, &said, tokens,
                                                err);
    }
    jup_filled_reset(&said);
    return status;
}

static jup_status_t submit(jup_chat_t *chat, const jup_tokens_t *tokens, jup_error_t *err)
{
    jup_scheduler_t *s = &chat->engine->scheduler;
    int32_t n = (int32_t)tokens->count;
    int32_t generate = (int32_t)jup_min_i64(chat->generate, chat->context - n);
    if (chat->handle >= 0)
        return jup_scheduler_continue(s, chat->handle, tokens->ids, n, generate, err);
    const jup_sequence_spec_t spec = {
        .prompt = tokens->ids, .n_prompt = n, .generate = generate, .parent = -1, .hold = true};
    return jup_scheduler_submit(s, &spec, &chat->handle, err);
}

/* When the context is used up, the conversation begins anew with this turn. */
static jup_status_t encode_fitting(jup_chat_t *chat, const char *line, jup_tokens_t *tokens,
                                   jup_error_t *err)
{
    enum { ROOM = 16 }; /* for the beginning of an answer */
    JUP_TRY(encode_turn(chat, line, tokens, err));
    if ((int32_t)tokens->count + ROOM < chat->context)
        return JUP_OK;
    if (chat->handle < 0)
        return jup_fail(err, JUP_EINPUT,
                        "this question is longer than the model's context of %d "
                        "tokens",
                        chat->context);
    jup_info("the context of %d tokens is used up; what was said before is forgotten",
             chat->context);
    jup_scheduler_release(&chat->engine->scheduler, chat->handle);
    chat->handle = -1;
    jup_tokens_reset(tokens);
    return encode_fitting(chat, line, tokens, err);
}

/* false: interrupted. */
static bool answer_turn(jup_chat_t *chat, int64_t prompt, int64_t reused)
{
    chat->reused += reused;
    chat->computed += prompt - reused;
    chat->shown = (jup_shown_t){0};
    jup_answer_init(&chat->answer, &chat->rules, false);
    bool goes_on = jup_engine_run(chat->engine);
    jup_answer_finish(&chat->answer);
    jup_show_answer(chat->show, &chat->answer, &chat->shown);
    jup_show_text(chat->show, "\n");
    jup_show_flush(chat->show, true);
    jup_answer_reset(&chat->answer);
    chat->turn++;
    return goes_on && !chat->show->gone;
}

/* A line that is too long is said so; the next one may do. */
static void take_turn(jup_chat_t *chat, const char *line, bool *goes_on)
{
    jup_tokens_t tokens = {0};
    jup_error_t err;
    int32_t before = 0;
    jup_status_t status = encode_fitting(chat, line, &tokens, &err);
    if (status == JUP_OK) {
        jup_scheduler_tokens(&chat->engine->scheduler, chat->handle, &before);
        status = submit(chat, &tokens, &err);
    }
    if (status == JUP_OK)
        *goes_on = answer_turn(chat, (int64_t)tokens.count, before > 0 ? before - 1 : 0);
    else
        jup_warn("%s", err.text);
    jup_tokens_reset(&tokens);
}

static bool read_line(jup_chat_t *chat, char **line, size_t *room)
{
    if (!chat->quiet && isatty(fileno(chat->in)))
        fprintf(stderr, "> ");
    for (;;) {
        ssize_t n = getline(line, room, chat->in);
        if (n < 0)
            return false;
        while (n > 0 && strchr(" \t\r\n", (*line)[n - 1]))
            (*line)[--n] = '\0';
        if (strcmp(*line, "/quit") == 0)
            return false;
        if (n > 0)
            return true;
    }
}

void jup_chat_run(jup_chat_t *chat)
{
    char *line = NULL;
    size_t room = 0;
    bool goes_on = true;
    chat->handle = -1;
    chat->engine->user = (jup_engine_user_t){.self = chat, .after_step = after_step};
    while (goes_on && read_line(chat, &line, &room))
        take_turn(chat, line, &goes_on);
    free(line);
    jup_scheduler_release(&chat->engine->scheduler, chat->handle);
    jup_engine_run(chat->engine);
    if (!chat->quiet)
        jup_info("%d turns; of the prompts' tokens %lld were in the cache, %lld were computed",
                 chat->turn, (long long)chat->reused, (long long)chat->computed);
}
