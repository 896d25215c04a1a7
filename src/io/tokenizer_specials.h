/** Tokens that are found in a text as they stand, without merging. */
#ifndef JUP_IO_TOKENIZER_SPECIALS_H
#define JUP_IO_TOKENIZER_SPECIALS_H

#include "io/text.h"

typedef struct jup_special {
    jup_text_t text; /* not empty; belongs to someone else */
    int32_t id;
    bool control; /* only meant outside of what is quoted */
} jup_special_t;

typedef struct jup_specials {
    jup_special_t *list; /* n of them, owned; by first byte, then the longest first */
    int32_t n;
    int32_t start[257]; /* those whose first byte is b: from [b] to [b + 1] */
} jup_specials_t;

/** Takes the list over and sorts it. */
void jup_specials_init(jup_specials_t *s, jup_special_t *list, int32_t n);
void jup_specials_reset(jup_specials_t *s);

/** Where no control token counts: n spans of a text, in order and apart. */
typedef struct jup_quoted {
    const jup_stretch_t *spans;
    size_t n;
} jup_quoted_t;

/**
 * The first special token of the text at or behind byte `from`, the longest where several begin;
 * NULL when there is none. *at: where it begins, or the end of the text.
 */
const jup_special_t *jup_specials_find(const jup_specials_t *s, jup_text_t text,
                                       jup_quoted_t quoted, size_t from, size_t *at);

#endif
