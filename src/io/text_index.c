#include "io/text_index.h"

#include "base/checksum.h"
#include "base/mem.h"

#include <string.h>

/* Folded to 32 bits. */
static uint32_t hash_text(jup_text_t key)
{
    uint64_t hash = jup_checksum(JUP_CHECKSUM_EMPTY, key.data, key.length);
    return (uint32_t)(hash ^ (hash >> 32));
}

/* At most two thirds full, so that probing stays short. */
static size_t capacity_for(size_t count)
{
    size_t capacity = 16;
    while (capacity * 2 < count * 3)
        capacity *= 2;
    return capacity;
}

void jup_text_index_init(jup_text_index_t *index, size_t expected)
{
    index->capacity = capacity_for(expected);
    index->count = 0;
    index->slots = jup_new(index->capacity, sizeof *index->slots);
}

void jup_text_index_reset(jup_text_index_t *index)
{
    jup_free(index->slots);
    memset(index, 0, sizeof *index);
}

/* The slot that holds the key, or the free one where it belongs. */
static jup_text_slot_t *slot_of(const jup_text_index_t *index, jup_text_t key, uint32_t hash)
{
    size_t mask = index->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        jup_text_slot_t *slot = &index->slots[i];
        if (!slot->key.data || (slot->hash == hash && jup_text_equal(slot->key, key)))
            return slot;
    }
}

static void grow(jup_text_index_t *index)
{
    jup_text_index_t larger;
    jup_text_index_init(&larger, index->count * 2);
    for (size_t i = 0; i < index->capacity; i++) {
        const jup_text_slot_t *slot = &index->slots[i];
        if (slot->key.data)
            *slot_of(&larger, slot->key, slot->hash) = *slot;
    }
    larger.count = index->count;
    jup_text_index_reset(index);
    *index = larger;
}

int32_t jup_text_index_put(jup_text_index_t *index, jup_text_t key, int32_t value)
{
    if (capacity_for(index->count + 1) > index->capacity)
        grow(index);
    uint32_t hash = hash_text(key);
    jup_text_slot_t *slot = slot_of(index, key, hash);
    int32_t before = slot->key.data ? slot->value : -1;
    if (!slot->key.data) {
        index->count++;
        slot->key = key;
        slot->hash = hash;
    }
    slot->value = value;
    return before;
}

int32_t jup_text_index_find(const jup_text_index_t *index, jup_text_t key)
{
    if (index->capacity == 0)
        return -1;
    const jup_text_slot_t *slot = slot_of(index, key, hash_text(key));
    return slot->key.data ? slot->value : -1;
}
