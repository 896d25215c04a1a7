/**
 * Writing YAML files, through libyaml's documents. Values are added in order; maps and lists are
 * named by the number that libyaml gives them.
 */
#ifndef JUP_CLUSTER_YAML_OUT_H
#define JUP_CLUSTER_YAML_OUT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct jup_yaml_out jup_yaml_out_t;

/** A document whose top is a mapping, number *root. Failure of memory ends the job. */
jup_yaml_out_t *jup_yaml_out_new(int *root);
void jup_yaml_out_destroy(jup_yaml_out_t *out);

/** A new map or list inside a map (with a key) or a list (key NULL); on one line if `inline_`. */
int jup_yaml_put_map(jup_yaml_out_t *out, int parent, const char *key, bool inline_);
int jup_yaml_put_list(jup_yaml_out_t *out, int parent, const char *key, bool inline_);

void jup_yaml_put_text(jup_yaml_out_t *out, int parent, const char *key, const char *text);
void jup_yaml_put_bool(jup_yaml_out_t *out, int parent, const char *key, bool value);
void jup_yaml_put_integer(jup_yaml_out_t *out, int parent, const char *key, long long value);

/** With `digits` significant digits. */
void jup_yaml_put_number(jup_yaml_out_t *out, int parent, const char *key, double value,
                         int digits);

/** The document as text; *text is for jup_free(). Ends the document: destroy it next. */
void jup_yaml_out_text(jup_yaml_out_t *out, char **text, size_t *bytes);

/** The same into a file; destroy it next. */
jup_status_t jup_yaml_out_file(jup_yaml_out_t *out, const char *path, jup_error_t *err);

#endif
