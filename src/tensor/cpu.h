/** What the processor can do, where the compilers' own tests differ or know less. */
#ifndef JUP_TENSOR_CPU_H
#define JUP_TENSOR_CPU_H

#include <stdbool.h>

#if defined(__x86_64__)
#include <cpuid.h>

/** Conversion of halves; AVX (and so the system's support of its registers) included. */
static inline bool jup_cpu_has_f16c(void)
{
    unsigned a, b, c, d;
    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1);
}

/** 8-bit dot products on 256-bit vectors without AVX-512. */
static inline bool jup_cpu_has_avxvnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif

#endif
