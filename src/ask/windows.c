#include "ask/windows.h"

int32_t jup_windows_token(const jup_windows_t *w, int32_t window, int32_t at)
{
    if (at == 0 && w->begin >= 0)
        return w->begin;
    return w->text->ids[(int64_t)window * w->size + at];
}

static bool wants_outline(void *self, int32_t question, const char **why)
{
    (void)self;
    (void)question;
    *why = "a text";
    return false;
}

static jup_status_t plain(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err)
{
    const jup_windows_t *w = self;
    (void)err;
    for (int32_t i = 0; i < w->size; i++)
        jup_tokens_add(&prompt->tokens, jup_windows_token(w, question, i));
    return JUP_OK;
}

jup_source_t jup_windows_source(jup_windows_t *windows)
{
    return (jup_source_t){
        .self = windows,
        .questions = (int32_t)((int64_t)windows->text->count / windows->size),
        .wants_outline = wants_outline,
        .plain = plain,
    };
}
