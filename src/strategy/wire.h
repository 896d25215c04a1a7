/**
 * Activations in the type in which they travel: JUP_F16 or JUP_F32. Rows in half precision, then,
 * where an element is beyond its range, the powers of two by which the rows are to be multiplied
 * (model/half_row.h), a byte each; mostly there are none.
 */
#ifndef JUP_STRATEGY_WIRE_H
#define JUP_STRATEGY_WIRE_H

#include "tensor/dtype.h"

#include <stdbool.h>

/** The most bytes that rows can take. */
size_t jup_wire_bytes(jup_dtype_t wire, int64_t rows, int64_t dim);

/** Whether rows can have taken `bytes`. */
bool jup_wire_fits(jup_dtype_t wire, int64_t rows, int64_t dim, size_t bytes);

/** x (rows, dim) -> out; returns the end of what was written. What is no number stays none. */
char *jup_wire_pack(jup_dtype_t wire, const float *x, int64_t rows, int64_t dim, char *out);

/** in (as many bytes as rows take) -> x (rows, dim). */
void jup_wire_unpack(jup_dtype_t wire, const char *in, size_t bytes, int64_t rows, int64_t dim,
                     float *x);

/** y (n) += in, which was packed as one row. */
void jup_wire_add(jup_dtype_t wire, const char *in, size_t bytes, int64_t n, float *y);

#endif
