#include "ask/chat.h"

#include "ask/chat_orders.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/terminal.h"

#include <stdarg.h>
#include <stdio.h>
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
    return jup_answer_token(&chat->answer, token) && !chat->stopping;
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
    if (jup_input_takes_interrupt(&chat->input)) {
        bool again = chat->stopping;
        chat->stopping = true; /* at the next token; what is cached stays */
        if (again || jup_interrupt_is_final())
            return false;
        jup_interrupt_forget();
    }
    return !chat->show->gone;
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

enum { LINE = 1200 }; /* bytes of a message, an error's among them */

static bool reads_along(const jup_chat_t *chat)
{
    return chat->typed && jup_terminal_is_at(STDOUT_FILENO);
}

static void show_line(jup_chat_t *chat, const char *text)
{
    jup_show_text(chat->show, text);
    jup_show_text(chat->show, "\n");
    jup_show_flush(chat->show, true);
}

/* To who types on the terminal that the answer is on; else beside it, as other programs do. */
static void remark(jup_chat_t *chat, bool warns, const char *format, va_list args)
{
    char text[LINE];
    vsnprintf(text, sizeof text, format, args);
    if (reads_along(chat))
        show_line(chat, text);
    else if (warns)
        jup_warn("%s", text);
    else
        jup_info("%s", text);
}

void jup_chat_tell(jup_chat_t *chat, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    remark(chat, false, format, args);
    va_end(args);
}

void jup_chat_warn(jup_chat_t *chat, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    remark(chat, true, format, args);
    va_end(args);
}

void jup_chat_forget(jup_chat_t *chat)
{
    jup_scheduler_release(&chat->engine->scheduler, chat->handle);
    chat->handle = -1;
    jup_transcript_clear(&chat->transcript);
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
    jup_chat_tell(chat, "the context of %d tokens is used up; what was said before is forgotten",
                  chat->context);
    jup_chat_forget(chat);
    jup_tokens_reset(tokens);
    return encode_fitting(chat, line, tokens, err);
}

/* Why it ended, where the reader cannot see it; the model's own end goes without a word. */
static void tell_end(jup_chat_t *chat, int32_t room)
{
    if (chat->quiet || chat->answer.end != JUP_END_LENGTH)
        return;
    if (chat->stopping)
        jup_chat_tell(chat, "stopped; Ctrl-C once more ends the conversation");
    else if (room < chat->generate)
        jup_chat_tell(chat, "the context of %d tokens is full: the answer ends here",
                      chat->context);
    else
        jup_chat_tell(chat, "the answer was cut after %d tokens (-n)", chat->generate);
}

/* room: tokens that the context has left for it. False: interrupted. */
static bool answer_turn(jup_chat_t *chat, int64_t prompt, int64_t reused)
{
    int32_t room = chat->context - (int32_t)prompt;
    chat->reused += reused;
    chat->computed += prompt - reused;
    chat->shown = (jup_shown_t){0};
    chat->stopping = false;
    jup_answer_init(&chat->answer, &chat->rules, false);
    bool goes_on = jup_engine_run(chat->engine);
    jup_answer_finish(&chat->answer);
    jup_show_answer(chat->show, &chat->answer, &chat->shown);
    jup_show_answer_end(chat->show);
    jup_show_text(chat->show, "\n");
    jup_show_flush(chat->show, true);
    jup_transcript_add(&chat->transcript, "assistant", chat->answer.text);
    tell_end(chat, room);
    jup_answer_reset(&chat->answer);
    chat->turn++;
    return goes_on && !chat->show->gone;
}

/* Keeps what is asked, below the system text if the conversation has one. */
static void say(jup_chat_t *chat, const char *line)
{
    if (chat->transcript.n == 0 && chat->prompts->system && *chat->prompts->system)
        jup_transcript_add(&chat->transcript, "system", chat->prompts->system);
    jup_transcript_add(&chat->transcript, "user", line);
}

/* A message that is too long is said so; the next one may do. */
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
        say(chat, line);
    if (status == JUP_OK)
        *goes_on = answer_turn(chat, (int64_t)tokens.count, before > 0 ? before - 1 : 0);
    else
        jup_chat_warn(chat, "%s", err.text);
    jup_tokens_reset(&tokens);
}

static void show_sign(void *self, bool further)
{
    jup_chat_t *chat = self;
    const char *sign = further ? ". " : "> ";
    if (reads_along(chat)) {
        jup_show_text(chat->show, sign);
        jup_show_flush(chat->show, true);
    } else {
        fputs(sign, stderr);
    }
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\n")] == '\0';
}

/* The next message for the model; false: the conversation ends. */
static bool read_message(jup_chat_t *chat, char **message)
{
    for (;;) {
        jup_input_event_t event =
            jup_input_message(&chat->input, chat->typed ? show_sign : NULL, chat, message);
        if (event != JUP_INPUT_MESSAGE)
            return false;
        jup_order_t order = is_blank(*message) ? JUP_ORDER_DONE : jup_chat_order(chat, *message);
        if (order == JUP_ORDER_NONE)
            return true;
        jup_free(*message);
        if (order == JUP_ORDER_QUIT)
            return false;
    }
}

void jup_chat_run(jup_chat_t *chat)
{
    char *message;
    bool goes_on = true;
    chat->handle = -1;
    chat->engine->user = (jup_engine_user_t){.self = chat, .after_step = after_step};
    jup_input_init(&chat->input, fileno(chat->in));
    if (chat->typed)
        jup_terminal_take_keys();
    while (goes_on && read_message(chat, &message)) {
        take_turn(chat, message, &goes_on);
        jup_free(message);
    }
    jup_terminal_restore();
    jup_scheduler_release(&chat->engine->scheduler, chat->handle);
    jup_engine_run(chat->engine);
    if (!chat->quiet)
        jup_info("%d turn%s; of the prompts' tokens %lld were in the cache, %lld were computed",
                 chat->turn, chat->turn == 1 ? "" : "s", (long long)chat->reused,
                 (long long)chat->computed);
    jup_input_reset(&chat->input);
    jup_transcript_reset(&chat->transcript);
}
