#include "io/npy.h"

#include <string.h>

enum { HEADER_BYTES = 128 };

/* The header has a fixed length, so that it can be written again once the rows are known. */
static void write_header(jup_npy_t *npy)
{
    char header[HEADER_BYTES + 1];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    int n = snprintf(header + 10, sizeof header - 10,
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }",
                     (long long)npy->rows, (long long)npy->cols);
    header[10 + n] = ' ';
    header[HEADER_BYTES - 1] = '\n';
    fwrite(header, 1, HEADER_BYTES, npy->out.file);
}

jup_status_t jup_npy_open(jup_npy_t *npy, const char *path, int64_t cols, jup_error_t *err)
{
    *npy = (jup_npy_t){.cols = cols};
    JUP_TRY(jup_output_open(&npy->out, path, err));
    write_header(npy);
    return JUP_OK;
}

/* Failures show when the file is closed. */
void jup_npy_add(jup_npy_t *npy, const float *values, int64_t rows)
{
    if (npy->out.file)
        fwrite(values, sizeof *values, (size_t)(rows * npy->cols), npy->out.file);
    npy->rows += rows;
}

jup_status_t jup_npy_close(jup_npy_t *npy, jup_error_t *err)
{
    if (!npy->out.file)
        return JUP_OK;
    if (fflush(npy->out.file) == 0 && fseek(npy->out.file, 0, SEEK_SET) == 0)
        write_header(npy);
    return jup_output_close(&npy->out, err);
}

void jup_npy_reset(jup_npy_t *npy)
{
    jup_output_abandon(&npy->out);
}
