/** Writing one float matrix as a NumPy .npy file (format version 1.0), row after row. */
#ifndef JUP_IO_NPY_H
#define JUP_IO_NPY_H

#include "base/output.h"

#include <stdint.h>

typedef struct jup_npy {
    jup_output_t out; /* its file is NULL: not open */
    int64_t rows, cols;
} jup_npy_t;

jup_status_t jup_npy_open(jup_npy_t *npy, const char *path, int64_t cols, jup_error_t *err);
void jup_npy_add(jup_npy_t *npy, const float *values, int64_t rows);

/**
 * Completes the header with the number of rows and puts the file in its place. Does nothing when
 * it was never opened.
 */
jup_status_t jup_npy_close(jup_npy_t *npy, jup_error_t *err);

/** Without close: no file. Also after close. */
void jup_npy_reset(jup_npy_t *npy);

#endif
