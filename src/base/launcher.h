/**
 * What rank 0 tells tools/launch, through a pipe that is named in the environment (JUPITER_LAUNCH);
 * nothing where nobody listens.
 */
#ifndef JUP_BASE_LAUNCHER_H
#define JUP_BASE_LAUNCHER_H

/** From now on SIGUSR1 and SIGUSR2 to this process stop the job in order. */
void jup_launcher_tell_here(void);

/** What a rank's device is called: a word. */
void jup_launcher_tell_device(int rank, const char *name);

/** The job is ending with this code, even where its launcher kills this process before it has
 * spoken. */
void jup_launcher_tell_verdict(int code);

/** The job's exit code; the launcher may wait for others that will not end. */
void jup_launcher_tell_code(int code);

/** This process ends in order, with this code. */
void jup_launcher_tell_done(int code);

#endif
