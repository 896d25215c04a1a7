/** Lines broken between words, for a screen of so many columns. Text comes in pieces. */
#ifndef JUP_ASK_WRAP_H
#define JUP_ASK_WRAP_H

#include <stddef.h>

enum { JUP_WRAP_WORD = 1024 }; /* bytes of a word that are held back at most */

typedef struct jup_wrap {
    int columns;               /* 0: nothing is broken, or held back */
    int column, blanks, width; /* on the screen; before the word; of it */
    size_t bytes;
    char word[JUP_WRAP_WORD];
    void *self;
    void (*put)(void *self, const char *text, size_t bytes);
} jup_wrap_t;

void jup_wrap_init(jup_wrap_t *wrap, int columns,
                   void (*put)(void *self, const char *text, size_t bytes), void *self);

/** UTF-8; a character is not cut. */
void jup_wrap_text(jup_wrap_t *wrap, const char *text, size_t bytes);

/** The word that may go on comes out; blanks at the end, too. */
void jup_wrap_flush(jup_wrap_t *wrap);

#endif
