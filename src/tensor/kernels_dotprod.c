/* 64-bit ARM with the dot product instructions (Cortex-A55, A76 and later: Raspberry Pi 5). */
#include "tensor/target.h"

#if defined(__aarch64__)
JUP_TARGET_BEGIN("arch=armv8.2-a+dotprod")
#define TABLE jup_kernels_dotprod
#define TABLE_NAME "dotprod"
/*
 * A second level of 256 to 512 KiB to a core, and a third of 2 to 4 MiB that all share (A76, A78):
 * x of 128 rows of 5632 columns is 1.7 MiB. Decoding a panel costs what 4 to 6 rows of it do.
 */
#define ROWS 128
#define SCALED 1
#define I8_ROWS 6
#define I8_VECS 2
#define PRODUCTS "tensor/products_dotprod.h"
#include "tensor/vectors_neon.h"

#include "tensor/kernels_body.h"

JUP_TARGET_END
#endif
