/**
 * Numbers among the options. popt reads 010 as eight and nothing at all as zero, and does not say
 * which option has the wrong value: they are taken as texts and read here.
 */
#ifndef JUP_APP_NUMBERS_H
#define JUP_APP_NUMBERS_H

#include "base/status.h"

#include <popt.h>
#include <stdbool.h>

/** Whether an entry of a table asks for a number (POPT_ARG_INT, LONGLONG, FLOAT, DOUBLE). */
bool jup_number_is_asked(const struct poptOption *entry);

/**
 * Stores the number that the text tells in the entry's variable: decimal, nothing else around it,
 * in the variable's range. JUP_EINPUT names the option.
 */
jup_status_t jup_number_take(const struct poptOption *entry, const char *text, jup_error_t *err);

#endif
