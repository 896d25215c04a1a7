/**
 * The one clock. No other file reads the time or waits for it to pass. The kind of clock is fixed
 * when the program is configured: wall clock here; simulated time in a SimGrid build.
 */
#ifndef JUP_BASE_CLOCK_H
#define JUP_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Seconds since an arbitrary start that is the same for all ranks of one host. */
double jup_clock_now_s(void);

/** Seconds of processor time that this process has used, all threads together; 0 when simulated. */
double jup_clock_cpu_s(void);

/** "wall" or "simulated". */
const char *jup_clock_kind(void);
bool jup_clock_is_simulated(void);

/**
 * A modelled device computes for `seconds`: that much simulated time passes, or, on a wall clock,
 * the caller sleeps for as long.
 */
void jup_clock_charge(double seconds);

/** Gives the processor away for about `seconds`; for waits that poll. */
void jup_clock_pause(double seconds);

/** From now on pauses of this thread end within microseconds, not tens of them. */
void jup_clock_sharpen(void);

/** Seconds since the epoch and as text (ISO 8601, UTC), for names and records only. */
void jup_clock_date(char text[32]);

/** Whole seconds since the epoch, for records only. */
int64_t jup_clock_epoch_s(void);

/** Today in the local time zone, in a format of strftime(), for texts that name the day. */
void jup_clock_today(const char *format, char *text, size_t size);

#endif
