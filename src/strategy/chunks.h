/**
 * How prompts are cut into micro-sequence chunks (Ye et al., INFOCOM 2025, prefill). A division is
 * made for one prompt; prompts of other lengths get its boundaries in proportion, as far as no
 * chunk becomes shorter than its shortest.
 *
 * Example: 90, 20, 8 for 118 tokens. 236 tokens become 180, 40, 16; 59 become 45, 14, since 10, 4
 * would end in a chunk shorter than 8; 12 stay whole.
 */
#ifndef JUP_STRATEGY_CHUNKS_H
#define JUP_STRATEGY_CHUNKS_H

#include <stdint.h>

typedef struct jup_chunks {
    const int32_t *lengths; /* (n >= 1) of the prompt that they sum to */
    int32_t n;
    int32_t each; /* > 0: chunks of so many tokens instead, for prompts of any length */
} jup_chunks_t;

/** Chunks at most of a prompt. */
int32_t jup_chunks_most(const jup_chunks_t *chunks, int32_t tokens);

/** Where each chunk of a prompt of tokens >= 1 ends; ends (jup_chunks_most()). Returns how many. */
int32_t jup_chunks_cut(const jup_chunks_t *chunks, int32_t tokens, int32_t *ends);

/** The longest chunk of prompts of up to `tokens` tokens. */
int32_t jup_chunks_longest(const jup_chunks_t *chunks, int32_t tokens);

#endif
