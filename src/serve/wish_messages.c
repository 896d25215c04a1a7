/* A conversation's messages. */
#include "base/mem.h"
#include "serve/wish_inner.h"

#include <stdio.h>
#include <string.h>

/* *to = *to, an empty line, text. */
static void append(char **to, const char *text)
{
    size_t before = *to ? strlen(*to) : 0, n = strlen(text);
    char *both = jup_new(before + n + 3, 1);
    if (*to)
        memcpy(both, *to, before);
    if (*to && before && n)
        memcpy(both + before, "\n\n", 2);
    memcpy(both + strlen(both), text, n);
    jup_free(*to);
    *to = both;
}

/* Neighbours of one side become one turn. */
static bool add_turn(jup_wish_t *wish, bool user, const char *text, const jup_fields_t *f)
{
    if (wish->n_turns == 0 && !user)
        return jup_problem(f->problem, 400, "invalid_value", "messages",
                           "messages begin with the assistant's, must begin with the user's");
    if (wish->n_turns == 0 || wish->turns[wish->n_turns - 1].user != user)
        wish->turns[wish->n_turns++] = (jup_turn_t){.user = user};
    append(&wish->turns[wish->n_turns - 1].text, text);
    return true;
}

/* A text, or a list of {"type": "text", "text"}; a new text. An answer's may be null. */
static bool read_content(const jup_fields_t *f, bool may_lack, char **text)
{
    const json_t *content = jup_fields_get(f, "content");
    *text = NULL;
    if (json_is_string(content) || (!content && may_lack)) {
        append(text, content ? json_string_value(content) : "");
        return true;
    }
    size_t i;
    json_t *part;
    if (!json_is_array(content))
        return jup_fields_wrong(f, "content", "a text or a list of text parts");
    append(text, "");
    json_array_foreach((json_t *)(uintptr_t)content, i, part)
    {
        const char *type = json_string_value(json_object_get(part, "type"));
        const char *words = json_string_value(json_object_get(part, "text"));
        if (!type || strcmp(type, "text") != 0 || !words) {
            jup_free(*text);
            *text = NULL;
            return jup_fields_wrong(f, "content", "a text: this model reads nothing else");
        }
        append(text, words);
    }
    return true;
}

static bool read_message(jup_wish_t *wish, const jup_fields_t *f)
{
    static const char *const known[] = {"role",    "content",     "name",
                                        "refusal", "tool_calls",  "function_call",
                                        "audio",   "annotations", NULL};
    const char *role;
    char *text;
    if (!jup_fields_known(f, known) || !jup_fields_text(f, "role", &role))
        return false;
    bool user = role && strcmp(role, "user") == 0;
    bool assistant = role && strcmp(role, "assistant") == 0;
    bool system = role && (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0);
    if (!user && !assistant && !system)
        return jup_fields_wrong(f, "role", "system, developer, user or assistant");
    if (!read_content(f, assistant, &text))
        return false;
    bool fits = true;
    if (system)
        append(&wish->system, text);
    else
        fits = add_turn(wish, user, text, f);
    jup_free(text);
    return fits;
}

bool jup_wish_read_messages(jup_wish_t *wish, const jup_fields_t *f)
{
    const json_t *messages = jup_fields_get(f, "messages");
    size_t n = json_array_size(messages), i;
    json_t *message;
    if (!json_is_array(messages) || n == 0)
        return jup_problem(f->problem, 400, "invalid_value", "messages",
                           "messages must be a list of {\"role\", \"content\"}, one at least");
    if (n > JUP_WISH_TURNS)
        return jup_problem(f->problem, 400, "invalid_value", "messages",
                           "messages are %zu, must be %d at most", n, JUP_WISH_TURNS);
    wish->turns = jup_new(n, sizeof *wish->turns);
    json_array_foreach((json_t *)(uintptr_t)messages, i, message)
    {
        char within[40];
        snprintf(within, sizeof within, "messages[%zu].", i);
        jup_fields_t one = {.object = message, .within = within, .problem = f->problem};
        if (!json_is_object(message))
            return jup_problem(f->problem, 400, "invalid_value", "messages",
                               "messages[%zu] must be an object with \"role\" and \"content\"", i);
        if (!read_message(wish, &one))
            return false;
    }
    if (wish->n_turns % 2 == 0)
        return jup_problem(f->problem, 400, "invalid_value", "messages",
                           "messages end with the %s, must end with the user's question",
                           wish->n_turns ? "assistant's answer" : "system's text");
    return true;
}
