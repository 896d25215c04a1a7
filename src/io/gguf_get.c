/* Typed access to metadata, and metadata as text. */
#include "base/mem.h"
#include "io/gguf_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct type_info {
    const char *name;
    size_t bytes;
    bool is_int;
} type_info_t;

static const type_info_t types[] = {
    [JUP_GGUF_U8] = {"u8", 1, true},          [JUP_GGUF_I8] = {"i8", 1, true},
    [JUP_GGUF_U16] = {"u16", 2, true},        [JUP_GGUF_I16] = {"i16", 2, true},
    [JUP_GGUF_U32] = {"u32", 4, true},        [JUP_GGUF_I32] = {"i32", 4, true},
    [JUP_GGUF_F32] = {"f32", 4, false},       [JUP_GGUF_BOOL] = {"bool", 1, false},
    [JUP_GGUF_STRING] = {"string", 0, false}, [JUP_GGUF_ARRAY] = {"array", 0, false},
    [JUP_GGUF_U64] = {"u64", 8, true},        [JUP_GGUF_I64] = {"i64", 8, true},
    [JUP_GGUF_F64] = {"f64", 8, false},
};

static const type_info_t *info_of(unsigned type)
{
    return type <= JUP_GGUF_F64 ? &types[type] : NULL;
}

const char *jup_gguf_type_name(unsigned type)
{
    const type_info_t *info = info_of(type);
    return info ? info->name : "unknown";
}

size_t jup_gguf_type_bytes(unsigned type)
{
    const type_info_t *info = info_of(type);
    return info ? info->bytes : 0;
}

bool jup_gguf_type_is_int(unsigned type)
{
    const type_info_t *info = info_of(type);
    return info && info->is_int;
}

static bool is_float(unsigned type)
{
    return type == JUP_GGUF_F32 || type == JUP_GGUF_F64;
}

/* ---- items ------------------------------------------------------------------------------- */

/* The encoded item may lie at any address. */
#define LOAD(ctype, from)                                                                          \
    (__extension__({                                                                               \
        ctype value_;                                                                              \
        memcpy(&value_, (from), sizeof value_);                                                    \
        value_;                                                                                    \
    }))

int64_t jup_gguf_item_int(const jup_gguf_entry_t *entry, int64_t i)
{
    const unsigned char *at = entry->data + (size_t)i * jup_gguf_type_bytes(entry->item_type);
    switch (entry->item_type) {
    case JUP_GGUF_I8:
        return (int8_t)*at;
    case JUP_GGUF_U16:
        return LOAD(uint16_t, at);
    case JUP_GGUF_I16:
        return LOAD(int16_t, at);
    case JUP_GGUF_U32:
        return LOAD(uint32_t, at);
    case JUP_GGUF_I32:
        return LOAD(int32_t, at);
    case JUP_GGUF_I64:
        return LOAD(int64_t, at);
    case JUP_GGUF_U64: {
        uint64_t value = LOAD(uint64_t, at);
        return value > INT64_MAX ? INT64_MAX : (int64_t)value;
    }
    default: /* u8 and bool */
        return *at;
    }
}

double jup_gguf_item_float(const jup_gguf_entry_t *entry, int64_t i)
{
    if (entry->item_type == JUP_GGUF_F32)
        return (double)LOAD(float, entry->data + (size_t)i * 4);
    if (entry->item_type == JUP_GGUF_F64)
        return LOAD(double, entry->data + (size_t)i * 8);
    return (double)jup_gguf_item_int(entry, i);
}

jup_text_t jup_gguf_item_text(const jup_gguf_entry_t *entry, int64_t i)
{
    const unsigned char *at = entry->data + entry->text_offsets[i];
    return jup_text((const char *)at + 8, (size_t)LOAD(uint64_t, at));
}

/* ---- printing ---------------------------------------------------------------------------- */

static void print_text(jup_text_t value, char *text, size_t text_bytes)
{
    char shown[200];
    snprintf(text, text_bytes, "\"%s\"", jup_text_escape(value, shown, sizeof shown));
}

static void print_item(const jup_gguf_entry_t *entry, int64_t i, char *text, size_t text_bytes)
{
    if (jup_gguf_type_is_int(entry->item_type))
        snprintf(text, text_bytes, "%" PRId64, jup_gguf_item_int(entry, i));
    else if (is_float(entry->item_type))
        snprintf(text, text_bytes, "%g", jup_gguf_item_float(entry, i));
    else if (entry->item_type == JUP_GGUF_BOOL)
        snprintf(text, text_bytes, "%s", jup_gguf_item_int(entry, i) ? "true" : "false");
    else if (entry->type == JUP_GGUF_ARRAY)
        print_text(jup_gguf_item_text(entry, i), text, text_bytes);
    else
        print_text(jup_text(entry->text, entry->text_length), text, text_bytes);
}

static void append(char *text, size_t text_bytes, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, text_bytes - used, "%s", more);
}

void jup_gguf_entry_print(const jup_gguf_entry_t *entry, char *text, size_t text_bytes)
{
    enum { ITEMS_SHOWN = 4 };
    if (entry->type != JUP_GGUF_ARRAY) {
        print_item(entry, 0, text, text_bytes);
        return;
    }
    snprintf(text, text_bytes, "[%" PRId64 " x %s]", entry->count,
             jup_gguf_type_name(entry->item_type));
    for (int64_t i = 0; i < entry->count && i < ITEMS_SHOWN; i++) {
        char item[256];
        print_item(entry, i, item, sizeof item);
        append(text, text_bytes, i ? ", " : " ");
        append(text, text_bytes, item);
    }
    if (entry->count > ITEMS_SHOWN)
        append(text, text_bytes, ", ...");
}

/* ---- typed access ------------------------------------------------------------------------ */

static jup_status_t fail_kind(const jup_gguf_t *g, const jup_gguf_entry_t *entry,
                              const char *expected, jup_error_t *err)
{
    char shown[300];
    jup_gguf_entry_print(entry, shown, sizeof shown);
    return jup_gguf_fail(g, err, "metadata '%s' is of type %s (%s), expected %s", entry->key,
                         jup_gguf_type_name(entry->type), shown, expected);
}

static jup_status_t fail_absent(const jup_gguf_t *g, const char *key, jup_error_t *err)
{
    return jup_gguf_fail(g, err,
                         "metadata '%s' is missing; the file was not made for this use or by an "
                         "old converter: convert the model again",
                         key);
}

jup_status_t jup_gguf_get_int(const jup_gguf_t *g, const char *key, int64_t min, int64_t max,
                              int64_t fallback, int64_t *out, jup_error_t *err)
{
    const jup_gguf_entry_t *entry = jup_gguf_find(g, key);
    *out = fallback;
    if (!entry)
        return JUP_OK;
    if (!jup_gguf_type_is_int(entry->type))
        return fail_kind(g, entry, "an integer", err);
    int64_t value = jup_gguf_item_int(entry, 0);
    if (value < min || value > max)
        return jup_gguf_fail(g, err,
                             "metadata '%s' is %" PRId64 ", expected %" PRId64 " to %" PRId64, key,
                             value, min, max);
    *out = value;
    return JUP_OK;
}

jup_status_t jup_gguf_get_float(const jup_gguf_t *g, const char *key, double fallback, double *out,
                                jup_error_t *err)
{
    const jup_gguf_entry_t *entry = jup_gguf_find(g, key);
    *out = fallback;
    if (!entry)
        return JUP_OK;
    if (!is_float(entry->type) && !jup_gguf_type_is_int(entry->type))
        return fail_kind(g, entry, "a number", err);
    double value = jup_gguf_item_float(entry, 0);
    if (!isfinite(value))
        return jup_gguf_fail(g, err, "metadata '%s' is not a finite number", key);
    *out = value;
    return JUP_OK;
}

jup_status_t jup_gguf_get_bool(const jup_gguf_t *g, const char *key, bool fallback, bool *out,
                               jup_error_t *err)
{
    const jup_gguf_entry_t *entry = jup_gguf_find(g, key);
    *out = fallback;
    if (!entry)
        return JUP_OK;
    if (entry->type != JUP_GGUF_BOOL)
        return fail_kind(g, entry, "a bool", err);
    *out = jup_gguf_item_int(entry, 0) != 0;
    return JUP_OK;
}

jup_status_t jup_gguf_get_text(const jup_gguf_t *g, const char *key, const char *fallback,
                               const char **out, jup_error_t *err)
{
    const jup_gguf_entry_t *entry = jup_gguf_find(g, key);
    *out = fallback;
    if (!entry)
        return JUP_OK;
    if (entry->type != JUP_GGUF_STRING)
        return fail_kind(g, entry, "a string", err);
    *out = entry->text;
    return JUP_OK;
}

jup_status_t jup_gguf_require_int(const jup_gguf_t *g, const char *key, int64_t min, int64_t max,
                                  int64_t *out, jup_error_t *err)
{
    *out = min;
    return jup_gguf_find(g, key) ? jup_gguf_get_int(g, key, min, max, min, out, err)
                                 : fail_absent(g, key, err);
}

jup_status_t jup_gguf_require_float(const jup_gguf_t *g, const char *key, double *out,
                                    jup_error_t *err)
{
    *out = 0;
    return jup_gguf_find(g, key) ? jup_gguf_get_float(g, key, 0, out, err)
                                 : fail_absent(g, key, err);
}

jup_status_t jup_gguf_require_bool(const jup_gguf_t *g, const char *key, bool *out,
                                   jup_error_t *err)
{
    *out = false;
    return jup_gguf_find(g, key) ? jup_gguf_get_bool(g, key, false, out, err)
                                 : fail_absent(g, key, err);
}

jup_status_t jup_gguf_require_text(const jup_gguf_t *g, const char *key, const char **out,
                                   jup_error_t *err)
{
    *out = "";
    return jup_gguf_find(g, key) ? jup_gguf_get_text(g, key, "", out, err)
                                 : fail_absent(g, key, err);
}

/* ---- arrays ------------------------------------------------------------------------------ */

static bool is_text(unsigned type)
{
    return type == JUP_GGUF_STRING;
}

static jup_status_t get_array(const jup_gguf_t *g, const char *key,
                              bool (*fits)(unsigned item_type), const char *expected,
                              const jup_gguf_entry_t **out, jup_error_t *err)
{
    const jup_gguf_entry_t *entry = jup_gguf_find(g, key);
    *out = NULL;
    if (!entry)
        return JUP_OK;
    if (entry->type != JUP_GGUF_ARRAY || !fits(entry->item_type))
        return fail_kind(g, entry, expected, err);
    *out = entry;
    return JUP_OK;
}

jup_status_t jup_gguf_get_texts(const jup_gguf_t *g, const char *key, const jup_gguf_entry_t **out,
                                jup_error_t *err)
{
    return get_array(g, key, is_text, "an array of strings", out, err);
}

jup_status_t jup_gguf_get_ints(const jup_gguf_t *g, const char *key, const jup_gguf_entry_t **out,
                               jup_error_t *err)
{
    return get_array(g, key, jup_gguf_type_is_int, "an array of integers", out, err);
}

jup_status_t jup_gguf_get_floats(const jup_gguf_t *g, const char *key, const jup_gguf_entry_t **out,
                                 jup_error_t *err)
{
    return get_array(g, key, is_float, "an array of floats", out, err);
}
