/** Arithmetic on sizes that come from files or options: overflow is an answer, not an accident. */
#ifndef JUP_BASE_CHECKED_H
#define JUP_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool jup_mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

static inline bool jup_add_size(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline int64_t jup_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t jup_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** Rounds up to a multiple of `step`, which must be positive. */
static inline int64_t jup_round_up_i64(int64_t value, int64_t step)
{
    return (value + step - 1) / step * step;
}

#endif
