/**
 * How surprising a text is to a model: the mean of -ln p of its tokens, and perplexity, e to that.
 * Of each window the later half counts, where a token has at least half a window before it.
 */
#ifndef JUP_ASK_SURPRISE_H
#define JUP_ASK_SURPRISE_H

#include "ask/windows.h"

typedef struct jup_surprise {
    const jup_windows_t *windows;
    int32_t vocab;
    int64_t rows;       /* logits taken so far, of all windows in their order */
    int64_t tokens;     /* that counted */
    double sum, square; /* of -ln p, in nats */
} jup_surprise_t;

/** Logits (rows, vocab), each a guess at the token after its own. */
void jup_surprise_take(jup_surprise_t *s, const float *logits, int32_t rows);

/** -ln p of a token, from logits (vocab). */
double jup_surprise_of(const float *logits, int32_t vocab, int32_t token);

/** Perplexity and its standard error, as if tokens were independent; NaN where nothing counted. */
double jup_surprise_perplexity(const jup_surprise_t *s, double *error);

#endif
