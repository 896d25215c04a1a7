#include "ask/script.h"

#include "base/checked.h"
#include "base/mem.h"
#include "cluster/yaml_in.h"

#include <string.h>

static jup_status_t tokens(const jup_yaml_node_t *map, const char *key, int32_t least,
                           int32_t *value, jup_error_t *err)
{
    int64_t n = *value;
    JUP_TRY(jup_yaml_integer(map, key, least, JUP_SCRIPT_TOKENS, &n, err));
    *value = (int32_t)n;
    return JUP_OK;
}

static jup_status_t list_of(const jup_yaml_node_t *map, const char *key, int most,
                            jup_yaml_node_t *list, int *n, jup_error_t *err)
{
    *n = 0;
    if (!jup_yaml_get(map, key, list))
        return JUP_OK;
    JUP_TRY(jup_yaml_length(list, n, err));
    if (*n < 1 || *n > most)
        return jup_yaml_fail(list, err, "has %d entries, must have between 1 and %d", *n, most);
    return JUP_OK;
}

static jup_status_t read_points(const jup_yaml_node_t *map, jup_script_request_t *r,
                                jup_error_t *err)
{
    jup_yaml_node_t list, item;
    int n;
    JUP_TRY(list_of(map, "points", JUP_OUTLINE_POINTS, &list, &n, err));
    for (int i = 0; i < n; i++) {
        int64_t length;
        jup_yaml_item(&list, i, &item);
        JUP_TRY(jup_yaml_to_integer(&item, 1, JUP_SCRIPT_TOKENS, &length, err));
        r->points[i] = (int32_t)length;
    }
    r->n_points = n;
    return JUP_OK;
}

static jup_status_t read_request(const jup_yaml_node_t *map, jup_script_request_t *r,
                                 jup_error_t *err)
{
    static const char *const keys[] = {"prompt", "answer", "outline", "heading", "points", NULL};
    jup_yaml_node_t node;
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(jup_yaml_require(map, "prompt", &node, err));
    JUP_TRY(tokens(map, "prompt", 1, &r->prompt, err));
    JUP_TRY(tokens(map, "answer", 1, &r->answer, err));
    JUP_TRY(tokens(map, "outline", 1, &r->outline, err));
    JUP_TRY(tokens(map, "heading", 1, &r->heading, err));
    JUP_TRY(read_points(map, r, err));
    bool by_outline = r->outline && r->heading && r->n_points;
    bool plain = r->answer && !r->outline && !r->heading && !r->n_points;
    if (plain || (by_outline && !r->answer))
        return JUP_OK;
    return jup_yaml_fail(map, err,
                         "must have either answer, or all of outline, heading and points");
}

/* One candidate's chance, or those of several. */
static jup_status_t read_accuracy(const jup_yaml_node_t *item, jup_scripted_t *model, int depth,
                                  jup_error_t *err)
{
    double sum = 0;
    int n = 1;
    if (!jup_yaml_is_list(item)) {
        model->width[depth] = 1;
        return jup_yaml_to_number(item, 0, 1, &model->accuracy[depth][0], err);
    }
    JUP_TRY(jup_yaml_length(item, &n, err));
    if (n < 1 || n > JUP_GUESS_WIDTH)
        return jup_yaml_fail(item, err, "has %d candidates, must have between 1 and %d", n,
                             JUP_GUESS_WIDTH);
    for (int r = 0; r < n; r++) {
        jup_yaml_node_t one;
        jup_yaml_item(item, r, &one);
        JUP_TRY(jup_yaml_to_number(&one, 0, 1, &model->accuracy[depth][r], err));
        sum += model->accuracy[depth][r];
    }
    model->width[depth] = n;
    return sum <= 1.0001 ? JUP_OK : jup_yaml_fail(item, err, "sums to more than 1");
}

static jup_status_t read_titles(const jup_yaml_node_t *root, jup_script_t *script, jup_error_t *err)
{
    jup_scripted_t *model = &script->model;
    jup_yaml_node_t list, item;
    int n;
    JUP_TRY(list_of(root, "titles", JUP_FORM_NUMBERS, &list, &n, err));
    for (int i = 0; i < n; i++) {
        int64_t tokens;
        jup_yaml_item(&list, i, &item);
        JUP_TRY(jup_yaml_to_integer(&item, 1, JUP_SCRIPTED_TITLE, &tokens, err));
        model->titles[i] = (int32_t)tokens;
    }
    model->n_titles = n;
    if (!jup_yaml_get(root, "form", &item))
        return JUP_OK;
    JUP_TRY(jup_yaml_to_bool(&item, &script->form, err));
    return n || !script->form ? JUP_OK : jup_yaml_fail(&item, err, "needs titles");
}

/* Outlines are as long as the titles say. */
static jup_status_t check_outline(const jup_yaml_node_t *map, const jup_scripted_t *model,
                                  const jup_script_request_t *r, jup_error_t *err)
{
    if (!r->outline || !model->n_titles)
        return JUP_OK;
    if (r->outline != jup_scripted_list_tokens(model) || r->n_points != model->n_titles)
        return jup_yaml_fail(
            map, err, "has an outline of %d tokens and %d points, titles make it %d and %d",
            r->outline, r->n_points, jup_scripted_list_tokens(model), model->n_titles);
    if (r->prompt < JUP_SCRIPTED_MARK)
        return jup_yaml_fail(map, err, "has a prompt of %d tokens, a list's ends with a mark of %d",
                             r->prompt, JUP_SCRIPTED_MARK);
    return JUP_OK;
}

static jup_status_t read_model(const jup_yaml_node_t *root, jup_scripted_t *model, jup_error_t *err)
{
    jup_yaml_node_t list, item;
    int64_t seed = 1;
    double draft_ms = 0;
    int n;
    JUP_TRY(jup_yaml_integer(root, "seed", 0, INT32_MAX, &seed, err));
    JUP_TRY(list_of(root, "accuracy", JUP_GUESS_DEPTH, &list, &n, err));
    for (int i = 0; i < n; i++) {
        jup_yaml_item(&list, i, &item);
        JUP_TRY(read_accuracy(&item, model, i, err));
    }
    JUP_TRY(jup_yaml_number(root, "draft_ms", 0, 1e6, &draft_ms, err));
    model->on = true;
    model->draft_s = 1e-3 * draft_ms;
    model->seed = (uint64_t)seed;
    model->depth = n;
    if (n > 0 || draft_ms <= 0 || !jup_yaml_get(root, "draft_ms", &item))
        return JUP_OK;
    return jup_yaml_fail(&item, err, "needs accuracy: without it nothing is guessed");
}

static jup_status_t read_requests(const jup_yaml_node_t *root, jup_script_t *script,
                                  jup_error_t *err)
{
    jup_yaml_node_t list, item;
    JUP_TRY(jup_yaml_require(root, "requests", &list, err));
    JUP_TRY(list_of(root, "requests", JUP_SCRIPT_REQUESTS, &list, &script->n, err));
    script->requests = jup_new((size_t)script->n, sizeof *script->requests);
    for (int32_t i = 0; i < script->n; i++) {
        jup_yaml_item(&list, i, &item);
        JUP_TRY(read_request(&item, &script->requests[i], err));
        JUP_TRY(check_outline(&item, &script->model, &script->requests[i], err));
    }
    return JUP_OK;
}

static jup_status_t read_script(jup_yaml_t *yaml, jup_script_t *script, jup_error_t *err)
{
    static const char *const keys[] = {"script_version", "seed", "accuracy", "draft_ms",
                                       "titles",         "form", "requests", NULL};
    jup_yaml_node_t root, node;
    int64_t version;
    JUP_TRY(jup_yaml_root(yaml, &root, err));
    JUP_TRY(jup_yaml_check_keys(&root, keys, err));
    JUP_TRY(jup_yaml_require(&root, "script_version", &node, err));
    JUP_TRY(jup_yaml_to_integer(&node, 1, 1, &version, err));
    JUP_TRY(read_model(&root, &script->model, err));
    JUP_TRY(read_titles(&root, script, err));
    return read_requests(&root, script, err);
}

jup_status_t jup_script_read(jup_script_t *script, const char *path, jup_error_t *err)
{
    jup_yaml_t *yaml;
    memset(script, 0, sizeof *script);
    JUP_TRY(jup_yaml_open(&yaml, path, err));
    jup_status_t status = read_script(yaml, script, err);
    jup_yaml_close(yaml);
    if (status != JUP_OK)
        jup_script_reset(script);
    return status;
}

void jup_script_reset(jup_script_t *script)
{
    jup_free(script->requests);
    memset(script, 0, sizeof *script);
}

/* ---- lengths --------------------------------------------------------------------------------- */

int32_t jup_script_points(const jup_script_request_t *request)
{
    int32_t n = 0;
    for (int32_t i = 0; i < request->n_points; i++)
        n += request->points[i];
    return n;
}

int32_t jup_script_longest_prompt(const jup_script_t *script)
{
    int64_t longest = 0;
    for (int32_t i = 0; i < script->n; i++)
        longest = jup_max_i64(longest, script->requests[i].prompt);
    return (int32_t)longest;
}

int32_t jup_script_longest_sequence(const jup_script_t *script)
{
    int64_t longest = 0;
    for (int32_t i = 0; i < script->n; i++) {
        const jup_script_request_t *r = &script->requests[i];
        int64_t point = 0;
        for (int32_t p = 0; p < r->n_points; p++)
            point = jup_max_i64(point, r->points[p]);
        longest =
            jup_max_i64(longest, (int64_t)r->prompt + r->answer + r->outline + r->heading + point);
    }
    return (int32_t)longest;
}
