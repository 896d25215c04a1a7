#include "model/half_row.h"

#include "base/checked.h"

#include <math.h>

enum { PIECE = 256 }; /* floats on the stack */

static float largest_of(const float *x, int64_t n)
{
    float largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    return largest;
}

/* What is no number stays none. */
static int power_of(float largest)
{
    const float most = 65504.0f;
    int power;
    if (largest <= most || isinf(largest))
        return 0;
    float share = frexpf(largest / most, &power); /* in [0.5, 1) */
    return share > 0.5f ? power : power - 1;
}

int jup_half_row_pack(const float *x, int64_t n, uint16_t *halves)
{
    int power = power_of(largest_of(x, n));
    if (power == 0) {
        jup_f32_to_f16(x, halves, n);
        return 0;
    }
    float piece[PIECE], scale = ldexpf(1, -power);
    for (int64_t i = 0, count; i < n; i += count) {
        count = jup_min_i64(n - i, PIECE);
        for (int64_t j = 0; j < count; j++)
            piece[j] = x[i + j] * scale;
        jup_f32_to_f16(piece, halves + i, count);
    }
    return power;
}

void jup_half_row_unpack(const uint16_t *halves, int64_t n, int power, float *x)
{
    jup_f16_to_f32(halves, x, n);
    for (int64_t i = 0; power && i < n; i++)
        x[i] = ldexpf(x[i], power);
}
