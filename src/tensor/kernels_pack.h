/*
 * Quantised types into i8 panels, in the form that each has (kernels.h). Included by
 * kernels_body.h.
 */

enum { PANEL_ORDER = PAIRED ? IN_PAIRS : IN_COLUMNS };

/* Bytes that a number takes in a panel. */
INLINE int panel_bytes(const jup_i8_form_t form)
{
    return form.is_signed ? SIGNED_BYTES : 1;
}

/* Word k of a block's 8, for the rows that `block` is already at. */
INLINE void store_quad(const jup_i8_form_t form, uint8_t *block, int k, vi v)
{
#ifdef OWN_WIDE
    if (form.is_signed) {
        store_i(block + 2 * k * 4 * JUP_PANEL, even_bytes(v));
        store_i(block + (2 * k + 1) * 4 * JUP_PANEL, odd_bytes(v));
        return;
    }
#endif
    (void)form;
    store_i(block + k * 4 * JUP_PANEL, v);
}

/* Stretch i of a block; scales: its own, of panels that are scaled. */
INLINE void pack_stretch(const jup_dtype_t dtype, const bool scaled, const source_t *s, int i,
                         const vi *scales, stretch_t *numbers, uint8_t *to)
{
    EACH (p, stretch_pieces(dtype)) {
        load_piece(dtype, PANEL_ORDER, s, i, p, numbers);
        EACH (g, piece_sixteens(dtype)) {
            const int at = sixteen_at(dtype, p, g);
            uint8_t *block = to + at / 2 * 32 * JUP_PANEL * panel_bytes(form_of(dtype));
            const factors_t factors = scaled ? factors_of(dtype, scales, at) : (factors_t){{0}};
            EACH (j, 4) {
                const int k = at % 2 * 4 + j;
                store_quad(form_of(dtype), block, k,
                           scaled ? product_of(dtype, PANEL_ORDER, numbers, i, at / 2, k, &factors)
                                  : number_of(dtype, PANEL_ORDER, numbers, i, at / 2, k));
            }
        }
    }
}

/* n columns. */
INLINE void pack_blocks(const jup_dtype_t dtype, const bool scaled, source_t s, int64_t n,
                        jup_i8_panel_t to)
{
    const int columns = columns_of(dtype), stretch = stretch_columns(dtype);
    const int scales = columns / (form_of(dtype).halves ? 16 : 32);
    for (; n > 0; n -= columns) {
        stretch_t numbers;
        vi factors[4];
        if (scaled)
            load_factors(dtype, &s, to, factors);
        else
            store_scales(dtype, &s, to);
        for (int i = 0; i < columns / stretch; i++) {
            fetch_lines(&s, LANES * block_bytes_of(dtype) * stretch / columns);
            pack_stretch(dtype, scaled, &s, i, factors + 2 * i, &numbers,
                         to.q + i * stretch * JUP_PANEL * panel_bytes(form_of(dtype)));
        }
        advance(&s, block_bytes_of(dtype));
        to.q += columns * JUP_PANEL * panel_bytes(form_of(dtype));
        to.scale += scales * JUP_PANEL;
        to.min += scales * JUP_PANEL;
        to.whole += 2 * JUP_PANEL;
    }
}

#define PACK(name, dtype)                                                                          \
    static void pack_##name(source_t s, int64_t n, jup_i8_panel_t to)                              \
    {                                                                                              \
        pack_blocks(dtype, false, s, n, to);                                                       \
    }

I8_TYPES(PACK)

#if SCALED

static void pack_scaled_q2_k(source_t s, int64_t n, jup_i8_panel_t to)
{
    pack_blocks(JUP_Q2_K, true, s, n, to);
}

static void pack_scaled_q3_k(source_t s, int64_t n, jup_i8_panel_t to)
{
    pack_blocks(JUP_Q3_K, true, s, n, to);
}

#endif

typedef void (*pack_t)(source_t s, int64_t n, jup_i8_panel_t to);

static pack_t pack_of(jup_dtype_t dtype, bool scaled)
{
#if SCALED
    if (scaled)
        return dtype == JUP_Q2_K ? pack_scaled_q2_k : pack_scaled_q3_k;
#endif
    (void)scaled;
#define PACK_OF(name, dtype) [dtype] = pack_##name,
    static const pack_t packs[] = {I8_TYPES(PACK_OF)};
    return packs[dtype];
}

/* In this form, which is form_of() or panel_form_of(). */
static void pack_as(jup_i8_form_t form, const jup_rows_t *src, int64_t at, int64_t n,
                    const jup_i8_panel_t *to)
{
    straight_t rows;
    int64_t bytes = (int64_t)jup_dtype_bytes(src->dtype, n);
    straighten(src, (int64_t)jup_dtype_bytes(src->dtype, at), bytes, &rows);
    for (int vec = 0; vec < VECS; vec++) {
        source_t s = source_at(&rows, vec, bytes);
        jup_i8_panel_t lanes = {.q = to->q + vec * VECTOR,
                                .scale = to->scale + vec * LANES,
                                .min = to->min + vec * LANES,
                                .whole = to->whole + vec * LANES};
        pack_of(src->dtype, form.scaled)(s, n, lanes);
    }
}

static void pack_i8(const jup_rows_t *src, int64_t at, int64_t n, const jup_i8_panel_t *to)
{
    pack_as(panel_form_of(src->dtype), src, at, n, to);
}
