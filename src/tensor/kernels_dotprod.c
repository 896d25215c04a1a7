/* 64-bit ARM with the dot product instructions (Cortex-A55, A76 and later: Raspberry Pi 5). */
#include "tensor/target.h"

#if defined(__aarch64__)
JUP_TARGET_BEGIN("arch=armv8.2-a+dotprod")
#define TABLE jup_kernels_dotprod
#define TABLE_NAME "dotprod"
#include "tensor/vectors_neon.h"

INLINE vi dot_small(vi sum, vi w, vi x)
{
    return (vi)vdotq_s32((int32x4_t)sum, (int8x16_t)w, (int8x16_t)x);
}

INLINE vi dot_q8(vi sum, vi w, vi x)
{
    return dot_small(sum, w, x);
}

#include "tensor/kernels_body.h"

JUP_TARGET_END
#endif
