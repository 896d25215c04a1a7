#include "ask/prompts.h"

#include "base/mem.h"
#include "cluster/data_path.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* In the order in which they are tried on a model's chat template. */
static const char *const shipped[] = {
    "question-outline-1", "llama-3", "llama-2", "chatml", "vicuna", "mistral"};
enum { N_SHIPPED = sizeof shipped / sizeof shipped[0] };

/* ---- reading --------------------------------------------------------------------------------- */

static jup_status_t read_text(const json_t *root, const char *path, const char *key, char **text,
                              jup_error_t *err)
{
    const char *value = json_string_value(json_object_get(root, key));
    if (!value)
        return jup_fail(err, JUP_EINPUT, "%s: \"%s\" is missing or no text", path, key);
    *text = jup_strdup(value);
    return JUP_OK;
}

static jup_status_t read_all(jup_prompts_t *p, const json_t *root, const char *path,
                             jup_error_t *err)
{
    JUP_TRY(read_text(root, path, "name", &p->name, err));
    JUP_TRY(read_text(root, path, "plain", &p->plain, err));
    JUP_TRY(read_text(root, path, "outline", &p->outline, err));
    JUP_TRY(read_text(root, path, "outline_begins", &p->outline_begins, err));
    JUP_TRY(read_text(root, path, "point", &p->point, err));
    JUP_TRY(read_text(root, path, "turn_ends", &p->turn_ends, err));
    p->special = json_is_true(json_object_get(root, "special"));
    p->one_line = json_is_true(json_object_get(root, "one_line"));
    if (!strstr(p->plain, "{question}") || !strstr(p->outline, "{question}"))
        return jup_fail(err, JUP_EINPUT, "%s: \"plain\" and \"outline\" must have {question}",
                        path);
    return JUP_OK;
}

static jup_status_t load(const char *path, json_t **root, jup_error_t *err)
{
    json_error_t problem;
    *root = json_load_file(path, 0, &problem);
    if (!*root)
        return jup_fail(err, JUP_EINPUT, "%s:%d: %s", path, problem.line, problem.text);
    return JUP_OK;
}

jup_status_t jup_prompts_read(jup_prompts_t *prompts, const char *path, jup_error_t *err)
{
    json_t *root;
    memset(prompts, 0, sizeof *prompts);
    JUP_TRY(load(path, &root, err));
    jup_status_t status = read_all(prompts, root, path, err);
    json_decref(root);
    if (status != JUP_OK)
        jup_prompts_reset(prompts);
    return status;
}

void jup_prompts_reset(jup_prompts_t *p)
{
    char *const texts[] = {p->name,  p->plain,          p->outline,
                           p->point, p->outline_begins, p->turn_ends};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        jup_free(texts[i]);
    memset(p, 0, sizeof *p);
}

/* ---- choosing -------------------------------------------------------------------------------- */

static bool holds(const char *text, const json_t *parts, bool wanted)
{
    size_t i;
    json_t *part;
    json_array_foreach(parts, i, part)
    {
        const char *words = json_string_value(part);
        if (words && (strstr(text, words) != NULL) != wanted)
            return false;
    }
    return true;
}

static const char *metadata(const jup_gguf_t *g, const char *key)
{
    const jup_gguf_entry_t *entry = jup_gguf_find(g, key);
    return entry && entry->type == JUP_GGUF_STRING ? entry->text : NULL;
}

static bool is_for(const char *path, const jup_gguf_t *g)
{
    jup_error_t err;
    json_t *root;
    if (load(path, &root, &err) != JUP_OK)
        return false;
    const json_t *how = json_object_get(root, "recognise");
    const char *format = json_string_value(json_object_get(how, "format"));
    const char *named = metadata(g, "jupiter.prompt.format");
    const char *chat = metadata(g, "tokenizer.chat_template");
    const json_t *has = json_object_get(how, "chat_template_has");
    bool fits = (format && named && strcmp(format, named) == 0) ||
                (chat && json_array_size(has) > 0 && holds(chat, has, true) &&
                 holds(chat, json_object_get(how, "chat_template_lacks"), false));
    json_decref(root);
    return fits;
}

static bool shipped_path(const char *name, char *path, size_t size)
{
    char relative[300];
    snprintf(relative, sizeof relative, "prompts/%s.json", name);
    return jup_data_path(relative, path, size);
}

static void names_of_shipped(char *text, size_t size)
{
    size_t at = 0;
    for (int i = 0; i < N_SHIPPED; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", shipped[i]);
}

jup_status_t jup_prompts_choose(jup_prompts_t *prompts, const jup_gguf_t *g, const char *wanted,
                                jup_error_t *err)
{
    char path[PATH_MAX], names[300];
    names_of_shipped(names, sizeof names);
    if (wanted && strchr(wanted, '/'))
        return jup_prompts_read(prompts, wanted, err);
    if (wanted && !shipped_path(wanted, path, sizeof path))
        return jup_fail(err, JUP_EINPUT,
                        "there are no prompts called '%s'; use one of %s, or a path with a '/'",
                        wanted, names);
    if (wanted)
        return jup_prompts_read(prompts, path, err);
    for (int i = 0; i < N_SHIPPED; i++)
        if (shipped_path(shipped[i], path, sizeof path) && is_for(path, g))
            return jup_prompts_read(prompts, path, err);
    return jup_fail(err, JUP_EINPUT,
                    "%s does not say how it wants to be asked (no known chat template); name its "
                    "prompts with --prompts: %s, or a file",
                    jup_gguf_path(g), names);
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

char *jup_prompts_fill(const jup_prompts_t *prompts, const char *form, const char *question,
                       int32_t index, const char *title)
{
    writer_t w = {0};
    char number[16];
    snprintf(number, sizeof number, "%d", index);
    write_bytes(&w, "", 0);
    while (*form) {
        if (question && strncmp(form, "{question}", 10) == 0) {
            write_question(&w, question, prompts->one_line);
            form += 10;
        } else if (strncmp(form, "{index}", 7) == 0) {
            write_bytes(&w, number, strlen(number));
            form += 7;
        } else if (title && strncmp(form, "{title}", 7) == 0) {
            write_bytes(&w, title, strlen(title));
            form += 7;
        } else {
            write_bytes(&w, form++, 1);
        }
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
