/**
 * The LLM partition: how many layers each group holds. L layers, D groups in a given order, any
 * of which may be left out (0 layers); the embedding goes with the first one used, the head with
 * the last; every group within its memory budget, with work space for `rows`.
 *
 * jup_layer_slowest  the paper's: the least slowest stage for the whole prompt,
 *                      A(y, d) = min_n max{ A(y - n, d - 1), t_d(n) }.  Exact. O(D L^2) time.
 * jup_layer_capped   least sum of stage costs with no stage above a cap, where n layers on group d
 *                    cost fixed_d + n * each_d (with the cost of a lap in it, this is the
 *                    phase-aware objective for one bottleneck value). Exact. O(D L) time, by a
 *                    monotone queue. Links count with the mean of the links of a group.
 * Both O(D L) memory.
 */
#ifndef JUP_PLAN_LAYERING_H
#define JUP_PLAN_LAYERING_H

#include "plan/schedule.h"

/** What a group costs in jup_layer_capped(); seconds. */
typedef struct jup_layer_cost {
    double fixed_s, each_s;       /* in the sum */
    double busy_s, busy_each_s;   /* of one chunk, against the cap */
    double embed_s, embed_busy_s; /* more on the first one */
    double head_s, head_busy_s;   /* more on the last one */
    int most[4];                  /* layers by memory: [embedding + 2 * head] */
} jup_layer_cost_t;

/** costs (D) in pipeline order. first_stays: the first of the order is used. False when nothing
 * fits. */
bool jup_layer_capped(const jup_layer_cost_t *costs, int n_groups, int n_layers, double cap_s,
                      const int *order, bool first_stays, jup_layout_t *layout);

/** Devices in the cluster's order. False when nothing fits. */
bool jup_layer_slowest(const jup_instance_t *in, jup_layout_t *layout);

/** Even shares over the first min(D, L) groups; larger ones first. Memory is not looked at. */
void jup_layer_even(const jup_instance_t *in, jup_layout_t *layout);

#endif
