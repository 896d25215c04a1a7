#include "cluster/yaml_in.h"

#include "base/mem.h"
#include "cluster/nearest.h"
#include "cluster/yaml_limits.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct jup_yaml {
    yaml_document_t document;
    char *name;
};

/* ---- opening -------------------------------------------------------------------------------- */

static jup_status_t load(yaml_parser_t *parser, const char *name, jup_yaml_t **out,
                         jup_error_t *err)
{
    jup_yaml_t *yaml = jup_new(1, sizeof *yaml);
    if (!yaml_parser_load(parser, &yaml->document)) {
        jup_fail(err, JUP_EINPUT, "%s:%zu: not valid YAML: %s%s%s", name,
                 parser->problem_mark.line + 1, parser->problem ? parser->problem : "unreadable",
                 parser->context ? " " : "", parser->context ? parser->context : "");
        jup_free(yaml);
        return JUP_EINPUT;
    }
    yaml->name = jup_strdup(name);
    *out = yaml;
    return JUP_OK;
}

jup_status_t jup_yaml_open(jup_yaml_t **yaml, const char *path, jup_error_t *err)
{
    char *text;
    size_t bytes;
    JUP_TRY(jup_yaml_read_file(path, &text, &bytes, err));
    jup_status_t status = jup_yaml_open_text(yaml, path, text, bytes, err);
    jup_free(text);
    return status;
}

jup_status_t jup_yaml_open_text(jup_yaml_t **yaml, const char *name, const char *text, size_t bytes,
                                jup_error_t *err)
{
    yaml_parser_t parser;
    JUP_TRY(jup_yaml_check_shape(name, text, bytes, err));
    if (!yaml_parser_initialize(&parser))
        return jup_fail(err, JUP_EENV, "no memory for reading '%s'", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
    jup_status_t status = load(&parser, name, yaml, err);
    yaml_parser_delete(&parser);
    return status;
}

jup_status_t jup_yaml_open_shipped(jup_yaml_t **yaml, const jup_shipped_place_t *place,
                                   jup_error_t *err)
{
    const jup_shipped_t *file = place->file;
    return file ? jup_yaml_open_text(yaml, place->path, file->text, file->bytes, err)
                : jup_yaml_open(yaml, place->path, err);
}

void jup_yaml_close(jup_yaml_t *yaml)
{
    if (!yaml)
        return;
    yaml_document_delete(&yaml->document);
    jup_free(yaml->name);
    jup_free(yaml);
}

const char *jup_yaml_name(const jup_yaml_t *yaml)
{
    return yaml->name;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static const yaml_node_t *node_of(const jup_yaml_node_t *node)
{
    return node->node;
}

static const char *scalar_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

jup_status_t jup_yaml_fail(const jup_yaml_node_t *node, jup_error_t *err, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return jup_fail(err, JUP_EINPUT, "%s:%zu: %s%s%s", node->yaml->name,
                    node_of(node)->start_mark.line + 1, node->path, node->path[0] ? " " : "", text);
}

jup_status_t jup_yaml_root(jup_yaml_t *yaml, jup_yaml_node_t *root, jup_error_t *err)
{
    *root = (jup_yaml_node_t){.yaml = yaml, .node = yaml_document_get_root_node(&yaml->document)};
    if (!root->node)
        return jup_fail(err, JUP_EINPUT, "%s: the file is empty", yaml->name);
    if (!jup_yaml_is_map(root))
        return jup_yaml_fail(root, err, "a mapping ('key: value' lines) must stand here");
    return JUP_OK;
}

bool jup_yaml_is_list(const jup_yaml_node_t *node)
{
    return node_of(node)->type == YAML_SEQUENCE_NODE;
}

bool jup_yaml_is_map(const jup_yaml_node_t *node)
{
    return node_of(node)->type == YAML_MAPPING_NODE;
}

static const yaml_node_t *pair_key(const jup_yaml_node_t *map, const yaml_node_pair_t *pair)
{
    return yaml_document_get_node(&map->yaml->document, pair->key);
}

static void child(const jup_yaml_node_t *parent, void *node, const char *dot, const char *name,
                  jup_yaml_node_t *out)
{
    jup_yaml_node_t made = {.yaml = parent->yaml, .node = node};
    snprintf(made.path, sizeof made.path, "%.100s%s%.50s", parent->path, parent->path[0] ? dot : "",
             name);
    *out = made;
}

static jup_status_t unknown_key(const jup_yaml_node_t *map, yaml_node_t *key,
                                const char *const *keys, jup_error_t *err)
{
    jup_yaml_node_t at = *map;
    at.node = key;
    if (key->type != YAML_SCALAR_NODE)
        return jup_yaml_fail(&at, err, "has a key that is no plain word");
    const char *nearest = jup_nearest(scalar_of(key), keys);
    if (nearest)
        return jup_yaml_fail(&at, err, "%sunknown key '%.60s', did you mean '%s'?",
                             map->path[0] ? "has the " : "", scalar_of(key), nearest);
    char all[300];
    jup_list_names(keys, all, sizeof all);
    return jup_yaml_fail(&at, err, "%sunknown key '%.60s'; known are %s",
                         map->path[0] ? "has the " : "", scalar_of(key), all);
}

jup_status_t jup_yaml_check_keys(const jup_yaml_node_t *map, const char *const *keys,
                                 jup_error_t *err)
{
    if (!jup_yaml_is_map(map))
        return jup_yaml_fail(map, err, "must be a mapping ({key: value, ...})");
    const yaml_node_t *node = node_of(map);
    uint64_t seen = 0;
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        yaml_node_t *key = yaml_document_get_node(&map->yaml->document, p->key);
        int index = key->type == YAML_SCALAR_NODE ? jup_find_name(scalar_of(key), keys) : -1;
        if (index < 0)
            return unknown_key(map, key, keys, err);
        if (seen & (uint64_t)1 << index) {
            jup_yaml_node_t at = *map;
            at.node = key;
            return jup_yaml_fail(&at, err, "has the key '%s' twice", keys[index]);
        }
        seen |= (uint64_t)1 << index;
    }
    return JUP_OK;
}

bool jup_yaml_get(const jup_yaml_node_t *map, const char *key, jup_yaml_node_t *value)
{
    const yaml_node_t *node = node_of(map);
    if (node->type != YAML_MAPPING_NODE)
        return false;
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *k = pair_key(map, p);
        if (k->type == YAML_SCALAR_NODE && strcmp(scalar_of(k), key) == 0) {
            child(map, yaml_document_get_node(&map->yaml->document, p->value), ".", key, value);
            return true;
        }
    }
    return false;
}

jup_status_t jup_yaml_require(const jup_yaml_node_t *map, const char *key, jup_yaml_node_t *value,
                              jup_error_t *err)
{
    if (jup_yaml_get(map, key, value))
        return JUP_OK;
    return jup_yaml_fail(map, err, "%sthe key '%s' is missing",
                         map->path[0] ? "is not whole: " : "", key);
}

jup_status_t jup_yaml_length(const jup_yaml_node_t *list, int *length, jup_error_t *err)
{
    if (!jup_yaml_is_list(list))
        return jup_yaml_fail(list, err, "must be a list ([a, b, ...] or lines with '- ')");
    const yaml_node_t *node = node_of(list);
    *length = (int)(node->data.sequence.items.top - node->data.sequence.items.start);
    return JUP_OK;
}

void jup_yaml_item(const jup_yaml_node_t *list, int index, jup_yaml_node_t *item)
{
    char name[24];
    snprintf(name, sizeof name, "[%d]", index);
    child(list,
          yaml_document_get_node(&list->yaml->document,
                                 node_of(list)->data.sequence.items.start[index]),
          "", name, item);
}

/* ---- scalars -------------------------------------------------------------------------------- */

/* The text of a scalar; NULL, and a message, for anything else. */
static const char *scalar(const jup_yaml_node_t *node, const char *wanted, jup_error_t *err)
{
    if (node_of(node)->type == YAML_SCALAR_NODE)
        return scalar_of(node_of(node));
    jup_yaml_fail(node, err, "must be %s, not a list or a mapping", wanted);
    return NULL;
}

jup_status_t jup_yaml_to_number(const jup_yaml_node_t *node, double min, double max, double *value,
                                jup_error_t *err)
{
    const char *text = scalar(node, "a number", err);
    if (!text)
        return JUP_EINPUT;
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number))
        return jup_yaml_fail(node, err, "is '%.40s', must be a number", text);
    if (number < min || number > max)
        return jup_yaml_fail(node, err, "is %.40s, must be between %g and %g", text, min, max);
    *value = number;
    return JUP_OK;
}

jup_status_t jup_yaml_to_integer(const jup_yaml_node_t *node, int64_t min, int64_t max,
                                 int64_t *value, jup_error_t *err)
{
    const char *text = scalar(node, "a whole number", err);
    if (!text)
        return JUP_EINPUT;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno)
        return jup_yaml_fail(node, err, "is '%.40s', must be a whole number", text);
    if (number < min || number > max)
        return jup_yaml_fail(node, err, "is %lld, must be between %lld and %lld", number,
                             (long long)min, (long long)max);
    *value = number;
    return JUP_OK;
}

jup_status_t jup_yaml_to_text(const jup_yaml_node_t *node, char *text, size_t size,
                              jup_error_t *err)
{
    const char *found = scalar(node, "text", err);
    if (!found)
        return JUP_EINPUT;
    size_t length = strlen(found);
    if (length >= size)
        return jup_yaml_fail(node, err, "is %zu bytes long, must be shorter than %zu", length,
                             size);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)found[i] < ' ')
            return jup_yaml_fail(node, err, "holds a control character");
    memcpy(text, found, length + 1);
    return JUP_OK;
}

jup_status_t jup_yaml_to_bool(const jup_yaml_node_t *node, bool *value, jup_error_t *err)
{
    const char *text = scalar(node, "true or false", err);
    if (!text)
        return JUP_EINPUT;
    *value = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
    if (!*value && strcmp(text, "false") != 0 && strcmp(text, "no") != 0)
        return jup_yaml_fail(node, err, "is '%.40s', must be true or false", text);
    return JUP_OK;
}

jup_status_t jup_yaml_number(const jup_yaml_node_t *map, const char *key, double min, double max,
                             double *value, jup_error_t *err)
{
    jup_yaml_node_t node;
    return jup_yaml_get(map, key, &node) ? jup_yaml_to_number(&node, min, max, value, err) : JUP_OK;
}

jup_status_t jup_yaml_integer(const jup_yaml_node_t *map, const char *key, int64_t min, int64_t max,
                              int64_t *value, jup_error_t *err)
{
    jup_yaml_node_t node;
    return jup_yaml_get(map, key, &node) ? jup_yaml_to_integer(&node, min, max, value, err)
                                         : JUP_OK;
}

jup_status_t jup_yaml_text(const jup_yaml_node_t *map, const char *key, char *text, size_t size,
                           jup_error_t *err)
{
    jup_yaml_node_t node;
    return jup_yaml_get(map, key, &node) ? jup_yaml_to_text(&node, text, size, err) : JUP_OK;
}
