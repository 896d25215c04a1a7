#include "ask/fill.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

void jup_filled_reset(jup_filled_t *filled)
{
    jup_free(filled->text);
    jup_free(filled->values);
    memset(filled, 0, sizeof *filled);
}

static void write_bytes(jup_filled_t *w, const char *data, size_t n)
{
    if (w->n + n + 1 > w->room) {
        w->room = 2 * (w->n + n + 1);
        w->text = jup_resize(w->text, w->room, 1);
    }
    memcpy(w->text + w->n, data, n);
    w->n += n;
    w->text[w->n] = '\0';
}

static void write_question(jup_filled_t *w, const char *question, bool one_line)
{
    size_t from = w->n;
    write_bytes(w, question, strlen(question));
    while (w->n > from && strchr(" \t\r\n", w->text[w->n - 1]))
        w->text[--w->n] = '\0';
    for (size_t i = from; one_line && i < w->n; i++)
        if (strchr("\r\n", w->text[i]))
            w->text[i] = ' ';
}

static void note_value(jup_filled_t *w, size_t from)
{
    if (w->n == from)
        return;
    if (w->n_values == w->values_room) {
        w->values_room = 2 * w->values_room + 4;
        w->values = jup_resize(w->values, w->values_room, sizeof *w->values);
    }
    w->values[w->n_values++] = (jup_stretch_t){from, w->n};
}

/* Writes what a placeholder stands for; its length, or 0 when there is none. */
static size_t write_value(jup_filled_t *w, const char *at, const jup_values_t *v)
{
    char number[16];
    snprintf(number, sizeof number, "%d", v->index);
    const struct {
        const char *word, *value;
    } values[] = {{"{question}", v->question},
                  {"{system}", v->system},
                  {"{index}", number},
                  {"{title}", v->title}};
    size_t from = w->n;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        size_t n = strlen(values[i].word);
        if (!values[i].value || strncmp(at, values[i].word, n) != 0)
            continue;
        if (i == 0)
            write_question(w, v->question, v->one_line);
        else
            write_bytes(w, values[i].value, strlen(values[i].value));
        note_value(w, from);
        return n;
    }
    return 0;
}

void jup_fill(jup_filled_t *to, const char *form, const jup_values_t *values)
{
    write_bytes(to, "", 0);
    while (*form) {
        size_t n = write_value(to, form, values);
        if (n == 0)
            write_bytes(to, form, 1);
        form += n ? n : 1;
    }
}
