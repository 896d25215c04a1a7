/** Writing one float matrix as a NumPy .npy file (format version 1.0), row after row. */
#ifndef JUP_IO_NPY_H
#define JUP_IO_NPY_H

#include "base/status.h"

#include <stdint.h>
#include <stdio.h>

typedef struct jup_npy {
    FILE *file; /* NULL: not open */
    const char *path;
    int64_t rows, cols;
    int failed;
} jup_npy_t;

/** The path must stay valid until close. */
jup_status_t jup_npy_open(jup_npy_t *npy, const char *path, int64_t cols, jup_error_t *err);
void jup_npy_add(jup_npy_t *npy, const float *values, int64_t rows);

/** Completes the header with the number of rows. Does nothing when it was never opened. */
jup_status_t jup_npy_close(jup_npy_t *npy, jup_error_t *err);

#endif
