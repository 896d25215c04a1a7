#include "tensor/kernels.h"

#include "tensor/cpu.h"

#include <stdlib.h>
#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

enum { MOST_TABLES = 6 };

bool jup_kernels_fetch_near;

#if defined(__x86_64__)

static int list(const jup_kernels_t *tables[MOST_TABLES])
{
    int n = 0;
    bool avx2 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && jup_cpu_has_f16c();
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vnni");
    if (avx512 && jup_cpu_has_avx512bf16())
        tables[n++] = &jup_kernels_avx512bf16;
    if (avx512) {
        tables[n++] = &jup_kernels_avx512;
        tables[n++] = &jup_kernels_avx512vl;
    }
    if (avx2 && jup_cpu_has_avxvnni())
        tables[n++] = &jup_kernels_avxvnni;
    if (avx2)
        tables[n++] = &jup_kernels_avx2;
    tables[n++] = &jup_kernels_portable;
    return n;
}

#elif defined(__aarch64__)

static int list(const jup_kernels_t *tables[MOST_TABLES])
{
    enum { HAS_DOTPROD = 1 << 20, HAS_I8MM = 1 << 13 }; /* HWCAP_ASIMDDP, HWCAP2_I8MM of Linux */
    int n = 0;
    bool dotprod = getauxval(AT_HWCAP) & HAS_DOTPROD;
    if (dotprod && getauxval(AT_HWCAP2) & HAS_I8MM)
        tables[n++] = &jup_kernels_i8mm;
    if (dotprod)
        tables[n++] = &jup_kernels_dotprod;
    tables[n++] = &jup_kernels_neon;
    tables[n++] = &jup_kernels_portable;
    return n;
}

#else

static int list(const jup_kernels_t *tables[MOST_TABLES])
{
    tables[0] = &jup_kernels_portable;
    return 1;
}

#endif

const jup_kernels_t *jup_kernels_at(int i)
{
    const jup_kernels_t *tables[MOST_TABLES];
    return i < list(tables) ? tables[i] : NULL;
}

const jup_kernels_t *jup_kernels_choose(void)
{
    const jup_kernels_t *tables[MOST_TABLES];
    int n = list(tables);
    const char *wanted = getenv("JUPITER_KERNELS");
#if defined(__x86_64__)
    jup_kernels_fetch_near = jup_cpu_is_zen5();
#endif
    for (int i = 0; wanted && i < n; i++)
        if (!strcmp(tables[i]->name, wanted))
            return tables[i];
    return tables[0];
}
