/*
 * Few rows of x straight over the rows of a quantised weight: numbers go from their blocks into
 * products, without a panel between, and serve every row of x. The sums are the tiles' of
 * kernels_body.h to the bit: sums of integers are exact in any order, and those in f32 have the
 * same. Included by kernels_body.h; FEW has few_rows().
 */
#include FEW

#define RUN_FEW(name, dtype)                                                                       \
    static void few_##name(int m, const straight_t *rows, int64_t n, const jup_i8_x_t *x,          \
                           float *sums, bool add)                                                  \
    {                                                                                              \
        ROWS_SWITCH(FEW_ROWS, m, few_rows(dtype, M, rows, n, x, sums, add))                        \
    }

I8_TYPES(RUN_FEW)

typedef void (*few_t)(int m, const straight_t *rows, int64_t n, const jup_i8_x_t *x, float *sums,
                      bool add);

static few_t few_of(jup_dtype_t dtype)
{
#define FEW_OF(name, dtype) [dtype] = few_##name,
    static const few_t all[] = {I8_TYPES(FEW_OF)};
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
