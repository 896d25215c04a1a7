/**
 * Compute without numbers: every operation checks its shapes and charges a device's seconds to the
 * clock (simulated time passes; on a wall clock the rank sleeps). Nothing is read or written, so
 * data pointers may be NULL and buffers stay untouched. What an operation costs is told by someone
 * who knows devices.
 */
#ifndef JUP_TENSOR_PHANTOM_H
#define JUP_TENSOR_PHANTOM_H

#include "tensor/ops.h"

/** Seconds of operations; what is not listed costs nothing of its own. */
typedef struct jup_phantom_costs {
    void *self;
    double (*linear_s)(void *self, const jup_linear_t *w, int n, int64_t rows);
    double (*attention_s)(void *self, const jup_attention_t *a, int n);
    double (*embed_s)(void *self, const jup_matrix_t *table, int64_t rows);
} jup_phantom_costs_t;

extern const jup_ops_t jup_ops_phantom;

/** After jup_compute_init() with jup_ops_phantom; without it operations are free. */
void jup_phantom_set_costs(jup_compute_t *c, const jup_phantom_costs_t *costs);

/** All seconds charged so far. */
double jup_phantom_charged_s(const jup_compute_t *c);

/** For tensor/compute.c. */
void jup_phantom_init(jup_compute_t *c);
void jup_phantom_reset(jup_compute_t *c);

#endif
