/**
 * Plain data as bytes and back, by one walk over the fields: the same function writes and reads, so
 * that the two cannot drift apart.
 *
 *   static void walk(jup_pack_t *p, thing_t *t) {
 *       jup_pack_value(p, &t->count, sizeof t->count);
 *       jup_pack_text(p, &t->name);
 *   }
 */
#ifndef JUP_BASE_PACK_H
#define JUP_BASE_PACK_H

#include <stdbool.h>
#include <stddef.h>

typedef struct jup_pack {
    bool reading;
    bool failed; /* reading: the bytes ended too early, or made no sense */
    char *data;  /* writing: owned, grows; reading: the caller's */
    size_t bytes, cap, at;
} jup_pack_t;

/** Begins to write; ends with jup_free(pack->data). */
jup_pack_t jup_pack_writer(void);

/** Begins to read the caller's bytes. */
jup_pack_t jup_pack_reader(const void *data, size_t bytes);

/** A value of a size that both sides know. */
void jup_pack_value(jup_pack_t *pack, void *value, size_t bytes);

/** A text, NULL included; when reading a new one, for jup_free(). */
void jup_pack_text(jup_pack_t *pack, char **text);

/** A block of *bytes; when reading a new one, for jup_free(). */
void jup_pack_block(jup_pack_t *pack, void **block, size_t *bytes);

/** Whether all was read, and nothing is left. */
bool jup_pack_is_done(const jup_pack_t *pack);

#endif
