/**
 * Whether two files hold the same model. The digest is what ranks compare when they start: metadata
 * with their values, the table of tensors, and a few pages of each tensor. The sum is of every
 * byte. Both are of the model, not of how it lies on the disk: its parts and a file that joins them
 * have the same ones. A slice carries the digest of the whole model (io/slice.h).
 */
#ifndef JUP_IO_DIGEST_H
#define JUP_IO_DIGEST_H

#include "io/gguf.h"

/** Reads up to 12 KiB of each tensor. JUP_EENV when the file cannot be read. */
jup_status_t jup_digest(const jup_gguf_t *g, uint64_t *digest, jup_error_t *err);

/** Reads the whole file; of a slice, what it has itself. */
jup_status_t jup_digest_sum(const jup_gguf_t *g, uint64_t *sum, jup_error_t *err);

/** JUP_EINPUT unless the file's digest is the one that rank 0 found. */
jup_status_t jup_digest_check(const jup_gguf_t *g, uint64_t on_rank_0, jup_error_t *err);

#endif
