/** Reading prompts and other texts: a file or standard input, whole. */
#ifndef JUP_IO_TEXT_FILE_H
#define JUP_IO_TEXT_FILE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* No list of questions is longer, nor a text to look at; and what a description in JSON may have.
 */
enum { JUP_TEXT_MOST_BYTES = 1 << 26, JUP_TEXT_MOST_JSON = 1 << 20 };

/** Any file of 256 MiB at most, byte by byte, as a new, terminated block of *length bytes. "-":
 * standard input. */
jup_status_t jup_file_read(const char *path, char **data, size_t *length, jup_error_t *err);

/**
 * Bytes of a text that may have no more than so many tokens: those of the common vocabularies have
 * four on average and seldom more than 16. What is longer need not be cut into tokens to be
 * refused.
 */
static inline size_t jup_text_most_bytes(int64_t tokens)
{
    enum { TOKEN_BYTES = 32, LEAST = 1 << 16 };
    size_t bytes = (size_t)(tokens > 0 ? tokens : 0) * TOKEN_BYTES;
    return bytes < LEAST ? LEAST : bytes > JUP_TEXT_MOST_BYTES ? JUP_TEXT_MOST_BYTES : bytes;
}

/**
 * path "-" is standard input. No more than `most` bytes, or JUP_EINPUT that says `why`. *text is a
 * new, terminated block of *length bytes, without a byte-order mark at its beginning and without
 * one line end at its end.
 */
jup_status_t jup_text_read(const char *path, size_t most, const char *why, char **text,
                           size_t *length, jup_error_t *err);

#endif
