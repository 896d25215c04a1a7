/* Which prompts a model wants. */
#include "ask/prompts_read.h"
#include "ask/prompts_render.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/nearest.h"
#include "cluster/shipped.h"
#include "io/text_file.h"

#include <stdio.h>
#include <string.h>

/* ---- what the model says --------------------------------------------------------------------- */

static const char *metadata(const jup_gguf_t *g, const char *key)
{
    const jup_gguf_entry_t *entry = jup_gguf_find(g, key);
    return entry && entry->type == JUP_GGUF_STRING ? entry->text : NULL;
}

/* The text of the token that a key names; "" when there is none. A new text. */
static char *token_text(const jup_gguf_t *g, const char *key)
{
    const jup_gguf_entry_t *tokens = jup_gguf_find(g, "tokenizer.ggml.tokens");
    int64_t id;
    jup_error_t ignored;
    bool known = tokens && tokens->type == JUP_GGUF_ARRAY && tokens->item_type == JUP_GGUF_STRING &&
                 jup_gguf_get_int(g, key, 0, tokens->count - 1, -1, &id, &ignored) == JUP_OK &&
                 id >= 0;
    jup_text_t text = known ? jup_gguf_item_text(tokens, id) : jup_text("", 0);
    char *copy = jup_new(text.length + 1, 1);
    return text.length ? memcpy(copy, text.data, text.length) : copy;
}

typedef struct chooser {
    const jup_gguf_t *g;
    const char *template; /* as the file has it, or NULL */
    const char *system;
    char *begin, *end;
    jup_prompts_model_t model;
    jup_error_t *err;
} chooser_t;

/* ---- ways ------------------------------------------------------------------------------------ */

static jup_status_t render(const chooser_t *c, jup_prompts_t *prompts)
{
    if (!c->template)
        return jup_fail(c->err, JUP_EINPUT, "%s has no chat template to be rendered",
                        jup_gguf_path(c->g));
    return jup_prompts_render(prompts, jup_gguf_path(c->g), c->template, c->begin, c->end,
                              c->system, c->err);
}

/* Releases root. */
static jup_status_t use(const chooser_t *c, json_t *root, const char *name, jup_prompts_t *prompts)
{
    jup_status_t status = jup_prompts_from_file(prompts, root, name, &c->model, c->system, c->err);
    json_decref(root);
    return status;
}

static jup_status_t use_path(const chooser_t *c, const char *path, jup_prompts_t *prompts)
{
    json_t *root = NULL;
    char *text;
    size_t length;
    JUP_TRY(
        jup_text_read(path, JUP_TEXT_MOST_JSON, "more than prompts have", &text, &length, c->err));
    jup_status_t status = jup_prompts_parse(&root, path, text, length, c->err);
    jup_free(text);
    return status == JUP_OK ? use(c, root, path, prompts) : status;
}

static jup_status_t parse_shipped(const char *file, json_t **root, char path[1100],
                                  jup_error_t *err)
{
    jup_shipped_place_t place;
    if (!jup_shipped_find(file, &place))
        return jup_fail(err, JUP_EINPUT, "there is no shipped file %s", file);
    snprintf(path, 1100, "%s", place.path);
    if (place.file)
        return jup_prompts_parse(root, path, place.file->text, place.file->bytes, err);
    char *text;
    size_t length;
    JUP_TRY(jup_text_read(path, JUP_TEXT_MOST_JSON, "more than prompts have", &text, &length, err));
    jup_status_t status = jup_prompts_parse(root, path, text, length, err);
    jup_free(text);
    return status;
}

static jup_status_t use_name(const chooser_t *c, const char *name, jup_prompts_t *prompts)
{
    char file[300], path[1100], names[600];
    json_t *root;
    jup_shipped_place_t unused;
    snprintf(file, sizeof file, "prompts/%.200s.json", name);
    if (!jup_shipped_find(file, &unused)) {
        jup_shipped_names("prompts", names, sizeof names);
        return jup_fail(c->err, JUP_EINPUT,
                        "there are no prompts called '%.80s'; use one of %s, template (the "
                        "model's own, rendered by python3), or a path with a '/'",
                        name, names);
    }
    JUP_TRY(parse_shipped(file, &root, path, c->err));
    return use(c, root, path, prompts);
}

/* Of a template that only rendering gets right; the known form without that is better than none. */
static jup_status_t use_rendered(const chooser_t *c, json_t *root, const char *path,
                                 jup_prompts_t *prompts)
{
    if (render(c, prompts) == JUP_OK) {
        json_decref(root);
        return JUP_OK;
    }
    jup_warn("%s; the system text that it gives itself is left out (--system TEXT gives one)",
             c->err->text);
    return use(c, root, path, prompts);
}

static jup_status_t recognise(const chooser_t *c, jup_prompts_t *prompts, bool *found)
{
    char path[1100];
    int length;
    for (const jup_shipped_t *file = jup_shipped_files; file->name[0]; file++) {
        json_t *root;
        if (!jup_shipped_stem(file, "prompts", &length))
            continue;
        JUP_TRY(parse_shipped(file->name, &root, path, c->err));
        if (jup_prompts_is_for(root, &c->model)) {
            *found = true;
            return !c->system && jup_prompts_wants_rendering(root, &c->model)
                       ? use_rendered(c, root, path, prompts)
                       : use(c, root, path, prompts);
        }
        json_decref(root);
    }
    return JUP_OK;
}

static jup_status_t fail_unknown(const chooser_t *c)
{
    char names[600], why[600];
    jup_shipped_names("prompts", names, sizeof names);
    if (c->template)
        snprintf(why, sizeof why, "%.590s", c->err->text);
    else
        snprintf(why, sizeof why, "%.400s does not say how it wants to be asked (no chat template)",
                 jup_gguf_path(c->g));
    return jup_fail(c->err, JUP_EINPUT, "%s; name its prompts with --prompts: %s, or a file", why,
                    names);
}

static jup_status_t choose(const chooser_t *c, const char *wanted, jup_prompts_t *prompts)
{
    bool found = false;
    if (wanted && strchr(wanted, '/'))
        return use_path(c, wanted, prompts);
    if (wanted && strcmp(wanted, "template") == 0)
        return render(c, prompts);
    if (wanted)
        return use_name(c, wanted, prompts);
    JUP_TRY(recognise(c, prompts, &found));
    if (found || (c->template && render(c, prompts) == JUP_OK))
        return JUP_OK;
    return fail_unknown(c);
}

jup_status_t jup_prompts_choose(jup_prompts_t *prompts, const jup_gguf_t *g, const char *wanted,
                                const char *system, jup_error_t *err)
{
    chooser_t c = {.g = g, .system = system, .err = err};
    c.template = metadata(g, "tokenizer.chat_template");
    c.begin = token_text(g, "tokenizer.ggml.bos_token_id");
    c.end = token_text(g, "tokenizer.ggml.eos_token_id");
    c.model.format = metadata(g, "jupiter.prompt.format");
    c.model.end_text = c.end;
    c.model.chat_template = c.template ? jup_prompts_template(c.template) : NULL;
    memset(prompts, 0, sizeof *prompts);
    if (wanted && strcmp(wanted, "auto") == 0)
        wanted = NULL;
    jup_status_t status = choose(&c, wanted, prompts);
    jup_free(c.begin);
    jup_free(c.end);
    jup_free(c.model.chat_template);
    return status;
}
