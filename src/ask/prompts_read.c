#include "ask/prompts_read.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cluster/nearest.h"
#include "io/json_reason.h"

#include <stdio.h>
#include <string.h>

static const char outline_task[] =
    "\n\nDo not answer yet. First give only the skeleton of your answer: a numbered list of 3 to 8 "
    "points, each of 3 to 5 words, in the order in which they should be read. No text before or "
    "after the list.";
static const char point_task[] =
    "Now write point {index} of your skeleton, and only this one, in one or two short sentences. "
    "Do not go on to other points. Point {index}: {title}";

/* ---- texts ----------------------------------------------------------------------------------- */

/* `text` with every `word` replaced; a new text. */
static char *replace(const char *text, const char *word, const char *by)
{
    size_t n = strlen(word), m = strlen(by), count = 0, used = 0;
    for (const char *at = text; (at = strstr(at, word)); at += n)
        count++;
    char *out = jup_new(strlen(text) + count * m + 1, 1);
    while (*text) {
        bool here = strncmp(text, word, n) == 0;
        memcpy(out + used, here ? by : text, here ? m : 1);
        used += here ? m : 1;
        text += here ? n : 1;
    }
    return out;
}

static void replace_in(char **text, const char *word, const char *by)
{
    char *old = *text;
    *text = replace(old, word, by);
    jup_free(old);
}

static char *join(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    char *text = jup_new(n + m + 1, 1);
    memcpy(text, a, n);
    memcpy(text + n, b, m);
    return text;
}

char *jup_prompts_template(const char *text)
{
    char *out = replace(text, "\\n", "\n");
    replace_in(&out, "\"", "'");
    replace_in(&out, " + ", "+");
    return out;
}

/* ---- checking -------------------------------------------------------------------------------- */

static const char *const keys_of_file[] = {"name",
                                           "recognise",
                                           "special",
                                           "one_line",
                                           "plain",
                                           "outline",
                                           "outline_begins",
                                           "point",
                                           "turn_ends",
                                           "question",
                                           "date",
                                           "default_system",
                                           "question_with_system",
                                           "default_system_between",
                                           "render_where_has",
                                           NULL};
static const char *const keys_of_recognise[] = {"format", "chat_template_has",
                                                "chat_template_lacks", NULL};
static const char *const placeholders[] = {"question", "system", "index", "title",
                                           "end",      "date",   NULL};

static jup_status_t check_keys(const json_t *object, const char *const *known, const char *file,
                               jup_error_t *err)
{
    const char *key, *near;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (jup_find_name(key, known) >= 0)
            continue;
        near = jup_nearest(key, known);
        return jup_fail(err, JUP_EINPUT, "%s: \"%.60s\" is no key of prompts%s%s%s", file, key,
                        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return JUP_OK;
}

/* "{word}" that is none of the known ones; braces around anything else are text. */
static jup_status_t check_placeholders(const char *key, const char *text, const char *file,
                                       jup_error_t *err)
{
    for (const char *at = text; (at = strchr(at, '{')); at++) {
        char word[24];
        size_t n = strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        if (n == 0 || n >= sizeof word || at[n + 1] != '}')
            continue;
        snprintf(word, sizeof word, "%.*s", (int)n, at + 1);
        if (jup_find_name(word, placeholders) >= 0)
            continue;
        const char *near = jup_nearest(word, placeholders);
        return jup_fail(err, JUP_EINPUT, "%s: \"%s\" has {%s}, which nothing fills in%s%s%s", file,
                        key, word, near ? "; did you mean {" : "", near ? near : "",
                        near ? "}?" : "");
    }
    return JUP_OK;
}

/* Texts where texts belong, with placeholders that are known. */
static jup_status_t check_texts(const json_t *root, const char *file, jup_error_t *err)
{
    static const char *const texts[] = {"name",      "plain",    "outline", "outline_begins",
                                        "point",     "question", "date",    "question_with_system",
                                        "turn_ends", NULL};
    for (int i = 0; texts[i]; i++) {
        const json_t *value = json_object_get(root, texts[i]);
        if (value && !json_is_string(value))
            return jup_fail(err, JUP_EINPUT, "%s: \"%s\" must be a text", file, texts[i]);
        if (value)
            JUP_TRY(check_placeholders(texts[i], json_string_value(value), file, err));
    }
    return JUP_OK;
}

static jup_status_t require(const json_t *root, const char *key, const char *placeholder,
                            const char *file, jup_error_t *err)
{
    const char *text = json_string_value(json_object_get(root, key));
    if (!text)
        return jup_fail(err, JUP_EINPUT, "%s: \"%s\" is missing", file, key);
    if (placeholder && !strstr(text, placeholder))
        return jup_fail(err, JUP_EINPUT, "%s: \"%s\" must have %s", file, key, placeholder);
    return JUP_OK;
}

static jup_status_t check_form(const json_t *root, const char *file, jup_error_t *err)
{
    JUP_TRY(require(root, "name", NULL, file, err));
    JUP_TRY(require(root, "turn_ends", NULL, file, err));
    if (json_object_get(root, "question")) {
        if (json_object_get(root, "plain"))
            return jup_fail(err, JUP_EINPUT,
                            "%s: \"question\" and \"plain\" are two ways to say the same; leave "
                            "one out",
                            file);
        if (json_object_get(root, "question_with_system"))
            JUP_TRY(require(root, "question_with_system", "{system}", file, err));
        return require(root, "question", "{question}", file, err);
    }
    JUP_TRY(require(root, "plain", "{question}", file, err));
    JUP_TRY(require(root, "outline", "{question}", file, err));
    JUP_TRY(require(root, "outline_begins", NULL, file, err));
    return require(root, "point", NULL, file, err);
}

static jup_status_t check(const json_t *root, const char *file, jup_error_t *err)
{
    const json_t *how = json_object_get(root, "recognise");
    if (!json_is_object(root) || (how && !json_is_object(how)))
        return jup_fail(err, JUP_EINPUT, "%s: a JSON object must stand %s", file,
                        json_is_object(root) ? "at \"recognise\"" : "here");
    JUP_TRY(check_keys(root, keys_of_file, file, err));
    if (how)
        JUP_TRY(check_keys(how, keys_of_recognise, file, err));
    JUP_TRY(check_texts(root, file, err));
    return check_form(root, file, err);
}

jup_status_t jup_prompts_parse(json_t **root, const char *name, const char *text, size_t bytes,
                               jup_error_t *err)
{
    json_error_t problem;
    *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &problem);
    if (!*root)
        return jup_fail(err, JUP_EINPUT, "%s:%d: %s", name, problem.line,
                        jup_json_reason(&problem));
    jup_status_t status = check(*root, name, err);
    if (status != JUP_OK) {
        json_decref(*root);
        *root = NULL;
    }
    return status;
}

/* ---- recognising ----------------------------------------------------------------------------- */

static bool holds(const char *text, const json_t *parts, bool wanted)
{
    size_t i;
    json_t *part;
    json_array_foreach((json_t *)(uintptr_t)parts, i, part)
    {
        const char *words = json_string_value(part);
        if (words && (strstr(text, words) != NULL) != wanted)
            return false;
    }
    return true;
}

bool jup_prompts_is_for(const json_t *root, const jup_prompts_model_t *model)
{
    const json_t *how = json_object_get(root, "recognise");
    const char *format = json_string_value(json_object_get(how, "format"));
    const json_t *has = json_object_get(how, "chat_template_has");
    if (format && model->format && strcmp(format, model->format) == 0)
        return true;
    return model->chat_template && json_array_size(has) > 0 &&
           holds(model->chat_template, has, true) &&
           holds(model->chat_template, json_object_get(how, "chat_template_lacks"), false);
}

bool jup_prompts_wants_rendering(const json_t *root, const jup_prompts_model_t *model)
{
    const json_t *words = json_object_get(root, "render_where_has");
    return model->chat_template && json_array_size(words) > 0 &&
           holds(model->chat_template, words, true);
}

/* ---- the system text that a template gives itself -------------------------------------------- */

/* What stands in one literal of the template between two texts; NULL: nothing does. */
static char *between(const char *text, const char *before, const char *after)
{
    while (before && after && (text = strstr(text, before))) {
        text += strlen(before);
        const char *end = strstr(text, after);
        if (end && end > text && strcspn(text, "'{") > (size_t)(end - text)) {
            char *found = jup_new((size_t)(end - text) + 1, 1);
            return memcpy(found, text, (size_t)(end - text));
        }
    }
    return NULL;
}

static const char *where_it_has(const json_t *list, const char *text)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        const char *words = json_string_value(json_object_get(item, "where_has"));
        if (words && strstr(text, words))
            return json_string_value(json_object_get(item, "text"));
    }
    return NULL;
}

/* NULL: none. */
static char *default_system(const json_t *root, const jup_prompts_model_t *model)
{
    const json_t *given = json_object_get(root, "default_system");
    const json_t *around = json_object_get(root, "default_system_between");
    if (!model->chat_template)
        return NULL;
    const char *text = json_is_string(given) ? json_string_value(given)
                                             : where_it_has(given, model->chat_template);
    if (text)
        return jup_strdup(text);
    return between(model->chat_template, json_string_value(json_array_get(around, 0)),
                   json_string_value(json_array_get(around, 1)));
}

/* ---- making ---------------------------------------------------------------------------------- */

void jup_prompts_from_turns(jup_prompts_t *p, const char *name, const char *first,
                            const char *further, const char *turn_ends, const char *outline_begins)
{
    char *asked = join("{question}", outline_task);
    p->name = jup_strdup(name);
    p->plain = jup_strdup(first);
    p->further = jup_strdup(further);
    p->turn_ends = jup_strdup(turn_ends);
    p->outline_begins = jup_strdup(outline_begins);
    p->outline = replace(first, "{question}", asked);
    char *outline = join(p->outline, outline_begins);
    jup_free(p->outline);
    p->outline = outline;
    char *point = replace(further, "{question}", point_task);
    p->point = join(turn_ends, point);
    p->special = true;
    jup_free(point);
    jup_free(asked);
}

static const char *text_at(const json_t *root, const char *key, const char *fallback)
{
    const json_t *value = json_object_get(root, key);
    return value ? json_string_value(value) : fallback;
}

static void take_turns(jup_prompts_t *p, const json_t *root, const jup_prompts_model_t *model,
                       const char *system)
{
    const char *with_system = text_at(root, "question_with_system", NULL);
    const char *question = text_at(root, "question", "");
    p->system = system ? jup_strdup(system) : with_system ? default_system(root, model) : NULL;
    /* an empty text of the user's: no system turn; a template's own one is there even when empty */
    bool said = p->system && (*p->system || !system);
    jup_prompts_from_turns(p, text_at(root, "name", ""),
                           said && with_system ? with_system : question, question,
                           text_at(root, "turn_ends", ""), text_at(root, "outline_begins", "1."));
}

static void take_forms(jup_prompts_t *p, const json_t *root, const char *system)
{
    p->name = jup_strdup(text_at(root, "name", ""));
    p->plain = jup_strdup(text_at(root, "plain", ""));
    p->further = jup_strdup(p->plain);
    p->outline = jup_strdup(text_at(root, "outline", ""));
    p->point = jup_strdup(text_at(root, "point", ""));
    p->outline_begins = jup_strdup(text_at(root, "outline_begins", ""));
    p->turn_ends = jup_strdup(text_at(root, "turn_ends", ""));
    p->system = system ? jup_strdup(system) : NULL;
}

/* {end} and {date} are the same in all forms. */
static void fill_constants(jup_prompts_t *p, const json_t *root, const jup_prompts_model_t *model,
                           bool own_system)
{
    char **const forms[] = {&p->plain, &p->further,   &p->outline,
                            &p->point, &p->turn_ends, own_system ? &p->system : &p->plain};
    const char *format = text_at(root, "date", NULL);
    char date[80] = "";
    if (format)
        jup_clock_today(format, date, sizeof date);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (!*forms[i])
            continue;
        replace_in(forms[i], "{end}", model->end_text);
        if (format)
            replace_in(forms[i], "{date}", date);
    }
}

jup_status_t jup_prompts_from_file(jup_prompts_t *p, const json_t *root, const char *name,
                                   const jup_prompts_model_t *model, const char *system,
                                   jup_error_t *err)
{
    const json_t *special = json_object_get(root, "special");
    bool turns = json_object_get(root, "question") != NULL;
    memset(p, 0, sizeof *p);
    const char *first =
        turns ? text_at(root, "question_with_system", "") : text_at(root, "plain", "");
    if (system && *system && !strstr(first, "{system}"))
        return jup_fail(err, JUP_EINPUT,
                        "%s: these prompts have no place for a system text; leave out --system",
                        name);
    if (turns)
        take_turns(p, root, model, system);
    else
        take_forms(p, root, system);
    p->special = special ? json_is_true(special) : turns;
    p->one_line = json_is_true(json_object_get(root, "one_line"));
    p->begins = turns && model->chat_template && strstr(model->chat_template, "bos_token");
    fill_constants(p, root, model, !system);
    return JUP_OK;
}
