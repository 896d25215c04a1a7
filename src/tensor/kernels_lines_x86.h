/*
 * Q6_K and one row of x: as much of a row as a vector holds, a line, is loaded at once, and its
 * numbers are multiplied with x as it lies. Lanes are then groups of 16 columns, elements rows, and
 * only the groups' sums have to change places.
 * Included by kernels_few.h.
 */
INLINE bool is_by_lines(const jup_dtype_t dtype, const int m)
{
    return dtype == JUP_Q6_K && m == 1;
}

/* Half a block has so many lines. Do sums of eight products fit 16 bits? They do when the zero
 * point is in from the start, which needs sums that are not pairs of 16 bits. */
enum { LINE_GROUPS = VECTOR / 16, HALF_LINES = 64 / VECTOR };
#ifdef PAIRS
enum { CENTRED = false };
#else
enum { CENTRED = true };
#endif

#if VECTOR == 64

/* With the low nibbles of another vector. */
INLINE vi with_nibbles(vi v, vi low)
{
    return v ^ ((v ^ low) & 0x0f0f0f0f);
}

/* Numbers of a line of half a block, those with low nibbles and then those with high ones, 64
 * columns on. */
INLINE void numbers_of_line(const unsigned char *block, const int half, const int line, vi w[2])
{
    const vi left = join_halves(splat_i(4), splat_i(2)),
             right = join_halves(splat_i(0), splat_i(2));
    const vi pairs = join_halves(all_bytes(0x33), all_bytes(0xcc)) &
                     repeat_32(block + offsetof(jup_block_q6_k_t, high) + 32 * half);
    vi low = load_i(block + 64 * half);
    (void)line;
    w[0] = with_nibbles(pairs << left, low);
    w[1] = with_nibbles((vi)((vu)pairs >> right), shift_right(low, 4));
}

/* Lane l of to[k]: lane k of from[l]. */
INLINE void turn_lanes(const vi from[4], vi to[4])
{
    vi even[2], odd[2];
    EACH (i, 2) {
        even[i] = even_quarters(from[2 * i], from[2 * i + 1]);
        odd[i] = odd_quarters(from[2 * i], from[2 * i + 1]);
    }
    to[0] = even_quarters(even[0], even[1]);
    to[1] = even_quarters(odd[0], odd[1]);
    to[2] = odd_quarters(even[0], even[1]);
    to[3] = odd_quarters(odd[0], odd[1]);
}

#else

INLINE void numbers_of_line(const unsigned char *block, const int half, const int line, vi w[2])
{
    vi low = load_i(block + 64 * half + 32 * line);
    vi high = load_i(block + offsetof(jup_block_q6_k_t, high) + 32 * half);
    EACH (n, 2)
        w[n] = with_bits(bits_of(low, 4 * n, 4), high, 2 * line + 4 * n, 4, 2);
}

INLINE void turn_lanes(const vi from[2], vi to[2])
{
    to[0] = first_halves(from[0], from[1]);
    to[1] = last_halves(from[0], from[1]);
}

#endif

/* Sums of products of a line's groups and x. */
INLINE void dots_of_line(const few_t *f, const int half, const int line, const int8_t *x, vi *dots)
{
    const vi zero = all_bytes(form_of(JUP_Q6_K).zero);
    vi sums[2][LINE_GROUPS], start[2];
    EACH (n, 2)
        start[n] = CENTRED ? (vi){0} - dot_small((vi){0}, zero, load_i(x + 64 * n)) : (vi){0};
    EACH (k, LINE_GROUPS) {
        vi each[2][4];
        EACH (j, 4) {
            vi w[2];
            fetch_share(f, line * LANES + 4 * k + j, HALF_LINES * LANES);
            numbers_of_line(row_of(f->s, 4 * k + j), half, line, w);
            EACH (n, 2)
                each[n][j] = add_rows(JUP_Q6_K, start[n], w[n], load_i(x + 64 * n));
        }
        EACH (n, 2)
            sums[n][k] = fold(JUP_Q6_K, CENTRED, each[n]);
    }
    EACH (n, 2)
        turn_lanes(sums[n], dots + n * LINE_GROUPS);
}

/* Adds half a block of each row. */
INLINE void add_lines(const few_t *f, const int half)
{
    vi dots[HALF_LINES][2 * LINE_GROUPS];
    EACH (line, HALF_LINES)
        dots_of_line(f, half, line, f->x.q + 128 * half + VECTOR * line, dots[line]);
    EACH (block, 4) {
        const int at = 8 * half + 2 * block;
        const int32_t *parts = f->x.parts + at / 2 * JUP_X_PARTS;
        vi of[2];
        EACH (i, 2) {
            const int g = 2 * block + i;
            of[i] = dots[g % 4 / LINE_GROUPS][g / 4 * LINE_GROUPS + g % LINE_GROUPS];
            if (!CENTRED)
                of[i] = without_zero(JUP_Q6_K, of[i], parts[JUP_X_Q_FIRST + i]);
        }
        const float *scales = f->scales.scale + at * JUP_PANEL;
        vf both = of_halves(of[0], load_f(scales), of[1], load_f(scales + JUP_PANEL));
        f->sum[0] = plus_part(f->sum[0], both, 1, parts + JUP_X_SCALE, 0);
    }
}
