/**
 * The inside of the `blas` implementation, shared by its files only.
 *
 * One parallel region per operation; the team takes panels of 32 output rows. OpenBLAS itself is
 * kept to one thread: where the processor has no kernels of ours but the portable ones, each thread
 * of the team calls its sgemm for its own panels.
 */
#ifndef JUP_TENSOR_BLAS_H
#define JUP_TENSOR_BLAS_H

#include "tensor/kernels.h"
#include "tensor/ops.h"

#include <stdatomic.h>

enum {
    JUP_ATTENTION_ROWS = 96, /* (row, head) pairs that share one pass over the cache */
    JUP_MAX_HEAD_DIM = 512,
};

/** Panels of a pass that one thread begins with. Each in a line of the cache of its own. */
typedef struct jup_share {
    _Alignas(64) _Atomic int64_t next;
    int64_t end;
} jup_share_t;

typedef struct jup_blas {
    const jup_kernels_t *kernels;
    bool exact;                 /* no rounding of x to 8 bits or BF16 */
    int64_t fetch_bytes;        /* the largest panel worth fetching while another is in use */
    bool use_sgemm;             /* OpenBLAS for many rows */
    int64_t rows, in, head_dim; /* what the buffers below are for */
    float *x_plain;             /* x in tiles for plain weights */
    jup_i8_x_t x_i8;            /* x in 8-bit tiles */
    jup_share_t *shares;        /* (threads) */
    char *own;                  /* threads x own_bytes */
    size_t own_bytes;
    size_t scratch_bytes;
} jup_blas_t;

jup_status_t jup_blas_init(jup_compute_t *c, jup_error_t *err);
jup_status_t jup_blas_reserve(jup_compute_t *c, const jup_compute_limits_t *limits,
                              jup_error_t *err);
size_t jup_blas_scratch_bytes(const jup_compute_t *c);
void jup_blas_reset(jup_compute_t *c);
void jup_blas_set_int8(jup_compute_t *c, bool on);

/** Grows the scratch for shapes nobody announced; ends the job where memory is short. */
void jup_blas_need(jup_compute_t *c, int64_t rows, int64_t in, int64_t head_dim);

/** The calling thread's own scratch. */
void *jup_blas_own(const jup_compute_t *c);

/** A thread's share of scratch. */
size_t jup_blas_linear_bytes(int64_t rows);
size_t jup_blas_attention_bytes(int64_t head_dim);

void jup_blas_linear(jup_compute_t *c, const jup_linear_t *w, int n, const float *x, int64_t rows,
                     float *const *y);
void jup_blas_linear_add(jup_compute_t *c, const jup_linear_t *w, const float *x, int64_t rows,
                         float *y);
void jup_blas_attention(jup_compute_t *c, const jup_attention_t *a, int n);

#endif
