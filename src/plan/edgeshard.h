/** EdgeShard's division of the layers, see plan/baselines.h. Internal to the planners. */
#ifndef JUP_PLAN_EDGESHARD_H
#define JUP_PLAN_EDGESHARD_H

#include "plan/schedule.h"

/**
 * Least time of the request with the prompt in one chunk, over all ways from the first device
 * through others, each at most once. As published, the best way to (y, d) is extended, not every
 * one: where it has used a device that a worse one had not, the result may not be the least.
 * Groups are single devices. False when nothing fits. Time O(L^2 D^2).
 */
bool jup_edgeshard_layers(const jup_instance_t *in, jup_layout_t *layout);

#endif
