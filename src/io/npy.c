#include "io/npy.h"

#include <errno.h>
#include <string.h>

enum { HEADER_BYTES = 128 };

/* The header has a fixed length, so that it can be written again once the rows are known. */
static int write_header(jup_npy_t *npy)
{
    char header[HEADER_BYTES + 1];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    int n = snprintf(header + 10, sizeof header - 10,
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }",
                     (long long)npy->rows, (long long)npy->cols);
    header[10 + n] = ' ';
    header[HEADER_BYTES - 1] = '\n';
    return fwrite(header, 1, HEADER_BYTES, npy->file) == HEADER_BYTES;
}

jup_status_t jup_npy_open(jup_npy_t *npy, const char *path, int64_t cols, jup_error_t *err)
{
    *npy = (jup_npy_t){.path = path, .cols = cols};
    npy->file = fopen(path, "wb");
    if (!npy->file)
        return jup_fail(err, JUP_EINPUT, "cannot write %s: %s", path, strerror(errno));
    npy->failed = !write_header(npy);
    return JUP_OK;
}

void jup_npy_add(jup_npy_t *npy, const float *values, int64_t rows)
{
    size_t n = (size_t)(rows * npy->cols);
    if (npy->file && fwrite(values, sizeof *values, n, npy->file) != n)
        npy->failed = 1;
    npy->rows += rows;
}

jup_status_t jup_npy_close(jup_npy_t *npy, jup_error_t *err)
{
    if (!npy->file)
        return JUP_OK;
    rewind(npy->file);
    int failed = !write_header(npy) || npy->failed;
    failed |= fclose(npy->file) != 0;
    npy->file = NULL;
    if (failed)
        return jup_fail(err, JUP_EENV, "cannot write %s: %s", npy->path, strerror(errno));
    return JUP_OK;
}
