/** What a YAML file may be: libyaml takes any, and minutes for some of them. */
#ifndef JUP_CLUSTER_YAML_LIMITS_H
#define JUP_CLUSTER_YAML_LIMITS_H

#include "base/status.h"

#include <stddef.h>

enum {
    JUP_YAML_MOST_BYTES = 4 << 20, /* a cluster of a thousand devices has 0.1 MiB */
    JUP_YAML_MOST_DEPTH = 32,      /* lists and maps within each other */
    JUP_YAML_MOST_ANCHORS = 1000,
};

/** The file whole; *text is for jup_free(). JUP_EINPUT when it cannot be read or is too long. */
jup_status_t jup_yaml_read_file(const char *path, char **text, size_t *bytes, jup_error_t *err);

/**
 * JUP_EINPUT, with the line, when lists and maps lie too deep within each other, or too many
 * anchors are set. What is no YAML passes: who reads it next says what is wrong.
 */
jup_status_t jup_yaml_check_shape(const char *name, const char *text, size_t bytes,
                                  jup_error_t *err);

#endif
