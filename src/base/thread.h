/** Threads beside the main one, which keeps the signals to itself. */
#ifndef JUP_BASE_THREAD_H
#define JUP_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/** A thread that no signal interrupts; false: there is none to be had. */
bool jup_thread_start(pthread_t *thread, void *(*live)(void *self), void *self);

/** Processors that this process may use. */
int jup_thread_processors(void);

#endif
