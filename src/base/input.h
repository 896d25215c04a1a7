/**
 * Opening files that are read. What is no plain file may have nobody at its other end, and nobody
 * who waits for it knows: it is refused, or waited for only a moment.
 */
#ifndef JUP_BASE_INPUT_H
#define JUP_BASE_INPUT_H

#include "base/status.h"

#include <stdio.h>

typedef enum jup_input {
    JUP_INPUT_PLAIN, /* a plain file, which can be read again */
    JUP_INPUT_ANY,   /* also a device, and a pipe into which somebody writes */
} jup_input_t;

/** JUP_EINPUT with the file and the reason, within 5 s. */
jup_status_t jup_input_open(const char *path, jup_input_t kind, FILE **file, jup_error_t *err);

#endif
