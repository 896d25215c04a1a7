/**
 * The terminal a person sits at. A launcher (mpirun) reads and writes it for the ranks, whose own
 * streams are pipes, or pseudo-terminals that nobody looks at: it is then found at the launcher's
 * stream, if that is a process of this machine.
 */
#ifndef JUP_BASE_TERMINAL_H
#define JUP_BASE_TERMINAL_H

#include <stdbool.h>

/** Before MPI begins, which makes a process that was started alone look like a launcher's. */
void jup_terminal_begin(void);

/** Whether a person is at the other end of this standard stream (0, 1, 2). */
bool jup_terminal_is_at(int stream);

/** Its width in characters; 0: nobody there, or not known. */
int jup_terminal_columns(int stream);

/** What comes for Ctrl-C after jup_terminal_take_keys(). */
#define JUP_TERMINAL_CTRL_C '\003'

/**
 * Under a launcher Ctrl-C would end all ranks: from now on it comes through standard input like a
 * typed line, as this character. Nothing changes where there is no launcher, or no person. The
 * terminal is as before when the process ends by exit(), jup_die() or SIGTERM.
 */
void jup_terminal_take_keys(void);
bool jup_terminal_has_keys(void);

/** Safe in a signal handler. */
void jup_terminal_restore(void);

#endif
