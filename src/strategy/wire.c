#include "strategy/wire.h"

#include "base/checked.h"
#include "model/half_row.h"

#include <string.h>

enum { PIECE = 256 }; /* floats on the stack */

static size_t plain_bytes(jup_dtype_t wire, int64_t rows, int64_t dim)
{
    return jup_dtype_bytes(wire, rows * dim);
}

size_t jup_wire_bytes(jup_dtype_t wire, int64_t rows, int64_t dim)
{
    return plain_bytes(wire, rows, dim) + (wire == JUP_F16 ? (size_t)rows : 0);
}

bool jup_wire_fits(jup_dtype_t wire, int64_t rows, int64_t dim, size_t bytes)
{
    return bytes == plain_bytes(wire, rows, dim) || bytes == jup_wire_bytes(wire, rows, dim);
}

static const uint16_t *halves_of(const char *in, int64_t at)
{
    return (const uint16_t *)(const void *)in + at;
}

char *jup_wire_pack(jup_dtype_t wire, const float *x, int64_t rows, int64_t dim, char *out)
{
    size_t plain = plain_bytes(wire, rows, dim);
    if (wire == JUP_F32) {
        memcpy(out, x, plain);
        return out + plain;
    }
    signed char *powers = (signed char *)out + plain;
    int any = 0;
    for (int64_t r = 0; r < rows; r++) {
        uint16_t *halves = (uint16_t *)(void *)out + r * dim;
        any |= powers[r] = (signed char)jup_half_row_pack(x + r * dim, dim, halves);
    }
    return (char *)powers + (any ? rows : 0);
}

/* Of row r; `bytes` tells whether there are powers. */
static int power_of(const char *in, size_t bytes, int64_t rows, int64_t dim, int64_t r)
{
    size_t plain = plain_bytes(JUP_F16, rows, dim);
    return bytes > plain ? ((const signed char *)in)[plain + (size_t)r] : 0;
}

void jup_wire_unpack(jup_dtype_t wire, const char *in, size_t bytes, int64_t rows, int64_t dim,
                     float *x)
{
    if (wire == JUP_F32) {
        memcpy(x, in, plain_bytes(wire, rows, dim));
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        jup_half_row_unpack(halves_of(in, r * dim), dim, power_of(in, bytes, rows, dim, r),
                            x + r * dim);
}

void jup_wire_add(jup_dtype_t wire, const char *in, size_t bytes, int64_t n, float *y)
{
    float piece[PIECE];
    int power = wire == JUP_F16 ? power_of(in, bytes, 1, n, 0) : 0;
    for (int64_t i = 0, count; i < n; i += count) {
        count = jup_min_i64(n - i, PIECE);
        if (wire == JUP_F32)
            memcpy(piece, in + jup_dtype_bytes(wire, i), (size_t)count * sizeof *piece);
        else
            jup_half_row_unpack(halves_of(in, i), count, power, piece);
        for (int64_t j = 0; j < count; j++)
            y[i + j] += piece[j];
    }
}
