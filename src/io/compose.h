/** Unicode's composed form (NFC): some tokenizers were trained on text in it only. */
#ifndef JUP_IO_COMPOSE_H
#define JUP_IO_COMPOSE_H

#include "base/status.h"
#include "io/text.h"

/**
 * Composes valid UTF-8: *text becomes a view of *owned, a new text for jup_free(), or stays as it
 * is (*owned NULL) when it is all ASCII. JUP_EENV when the library fails.
 */
jup_status_t jup_text_compose(jup_text_t *text, char **owned, jup_error_t *err);

#endif
