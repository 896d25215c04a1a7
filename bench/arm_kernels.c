/*
 * One linear operation, for counting its instructions in an emulator (bench/arm).
 *
 *   arm_kernels TABLE TYPE COLUMNS ROWS PANELS     PANELS: of 32 outputs
 *
 * Weights and x are zero: no kernel branches on them.
 */
#include "tensor/ops.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const jup_dtype_info_t *info = argc == 6 ? jup_dtype_by_name(argv[2]) : NULL;
    jup_compute_t c;
    jup_error_t err;
    if (!info) {
        fprintf(stderr, "arm_kernels TABLE TYPE COLUMNS ROWS PANELS\n");
        return EXIT_FAILURE;
    }
    setenv("JUPITER_KERNELS", argv[1], 1);
    int64_t in = atol(argv[3]), rows = atol(argv[4]), out = 32 * atol(argv[5]);
    if (jup_compute_init(&c, &jup_ops_blas, 1, &err) != JUP_OK) {
        fprintf(stderr, "arm_kernels: %s\n", err.text);
        return (int)err.code;
    }
    void *weights = jup_new(jup_dtype_bytes(info->dtype, out * in), 1);
    jup_linear_t l = {{info->dtype, out, in, weights}, NULL};
    float *x = jup_new((size_t)(rows * in), sizeof *x);
    float *y = jup_new((size_t)(rows * out), sizeof *y);
    c.ops->linear(&c, &l, 1, x, rows, &y);
    return EXIT_SUCCESS;
}
