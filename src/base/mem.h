/**
 * Counted allocation: what is live and what was the peak, in bytes and in blocks. Every heap block
 * of the project comes from here, so that a test can ask for leaks and a run can report memory.
 * Thread safe.
 */
#ifndef JUP_BASE_MEM_H
#define JUP_BASE_MEM_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/** Zeroed block of count * size bytes, aligned to 64. Small things: failure ends the job. */
void *jup_new(size_t count, size_t size);

/** Grows or makes a block; new bytes are not zeroed. Failure ends the job. */
void *jup_resize(void *block, size_t count, size_t size);

/** Like strdup. Failure ends the job. */
char *jup_strdup(const char *text);

/**
 * Big things (weights, KV cache, scratch): zeroed, aligned to 64; a failure is reported as
 * JUP_EENV with `what` and the size, so that the ranks can stop together. Size 0 gives a block.
 */
jup_status_t jup_alloc(void **block, size_t count, size_t size, const char *what, jup_error_t *err);

/**
 * For base/temporary.h: bytes of a file that backs such a block, 0: it is small or its size
 * overflows; and the block in that file, all of it zero (NULL, and errno, when it cannot be
 * mapped).
 */
size_t jup_mem_file_bytes(size_t count, size_t size);
void *jup_mem_map_file(int fd, size_t count, size_t size);

/** For a block that is read across, over and over: in large pages, where the system has them to
 *  give. */
void jup_mem_use_large_pages(void *block);

/** Releases a block of this module; NULL is fine. */
void jup_free(void *block);

size_t jup_mem_live_bytes(void);
size_t jup_mem_live_blocks(void);
size_t jup_mem_peak_bytes(void);

/** Peak and present resident memory of this process in bytes, as the system counts it. */
size_t jup_mem_peak_resident_bytes(void);
size_t jup_mem_resident_bytes(void);

/** From now on jup_mem_available_bytes() is a modelled device's; 0: the system's again. */
void jup_mem_model(size_t bytes);

/** Memory this process could still use: the system's, or that of its control group, or one above
 * it, if that is less. */
size_t jup_mem_available_bytes(void);

#endif
