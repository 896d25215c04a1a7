/**
 * Files and texts that are given twice, of which popt would silently keep the last. For numbers
 * and names of ways that is what scripts rely on.
 */
#ifndef JUP_APP_OPTION_ONCE_H
#define JUP_APP_OPTION_ONCE_H

#include "base/status.h"

#include <popt.h>

/**
 * JUP_EINPUT with both values where an option of the table (or of one that it includes) that
 * takes a file or a text has two. argv[0] is the command; what is no option is left to popt.
 */
jup_status_t jup_option_check_once(const struct poptOption *table, int argc, const char **argv,
                                   jup_error_t *err);

#endif
