/**
 * A command's options as a page of the manual, or as what a shell completes: from the same tables
 * as --help. tools/manual puts them together.
 */
#ifndef JUP_APP_MANUAL_H
#define JUP_APP_MANUAL_H

#include <popt.h>
#include <stdbool.h>
#include <stdio.h>

/** man: roff; bash: an arm of a case; zsh: a function. */
bool jup_manual_knows(const char *format);

/** One command's; usage as in the help. */
void jup_manual_write(FILE *out, const char *format, const char *command, const char *usage,
                      const struct poptOption *table);

/** The program's own page: what it is and which commands it has. */
void jup_manual_write_first(FILE *out);

#endif
