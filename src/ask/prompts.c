#include "ask/prompts.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

void jup_prompts_reset(jup_prompts_t *p)
{
    char *const texts[] = {p->name,  p->plain,          p->further,   p->outline,
                           p->point, p->outline_begins, p->turn_ends, p->system};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        jup_free(texts[i]);
    memset(p, 0, sizeof *p);
}

/* ---- filling in ------------------------------------------------------------------------------ */

typedef struct writer {
    char *text;
    size_t n, cap;
} writer_t;

static void write_bytes(writer_t *w, const char *data, size_t n)
{
    if (w->n + n + 1 > w->cap) {
        w->cap = 2 * (w->n + n + 1);
        w->text = jup_resize(w->text, w->cap, 1);
    }
    memcpy(w->text + w->n, data, n);
    w->n += n;
    w->text[w->n] = '\0';
}

static void write_question(writer_t *w, const char *question, bool one_line)
{
    size_t from = w->n;
    write_bytes(w, question, strlen(question));
    while (w->n > from && strchr(" \t\r\n", w->text[w->n - 1]))
        w->text[--w->n] = '\0';
    for (size_t i = from; one_line && i < w->n; i++)
        if (strchr("\r\n", w->text[i]))
            w->text[i] = ' ';
}

/* Writes what a placeholder stands for; its length, or 0 when there is none. */
static size_t write_value(writer_t *w, const jup_prompts_t *prompts, const char *at,
                          const char *question, int32_t index, const char *title)
{
    char number[16];
    snprintf(number, sizeof number, "%d", index);
    const struct {
        const char *word, *value;
    } values[] = {{"{question}", question},
                  {"{system}", prompts->system ? prompts->system : ""},
                  {"{index}", number},
                  {"{title}", title}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        size_t n = strlen(values[i].word);
        if (!values[i].value || strncmp(at, values[i].word, n) != 0)
            continue;
        if (i == 0)
            write_question(w, question, prompts->one_line);
        else
            write_bytes(w, values[i].value, strlen(values[i].value));
        return n;
    }
    return 0;
}

char *jup_prompts_fill(const jup_prompts_t *prompts, const char *form, const char *question,
                       int32_t index, const char *title)
{
    writer_t w = {0};
    write_bytes(&w, "", 0);
    while (*form) {
        size_t n = write_value(&w, prompts, form, question, index, title);
        if (n == 0)
            write_bytes(&w, form, 1);
        form += n ? n : 1;
    }
    return w.text;
}

/* ---- encoding -------------------------------------------------------------------------------- */

static unsigned special_flag(const jup_prompts_t *prompts)
{
    return prompts->special ? JUP_ENCODE_SPECIAL : 0u;
}

jup_status_t jup_prompts_encode(const jup_prompts_t *prompts, const jup_tokenizer_t *tokenizer,
                                const char *text, jup_tokens_t *tokens, jup_error_t *err)
{
    if (prompts->begins && !jup_tokenizer_adds_bos(tokenizer) && jup_tokenizer_bos(tokenizer) >= 0)
        jup_tokens_add(tokens, jup_tokenizer_bos(tokenizer));
    return jup_tokenizer_encode(tokenizer, jup_text(text, strlen(text)),
                                JUP_ENCODE_BOS | special_flag(prompts), tokens, err);
}

/* A tokenizer may put a space in front of a text; behind a line end it has no effect. */
jup_status_t jup_prompts_encode_further(const jup_prompts_t *prompts,
                                        const jup_tokenizer_t *tokenizer, const char *text,
                                        jup_tokens_t *tokens, jup_error_t *err)
{
    jup_tokens_t line = {0}, both = {0};
    writer_t w = {0};
    write_bytes(&w, "\n", 1);
    write_bytes(&w, text, strlen(text));
    jup_status_t status =
        jup_tokenizer_encode(tokenizer, jup_text("\n", 1), special_flag(prompts), &line, err);
    if (status == JUP_OK)
        status = jup_tokenizer_encode(tokenizer, jup_text(w.text, w.n), special_flag(prompts),
                                      &both, err);
    for (size_t i = line.count; status == JUP_OK && i < both.count; i++)
        jup_tokens_add(tokens, both.ids[i]);
    jup_tokens_reset(&line);
    jup_tokens_reset(&both);
    jup_free(w.text);
    return status;
}
