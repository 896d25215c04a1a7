#include "tensor/blas.h"
#include "tensor/ops.h"
#include "tensor/phantom.h"

#include <omp.h>
#include <string.h>

const jup_ops_t *jup_ops_by_name(const char *name)
{
    static const jup_ops_t *const known[] = {&jup_ops_blas, &jup_ops_naive, &jup_ops_phantom};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(known[i]->name, name))
            return known[i];
    return NULL;
}

jup_status_t jup_compute_init(jup_compute_t *c, const jup_ops_t *ops, int threads, jup_error_t *err)
{
    *c = (jup_compute_t){.ops = ops, .threads = threads > 0 ? threads : omp_get_num_procs()};
    if (ops == &jup_ops_phantom)
        jup_phantom_init(c);
    return ops == &jup_ops_blas ? jup_blas_init(c, err) : JUP_OK;
}

jup_status_t jup_compute_reserve(jup_compute_t *c, const jup_compute_limits_t *limits,
                                 jup_error_t *err)
{
    return c->ops == &jup_ops_blas ? jup_blas_reserve(c, limits, err) : JUP_OK;
}

size_t jup_compute_scratch_bytes(const jup_compute_t *c)
{
    return c->ops == &jup_ops_blas ? jup_blas_scratch_bytes(c) : 0;
}

void jup_compute_set_int8(jup_compute_t *c, bool on)
{
    if (c->ops == &jup_ops_blas)
        jup_blas_set_int8(c, on);
}

void jup_compute_reset(jup_compute_t *c)
{
    if (c->ops == &jup_ops_blas)
        jup_blas_reset(c);
    if (c->ops == &jup_ops_phantom)
        jup_phantom_reset(c);
    *c = (jup_compute_t){0};
}
