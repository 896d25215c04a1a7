#include "ask/chat.h"

#include "base/checked.h"
#include "base/clock.h"
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

/* What was said so far, without an end of text, then the end of the turn. */
static jup_status_t encode_past(jup_chat_t *chat, jup_tokens_t *tokens, jup_error_t *err)
{
    int32_t n;
    const int32_t *known = jup_scheduler_tokens(&chat->engine->scheduler, chat->handle, &n);
    if (n > 0 && jup_tokenizer_is_eog(chat->tokenizer, known[n - 1]))
        n--;
    for (int32_t i = 0; i < n; i++)
        jup_tokens_add(tokens, known[i]);
    const char *ends = chat->prompts->turn_ends;
    return jup_tokenizer_encode(chat->tokenizer, jup_text(ends, strlen(ends)), JUP_ENCODE_SPECIAL,
                                tokens, err);
}

static jup_status_t encode_turn(jup_chat_t *chat, const char *line, jup_tokens_t *tokens,
                                jup_error_t *err)
{
    char *text = jup_prompts_fill(chat->prompts, chat->prompts->plain, line, 0, NULL);
    jup_status_t status = JUP_OK;
    if (chat->handle < 0) {
        status = jup_prompts_encode(chat->prompts, chat->tokenizer, text, tokens, err);
    } else {
        status = encode_past(chat, tokens, err);
        if (status == JUP_OK)
            status = jup_prompts_encode_further(chat->prompts, chat->tokenizer, text, tokens, err);
    }
    jup_free(text);
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
    JUP_TRY(encode_turn(chat, line, tokens, err));
    if ((int32_t)tokens->count + 16 < chat->context)
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
static jup_status_t answer_turn(jup_chat_t *chat, const char *line, bool *goes_on, jup_error_t *err)
{
    jup_tokens_t tokens = {0};
    int32_t before = 0;
    jup_status_t status = encode_fitting(chat, line, &tokens, err);
    if (status == JUP_OK) {
        jup_scheduler_tokens(&chat->engine->scheduler, chat->handle, &before);
        status = submit(chat, &tokens, err);
    }
    if (status == JUP_OK) {
        int64_t reused = before > 0 ? before - 1 : 0;
        chat->reused += reused;
        chat->computed += (int64_t)tokens.count - reused;
        jup_answer_init(&chat->answer, chat->tokenizer, false, chat->out, false, chat->ignore_eos,
                        chat->stops);
        *goes_on = jup_engine_run(chat->engine);
        jup_answer_finish(&chat->answer);
        jup_answer_reset(&chat->answer);
        chat->turn++;
    }
    jup_tokens_reset(&tokens);
    return status;
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

jup_status_t jup_chat_run(jup_chat_t *chat, jup_error_t *err)
{
    char *line = NULL;
    size_t room = 0;
    bool goes_on = true;
    jup_status_t status = JUP_OK;
    chat->handle = -1;
    while (status == JUP_OK && goes_on && read_line(chat, &line, &room))
        status = answer_turn(chat, line, &goes_on, err);
    free(line);
    jup_scheduler_release(&chat->engine->scheduler, chat->handle);
    jup_engine_run(chat->engine);
    if (!chat->quiet)
        jup_info("%d turns; of the prompts' tokens %lld were in the cache, %lld were computed",
                 chat->turn, (long long)chat->reused, (long long)chat->computed);
    return status;
}
