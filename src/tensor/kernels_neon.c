/* Any 64-bit ARM (Cortex-A53, A57, A72: Raspberry Pi 3 and 4, Jetson Nano and TX2). */
#include "tensor/target.h"

#if defined(__aarch64__)
#define TABLE jup_kernels_neon
#define TABLE_NAME "neon"
/*
 * Rounded x with what goes with it takes 2.4 bytes an element: 64 rows of 5632 columns are 0.8 MiB,
 * of the 1 MiB (A72) or 2 MiB (A57) that four cores share. Decoding a panel costs what 2 to 4 rows
 * of it do, so that with 64 it is a twentieth.
 */
#define ROWS 64
#define I8_ROWS 4
#define I8_VECS 2
#define PRODUCTS "tensor/products_neon.h"
#include "tensor/vectors_neon.h"

#include "tensor/kernels_body.h"
#endif
