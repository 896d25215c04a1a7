/*
 * DeTransformer (Wei et al. 2024): layers in groups of N, of which N - 1 are decoupled into
 * sub-blocks that the members compute without a word to each other, and one is the original:
 *
 *     N - 1 layers     x_m = x_m + Wo_m attention_m( norm(x_m) ),  the FFN likewise    nothing sent
 *     one layer        x   = sum over members, twice, as with tensor parallelism   two all-reduces
 *
 * What a member has of the residual stream in between is its own; of the sum that ends it, each
 * gives its share. So this computes ANOTHER MODEL than the one in the file, which the authors train
 * anew: it is here for its times, and its text means nothing. The published table says half of
 * tensor parallelism's sums with N = 2, and the same products.
 */
#include "strategy/strategies.h"

/* The last layer always, since the next stage and the head want one x. */
static bool is_original(const jup_group_t *g, const jup_forward_t *f, int layer)
{
    int in_model = f->weights->shard.first + layer;
    return in_model % g->original_every == g->original_every - 1 ||
           layer == jup_forward_depth(f) - 1;
}

bool jup_detransformer_layers(jup_group_t *g, jup_forward_t *f, const jup_step_t *step)
{
    int64_t rows = step->rows;
    for (int layer = 0; layer < jup_forward_depth(f); layer++) {
        bool original = is_original(g, f, layer);

        jup_forward_norm(f, JUP_ATTENTION, layer, 0, rows);
        if (original)
            jup_group_keep_share(g, f->sum, rows);
        step = jup_forward_qkv_and_cache(f, step, layer);
        rows = step->rows;
        if (rows == 0) /* nothing of the last layer is wanted */
            break;
        jup_forward_attend(f, step, layer, 0, rows);
        jup_forward_out(f, layer, 0, rows);
        if (original)
            jup_group_sum(g, f->sum, rows);
        jup_forward_add(f, JUP_ATTENTION, layer, 0, rows);

        jup_forward_norm(f, JUP_FFN, layer, 0, rows);
        if (original)
            jup_group_keep_share(g, f->sum, rows);
        jup_forward_gate_up(f, layer, 0, rows);
        jup_forward_down(f, layer, 0, rows);
        if (original)
            jup_group_sum(g, f->sum, rows);
        jup_forward_add(f, JUP_FFN, layer, 0, rows);

        jup_forward_round_rows(f, 0, rows);
    }
    return true;
}
