/** Why a problem has no plan, and what would have one. Internal to the planners. */
#ifndef JUP_PLAN_INFEASIBLE_H
#define JUP_PLAN_INFEASIBLE_H

#include "plan/planner.h"

#include <stddef.h>

/** Whether any order of any of the devices holds the model, with work space for one row. */
bool jup_feasible(const jup_plan_problem_t *problem);

/** "q4_0 weights would fit", "a context of 512 tokens would fit", "2 more devices like nx would".
 */
void jup_infeasible_advice(const jup_plan_problem_t *problem, char *text, size_t size);

/** Says which devices lack how much, and the advice; JUP_EINPUT. */
jup_status_t jup_infeasible_report(const jup_plan_problem_t *problem, jup_error_t *err);

#endif
