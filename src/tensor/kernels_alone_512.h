/*
 * BF16 and one row of x: whole lines of four rows at a time, while the next four are fetched. Half
 * lines of eight would each be asked for twice, which takes a sixth longer where pages are small
 * (Zen 4). Of F32 and F16 it is not quicker. Included by kernels_plain.h where vectors have 512
 * bits.
 */

/* Eight words of a row: of one step of a unit. */
INLINE part_t load_part(const enum plain plain, const int step, const unsigned char *p)
{
    typedef int32_t part_int_t __attribute__((vector_size(sizeof(part_t))));
    part_int_t words;
    memcpy(&words, p, sizeof words);
    return (part_t)(plain == PAIR ? words : step == 0 ? words & -65536 : words << 16);
}

/* A unit of four rows. */
INLINE void add_unit_of_4(const enum plain plain, const unsigned char *const rows[4], int64_t at,
                          const float *x, part_t sums[4])
{
    EACH (step, unit_steps(plain)) {
        part_t of_x;
        memcpy(&of_x, x + 8 * step, sizeof of_x);
        EACH (i, 4) {
            part_t w = load_part(plain, step, rows[i] + at);
            sums[i] = plain == PAIR ? add_bf16_part(sums[i], w, of_x) : sums[i] + w * of_x;
        }
    }
}

/* A chunk of half a group: sums of the group += */
INLINE void add_half_group(const enum plain plain, const int half,
                           const unsigned char *const rows[GROUP], int64_t n, const float *x,
                           const unsigned char *fetch, float *sums)
{
    const int columns = unit_columns(plain), bytes = unit_bytes(plain);
    const int words = 8 * unit_steps(plain);
    part_t parts[4] = {{0}}, none = {0};
    int64_t at = 0;
    for (; n >= 2 * columns; n -= 2 * columns, at += 2 * bytes, x += 2 * words) {
        EACH (i, 4)
            __builtin_prefetch(fetch + 4 * at + 64 * i, 0, FETCH_LEVEL);
        EACH (i, 2)
            add_unit_of_4(plain, rows + 4 * half, at + i * bytes, x + i * words, parts);
    }
    for (; n > 0; n -= columns, at += bytes, x += words) {
        tail_t tail;
        copy_tail(plain, rows, at, jup_min_i64(n, columns), &tail);
        add_unit_of_4(plain, tail.rows + 4 * half, 0, x, parts);
    }
    sums_t both;
    EACH (i, 4)
        both[0][i][0] = half ? load_parts(&none, &parts[i]) : load_parts(&parts[i], &none);
    store_group(1, both, sums, true);
}

INLINE void add_group_alone(const enum plain plain, const jup_rows_t *src, int first, int64_t n,
                            const float *x, float *sums)
{
    EACH (half, 2)
        for (int64_t at = 0; at < n; at += JUP_PLAIN_CHUNK) {
            const unsigned char *rows[GROUP];
            plain_rows(src, first, at, rows);
            const unsigned char *next = src->first + (first + 4 * half + 4) * src->row_bytes;
            add_half_group(plain, half, rows, jup_min_i64(JUP_PLAIN_CHUNK, n - at),
                           x + jup_plain_words(src->dtype, src->pairs, at),
                           next + 4 * plain_bytes(plain, at), sums);
        }
}

static void run_alone(const jup_rows_t *src, int64_t n, const float *x, float *sums)
{
    memset(sums, 0, JUP_PANEL * sizeof *sums);
    for (int first = 0; first < src->rows; first += GROUP)
        if (src->pairs)
            add_group_alone(PAIR, src, first, n, x, sums + first);
        else
            add_group_alone(BRAIN, src, first, n, x, sums + first);
}
