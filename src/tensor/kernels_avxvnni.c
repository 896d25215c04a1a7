/* AVX2 with VNNI but no AVX-512 (Alder Lake and later). */
#include "tensor/target.h"

#if defined(__x86_64__)
JUP_TARGET_BEGIN("avx2,fma,f16c,avxvnni")
#define TABLE jup_kernels_avxvnni
#define TABLE_NAME "avxvnni"
#define I8_ROWS 3
#define Q8_BIAS 0x80
#define SCALED 1
#include "tensor/vectors_avx2.h"

INLINE vi dot_small(vi sum, vi w, vi x)
{
    return (vi)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)w, (__m256i)x);
}

#define FEW_ROWS 4
#define FEW "tensor/kernels_few_x86.h"
#include "tensor/kernels_body.h"

JUP_TARGET_END
#endif
