/** Whole numbers as people write them. */
#ifndef JUP_BASE_DECIMAL_H
#define JUP_BASE_DECIMAL_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/**
 * Bytes of the whole decimal number at the beginning of text: digits, perhaps a sign in front, no
 * zero in front of other digits. 0: there is none.
 */
static inline size_t jup_decimal_length(const char *text)
{
    const char *digits = text + (*text == '-' || *text == '+');
    size_t n = strspn(digits, "0123456789");
    return n == 0 || (n > 1 && *digits == '0') ? 0 : (size_t)(digits - text) + n;
}

/** Reads it: where it ends, or text where there is none. One that long long does not hold comes as
 * the nearest that it does. */
static inline const char *jup_decimal_read(const char *text, long long *value)
{
    *value = strtoll(text, NULL, 10);
    return text + jup_decimal_length(text);
}

#endif
