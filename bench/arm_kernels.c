/*
 * One linear operation, for counting its instructions in an emulator (bench/arm): what one more
 * panel of 32 outputs adds to a run is what the kernels take for it.
 *
 *   arm_kernels TABLE TYPE COLUMNS ROWS PANELS
 *
 * Weights and x are zero: no kernel branches on them. Memory is taken for MOST panels, so that runs
 * with more or fewer of them are the same up to where the fewer end.
 */
#include "tensor/ops.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4 };

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
    void *weights = jup_new(jup_dtype_bytes(info->dtype, 32 * MOST * in), 1);
    jup_linear_t l = {{info->dtype, out, in, weights}, NULL};
    float *x = jup_new((size_t)(rows * in), sizeof *x);
    float *y = jup_new((size_t)(rows * 32 * MOST), sizeof *y);
    c.ops->linear(&c, &l, 1, x, rows, &y);
    return EXIT_SUCCESS;
}
