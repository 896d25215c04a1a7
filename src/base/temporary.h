/** Room on the disk for what memory should not hold: files without a name, gone with the process.
 */
#ifndef JUP_BASE_TEMPORARY_H
#define JUP_BASE_TEMPORARY_H

#include "base/status.h"

#include <stddef.h>

/** A new file of no length in TMPDIR (or /tmp), already unlinked. */
jup_status_t jup_temporary_open(int *fd, jup_error_t *err);

/** Adds bytes at `offset`; all of them, or the disk is full. */
jup_status_t jup_temporary_write(int fd, const void *data, size_t bytes, size_t offset,
                                 jup_error_t *err);

/**
 * Like jup_alloc() (base/mem.h), but a big block lies in a temporary file: the system may move it
 * out of memory. Its room is taken at once, so that a full disk shows here. For jup_free().
 */
jup_status_t jup_temporary_alloc(void **block, size_t count, size_t size, jup_error_t *err);

#endif
