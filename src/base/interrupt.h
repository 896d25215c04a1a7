/**
 * Ctrl-C, SIGTERM and what launchers can pass on of them: remembered, so that the run stops at the
 * next token. SIGUSR1 stands for SIGINT and SIGUSR2 for SIGTERM: Open MPI hands on these two, at
 * once and to all ranks, but not those.
 */
#ifndef JUP_BASE_INTERRUPT_H
#define JUP_BASE_INTERRUPT_H

#include <stdbool.h>

/**
 * From now on these signals are remembered; after a first SIGINT, a second one ends the process.
 * May be called again.
 */
void jup_interrupt_catch(void);
bool jup_interrupted(void);

/** Who can go on after Ctrl-C: the one so far is forgotten. The others are not. */
void jup_interrupt_forget(void);

/** Whether another than Ctrl-C came, which means all of it. */
bool jup_interrupt_is_final(void);

/** SIGINT or SIGTERM; 0: neither has come. */
int jup_interrupt_signal(void);

/** The same as if the signal had come to this process; for who hears of it otherwise. */
void jup_interrupt_request(int signal_number);

/** What is written to standard error at once when it comes (a constant); NULL: nothing. */
void jup_interrupt_say(const char *text);

/** Readable once a signal has come; -1: not to be had. Nobody reads from it. */
int jup_interrupt_fd(void);

#endif
