/** The options of `jupiter serve` beyond those of a run. Rank 0 alone has them. */
#ifndef JUP_APP_SERVE_OPTIONS_H
#define JUP_APP_SERVE_OPTIONS_H

#include "base/status.h"

#include <popt.h>

typedef struct jup_serve_options {
    char *host, *key, *cors, *name;
    int port, queue, most_kib, order_s, idle_s, connections;
} jup_serve_options_t;

void jup_serve_options_init(jup_serve_options_t *o);

/** Appends its options to a table; returns the end. */
struct poptOption *jup_serve_options_append(jup_serve_options_t *o, struct poptOption *at);
jup_status_t jup_serve_options_check(const jup_serve_options_t *o, jup_error_t *err);
void jup_serve_options_reset(jup_serve_options_t *o);

#endif
