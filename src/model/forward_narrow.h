/** The rows that the model's last layer goes on with. Internal to the forward pass. */
#ifndef JUP_MODEL_FORWARD_NARROW_H
#define JUP_MODEL_FORWARD_NARROW_H

#include "model/forward.h"

/** Whether this layer has rows that nobody wants. */
bool jup_forward_narrows(const jup_forward_t *f, const jup_step_t *step, int layer);

/** Moves the wanted rows of x and norm to the front, with their positions and angles: f->wanted. */
const jup_step_t *jup_forward_narrow(jup_forward_t *f, const jup_step_t *step);

/** The angles of the first rows, by their positions. */
void jup_forward_set_angles(jup_forward_t *f, int64_t rows);

#endif
