/**
 * From logits to a token: greedy, or temperature with top-k, top-p, min-p and a repetition penalty.
 */
#ifndef JUP_MODEL_SAMPLER_H
#define JUP_MODEL_SAMPLER_H

#include "base/rng.h"

#include <stdint.h>

typedef struct jup_sampling {
    float temperature;    /* 0: greedy */
    int32_t top_k;        /* 0: all */
    float top_p;          /* 1: all */
    float min_p;          /* of the likeliest's probability at least (Nguyen et al. 2025); 0: all */
    float repeat_penalty; /* 1: none (Keskar et al. 2019, divides or multiplies logits) */
    int32_t repeat_last;  /* how many last tokens it looks at */
    uint64_t seed;
} jup_sampling_t;

/** How the tokens of one sequence are picked, and what is told of each. Plain data: it travels. */
typedef struct jup_picking {
    jup_sampling_t sampling;
    int32_t told;   /* whether log probabilities come with each token */
    int32_t likely; /* of so many of the likeliest, too; in [0, JUP_LIKELY] */
} jup_picking_t;

enum { JUP_LIKELY = 20 };

/** A logit and whose it is. */
typedef struct jup_best {
    int32_t id;
    float logit;
} jup_best_t;

typedef struct jup_sampler {
    jup_sampling_t params;
    jup_rng_t rng;
    int32_t vocab;
    struct jup_candidate *candidates; /* (vocab) */
    int32_t *recent;                  /* ring of the last tokens */
    int32_t n_recent;
} jup_sampler_t;

void jup_sampler_init(jup_sampler_t *sampler, const jup_sampling_t *params, int32_t vocab);
void jup_sampler_reset(jup_sampler_t *sampler);

/** Tells of a token of the context (prompt or answer), for the penalty. */
void jup_sampler_accept(jup_sampler_t *sampler, int32_t token);

/** Picks a token; logits (vocab) may be changed. Ties go to the smallest id. */
int32_t jup_sampler_pick(jup_sampler_t *sampler, float *logits);

/** The n best of a row in order, the smaller id first among equals; first: the id of logit 0.
 * n <= vocab. */
void jup_find_best(const float *logits, int32_t vocab, int32_t first, jup_best_t *best, int32_t n);

/** log(sum e^logit) of a row; those of minus infinity add nothing. */
double jup_log_sum(const float *logits, int32_t n);

/** The same of all parts of a row, of which these (n) are the parts' own. */
double jup_log_sum_of(const double *log_sums, int32_t n);

/** The largest logit's index (smallest index on ties) and its lead over the second. */
int32_t jup_argmax(const float *logits, int32_t n, float *margin);

#endif
