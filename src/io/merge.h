/**
 * The loop that both kinds of BPE share: a text starts as single characters; again and again the
 * two neighbours of highest priority become one, the leftmost first among equals. Candidates wait
 * in a heap, so n characters take O(n log n).
 */
#ifndef JUP_IO_MERGE_H
#define JUP_IO_MERGE_H

#include "io/text.h"

/** Whether two neighbours (right starts where left ends) may become one, and how urgently. */
typedef bool (*jup_merge_rule_t)(void *context, jup_text_t left, jup_text_t right,
                                 double *priority);

typedef struct jup_merge_symbol {
    const char *start;
    uint32_t length;        /* 0: merged into the one before */
    int32_t previous, next; /* -1: none */
} jup_merge_symbol_t;

typedef struct jup_merge_candidate {
    double priority;
    int32_t left, right;
    uint32_t length; /* of both when this was noted: tells whether it still stands */
} jup_merge_candidate_t;

/** Reused from word to word. */
typedef struct jup_merger {
    jup_merge_rule_t rule;
    void *context;
    jup_merge_symbol_t *symbols; /* owned, as is heap */
    size_t n_symbols, cap_symbols;
    jup_merge_candidate_t *heap;
    size_t n_heap, cap_heap;
} jup_merger_t;

void jup_merger_init(jup_merger_t *m, jup_merge_rule_t rule, void *context);
void jup_merger_reset(jup_merger_t *m);

/**
 * Merges `text` (not empty, under 2 GiB); bytes that are no UTF-8 are single symbols. What remains
 * is the chain from symbols[0] along `next`.
 */
void jup_merger_run(jup_merger_t *m, jup_text_t text);

#endif
