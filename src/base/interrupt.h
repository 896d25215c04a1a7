/** Ctrl-C and SIGTERM: remembered, so that the run stops at the next token. */
#ifndef JUP_BASE_INTERRUPT_H
#define JUP_BASE_INTERRUPT_H

#include <stdbool.h>

/** From now on the first SIGINT or SIGTERM is remembered; a second one ends the process. */
void jup_interrupt_catch(void);
bool jup_interrupted(void);

#endif
