/**
 * A feed-forward block of experts, of which each row uses a few (Shazeer et al. 2017; Qwen 3):
 *   x += sum over the row's experts e of share_e Wdown_e (act(Wgate_e n) * Wup_e n)
 * Rows are gathered expert by expert, so that an expert's weights are read once, and only those of
 * experts that some row goes to. A row's sum runs over its experts in their order: its bits do not
 * depend on the rows beside it.
 */
#ifndef JUP_MODEL_EXPERTS_H
#define JUP_MODEL_EXPERTS_H

#include "model/config.h"
#include "model/weights.h"

typedef struct jup_experts {
    const jup_config_t *config;
    jup_compute_t *compute;
    float *logits;      /* (rows, experts) */
    int32_t *ids;       /* (rows, used) */
    float *shares;      /* (rows, used) */
    int32_t *order;     /* (rows * used): places of ids, expert by expert */
    int32_t *first;     /* (experts + 1): where each begins there */
    float *picked;      /* (rows, dim): of one expert */
    float **gate_up;    /* (2 * used): the results of one row */
    jup_linear_t *each; /* (2 * used): its weights */
} jup_experts_t;

/** Does nothing where the config has no experts. */
jup_status_t jup_experts_init(jup_experts_t *e, const jup_config_t *config, jup_compute_t *compute,
                              int64_t rows, size_t *bytes, jup_error_t *err);
void jup_experts_reset(jup_experts_t *e);

/**
 * Of rows [at, at + n), whose norms are norm (n, dim): gate and up (n * used, ffn), expert by
 * expert.
 */
void jup_experts_gate_up(jup_experts_t *e, const jup_layer_weights_t *w, const float *norm,
                         int64_t at, int64_t n, float *gate, float *up);

/** y (n, dim) += the shares of what the experts make of act(gate) * up, which is in gate. */
void jup_experts_down(jup_experts_t *e, const jup_layer_weights_t *w, const float *gate, int64_t at,
                      int64_t n, float *y);

#endif
