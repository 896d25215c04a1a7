#include "model/sampler.h"

#include "base/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct jup_candidate {
    float logit, p;
    int32_t id;
} jup_candidate_t;

void jup_sampler_init(jup_sampler_t *sampler, const jup_sampling_t *params, int32_t vocab)
{
    memset(sampler, 0, sizeof *sampler);
    sampler->params = *params;
    sampler->vocab = vocab;
    jup_rng_init(&sampler->rng, params->seed);
    sampler->candidates = jup_new((size_t)vocab, sizeof *sampler->candidates);
    if (params->repeat_last > 0)
        sampler->recent = jup_new((size_t)params->repeat_last, sizeof *sampler->recent);
}

void jup_sampler_reset(jup_sampler_t *sampler)
{
    jup_free(sampler->candidates);
    jup_free(sampler->recent);
    memset(sampler, 0, sizeof *sampler);
}

void jup_sampler_accept(jup_sampler_t *sampler, int32_t token)
{
    if (sampler->recent)
        sampler->recent[sampler->n_recent++ % sampler->params.repeat_last] = token;
}

static bool seen_before(const int32_t *recent, int32_t at)
{
    for (int32_t i = 0; i < at; i++)
        if (recent[i] == recent[at])
            return true;
    return false;
}

static void penalise(const jup_sampler_t *sampler, float *logits)
{
    float penalty = sampler->params.repeat_penalty;
    int32_t n = sampler->n_recent < sampler->params.repeat_last ? sampler->n_recent
                                                                : sampler->params.repeat_last;
    if (penalty == 1.0f)
        return;
    for (int32_t i = 0; i < n; i++) {
        int32_t id = sampler->recent[i];
        if (id < 0 || id >= sampler->vocab || seen_before(sampler->recent, i))
            continue;
        logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
    }
}

int32_t jup_argmax(const float *logits, int32_t n, float *margin)
{
    int32_t best = 0;
    float second = -INFINITY;
    for (int32_t i = 1; i < n; i++) {
        if (logits[i] > logits[best]) {
            second = logits[best];
            best = i;
        } else if (logits[i] > second) {
            second = logits[i];
        }
    }
    if (margin)
        *margin = n > 1 ? logits[best] - second : INFINITY;
    return best;
}

void jup_find_best(const float *logits, int32_t vocab, int32_t first, jup_best_t *best, int32_t n)
{
    int32_t found = 0;
    for (int32_t i = 0; i < vocab; i++) {
        if (found == n && (n == 0 || !(logits[i] > best[n - 1].logit)))
            continue;
        int32_t at = found < n ? found++ : n - 1;
        while (at > 0 && logits[i] > best[at - 1].logit) {
            best[at] = best[at - 1];
            at--;
        }
        best[at] = (jup_best_t){.id = first + i, .logit = logits[i]};
    }
}

double jup_log_sum(const float *logits, int32_t n)
{
    float top = -INFINITY;
    double sum = 0;
    for (int32_t i = 0; i < n; i++)
        top = logits[i] > top ? logits[i] : top;
    for (int32_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)top);
    return (double)top + log(sum);
}

double jup_log_sum_of(const double *log_sums, int32_t n)
{
    double top = -INFINITY, sum = 0;
    for (int32_t i = 0; i < n; i++)
        top = log_sums[i] > top ? log_sums[i] : top;
    for (int32_t i = 0; i < n; i++)
        sum += exp(log_sums[i] - top);
    return top + log(sum);
}

static int by_logit(const void *a, const void *b)
{
    const jup_candidate_t *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Softmax at the temperature over the first n candidates, which are sorted. */
static void weigh(jup_candidate_t *candidates, int32_t n, float temperature)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        candidates[i].p = expf((candidates[i].logit - candidates[0].logit) / temperature);
        sum += (double)candidates[i].p;
    }
    for (int32_t i = 0; i < n; i++)
        candidates[i].p = (float)((double)candidates[i].p / sum);
}

/* The fewest first candidates whose probabilities sum to top_p. */
static int32_t nucleus(const jup_candidate_t *candidates, int32_t n, float top_p)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += (double)candidates[i].p;
        if (sum >= (double)top_p)
            return i + 1;
    }
    return n;
}

/* Those whose probability is not less than this share of the first one's. */
static int32_t not_too_unlikely(const jup_candidate_t *candidates, int32_t n, float min_p)
{
    float least = min_p * candidates[0].p;
    while (n > 1 && candidates[n - 1].p < least)
        n--;
    return n;
}

int32_t jup_sampler_pick(jup_sampler_t *sampler, float *logits)
{
    const jup_sampling_t *params = &sampler->params;
    penalise(sampler, logits);
    if (params->temperature <= 0)
        return jup_argmax(logits, sampler->vocab, NULL);

    jup_candidate_t *candidates = sampler->candidates;
    for (int32_t i = 0; i < sampler->vocab; i++)
        candidates[i] = (jup_candidate_t){.logit = logits[i], .id = i};
    qsort(candidates, (size_t)sampler->vocab, sizeof *candidates, by_logit);
    int32_t n = sampler->vocab;
    if (params->top_k > 0 && params->top_k < n)
        n = params->top_k;
    weigh(candidates, n, params->temperature);
    if (params->top_p < 1)
        n = nucleus(candidates, n, params->top_p);
    n = not_too_unlikely(candidates, n, params->min_p);

    double total = 0, drawn, sum = 0;
    for (int32_t i = 0; i < n; i++)
        total += (double)candidates[i].p;
    drawn = jup_rng_uniform(&sampler->rng) * total;
    for (int32_t i = 0; i < n; i++) {
        sum += (double)candidates[i].p;
        if (drawn < sum)
            return candidates[i].id;
    }
    return candidates[n - 1].id;
}
