/** Names in messages: which known one an unknown one is nearest to. Lists end with NULL. */
#ifndef JUP_CLUSTER_NEAREST_H
#define JUP_CLUSTER_NEAREST_H

#include <stddef.h>

/** Index of `name` in the list, or -1. */
int jup_find_name(const char *name, const char *const *names);

/** The name at the least edit distance (Levenshtein), or NULL when none is alike. */
const char *jup_nearest(const char *name, const char *const *names);

/** "a, b, c", cut at the size. */
void jup_list_names(const char *const *names, char *text, size_t size);

#endif
