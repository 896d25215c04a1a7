/*
 * Sequence parallelism (Li et al. 2023): every member has the whole layers and works on some of a
 * step's rows; what rows need of each other, their keys and values, is gathered:
 *
 *     Q, K, V of own rows -> all-gather of K and of V -> attention, FFN of own rows -> all-gather
 *     of x
 *
 * The third gather a layer could do without; the published table has it (three quarters of tensor
 * parallelism's bytes). In the last layer it is what the next stage and the head need; of the
 * model's, all rows are computed, wanted or not.
 *
 * A token, or fewer rows than members, the leader works on alone, with all weights at hand and
 * nothing sent: that is this way's decoding. The others take the slots of such rows in their caches
 * and leave them empty, so that every later step that attends to them is the leader's alone, too
 * (strategy/held.h); an answer's prompt is shared, what follows is not. So are candidate trees not,
 * whose rows come together.
 */
#include "strategy/strategies.h"

static void gather_keys_and_values(jup_group_t *g, jup_forward_t *f)
{
    int64_t width = (int64_t)f->config->kv_heads * f->config->head_dim;
    jup_group_gather(g, f->k, width);
    jup_group_gather(g, f->v, width);
}

bool jup_sequence_layers(jup_group_t *g, jup_forward_t *f, const jup_step_t *step)
{
    if (!g->together)
        return g->me == 0 ? jup_forward_layers(f, step) : true;
    jup_rows_t own = jup_group_divide(g, step->rows, true);

    for (int layer = 0; layer < jup_forward_depth(f); layer++) {
        jup_forward_norm(f, JUP_ATTENTION, layer, own.at, own.n);
        jup_forward_qkv(f, layer, own.at, own.n);
        gather_keys_and_values(g, f);
        jup_forward_cache(f, step, layer);
        jup_forward_attend(f, step, layer, own.at, own.n);
        jup_forward_out(f, layer, own.at, own.n);
        jup_forward_add(f, JUP_ATTENTION, layer, own.at, own.n);

        jup_forward_norm(f, JUP_FFN, layer, own.at, own.n);
        jup_forward_gate_up(f, layer, own.at, own.n);
        jup_forward_down(f, layer, own.at, own.n);
        jup_forward_add(f, JUP_FFN, layer, own.at, own.n);

        jup_forward_round_rows(f, own.at, own.n);
        jup_group_gather(g, f->x, g->dim);
    }
    return true;
}
