/**
 * Where shipped data lies: $JUPITER_DATA, else next to the program (a build tree, up to three
 * folders above it), else where `make install` put it.
 */
#ifndef JUP_CLUSTER_DATA_PATH_H
#define JUP_CLUSTER_DATA_PATH_H

#include <stdbool.h>
#include <stddef.h>

/** The first existing DIR/relative, e.g. "profiles/nx.yaml". False when there is none. */
bool jup_data_path(const char *relative, char *path, size_t size);

/** The names (without .yaml) of the shipped files of a folder, as "a, b, c"; "" when none. */
void jup_data_names(const char *folder, char *names, size_t size);

#endif
