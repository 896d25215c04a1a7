/** Views of text and the few things done with raw bytes: UTF-8 and printing of untrusted names. */
#ifndef JUP_IO_TEXT_H
#define JUP_IO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Text that belongs to someone else: not terminated, may hold any bytes. */
typedef struct jup_text {
    const char *data;
    size_t length;
} jup_text_t;

static inline jup_text_t jup_text(const char *data, size_t length)
{
    return (jup_text_t){data, length};
}

/** Bytes [from, to) of a text. */
typedef struct jup_stretch {
    size_t from, to;
} jup_stretch_t;

bool jup_text_equal(jup_text_t a, jup_text_t b);

/**
 * Looks at the UTF-8 sequence at the start of `text` (not empty). Returns its length, 1 to 4, with
 * *code_point set; 0 when the text ends inside a sequence that is valid so far; or minus the
 * number of bytes, 1 to 3, that one replacement character stands for (Unicode 15, section 3.9).
 */
int jup_utf8_decode(jup_text_t text, uint32_t *code_point);

/** Writes 1 to 4 bytes; returns how many. */
int jup_utf8_encode(uint32_t code_point, char out[4]);

/** Length of the longest prefix that is valid UTF-8. */
size_t jup_utf8_valid_prefix(jup_text_t text);

/** U+FFFD. */
#define JUP_UTF8_REPLACEMENT "\xEF\xBF\xBD"

/**
 * For messages: copies `text` with control characters and bytes that are no UTF-8 as \xNN, cut
 * with "..." where it does not fit. Always terminated. Returns `out`.
 */
const char *jup_text_escape(jup_text_t text, char *out, size_t out_bytes);

#endif
