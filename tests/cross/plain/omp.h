/* One thread, where there is no OpenMP library. */
#ifndef JUP_TESTS_PLAIN_OMP_H
#define JUP_TESTS_PLAIN_OMP_H

static inline int omp_get_thread_num(void)
{
    return 0;
}

static inline int omp_get_num_procs(void)
{
    return 1;
}

#endif
