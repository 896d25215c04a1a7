/** Ctrl-C and SIGTERM: remembered, so that the run stops at the next token. */
#ifndef JUP_BASE_INTERRUPT_H
#define JUP_BASE_INTERRUPT_H

#include <stdbool.h>

/** From now on the first SIGINT or SIGTERM is remembered; a second one ends the process. */
void jup_interrupt_catch(void);
bool jup_interrupted(void);

/** Who can go on after Ctrl-C: the one so far is forgotten. SIGTERM is not. */
void jup_interrupt_forget(void);

/** Whether SIGTERM came, which means all of it. */
bool jup_interrupt_is_final(void);

#endif
