/** The default division of work when no planner is asked: layers evenly, chunks of one size. */
#ifndef JUP_JOB_DIVISION_H
#define JUP_JOB_DIVISION_H

#include "base/status.h"

#include <stdint.h>

/** first_layer (ranks + 1): the first ranks take one layer more when it does not come out even. */
void jup_division_layers_evenly(int32_t layers, int32_t ranks, int32_t *first_layer);

/** The same from "--layers 8,8,6,10". */
jup_status_t jup_division_layers_as_told(const char *list, int32_t layers, int32_t ranks,
                                         int32_t *first_layer, jup_error_t *err);

/** Chunks of `chunk` tokens, the last one shorter; a new block, *n of them. */
void jup_division_uniform_chunks(int32_t tokens, int32_t chunk, int32_t **chunks, int32_t *n);

/** The same from "--chunks a,b,c"; they must sum to `tokens`. */
jup_status_t jup_division_chunks_as_told(const char *list, int32_t tokens, int32_t **chunks,
                                         int32_t *n, jup_error_t *err);

/**
 * A chunk length without knowledge of the devices: about two chunks per stage, so that the pipe
 * fills, but not so short that matrix products starve, nor so long that buffers grow.
 */
int32_t jup_division_default_chunk(int32_t tokens, int32_t ranks);

#endif
