/* What tensor/ calls of BLAS, by its definition: the kernels can then be built without a library.
 */
#ifndef JUP_TESTS_PLAIN_CBLAS_H
#define JUP_TESTS_PLAIN_CBLAS_H

typedef int blasint;
enum { CblasRowMajor = 101, CblasNoTrans = 111 };

static inline void openblas_set_num_threads(int threads)
{
    (void)threads;
}

/* C (m, n) = beta C + alpha A B, row-major, nothing transposed. */
static inline void cblas_sgemm(int order, int trans_a, int trans_b, blasint m, blasint n, blasint k,
                               float alpha, const float *a, blasint lda, const float *b,
                               blasint ldb, float beta, float *c, blasint ldc)
{
    (void)order, (void)trans_a, (void)trans_b;
    for (blasint i = 0; i < m; i++)
        for (blasint j = 0; j < n; j++) {
            float sum = 0.0f;
            for (blasint l = 0; l < k; l++)
                sum += a[i * lda + l] * b[l * ldb + j];
            c[i * ldc + j] = alpha * sum + (beta != 0.0f ? beta * c[i * ldc + j] : 0.0f);
        }
}

#endif
