/* Half precision (IEEE 754 binary16) to and from single. */
#include "tensor/cpu.h"
#include "tensor/dtype.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static float float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

float jup_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = (h >> 10) & 0x1fu, fraction = h & 0x3ffu;
    if (exponent == 0x1f)
        return float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) { /* zero or subnormal: a multiple of 2^-24, exact in single */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t jup_float_to_half(float f)
{
    uint32_t bits = bits_of_float(f), magnitude = bits & 0x7fffffffu;
    uint32_t sign = (bits >> 16) & 0x8000u;
    if (magnitude > 0x7f800000u) /* a quiet NaN that keeps what fits of its payload */
        return (uint16_t)(sign | 0x7e00u | ((magnitude >> 13) & 0x1ffu));
    if (magnitude >= 0x477ff000u) /* 65520 and up round to infinity */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) {
        /* Subnormal half: adding 1/2 leaves the wanted bits, rounded to even, at the bottom. */
        uint32_t rounded = bits_of_float(float_of_bits(magnitude) + 0.5f);
        return (uint16_t)(sign | (rounded - 0x3f000000u));
    }
    magnitude += 0xfffu + ((magnitude >> 13) & 1u);
    return (uint16_t)(sign | ((magnitude - 0x38000000u) >> 13));
}

#if defined(__x86_64__)

__attribute__((target("avx,f16c"))) static int64_t to_half_f16c(const float *src, uint16_t *dst,
                                                                int64_t n)
{
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(src + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128((__m128i *)(void *)(dst + i), h);
    }
    return i;
}

__attribute__((target("avx,f16c"))) static int64_t to_float_f16c(const uint16_t *src, float *dst,
                                                                 int64_t n)
{
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i h = _mm_loadu_si128((const __m128i *)(const void *)(src + i));
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(h));
    }
    return i;
}

static int64_t to_half_fast(const float *src, uint16_t *dst, int64_t n)
{
    return jup_cpu_has_f16c() ? to_half_f16c(src, dst, n) : 0;
}

static int64_t to_float_fast(const uint16_t *src, float *dst, int64_t n)
{
    return jup_cpu_has_f16c() ? to_float_f16c(src, dst, n) : 0;
}

#elif defined(__aarch64__)

/* The compiler turns these loops into fcvtn and fcvtl. */
static int64_t to_half_fast(const float *src, uint16_t *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        __fp16 h = (__fp16)src[i];
        memcpy(dst + i, &h, sizeof h);
    }
    return n;
}

static int64_t to_float_fast(const uint16_t *src, float *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        __fp16 h;
        memcpy(&h, src + i, sizeof h);
        dst[i] = (float)h;
    }
    return n;
}

#else

static int64_t to_half_fast(const float *src, uint16_t *dst, int64_t n)
{
    (void)src, (void)dst, (void)n;
    return 0;
}

static int64_t to_float_fast(const uint16_t *src, float *dst, int64_t n)
{
    (void)src, (void)dst, (void)n;
    return 0;
}

#endif

void jup_f32_to_f16(const float *src, uint16_t *dst, int64_t n)
{
    for (int64_t i = to_half_fast(src, dst, n); i < n; i++)
        dst[i] = jup_float_to_half(src[i]);
}

void jup_f16_to_f32(const uint16_t *src, float *dst, int64_t n)
{
    for (int64_t i = to_float_fast(src, dst, n); i < n; i++)
        dst[i] = jup_half_to_float(src[i]);
}
