/**
 * The plans of the systems that Jupiter is compared with, for one request: who would hold what.
 * Prompts go in one chunk, or in as few as memory allows.
 *
 *   local          one device has the whole model: the first, where it stays, else the quickest
 *   edgeshard      consecutive layers on some of the devices so that the time of the whole request
 *                  is least (Zhang et al. 2024): the first layer stays on the source, the first
 *                  device; DP(y, d) = min { DP(y - n, k) + message k to d + n layers on d }. Its
 *                  other objective, throughput, is `slowest`: the least slowest stage
 *   megatron       all devices share every layer, all alike (Shoeybi et al. 2019)
 *   sequence       all devices have all layers, prompts are shared by rows; the first one decodes
 *   galaxy         shares by speed, then moved off devices that are full (Ye et al. 2024)
 *   detransformer  as megatron, of a model that was decoupled (Wei et al. 2024)
 *
 * JUP_EINPUT where memory does not suffice ("out of memory"), or layers cannot be shared so.
 */
#ifndef JUP_PLAN_BASELINES_H
#define JUP_PLAN_BASELINES_H

#include "plan/planner.h"

jup_status_t jup_plan_local(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err);
jup_status_t jup_plan_edgeshard(const jup_plan_problem_t *problem, jup_plan_t *plan,
                                jup_error_t *err);
jup_status_t jup_plan_megatron(const jup_plan_problem_t *problem, jup_plan_t *plan,
                               jup_error_t *err);
jup_status_t jup_plan_sequence(const jup_plan_problem_t *problem, jup_plan_t *plan,
                               jup_error_t *err);
jup_status_t jup_plan_galaxy(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err);
jup_status_t jup_plan_detransformer(const jup_plan_problem_t *problem, jup_plan_t *plan,
                                    jup_error_t *err);

/**
 * The plan of a strategy by name: these, "jupiter" (jup_plan_make) and "hybrid". JUP_EINPUT for
 * another name lists them.
 */
jup_status_t jup_plan_of_strategy(const char *name, const jup_plan_problem_t *problem,
                                  jup_plan_t *plan, jup_error_t *err);

#endif
