/** Weights in memory of a rank's own, in huge pages, where that pays and there is room. */
#ifndef JUP_JOB_KEEP_H
#define JUP_JOB_KEEP_H

#include "io/gguf.h"

/**
 * Reads the mapped weights into it (jup_gguf_keep()): not less than 32 MiB, on a system with
 * transparent huge pages, and only when they and `beside_bytes` (cache, buffers) of all ranks of
 * this host take three quarters of the memory that is available at most. Otherwise they stay
 * mapped, which costs speed alone. `shows` progress.
 */
void jup_keep_weights(jup_gguf_t *gguf, double beside_bytes, bool shows);

#endif
