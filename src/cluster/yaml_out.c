#include "cluster/yaml_out.h"

#include "base/mem.h"
#include "base/output.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct jup_yaml_out {
    yaml_document_t document;
    bool dumped; /* the emitter has taken the document */
};

typedef struct text_buffer {
    char *text;
    size_t used, room;
} text_buffer_t;

static int need(int number)
{
    if (!number)
        jup_die(JUP_EENV, "no memory for writing YAML");
    return number;
}

jup_yaml_out_t *jup_yaml_out_new(int *root)
{
    jup_yaml_out_t *out = jup_new(1, sizeof *out);
    need(yaml_document_initialize(&out->document, NULL, NULL, NULL, 1, 1));
    *root = need(yaml_document_add_mapping(&out->document, NULL, YAML_BLOCK_MAPPING_STYLE));
    return out;
}

void jup_yaml_out_destroy(jup_yaml_out_t *out)
{
    if (!out)
        return;
    if (!out->dumped)
        yaml_document_delete(&out->document);
    jup_free(out);
}

static int add_scalar(jup_yaml_out_t *out, const char *text, bool quoted)
{
    return need(yaml_document_add_scalar(
        &out->document, NULL, (const yaml_char_t *)text, (int)strlen(text),
        quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE));
}

static void attach(jup_yaml_out_t *out, int parent, const char *key, int value)
{
    if (key)
        need(yaml_document_append_mapping_pair(&out->document, parent, add_scalar(out, key, false),
                                               value));
    else
        need(yaml_document_append_sequence_item(&out->document, parent, value));
}

int jup_yaml_put_map(jup_yaml_out_t *out, int parent, const char *key, bool inline_)
{
    int map = need(yaml_document_add_mapping(
        &out->document, NULL, inline_ ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE));
    attach(out, parent, key, map);
    return map;
}

int jup_yaml_put_list(jup_yaml_out_t *out, int parent, const char *key, bool inline_)
{
    int list = need(yaml_document_add_sequence(
        &out->document, NULL, inline_ ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE));
    attach(out, parent, key, list);
    return list;
}

void jup_yaml_put_text(jup_yaml_out_t *out, int parent, const char *key, const char *text)
{
    attach(out, parent, key, add_scalar(out, text, text[0] == '\0'));
}

void jup_yaml_put_bool(jup_yaml_out_t *out, int parent, const char *key, bool value)
{
    attach(out, parent, key, add_scalar(out, value ? "true" : "false", false));
}

void jup_yaml_put_integer(jup_yaml_out_t *out, int parent, const char *key, long long value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", value);
    attach(out, parent, key, add_scalar(out, text, false));
}

void jup_yaml_put_number(jup_yaml_out_t *out, int parent, const char *key, double value, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%.*g", digits, value);
    attach(out, parent, key, add_scalar(out, text, false));
}

static int append(void *self, unsigned char *text, size_t bytes)
{
    text_buffer_t *buffer = self;
    if (buffer->used + bytes + 1 > buffer->room) {
        buffer->room = 2 * (buffer->used + bytes + 1);
        buffer->text = jup_resize(buffer->text, buffer->room, 1);
    }
    memcpy(buffer->text + buffer->used, text, bytes);
    buffer->used += bytes;
    buffer->text[buffer->used] = '\0';
    return 1;
}

void jup_yaml_out_text(jup_yaml_out_t *out, char **text, size_t *bytes)
{
    text_buffer_t buffer = {0};
    yaml_emitter_t emitter;
    need(yaml_emitter_initialize(&emitter));
    yaml_emitter_set_output(&emitter, append, &buffer);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, 100);
    out->dumped = true;
    if (!yaml_emitter_open(&emitter) || !yaml_emitter_dump(&emitter, &out->document) ||
        !yaml_emitter_close(&emitter))
        jup_die(JUP_EENV, "cannot write YAML: %s", emitter.problem ? emitter.problem : "memory");
    yaml_emitter_delete(&emitter);
    *text = buffer.text;
    *bytes = buffer.used;
}

jup_status_t jup_yaml_out_file(jup_yaml_out_t *out, const char *path, jup_error_t *err)
{
    char *text;
    size_t bytes;
    jup_yaml_out_text(out, &text, &bytes);
    jup_status_t status = jup_output_write(path, text, bytes, err);
    jup_free(text);
    return status;
}
