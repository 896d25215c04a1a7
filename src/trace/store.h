/**
 * Rows that come one by one, of one size. Up to a given amount they are in memory; what is beyond
 * it is lost, or goes to a temporary file.
 */
#ifndef JUP_TRACE_STORE_H
#define JUP_TRACE_STORE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct jup_store {
    char *rows; /* those in memory, the newest */
    size_t row_bytes, n, cap, most;
    bool spills;
    int fd;              /* -1: nothing was spilt */
    size_t n_spilled;    /* before those in memory */
    void *mapped;        /* all of them, once they were asked for */
    jup_status_t status; /* of spilling */
    jup_error_t err;
} jup_store_t;

/** most_bytes: in memory at most. */
void jup_store_init(jup_store_t *store, size_t row_bytes, size_t most_bytes, bool spills);
void jup_store_reset(jup_store_t *store);

/** The next row, to be filled at once; NULL: there is no room (see status). */
void *jup_store_add(jup_store_t *store);

/**
 * All rows in one block that stays the store's, to be read and changed. Nothing is added after it.
 * JUP_EENV when rows were lost.
 */
jup_status_t jup_store_all(jup_store_t *store, void **rows, size_t *n, jup_error_t *err);

#endif
