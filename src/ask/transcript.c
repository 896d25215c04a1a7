#include "ask/transcript.h"

#include "base/mem.h"
#include "base/output.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void jup_transcript_clear(jup_transcript_t *t)
{
    for (int i = 0; i < t->n; i++)
        jup_free(t->list[i].text);
    t->n = 0;
}

void jup_transcript_reset(jup_transcript_t *t)
{
    jup_transcript_clear(t);
    jup_free(t->list);
    jup_free(t->saved);
    memset(t, 0, sizeof *t);
}

void jup_transcript_add(jup_transcript_t *t, const char *role, const char *text)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 16;
        t->list = jup_resize(t->list, (size_t)t->cap, sizeof *t->list);
    }
    t->list[t->n++] = (jup_said_t){.role = role, .text = jup_strdup(text)};
}

static json_t *to_json(const jup_transcript_t *t)
{
    json_t *messages = json_array();
    for (int i = 0; i < t->n; i++) {
        json_t *text = json_string(t->list[i].text); /* NULL: what was typed is no UTF-8 */
        json_array_append_new(messages,
                              json_pack("{s:s, s:o}", "role", t->list[i].role, "content",
                                        text ? text : json_string_nocheck("\xEF\xBF\xBD")));
    }
    return json_pack("{s:o}", "messages", messages);
}

static jup_status_t write_to(const jup_transcript_t *t, const char *path, jup_error_t *err)
{
    json_t *all = to_json(t);
    char *text = json_dumps(all, JSON_INDENT(2));
    size_t bytes = strlen(text);
    text[bytes] = '\n'; /* in place of the zero: a file of lines */
    jup_status_t status = jup_output_write(path, text, bytes + 1, err);
    free(text);
    json_decref(all);
    return status;
}

jup_status_t jup_transcript_save(jup_transcript_t *t, const char *path, jup_error_t *err)
{
    bool again = t->saved && strcmp(t->saved, path) == 0;
    if (!again && access(path, F_OK) == 0)
        return jup_fail(err, JUP_EINPUT, "'%s' is there already; name another file", path);
    JUP_TRY(write_to(t, path, err));
    if (!again) {
        jup_free(t->saved);
        t->saved = jup_strdup(path);
    }
    return JUP_OK;
}
