/**
 * A row of the residual stream in half precision. Some models' rows have elements beyond the
 * largest half, 65504; such a row is held as halves times a power of two, the smallest that makes
 * it fit, so that all others keep their bits. Rounding a rounded row changes nothing.
 */
#ifndef JUP_MODEL_HALF_ROW_H
#define JUP_MODEL_HALF_ROW_H

#include "tensor/dtype.h"

/** x (n) -> halves (n); returns the power p: x is about halves * 2^p, p >= 0, mostly 0. */
int jup_half_row_pack(const float *x, int64_t n, uint16_t *halves);

/** halves * 2^power -> x (n). */
void jup_half_row_unpack(const uint16_t *halves, int64_t n, int power, float *x);

#endif
