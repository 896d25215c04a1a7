/* Where a row of the weight is a lane: what integer sums start with. Included by products_*.h. */

/* Integer sums start with what takes the weights' zero point off. */
INLINE void start_dots(const int m, const int32_t *parts, const int part, const int zero,
                       vi dots[I8_ROWS][I8_VECS])
{
    EACH (r, m) {
        vi sums = words_of(m - r / 4 * 4, parts + part * m + r / 4 * 4) * -zero;
        EACH (v, I8_VECS)
            dots[r][v] = splat_word(sums, r % 4);
    }
}
