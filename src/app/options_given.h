/**
 * What is given to no avail: files and texts twice, of which popt would silently keep the last (for
 * numbers and names of ways that is what scripts rely on), and options that have no effect without
 * others, or beside them.
 */
#ifndef JUP_APP_OPTIONS_GIVEN_H
#define JUP_APP_OPTIONS_GIVEN_H

#include "base/status.h"

#include <popt.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * JUP_EINPUT with both values where an option of the table (or of one that it includes) that
 * takes a file or a text has two. argv[0] is the command; what is no option is left to popt.
 */
jup_status_t jup_option_check_once(const struct poptOption *table, int argc, const char **argv,
                                   jup_error_t *err);

/** Whether the option of this long name is. */
bool jup_option_is_given(const struct poptOption *table, int argc, const char **argv,
                         const char *name);

/** An option and others, by their long names. */
typedef struct jup_option_pair {
    const char *option;
    bool needed;            /* one of the others is; else none of them may be given beside it */
    const char *others[16]; /* ended by NULL; the first is named where one is needed */
    const char *why;        /* ", which ..." of what may not be; NULL: plain */
} jup_option_pair_t;

/** JUP_EINPUT with both names unless all pairs agree with what is given. */
jup_status_t jup_option_check_pairs(const struct poptOption *table, int argc, const char **argv,
                                    const jup_option_pair_t *pairs, size_t n, jup_error_t *err);

#endif
