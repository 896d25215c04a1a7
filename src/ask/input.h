/**
 * What a person types, or a file holds: messages of one line or of several. A line that ends with a
 * backslash goes on in the next one; between two marks of three quotation marks there may be any
 * lines.
 */
#ifndef JUP_ASK_INPUT_H
#define JUP_ASK_INPUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct jup_input {
    int fd;
    char *data;
    size_t bytes, cap;
    bool ended, interrupted;
} jup_input_t;

typedef enum jup_input_event {
    JUP_INPUT_MESSAGE,
    JUP_INPUT_END,
    JUP_INPUT_INTERRUPTED, /* Ctrl-C, or SIGTERM */
} jup_input_event_t;

void jup_input_init(jup_input_t *input, int fd);
void jup_input_reset(jup_input_t *input);

/**
 * Waits for the next message; *text is a new one for jup_free(). sign(self, further): asked before
 * every line that is waited for, to show where to type; may be NULL.
 */
jup_input_event_t jup_input_message(jup_input_t *input, void (*sign)(void *self, bool further),
                                    void *self, char **text);

/** Without waiting: whether Ctrl-C came meanwhile. What else was typed is kept. */
bool jup_input_takes_interrupt(jup_input_t *input);

#endif
