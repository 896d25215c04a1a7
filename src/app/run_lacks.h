/** Options of run that chat, serve or perplexity, which share its table, do not have. */
#ifndef JUP_APP_RUN_LACKS_H
#define JUP_APP_RUN_LACKS_H

#include <popt.h>

/** Marks them, in nested tables, too: refused where given, left out of help and manual. */
void jup_run_lacks(const char *command, struct poptOption *table);

#endif
