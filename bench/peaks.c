#include "peaks.h"

#include <stddef.h>
#include <string.h>

/* 12 sums that do not wait for each other: more than any processor has under way. */
enum { SUMS = 12 };
#define ALL_SUMS(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11)

typedef struct peak {
    const char *table;
    void (*run[JUP_PRODUCTS])(long times);
    int ops[JUP_PRODUCTS]; /* of one instruction */
} peak_t;

#if defined(__x86_64__)

#define LOOP(name, op)                                                                             \
    static void name(long times)                                                                   \
    {                                                                                              \
        while (times-- > 0)                                                                        \
            __asm__ volatile("vpxor %%xmm14, %%xmm14, %%xmm14\n\t"                                 \
                             "vpxor %%xmm15, %%xmm15, %%xmm15\n\t" ALL_SUMS(op)::                  \
                                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", \
                                   "xmm8", "xmm9", "xmm10", "xmm11", "xmm13", "xmm14", "xmm15");   \
    }

#define F32_512(i) "vfmadd231ps %%zmm15, %%zmm14, %%zmm" #i "\n\t"
#define F32_256(i) "vfmadd231ps %%ymm15, %%ymm14, %%ymm" #i "\n\t"
#define I8_512(i) "vpdpbusd %%zmm15, %%zmm14, %%zmm" #i "\n\t"
#define I8_VNNI(i) "%{vex%} vpdpbusd %%ymm15, %%ymm14, %%ymm" #i "\n\t"
#define I8_VL(i) "%{evex%} vpdpbusd %%ymm15, %%ymm14, %%ymm" #i "\n\t"
#define I8_256(i)                                                                                  \
    "vpmaddubsw %%ymm15, %%ymm14, %%ymm13\n\tvpaddw %%ymm13, %%ymm" #i ", %%ymm" #i "\n\t"

#define BF16_512(i) "vdpbf16ps %%zmm15, %%zmm14, %%zmm" #i "\n\t"

LOOP(f32_512, F32_512)
LOOP(f32_256, F32_256)
LOOP(i8_512, I8_512)
LOOP(i8_vnni, I8_VNNI)
LOOP(i8_vl, I8_VL)
LOOP(i8_256, I8_256)
LOOP(bf16_512, BF16_512)

static const peak_t peaks[] = {
    {"avx512bf16", {f32_512, i8_512, bf16_512}, {32, 128, 64}},
    {"avx512", {f32_512, i8_512, f32_512}, {32, 128, 32}},
    {"avx512vl", {f32_256, i8_vl, f32_256}, {16, 64, 16}},
    {"avxvnni", {f32_256, i8_vnni, f32_256}, {16, 64, 16}},
    {"avx2", {f32_256, i8_256, f32_256}, {16, 64, 16}},
};

#elif defined(__aarch64__)

#define LOOP(name, arch, op)                                                                       \
    static void name(long times)                                                                   \
    {                                                                                              \
        while (times-- > 0)                                                                        \
            __asm__ volatile(arch "movi v14.16b, #0\n\tmovi v15.16b, #0\n\t" ALL_SUMS(op)::        \
                                 : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",     \
                                   "v10", "v11", "v14", "v15");                                    \
    }

#define F32_NEON(i) "fmla v" #i ".4s, v14.4s, v15.4s\n\t"
#define I8_NEON(i) "smlal v" #i ".8h, v14.8b, v15.8b\n\t"
#define I8_DOTPROD(i) "sdot v" #i ".4s, v14.16b, v15.16b\n\t"
#define I8_I8MM(i) "smmla v" #i ".4s, v14.16b, v15.16b\n\t"

LOOP(f32_neon, "", F32_NEON)
LOOP(i8_neon, "", I8_NEON)
LOOP(i8_dotprod, ".arch armv8.2-a+dotprod\n\t", I8_DOTPROD)
LOOP(i8_i8mm, ".arch armv8.6-a+i8mm\n\t", I8_I8MM)

static const peak_t peaks[] = {
    {"i8mm", {f32_neon, i8_i8mm, f32_neon}, {8, 64, 8}},
    {"dotprod", {f32_neon, i8_dotprod, f32_neon}, {8, 32, 8}},
    {"neon", {f32_neon, i8_neon, f32_neon}, {8, 16, 8}},
};

#else

static const peak_t peaks[] = {{NULL, {NULL}, {0}}};

#endif

double jup_peaks_run(const char *table, jup_product_t product, long times)
{
    for (size_t i = 0; i < sizeof peaks / sizeof peaks[0]; i++)
        if (peaks[i].table && !strcmp(peaks[i].table, table)) {
            peaks[i].run[product](times);
            return (double)times * SUMS * peaks[i].ops[product];
        }
    return 0;
}
