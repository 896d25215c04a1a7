/**
 * Which tokens of every sequence all members of a group hold in their caches, where one of them
 * works on some steps alone: the others then take the slots of its rows and leave them empty. Every
 * member keeps this account by itself, from the steps that all of them hear.
 */
#ifndef JUP_STRATEGY_HELD_H
#define JUP_STRATEGY_HELD_H

#include "model/step.h"

typedef struct jup_held {
    int32_t *tokens; /* (n) from a sequence's front on that all hold, owned */
    int32_t n, cap;
} jup_held_t;

void jup_held_reset(jup_held_t *held);

/**
 * Takes in the next step; true when all can work on its rows together: whatever these attend to is
 * held by all. With `share` false they are worked on alone, whatever is held.
 */
bool jup_held_take(jup_held_t *held, const jup_step_t *step, bool share);

#endif
