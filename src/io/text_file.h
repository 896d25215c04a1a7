/** Reading a prompt: a file or standard input, whole. */
#ifndef JUP_IO_TEXT_FILE_H
#define JUP_IO_TEXT_FILE_H

#include "base/status.h"

#include <stddef.h>

/** Any file, byte by byte, as a new, terminated block of *length bytes. "-": standard input. */
jup_status_t jup_file_read(const char *path, char **data, size_t *length, jup_error_t *err);

/**
 * path "-" is standard input. *text is a new, terminated block of *length bytes, without a
 * byte-order mark at its beginning and without one line end at its end.
 */
jup_status_t jup_text_read(const char *path, char **text, size_t *length, jup_error_t *err);

#endif
