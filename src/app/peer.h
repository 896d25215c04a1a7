/** The engine that a bench is compared with: llama-bench, run once for one test. */
#ifndef JUP_APP_PEER_H
#define JUP_APP_PEER_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * Tokens a second of a prompt of so many tokens, or of an answer. JUP_EINPUT where the program
 * cannot be run or says something else.
 */
jup_status_t jup_peer_time(const char *program, const char *model, int threads, bool decodes,
                           int32_t tokens, double *rate, jup_error_t *err);

#endif
