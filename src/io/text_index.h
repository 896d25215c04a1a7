/**
 * A hash table from text to a number. Keys are views: whoever owns the text keeps it alive.
 * Filled once, then only read; reading is thread safe.
 */
#ifndef JUP_IO_TEXT_INDEX_H
#define JUP_IO_TEXT_INDEX_H

#include "io/text.h"

typedef struct jup_text_slot {
    jup_text_t key; /* data NULL: free */
    uint32_t hash;
    int32_t value;
} jup_text_slot_t;

typedef struct jup_text_index {
    jup_text_slot_t *slots; /* capacity of them, owned */
    size_t capacity;        /* 0 or a power of two */
    size_t count;
} jup_text_index_t;

/** Room for `expected` keys without growing. */
void jup_text_index_init(jup_text_index_t *index, size_t expected);
void jup_text_index_reset(jup_text_index_t *index);

/** Sets key -> value (>= 0). Returns the value the key had before, or -1. */
int32_t jup_text_index_put(jup_text_index_t *index, jup_text_t key, int32_t value);

/** -1 when the key is not there. */
int32_t jup_text_index_find(const jup_text_index_t *index, jup_text_t key);

#endif
