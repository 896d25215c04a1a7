/** The inside of the `blas` implementation, shared by its files only. */
#ifndef JUP_TENSOR_BLAS_H
#define JUP_TENSOR_BLAS_H

#include "tensor/ops.h"

typedef struct jup_blas {
    float *panels; /* threads x panel_elems: decoded weights on their way into sgemm */
    int64_t panel_elems;
} jup_blas_t;

jup_status_t jup_blas_init(jup_compute_t *c, jup_error_t *err);
jup_status_t jup_blas_reserve(jup_compute_t *c, const jup_compute_limits_t *limits,
                              jup_error_t *err);
size_t jup_blas_scratch_bytes(const jup_compute_t *c);
void jup_blas_reset(jup_compute_t *c);

void jup_blas_attention(jup_compute_t *c, const jup_attention_t *a, int n);

#endif
