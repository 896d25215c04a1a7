#include "ask/questions.h"

#include "base/mem.h"
#include "io/json_reason.h"
#include "io/text_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* One block for all, the first: there may be many questions. */
static void copy_together(const char *const parts[3], char *copies[3])
{
    size_t bytes[3], sum = 0;
    for (int i = 0; i < 3; i++)
        sum += bytes[i] = strlen(parts[i]) + 1;
    char *at = jup_new(sum, 1);
    for (int i = 0; i < 3; i++) {
        copies[i] = memcpy(at, parts[i], bytes[i]);
        at += bytes[i];
    }
}

void jup_questions_add(jup_questions_t *questions, const char *id, const char *category,
                       const char *text)
{
    if (questions->n == questions->cap) {
        questions->cap = questions->cap ? 2 * questions->cap : 16;
        questions->list =
            jup_resize(questions->list, (size_t)questions->cap, sizeof *questions->list);
    }
    const char *const parts[] = {id, category, text};
    char *copies[3];
    copy_together(parts, copies);
    questions->list[questions->n++] =
        (jup_question_t){.id = copies[0], .category = copies[1], .text = copies[2]};
}

void jup_questions_reset(jup_questions_t *questions)
{
    for (int32_t i = 0; i < questions->n; i++)
        jup_free(questions->list[i].id);
    jup_free(questions->list);
    memset(questions, 0, sizeof *questions);
}

static const char *question_of(const json_t *object)
{
    static const char *const lists[] = {"turns", "questions", "phrasings"};
    const char *text = json_string_value(json_object_get(object, "question"));
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && !text; i++)
        text = json_string_value(json_array_get(json_object_get(object, lists[i]), 0));
    return text;
}

static const char *category_of(const json_t *object)
{
    const char *text = json_string_value(json_object_get(object, "category"));
    text = text ? text : json_string_value(json_object_get(object, "kind"));
    text = text ? text : json_string_value(json_object_get(object, "split"));
    return text ? text : "";
}

static jup_status_t read_line(jup_questions_t *questions, const char *path, int number,
                              const char *line, size_t length, jup_error_t *err)
{
    json_error_t problem;
    char made_up[32];
    json_t *object = json_loadb(line, length, 0, &problem);
    if (!object)
        return jup_fail(err, JUP_EINPUT, "%s:%d: %s", path, number, jup_json_reason(&problem));
    const char *text = question_of(object);
    if (!text) {
        json_decref(object);
        return jup_fail(err, JUP_EINPUT, "%s:%d: there is no \"question\" in this line", path,
                        number);
    }
    const json_t *id = json_object_get(object, "id");
    id = id ? id : json_object_get(object, "question_id");
    snprintf(made_up, sizeof made_up, "%" JSON_INTEGER_FORMAT,
             json_is_integer(id) ? json_integer_value(id) : (json_int_t)number);
    jup_questions_add(questions, json_is_string(id) ? json_string_value(id) : made_up,
                      category_of(object), text);
    json_decref(object);
    return JUP_OK;
}

jup_status_t jup_questions_read(jup_questions_t *questions, const char *path, jup_error_t *err)
{
    char *text;
    size_t length;
    JUP_TRY(jup_text_read(path, JUP_TEXT_MOST_BYTES, "more than questions have; use several files",
                          &text, &length, err));
    jup_status_t status = JUP_OK;
    int number = 0;
    for (const char *at = text, *end = text + length; at < end && status == JUP_OK;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        number++;
        if (strspn(at, " \t\r") < n)
            status = read_line(questions, path, number, at, n, err);
        at += n + 1;
    }
    jup_free(text);
    if (status == JUP_OK && questions->n == 0)
        status = jup_fail(err, JUP_EINPUT, "%s holds no questions", path);
    if (status != JUP_OK)
        jup_questions_reset(questions);
    return status;
}
