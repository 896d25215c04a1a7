/** Why the JSON library does not take a text, in words for people. */
#ifndef JUP_IO_JSON_REASON_H
#define JUP_IO_JSON_REASON_H

#include <jansson.h>

static inline const char *jup_json_reason(const json_error_t *error)
{
    return json_error_code(error) == json_error_null_character
               ? "a text holds the zero character \\u0000, which no text here can have"
               : error->text;
}

#endif
