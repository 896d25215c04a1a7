#include "strategy/wire.h"

#include "base/checked.h"

#include <string.h>

enum { PIECE = 256 }; /* floats on the stack */

static int64_t clamp(const float *y, int64_t n, float *out)
{
    const float largest = 65504.0f;
    int64_t beyond = 0;
    for (int64_t i = 0; i < n; i++) {
        beyond += y[i] > largest || y[i] < -largest;
        out[i] = y[i] > largest ? largest : y[i] < -largest ? -largest : y[i];
    }
    return beyond;
}

int64_t jup_wire_pack(jup_dtype_t wire, const float *y, int64_t n, char *out)
{
    if (wire == JUP_F32) {
        memcpy(out, y, (size_t)n * sizeof *y);
        return 0;
    }
    uint16_t *halves = (uint16_t *)(void *)out;
    float piece[PIECE];
    int64_t beyond = 0;
    for (int64_t i = 0, count; i < n; i += count) {
        count = jup_min_i64(n - i, PIECE);
        beyond += clamp(y + i, count, piece);
        jup_f32_to_f16(piece, halves + i, count);
    }
    return beyond;
}

void jup_wire_unpack(jup_dtype_t wire, const char *in, int64_t n, float *y)
{
    if (wire == JUP_F32)
        memcpy(y, in, (size_t)n * sizeof *y);
    else
        jup_f16_to_f32((const uint16_t *)(const void *)in, y, n);
}

void jup_wire_add(jup_dtype_t wire, const char *in, int64_t n, float *y)
{
    float piece[PIECE];
    for (int64_t i = 0, count; i < n; i += count) {
        count = jup_min_i64(n - i, PIECE);
        jup_wire_unpack(wire, in + jup_dtype_bytes(wire, i), count, piece);
        for (int64_t j = 0; j < count; j++)
            y[i + j] += piece[j];
    }
}
