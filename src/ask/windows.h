/**
 * A source of a long text, cut into windows of so many tokens that follow each other: prompts to
 * which nothing is answered. The last tokens, which fill no window, are left out.
 */
#ifndef JUP_ASK_WINDOWS_H
#define JUP_ASK_WINDOWS_H

#include "ask/source.h"

typedef struct jup_windows {
    const jup_tokens_t *text;
    int32_t size;  /* of a window in tokens */
    int32_t begin; /* token in place of each window's first one; -1: none */
} jup_windows_t;

/** The windows outlive the source. */
jup_source_t jup_windows_source(jup_windows_t *windows);

/** The token at a place of a window. */
int32_t jup_windows_token(const jup_windows_t *windows, int32_t window, int32_t at);

#endif
