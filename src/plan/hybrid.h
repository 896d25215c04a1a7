/**
 * The hybrid planner: devices are put into groups that share layers, and the groups make a
 * pipeline. Which groups, which way each shares (tensor, galaxy, sequence, or alone), their order,
 * layers and the chunks are chosen together, by the problem's objective:
 *
 *   slowest     A(y, d) of plan/runs.h over the devices in the cluster's order, exact; then the cut
 *   total, ttft some groupings, each planned by plan/search.h: every device alone; groups of equal
 *               sizes, in the cluster's order and by speed; partitions of plan/runs.h for several
 *               weights of prefill and decoding; what one change of the best one makes. With few
 *               devices then all groupings, exhaustively: where that ends within its meter, the
 *               plan is the best one on the grid ("proven").
 *
 * Never worse than the plan of jup_plan_make(), which is one of its candidates.
 */
#ifndef JUP_PLAN_HYBRID_H
#define JUP_PLAN_HYBRID_H

#include "plan/planner.h"

/** JUP_EINPUT when nothing fits. */
jup_status_t jup_plan_hybrid(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err);

#endif
