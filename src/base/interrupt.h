/** Ctrl-C, SIGTERM, and SIGUSR1, which launchers hand on to all ranks: remembered, so that the run
 * stops at the next token. */
#ifndef JUP_BASE_INTERRUPT_H
#define JUP_BASE_INTERRUPT_H

#include <stdbool.h>

/** From now on the first of these is remembered; a second one ends the process. */
void jup_interrupt_catch(void);
bool jup_interrupted(void);

/** Who can go on after Ctrl-C: the one so far is forgotten. The others are not. */
void jup_interrupt_forget(void);

/** Whether another than Ctrl-C came, which means all of it. */
bool jup_interrupt_is_final(void);

#endif
