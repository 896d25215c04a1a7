/* Any 64-bit ARM (Cortex-A53, A57, A72: Raspberry Pi 3 and 4, Jetson Nano and TX2). */
#include "tensor/target.h"

#if defined(__aarch64__)
#define TABLE jup_kernels_neon
#define TABLE_NAME "neon"
#include "tensor/vectors_neon.h"

INLINE vi dot_small(vi sum, vi w, vi x)
{
    int8x16_t a = (int8x16_t)w, b = (int8x16_t)x;
    int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    int32x4_t high = vpaddlq_s16(vmull_high_s8(a, b));
    return sum + (vi)vpaddq_s32(low, high);
}

INLINE vi dot_q8(vi sum, vi w, vi x)
{
    return dot_small(sum, w, x);
}

#include "tensor/kernels_body.h"
#endif
