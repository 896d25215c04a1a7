/*
 * Tensor parallelism (Megatron-LM, Shoeybi et al. 2019): every member has some heads and some FFN
 * columns of each layer, which is itself a smaller layer; what comes out of its two halves is a
 * summand. Per layer
 *
 *     x = sum over members of ( share of x + Wo attention( norm(x) ) )        all-reduce
 *     x = sum over members of ( share of x + Wdown ffn( norm(x) ) )           all-reduce
 *
 * each of which sends 2 (P - 1) / P of the activations per member, unless they are so short that
 * they go whole. Norms, which need a row as a whole, are computed by everyone. Of the model's last
 * layer only wanted rows are computed and travel (model/forward_narrow.c).
 */
#include "strategy/strategies.h"

bool jup_tensor_layers(jup_group_t *g, jup_forward_t *f, const jup_step_t *step)
{
    int64_t rows = step->rows;
    for (int layer = 0; layer < jup_forward_depth(f); layer++) {
        jup_forward_norm(f, JUP_ATTENTION, layer, 0, rows);
        jup_group_keep_share(g, f->sum, rows); /* x, mostly: the residual enters the sum once */
        step = jup_forward_qkv_and_cache(f, step, layer);
        rows = step->rows;
        if (rows == 0) /* nothing of the last layer is wanted */
            break;
        jup_forward_attend(f, step, layer, 0, rows);
        jup_forward_out(f, layer, 0, rows);
        jup_group_sum(g, f->sum, rows);
        jup_forward_add(f, JUP_ATTENTION, layer, 0, rows);

        jup_forward_norm(f, JUP_FFN, layer, 0, rows);
        jup_group_keep_share(g, f->sum, rows);
        jup_forward_gate_up(f, layer, 0, rows);
        jup_forward_down(f, layer, 0, rows);
        jup_group_sum(g, f->sum, rows);
        jup_forward_add(f, JUP_FFN, layer, 0, rows);

        jup_forward_round_rows(f, 0, rows);
    }
    return true;
}
