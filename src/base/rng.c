#include "base/rng.h"

#include "base/status.h"

#include <math.h>
#include <sys/random.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void jup_rng_init(jup_rng_t *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix(&seed);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t jup_rng_next(jup_rng_t *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double jup_rng_uniform(jup_rng_t *rng)
{
    return (double)(jup_rng_next(rng) >> 11) * 0x1.0p-53;
}

uint64_t jup_rng_below(jup_rng_t *rng, uint64_t n)
{
    return (uint64_t)(jup_rng_uniform(rng) * (double)n);
}

double jup_rng_normal(jup_rng_t *rng)
{
    double u = 1.0 - jup_rng_uniform(rng), v = jup_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t jup_rng_fresh(void)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        jup_die(JUP_EENV, "the system gives no random numbers (getrandom)");
    return number;
}
