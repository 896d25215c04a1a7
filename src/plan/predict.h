/** What a plan should take, stage by stage. Internal to the planners. */
#ifndef JUP_PLAN_PREDICT_H
#define JUP_PLAN_PREDICT_H

#include "plan/schedule.h"

/** Names, memory and prediction of a plan whose stages are those of the layout, and its pipe. */
void jup_predict(const jup_instance_t *in, const jup_pipe_t *pipe, const jup_layout_t *layout,
                 const jup_cut_t *cut, jup_plan_t *plan);

/** The plan of a layout and a cut, predicted. */
void jup_plan_build(const jup_instance_t *in, const jup_layout_t *layout, const jup_cut_t *cut,
                    jup_plan_t *plan);

#endif
