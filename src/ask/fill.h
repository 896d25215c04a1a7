/** Forms of prompts with their values filled in: the text, and where in it the values lie. */
#ifndef JUP_ASK_FILL_H
#define JUP_ASK_FILL_H

#include "io/text.h"

/** What placeholders stand for; NULL: the placeholder stays as it is. */
typedef struct jup_values {
    const char *question; /* without blanks at its end */
    const char *system;
    int32_t index;
    const char *title;
    bool one_line; /* line breaks in the question become spaces */
} jup_values_t;

/** Zeroed: empty. Values are plain text of somebody, never control tokens of the form. */
typedef struct jup_filled {
    char *text; /* n bytes and a NUL, owned */
    size_t n, room;
    jup_stretch_t *values; /* n_values of them, owned; in order, apart */
    size_t n_values, values_room;
} jup_filled_t;

/** Appends a form to *to. {question}, {system}, {index} and {title} are filled in. */
void jup_fill(jup_filled_t *to, const char *form, const jup_values_t *values);
void jup_filled_reset(jup_filled_t *filled);

#endif
