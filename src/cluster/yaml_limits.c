#include "cluster/yaml_limits.h"

#include "base/input.h"
#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* ---- size ------------------------------------------------------------------------------------ */

/* Up to one byte more than may be. */
static size_t read_most(FILE *file, char **text)
{
    size_t n = 0, room = 0, got;
    *text = NULL;
    do {
        if (n == room) {
            room = room ? 2 * room : 1 << 14;
            room = room <= JUP_YAML_MOST_BYTES ? room : JUP_YAML_MOST_BYTES + 1;
            *text = jup_resize(*text, room, 1);
        }
        got = fread(*text + n, 1, room - n, file);
        n += got;
    } while (got > 0 && n <= JUP_YAML_MOST_BYTES);
    return n;
}

jup_status_t jup_yaml_read_file(const char *path, char **text, size_t *bytes, jup_error_t *err)
{
    FILE *file;
    JUP_TRY(jup_input_open(path, JUP_INPUT_ANY, &file, err));
    *bytes = read_most(file, text);
    jup_status_t status = JUP_OK;
    if (ferror(file))
        status = jup_fail(err, JUP_EINPUT, "cannot read '%s': %s", path, strerror(errno));
    else if (*bytes > JUP_YAML_MOST_BYTES)
        status = jup_fail(err, JUP_EINPUT, "'%s' has more than %d MiB; is it the right file?", path,
                          JUP_YAML_MOST_BYTES >> 20);
    fclose(file);
    if (status != JUP_OK)
        jup_free(*text);
    return status;
}

/* ---- shape ----------------------------------------------------------------------------------- */

typedef struct shape {
    int depth, anchors;
} shape_t;

static bool has_anchor(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL;
    default:
        return false;
    }
}

static void take(shape_t *shape, const yaml_event_t *event)
{
    bool opens =
        event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT;
    bool closes = event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT;
    shape->depth += opens ? 1 : closes ? -1 : 0;
    shape->anchors += has_anchor(event);
}

static jup_status_t check(yaml_parser_t *parser, const char *name, jup_error_t *err)
{
    shape_t shape = {0};
    yaml_event_t event;
    for (bool ends = false; !ends;) {
        if (!yaml_parser_parse(parser, &event))
            return JUP_OK;
        size_t line = event.start_mark.line + 1;
        ends = event.type == YAML_STREAM_END_EVENT;
        take(&shape, &event);
        yaml_event_delete(&event);
        if (shape.depth > JUP_YAML_MOST_DEPTH)
            return jup_fail(err, JUP_EINPUT, "%s:%zu: lists and maps are more than %d deep", name,
                            line, JUP_YAML_MOST_DEPTH);
        if (shape.anchors > JUP_YAML_MOST_ANCHORS)
            return jup_fail(err, JUP_EINPUT, "%s:%zu: more than %d anchors", name, line,
                            JUP_YAML_MOST_ANCHORS);
    }
    return JUP_OK;
}

jup_status_t jup_yaml_check_shape(const char *name, const char *text, size_t bytes,
                                  jup_error_t *err)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return jup_fail(err, JUP_EENV, "no memory for reading '%s'", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
    jup_status_t status = check(&parser, name, err);
    yaml_parser_delete(&parser);
    return status;
}
