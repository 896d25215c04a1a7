#include "ask/surprise.h"

#include <math.h>

double jup_surprise_of(const float *logits, int32_t vocab, int32_t token)
{
    float most = logits[0];
    double sum = 0;
    for (int32_t i = 1; i < vocab; i++)
        most = logits[i] > most ? logits[i] : most;
    for (int32_t i = 0; i < vocab; i++)
        sum += exp((double)(logits[i] - most));
    return log(sum) - (double)(logits[token] - most);
}

void jup_surprise_take(jup_surprise_t *s, const float *logits, int32_t rows)
{
    const jup_windows_t *w = s->windows;
    for (int32_t r = 0; r < rows; r++, s->rows++) {
        int32_t window = (int32_t)(s->rows / w->size), at = (int32_t)(s->rows % w->size);
        if (at < w->size / 2 || at + 1 == w->size)
            continue;
        double nats = jup_surprise_of(logits + (int64_t)r * s->vocab, s->vocab,
                                      jup_windows_token(w, window, at + 1));
        s->sum += nats;
        s->square += nats * nats;
        s->tokens++;
    }
}

double jup_surprise_perplexity(const jup_surprise_t *s, double *error)
{
    double n = (double)s->tokens, mean = s->sum / n;
    double variance = (s->square / n - mean * mean) * n / (n - 1);
    double perplexity = exp(mean);
    *error = perplexity * sqrt(variance > 0 ? variance / n : 0);
    return perplexity;
}
