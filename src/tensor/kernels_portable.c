/* For any processor, in the compiler's own vectors. */
#include <stdint.h>
#include <string.h>

#define TABLE jup_kernels_portable
#define TABLE_NAME "portable"
#define VECTOR 16
#define F32_ROWS 2
#define F32_VECS 4
#define I8_ROWS 4
#define I8_VECS 1
#define Q8_BIAS 0

typedef float vf __attribute__((vector_size(VECTOR)));
typedef int32_t vi __attribute__((vector_size(VECTOR)));
#define INLINE static inline __attribute__((always_inline))

INLINE vi unpack_lo32(vi a, vi b)
{
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}

INLINE vi unpack_hi32(vi a, vi b)
{
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

INLINE vi unpack_lo64(vi a, vi b)
{
    return __builtin_shufflevector(a, b, 0, 1, 4, 5);
}

INLINE vi unpack_hi64(vi a, vi b)
{
    return __builtin_shufflevector(a, b, 2, 3, 6, 7);
}

INLINE vi load_16(const unsigned char *const p[1])
{
    vi v;
    memcpy(&v, p[0], sizeof v);
    return v;
}

INLINE vi repeat_16(const void *p)
{
    vi v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vi look_up(vi table, vi numbers)
{
    unsigned char values[VECTOR], at[VECTOR];
    memcpy(values, &table, sizeof values);
    memcpy(at, &numbers, sizeof at);
    for (int i = 0; i < VECTOR; i++)
        at[i] = at[i] < VECTOR ? values[at[i]] : 0;
    memcpy(&numbers, at, sizeof at);
    return numbers;
}

INLINE vi add_16_where(vi q, vi bits, vi own)
{
    typedef int8_t bytes_t __attribute__((vector_size(VECTOR)));
    return q | ((vi)((bytes_t)(bits & own) == (bytes_t)own) & 0x10101010);
}

/* The half in the low 16 bits of each element: jup_half_to_float, four at once. */
INLINE vf half_to_float(vi h)
{
    vi magnitude = (h & 0x7fff) << 13, sign = (h & 0x8000) << 16;
    vi exponent = h & 0x7c00;
    vi special = magnitude + (224 << 23), normal = magnitude + (112 << 23);
    vi small = (vi)(__builtin_convertvector(h & 0x3ff, vf) * 0x1p-24f);
    vi is_special = exponent == 0x7c00, is_small = exponent == 0;
    vi bits = (special & is_special) | (small & is_small) | (normal & ~(is_special | is_small));
    return (vf)(bits | sign);
}

INLINE void split_halves(vi v, uint16_t *to)
{
    for (int i = 0; i < VECTOR / 4; i++) {
        to[i] = (uint16_t)(v[i] & 0xffff);
        to[i + VECTOR / 4] = (uint16_t)((v[i] >> 16) & 0xffff);
    }
}

INLINE vf load_halves(const void *p)
{
    uint16_t h[4];
    memcpy(h, p, sizeof h);
    return half_to_float((vi){h[0], h[1], h[2], h[3]});
}

INLINE vi dot_small(vi sum, vi w, vi x)
{
    for (int i = 0; i < 4; i++)
        sum += ((w << (24 - 8 * i)) >> 24) * ((x << (24 - 8 * i)) >> 24);
    return sum;
}

INLINE vi dot_q8(vi sum, vi w, vi x)
{
    return dot_small(sum, w, x);
}

#include "tensor/kernels_body.h"
