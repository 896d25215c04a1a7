/*
 * Few rows of x straight over the rows of a quantised weight: numbers go from their blocks into
 * products, without a panel between, and serve every row of x. The sums are the tiles' of
 * kernels_body.h to the bit: sums of integers are exact in any order, and those in f32 have the
 * same. Included by kernels_body.h; FEW has few_rows().
 */
#include FEW

#define RUN_FEW(name, dtype)                                                                       \
    static void name(int m, const straight_t *rows, int64_t n, const jup_i8_x_t *x, float *sums,   \
                     bool add)                                                                     \
    {                                                                                              \
        ROWS_SWITCH(FEW_ROWS, m, few_rows(dtype, M, rows, n, x, sums, add))                        \
    }

RUN_FEW(few_q4_0, JUP_Q4_0)
RUN_FEW(few_q4_1, JUP_Q4_1)
RUN_FEW(few_q5_0, JUP_Q5_0)
RUN_FEW(few_q5_1, JUP_Q5_1)
RUN_FEW(few_q8_0, JUP_Q8_0)
RUN_FEW(few_q2_k, JUP_Q2_K)
RUN_FEW(few_q3_k, JUP_Q3_K)
RUN_FEW(few_q4_k, JUP_Q4_K)
RUN_FEW(few_q5_k, JUP_Q5_K)
RUN_FEW(few_q6_k, JUP_Q6_K)
RUN_FEW(few_iq4_nl, JUP_IQ4_NL)
RUN_FEW(few_iq4_xs, JUP_IQ4_XS)

typedef void (*few_t)(int m, const straight_t *rows, int64_t n, const jup_i8_x_t *x, float *sums,
                      bool add);

static few_t few_of(jup_dtype_t dtype)
{
    static const few_t all[] = {
        [JUP_Q4_0] = few_q4_0, [JUP_Q4_1] = few_q4_1,     [JUP_Q5_0] = few_q5_0,
        [JUP_Q5_1] = few_q5_1, [JUP_Q8_0] = few_q8_0,     [JUP_Q2_K] = few_q2_k,
        [JUP_Q3_K] = few_q3_k, [JUP_Q4_K] = few_q4_k,     [JUP_Q5_K] = few_q5_k,
        [JUP_Q6_K] = few_q6_k, [JUP_IQ4_NL] = few_iq4_nl, [JUP_IQ4_XS] = few_iq4_xs,
    };
    return all[dtype];
}

/* All columns of 32 rows at once, where these are at equal distance; else as many as there is room
 * to copy. */
static void run_i8(const jup_rows_t *src, int m, int64_t n, const jup_i8_x_t *x, float *sums)
{
    const int64_t most = src->rows == JUP_PANEL && !src->list ? n : JUP_I8_CHUNK;
    for (int64_t at = 0; at < n; at += most) {
        const int64_t columns = jup_min_i64(most, n - at);
        const jup_i8_x_t from = {x->q + at * m, x->parts + at / JUP_X_BLOCK * JUP_X_PARTS * m,
                                 x->whole + at / 256 * JUP_X_WHOLES * m};
        straight_t rows;
        straighten(src, (int64_t)jup_dtype_bytes(src->dtype, at),
                   (int64_t)jup_dtype_bytes(src->dtype, columns), &rows);
        few_of(src->dtype)(m, &rows, columns, &from, sums, at > 0);
    }
}
