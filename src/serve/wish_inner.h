/** What the files that read a wish share. */
#ifndef JUP_SERVE_WISH_INNER_H
#define JUP_SERVE_WISH_INNER_H

#include "serve/fields.h"
#include "serve/wish.h"

/** "messages" into system and turns. */
bool jup_wish_read_messages(jup_wish_t *wish, const jup_fields_t *f);

#endif
