/** Messages for people, on stderr; answers go to stdout, never through here. */
#ifndef JUP_BASE_LOG_H
#define JUP_BASE_LOG_H

typedef enum jup_log_level { JUP_LOG_QUIET, JUP_LOG_NORMAL, JUP_LOG_VERBOSE } jup_log_level_t;

/** What is printed (default: normal), and the rank named in verbose lines (default: none, -1). */
void jup_log_configure(jup_log_level_t level, int rank);
jup_log_level_t jup_log_get_level(void);

/** A line for everyone (rank 0) or in --verbose only; a newline is added. */
void jup_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void jup_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** A line "jupiter: warning: ..." that even --quiet keeps. */
void jup_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
