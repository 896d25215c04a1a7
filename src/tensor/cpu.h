/** What the processor can do, where the compilers' own tests differ or know less. */
#ifndef JUP_TENSOR_CPU_H
#define JUP_TENSOR_CPU_H

#include <stdbool.h>

#if defined(__x86_64__)
#include <cpuid.h>

/**
 * Conversion of halves; AVX (and so the system's support of its registers) included. Asked on every
 * conversion, so the answer is kept: in a virtual machine CPUID costs microseconds.
 */
static inline bool jup_cpu_has_f16c(void)
{
    static int known; /* 0: not asked yet, 1: no, 2: yes; every thread finds the same */
    if (!__atomic_load_n(&known, __ATOMIC_RELAXED)) {
        unsigned a, b, c, d;
        bool has = __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1);
        __atomic_store_n(&known, has ? 2 : 1, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(&known, __ATOMIC_RELAXED) == 2;
}

/** Products of pairs of BF16 on 512-bit vectors. */
static inline bool jup_cpu_has_avx512bf16(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}

/** 8-bit dot products on 256-bit vectors without AVX-512. */
static inline bool jup_cpu_has_avxvnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}

/** AMD's Zen 5 or later. */
static inline bool jup_cpu_is_zen5(void)
{
    enum { AUTHENTIC_AMD = 0x68747541, ZEN5 = 0x1a }; /* "Auth"; the family */
    unsigned a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d) || b != AUTHENTIC_AMD || !__get_cpuid(1, &a, &b, &c, &d))
        return false;
    return (a >> 8 & 15) + (a >> 20 & 255) >= ZEN5;
}
#endif

#endif
