/**
 * What the model thought of a token: its log probability, and the likeliest ones in its place. Of
 * the model's own distribution: before temperature, top-k, top-p and penalties.
 */
#ifndef JUP_DECODE_LIKELY_H
#define JUP_DECODE_LIKELY_H

#include "model/sampler.h"

typedef struct jup_likely {
    float logprob;              /* of the token that came */
    int32_t n;                  /* of the likeliest, in order: */
    int32_t id[JUP_LIKELY];     /* (n) */
    float logprobs[JUP_LIKELY]; /* (n) */
} jup_likely_t;

/** From a row's logits (vocab) and the log of the sum over all of them; n of the likeliest. */
void jup_likely_find(jup_likely_t *likely, const float *logits, int32_t vocab, double log_sum,
                     int32_t token, int32_t n);

/** Packed for the wire: words at most, writing, and reading; NULL when it makes no sense. */
enum { JUP_LIKELY_WORDS = 2 + 2 * JUP_LIKELY };
int32_t *jup_likely_pack(const jup_likely_t *likely, int32_t *out);
const int32_t *jup_likely_unpack(jup_likely_t *likely, const int32_t *in, const int32_t *end);

#endif
