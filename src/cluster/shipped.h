/**
 * Shipped data: the profiles, clusters and prompts of data/, compiled in, so that the program is a
 * single file. A file of the same name below the folder $JUPITER_DATA goes first.
 */
#ifndef JUP_CLUSTER_SHIPPED_H
#define JUP_CLUSTER_SHIPPED_H

#include <stdbool.h>
#include <stddef.h>

typedef struct jup_shipped {
    const char *name; /* "profiles/nx.yaml" */
    const char *text; /* terminated */
    size_t bytes;
} jup_shipped_t;

/** All that was compiled in; ends with an empty name. Made by tools/embed. */
extern const jup_shipped_t jup_shipped_files[];

/** Where a shipped file is to be read. */
typedef struct jup_shipped_place {
    char path[1100];           /* of a file below $JUPITER_DATA, or a name for messages */
    const jup_shipped_t *file; /* NULL: read the file at path */
} jup_shipped_place_t;

/** False when there is no such file, compiled in or below $JUPITER_DATA. */
bool jup_shipped_find(const char *name, jup_shipped_place_t *place);

/**
 * The names, without folder and ending, of the files of a folder that were compiled in, in the
 * order of data/local.mk, as "a, b, c".
 */
void jup_shipped_names(const char *folder, char *names, size_t size);

/** "nx" of "profiles/nx.yaml" in folder "profiles": *length of its characters; NULL: another
 * folder. */
const char *jup_shipped_stem(const jup_shipped_t *file, const char *folder, int *length);

#endif
