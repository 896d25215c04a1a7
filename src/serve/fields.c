#include "serve/fields.h"

#include "cluster/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const json_t *jup_fields_get(const jup_fields_t *f, const char *name)
{
    const json_t *value = json_object_get(f->object, name);
    return value && !json_is_null(value) ? value : NULL;
}

/* The beginning of a value as it was written. */
static void show(const json_t *value, char *text, size_t size)
{
    char *whole = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    int n = snprintf(text, size, "%.60s", whole ? whole : "?");
    if (n == 60)
        snprintf(text + 57, size - 57, "...");
    free(whole);
}

bool jup_fields_wrong(const jup_fields_t *f, const char *name, const char *must_be)
{
    char path[96], value[80];
    const json_t *json = json_object_get(f->object, name);
    snprintf(path, sizeof path, "%.60s%.30s", f->within, name);
    if (json)
        show(json, value, sizeof value);
    else
        snprintf(value, sizeof value, "not there");
    return jup_problem(f->problem, 400, "invalid_value", path, "%s is %s, must be %s", path, value,
                       must_be);
}

bool jup_fields_bool(const jup_fields_t *f, const char *name, bool *value)
{
    const json_t *json = jup_fields_get(f, name);
    if (json && !json_is_boolean(json))
        return jup_fields_wrong(f, name, "true or false");
    if (json)
        *value = json_is_true(json);
    return true;
}

bool jup_fields_int(const jup_fields_t *f, const char *name, int64_t least, int64_t most,
                    int64_t *value)
{
    char must_be[100];
    const json_t *json = jup_fields_get(f, name);
    if (!json)
        return true;
    double real = json_number_value(json);
    bool whole =
        json_is_integer(json) || (json_is_real(json) && real == floor(real) && fabs(real) < 1e15);
    int64_t number = json_is_integer(json) ? json_integer_value(json) : whole ? (int64_t)real : 0;
    if (!whole || number < least || number > most) {
        snprintf(must_be, sizeof must_be, "a whole number between %lld and %lld", (long long)least,
                 (long long)most);
        return jup_fields_wrong(f, name, must_be);
    }
    *value = number;
    return true;
}

bool jup_fields_number(const jup_fields_t *f, const char *name, double least, double most,
                       double *value)
{
    char must_be[100];
    const json_t *json = jup_fields_get(f, name);
    if (!json)
        return true;
    double number = json_number_value(json);
    if (!json_is_number(json) || !(number >= least && number <= most)) {
        snprintf(must_be, sizeof must_be, "a number between %g and %g", least, most);
        return jup_fields_wrong(f, name, must_be);
    }
    *value = number;
    return true;
}

bool jup_fields_text(const jup_fields_t *f, const char *name, const char **value)
{
    const json_t *json = jup_fields_get(f, name);
    *value = NULL;
    if (json && !json_is_string(json))
        return jup_fields_wrong(f, name, "a text");
    *value = json_string_value(json);
    return true;
}

bool jup_fields_known(const jup_fields_t *f, const char *const *known)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)f->object, name, value)
    {
        char path[96];
        if (jup_find_name(name, known) >= 0)
            continue;
        const char *near = jup_nearest(name, known);
        snprintf(path, sizeof path, "%.60s%.30s", f->within, name);
        return jup_problem(f->problem, 400, "unknown_parameter", path,
                           "there is no field %s here%s%s%s", path, near ? "; did you mean " : "",
                           near ? near : "", near ? "?" : "");
    }
    return true;
}
