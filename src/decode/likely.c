#include "decode/likely.h"

#include <string.h>

void jup_likely_find(jup_likely_t *likely, const float *logits, int32_t vocab, double log_sum,
                     int32_t token, int32_t n)
{
    jup_best_t best[JUP_LIKELY];
    likely->logprob = (float)((double)logits[token] - log_sum);
    likely->n = n < vocab ? n : vocab;
    jup_find_best(logits, vocab, 0, best, likely->n);
    for (int32_t i = 0; i < likely->n; i++) {
        likely->id[i] = best[i].id;
        likely->logprobs[i] = (float)((double)best[i].logit - log_sum);
    }
}

int32_t *jup_likely_pack(const jup_likely_t *likely, int32_t *out)
{
    size_t n = (size_t)likely->n;
    memcpy(out++, &likely->logprob, sizeof *out);
    *out++ = likely->n;
    memcpy(out, likely->id, n * sizeof *out);
    memcpy(out + n, likely->logprobs, n * sizeof *out);
    return out + 2 * n;
}

const int32_t *jup_likely_unpack(jup_likely_t *likely, const int32_t *in, const int32_t *end)
{
    if (end - in < 2)
        return NULL;
    memcpy(&likely->logprob, in++, sizeof *in);
    likely->n = *in++;
    if (likely->n < 0 || likely->n > JUP_LIKELY || 2 * likely->n > end - in)
        return NULL;
    size_t n = (size_t)likely->n;
    memcpy(likely->id, in, n * sizeof *in);
    memcpy(likely->logprobs, in + n, n * sizeof *in);
    return in + 2 * n;
}
