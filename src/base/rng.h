/** Seeded random numbers, the same on every machine: xoshiro256++ (Blackman and Vigna, 2019). */
#ifndef JUP_BASE_RNG_H
#define JUP_BASE_RNG_H

#include <stdint.h>

typedef struct jup_rng {
    uint64_t s[4];
} jup_rng_t;

void jup_rng_init(jup_rng_t *rng, uint64_t seed);
uint64_t jup_rng_next(jup_rng_t *rng);

/** A number that nobody can foresee, from the system; for seeds that were not asked for. */
uint64_t jup_rng_fresh(void);

/** Uniform in [0, 1). */
double jup_rng_uniform(jup_rng_t *rng);

/** Uniform in [0, n), n > 0. */
uint64_t jup_rng_below(jup_rng_t *rng, uint64_t n);

/** Standard normal. */
double jup_rng_normal(jup_rng_t *rng);

#endif
