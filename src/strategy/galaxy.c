/*
 * Galaxy (Ye et al. 2024): heads and FFN columns are shared as with tensor parallelism, and between
 * them norms and residuals by rows, so that an all-reduce comes apart into its two halves, each of
 * which travels while products of other rows are computed:
 *
 *     norm of own rows -> all-gather, behind it Q, K, V of the rows that are there
 *     attention of own heads over all rows
 *     Wo of a tile of rows, behind it the reduce-scatter of the tile before -> own rows of x
 *
 * and the same with the FFN. The first layer's norm everyone computes for itself: everyone has x.
 * Bytes are those of tensor parallelism, plus one all-gather of x at the end, which stands for the
 * first layer's; of the model's last layer all rows are computed, wanted or not. Steps of fewer
 * rows than members (a token) are worked on as with tensor parallelism.
 *
 * A tile is one member's rows; a row's bits do not depend on the tile it is computed in, nor on
 * what travelled when. Every tile reads the weights anew, and a modelled device is charged for it.
 * Over TCP, MPI moves a long message only when it is called: a tile hides what fits the sockets'
 * buffers, more with a larger btl_tcp_eager_limit.
 */
#include "strategy/strategies.h"

typedef void product_t(jup_forward_t *f, int layer, int64_t at, int64_t n);

/* f->norm of own rows to everyone; the product of each tile while the next one comes. */
static void gather_behind(jup_group_t *g, jup_forward_t *f, int layer, product_t *product)
{
    const int64_t *blocks = jup_group_blocks(g, g->dim);
    for (int t = 0; t < g->n; t++) {
        jup_rows_t tile = jup_group_gather_rows(g, t);
        jup_ring_begin_gather(&g->ring, t, f->norm, blocks);
        product(f, layer, tile.at, tile.n);
        jup_ring_end_gather(&g->ring, t, f->norm, blocks);
    }
}

/* Own rows' sum over members; each tile of the product travels while the next is computed. */
static void reduce_behind(jup_group_t *g, jup_forward_t *f, int layer, product_t *product)
{
    const int64_t *blocks = jup_group_blocks(g, g->dim);
    for (int t = 0; t < g->n; t++) {
        jup_rows_t tile = jup_group_reduce_rows(g, t);
        product(f, layer, tile.at, tile.n);
        jup_ring_end_reduce(&g->ring, t - 1, f->sum, blocks);
        jup_ring_begin_reduce(&g->ring, t, f->sum, blocks);
    }
}

bool jup_galaxy_layers(jup_group_t *g, jup_forward_t *f, const jup_step_t *step)
{
    int64_t rows = step->rows;
    if (rows < g->n)
        return jup_tensor_layers(g, f, step);
    jup_rows_t own = jup_group_divide(g, rows, false);

    for (int layer = 0; layer < jup_forward_depth(f); layer++) {
        if (layer == 0) {
            jup_forward_norm(f, JUP_ATTENTION, layer, 0, rows);
            jup_forward_qkv(f, layer, 0, rows);
        } else {
            jup_forward_norm(f, JUP_ATTENTION, layer, own.at, own.n);
            gather_behind(g, f, layer, jup_forward_qkv);
        }
        jup_group_keep_rows(g, f->sum); /* x, mostly: the residual enters the sum once */
        jup_forward_cache(f, step, layer);
        jup_forward_attend(f, step, layer, 0, rows);
        reduce_behind(g, f, layer, jup_forward_out);
        jup_forward_add(f, JUP_ATTENTION, layer, own.at, own.n);

        jup_forward_norm(f, JUP_FFN, layer, own.at, own.n);
        jup_group_keep_rows(g, f->sum);
        gather_behind(g, f, layer, jup_forward_gate_up);
        reduce_behind(g, f, layer, jup_forward_down);
        jup_forward_add(f, JUP_FFN, layer, own.at, own.n);

        jup_forward_round_rows(f, own.at, own.n);
    }
    jup_group_gather(g, f->x, g->dim);
    return true;
}
