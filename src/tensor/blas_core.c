#include "tensor/kernels.h"
#include "tensor/ops.h"

#include "base/clock.h"

#include <cblas.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

const char *jup_blas_core(void)
{
    return openblas_get_corename();
}

const char *jup_blas_kernels(void)
{
    return jup_kernels_choose()->name;
}

/* The core type whose kernels this processor can run, or NULL where detection needs no help. */
static const char *best_core(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

/* Was the dynamic loader started, with the program as its argument? It would be started again. */
static bool was_loaded_by_name(void)
{
    return getauxval(AT_BASE) == 0;
}

/* Did the environment lack it? */
static bool set_default(const char *name, const char *value)
{
    return !getenv(name) && setenv(name, value, 1) == 0;
}

void jup_blas_set_environment(char **argv)
{
    /* A simulated rank is a thread of one program, which cannot be started again for it. */
    if (jup_clock_is_simulated() || was_loaded_by_name())
        return;
    const char *core = best_core();
    bool changed = core && set_default("OPENBLAS_CORETYPE", core);
    /* no pool of its own: our threads call it, and its threads turn round for 0.1 s at first */
    changed = set_default("OPENBLAS_NUM_THREADS", "1") || changed;
    /* Idle threads of ours go to sleep after about 0.1 ms: ranks often share processors. */
    if (!getenv("OMP_WAIT_POLICY"))
        changed = set_default("GOMP_SPINCOUNT", "3000") || changed;
    if (!changed)
        return;
    char self[4096]; /* by its own name, so that the process keeps it */
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return;
    self[n] = '\0';
    execv(self, argv);
    /* Not possible here: go on as it is. */
}
