/** What the scheduler's files share. */
#ifndef JUP_STRATEGY_SCHEDULER_INNER_H
#define JUP_STRATEGY_SCHEDULER_INNER_H

#include "strategy/scheduler.h"

/** The slot of a handle, or -1. */
int32_t jup_scheduler_slot(const jup_scheduler_t *s, int32_t handle);

/** Pages for a sequence with so many tokens of its own. */
int64_t jup_scheduler_pages(const jup_scheduler_t *s, int64_t tokens);

/** Whether a tree of so many rows leaves the pages that the rest of the answer may need. */
bool jup_scheduler_can_afford(const jup_scheduler_t *s, int32_t slot, int32_t rows);

/** Lets in waiting sequences, oldest first, as far as there is room. */
void jup_scheduler_admit(jup_scheduler_t *s);

/** The sequence has ended: it is held, or its cache is given up. Tells the sink. */
void jup_scheduler_end(jup_scheduler_t *s, int32_t slot);

/** A sequence that is closing becomes free once its drop went out and nothing is in the air. */
void jup_scheduler_free_if_gone(jup_scheduler_t *s, int32_t slot);

#endif
