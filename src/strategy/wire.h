/** Activations in the type in which they travel: JUP_F16 or JUP_F32. */
#ifndef JUP_STRATEGY_WIRE_H
#define JUP_STRATEGY_WIRE_H

#include "tensor/dtype.h"

/**
 * y (n) -> out. Half precision ends at 65504: what is beyond becomes that, and is counted in the
 * result. What is no number stays none.
 */
int64_t jup_wire_pack(jup_dtype_t wire, const float *y, int64_t n, char *out);

/** in -> y (n); y (n) += in. */
void jup_wire_unpack(jup_dtype_t wire, const char *in, int64_t n, float *y);
void jup_wire_add(jup_dtype_t wire, const char *in, int64_t n, float *y);

#endif
