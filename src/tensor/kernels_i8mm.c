/* 64-bit ARM with 8-bit matrix products (Cortex-A510, A710, X2 and later; Neoverse N2, V1). */
#include "tensor/target.h"

#if defined(__aarch64__)
JUP_TARGET_BEGIN("arch=armv8.2-a+dotprod+i8mm")
#define TABLE jup_kernels_i8mm
#define TABLE_NAME "i8mm"
#define PAIRED 1
/* As in kernels_dotprod.c. */
#define ROWS 128
#define SCALED 1
#define I8_ROWS 8
#define I8_VECS 1
#define PRODUCTS "tensor/products_dotprod.h"
#include "tensor/vectors_neon.h"

#include "tensor/kernels_body.h"

JUP_TARGET_END
#endif
