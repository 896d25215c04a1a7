/**
 * How the devices of one stage share its layers.
 *
 *   alone          one device has all of each layer
 *   tensor         heads and FFN columns are shared; two all-reduces a layer (Megatron-LM)
 *   sequence       rows are shared, every member has the whole layers; K and V are gathered; the
 *                  first member decodes (Li et al., sequence parallelism)
 *   galaxy         tensor, with norms and residuals by rows: reduce-scatter and all-gather, hidden
 *                  behind tiles of the products where there are rows enough
 *   detransformer  as tensor, but every other sub-layer goes without its all-reduce: another model
 */
#ifndef JUP_PLAN_WAY_H
#define JUP_PLAN_WAY_H

#include <stdbool.h>

typedef enum jup_way {
    JUP_WAY_ALONE,
    JUP_WAY_TENSOR,
    JUP_WAY_SEQUENCE,
    JUP_WAY_GALAXY,
    JUP_WAY_DETRANSFORMER,
} jup_way_t;

enum { JUP_WAYS = JUP_WAY_DETRANSFORMER + 1 };

/** "alone", "tensor", ...; -1 for another name. */
const char *jup_way_name(jup_way_t way);
int jup_way_by_name(const char *name);

/** Whether members have shares of the heads and of the FFN, instead of whole layers. */
bool jup_way_splits(jup_way_t way);

#endif
