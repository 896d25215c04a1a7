/**
 * A modelled device: what tensor/phantom.h charges when a rank computes as a device of a cluster
 * would. Costs are those of plan/cost.h, so that a plan's prediction and a simulated run differ by
 * what the prediction leaves out and by nothing else: operations one by one from the profile's
 * rates, or a whole layer (at its attention) from a grid measured on this very layer.
 */
#ifndef JUP_PLAN_MODELLED_H
#define JUP_PLAN_MODELLED_H

#include "model/weights.h"
#include "plan/cost.h"
#include "tensor/phantom.h"

typedef struct jup_modelled {
    char name[JUP_CLUSTER_NAME]; /* of the device */
    jup_profile_t profile;       /* owned */
    double budget_bytes;
    jup_model_size_t size;
    const jup_weights_t *weights;
    bool has_grid;
    int layer;     /* the one being computed, of the shard's; -1: none yet */
    bool attended; /* ... and its attention is done */
    /* where the profile has a rest_gain: */
    double busy_until_s; /* what was charged last ends then */
    double rest_s;       /* seconds that rests have made up, and no step has used */
} jup_modelled_t;

/**
 * `size` is that of what the rank holds: jup_model_size_part() of the model where it shares layers.
 * Device `rank` of the cluster (a file or one line). JUP_EINPUT when it has no such device. */
jup_status_t jup_modelled_init(jup_modelled_t *m, const char *cluster, int rank,
                               const jup_model_size_t *size, jup_error_t *err);
void jup_modelled_reset(jup_modelled_t *m);

/** Makes `compute` (of jup_ops_phantom) charge this device's seconds. m and weights stay in place.
 */
void jup_modelled_attach(jup_modelled_t *m, jup_compute_t *compute, const jup_weights_t *weights);

/** JUP_EENV, with "out of memory (OOM)", when the stage needs more than the device's budget. */
jup_status_t jup_modelled_check_memory(const jup_modelled_t *m, const jup_workload_t *workload,
                                       const jup_shard_t *shard, int64_t max_rows,
                                       jup_error_t *err);

#endif
