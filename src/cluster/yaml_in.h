/**
 * Reading YAML files with messages worth reading: "cluster.yaml:12: links[1].mbps is -3, must be
 * between ...". A thin layer over libyaml's documents; aliases are followed by it, nothing here
 * recurses.
 */
#ifndef JUP_CLUSTER_YAML_IN_H
#define JUP_CLUSTER_YAML_IN_H

#include "base/status.h"
#include "cluster/shipped.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct jup_yaml jup_yaml_t; /* a document and the name it has in messages */

/** A value inside a document and the way to it. */
typedef struct jup_yaml_node {
    jup_yaml_t *yaml;
    void *node;     /* libyaml's */
    char path[160]; /* "links[1].mbps"; "" at the top */
} jup_yaml_node_t;

jup_status_t jup_yaml_open(jup_yaml_t **yaml, const char *path, jup_error_t *err);
jup_status_t jup_yaml_open_text(jup_yaml_t **yaml, const char *name, const char *text, size_t bytes,
                                jup_error_t *err);
jup_status_t jup_yaml_open_shipped(jup_yaml_t **yaml, const jup_shipped_place_t *place,
                                   jup_error_t *err);
void jup_yaml_close(jup_yaml_t *yaml);

const char *jup_yaml_name(const jup_yaml_t *yaml);

/** The top of the document, which must be a mapping. */
jup_status_t jup_yaml_root(jup_yaml_t *yaml, jup_yaml_node_t *root, jup_error_t *err);

/** Fails with "file:line: path ..." in front of the message; JUP_EINPUT. */
jup_status_t jup_yaml_fail(const jup_yaml_node_t *node, jup_error_t *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Checks that `map` is a mapping with keys of this list (NULL at its end) alone, each once. */
jup_status_t jup_yaml_check_keys(const jup_yaml_node_t *map, const char *const *keys,
                                 jup_error_t *err);

/** The value of a key of a mapping; false when there is none. */
bool jup_yaml_get(const jup_yaml_node_t *map, const char *key, jup_yaml_node_t *value);

/** The same, of a key that must be there. */
jup_status_t jup_yaml_require(const jup_yaml_node_t *map, const char *key, jup_yaml_node_t *value,
                              jup_error_t *err);

bool jup_yaml_is_list(const jup_yaml_node_t *node);
bool jup_yaml_is_map(const jup_yaml_node_t *node);

/** Items of a list; anything else is an error. */
jup_status_t jup_yaml_length(const jup_yaml_node_t *list, int *length, jup_error_t *err);
void jup_yaml_item(const jup_yaml_node_t *list, int index, jup_yaml_node_t *item);

/** The scalar itself. */
jup_status_t jup_yaml_to_number(const jup_yaml_node_t *node, double min, double max, double *value,
                                jup_error_t *err);
jup_status_t jup_yaml_to_integer(const jup_yaml_node_t *node, int64_t min, int64_t max,
                                 int64_t *value, jup_error_t *err);
jup_status_t jup_yaml_to_text(const jup_yaml_node_t *node, char *text, size_t size,
                              jup_error_t *err);
jup_status_t jup_yaml_to_bool(const jup_yaml_node_t *node, bool *value, jup_error_t *err);

/** The scalar at a key. Where the key is absent, *value stays as it is. */
jup_status_t jup_yaml_number(const jup_yaml_node_t *map, const char *key, double min, double max,
                             double *value, jup_error_t *err);
jup_status_t jup_yaml_integer(const jup_yaml_node_t *map, const char *key, int64_t min, int64_t max,
                              int64_t *value, jup_error_t *err);
jup_status_t jup_yaml_text(const jup_yaml_node_t *map, const char *key, char *text, size_t size,
                           jup_error_t *err);

#endif
