/**
 * What rank 0 tells tools/launch, through a pipe that is named in the environment (JUPITER_LAUNCH);
 * nothing where nobody listens.
 */
#ifndef JUP_BASE_LAUNCHER_H
#define JUP_BASE_LAUNCHER_H

/** From now on SIGUSR1 and SIGUSR2 to this process stop the job in order. */
void jup_launcher_tell_here(void);

/** The job's exit code, should the launcher not end by itself. */
void jup_launcher_tell_code(int code);

#endif
