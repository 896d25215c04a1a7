/** Which experts of a mixture a row goes to (Shazeer et al. 2017), and with which share. */
#ifndef JUP_TENSOR_ROUTE_H
#define JUP_TENSOR_ROUTE_H

#include <stdint.h>

/**
 * Of logits (rows, experts) the `used` largest of each row, the lower number first where equal:
 * ids (rows, used) in the order of their logits, shares (rows, used) their softmax among
 * themselves.
 */
void jup_route_rows(const float *logits, int64_t rows, int experts, int used, int32_t *ids,
                    float *shares);

#endif
