/** What was said in a conversation, turn by turn, and as a file. */
#ifndef JUP_ASK_TRANSCRIPT_H
#define JUP_ASK_TRANSCRIPT_H

#include "base/status.h"

typedef struct jup_said {
    const char *role; /* "system", "user" or "assistant": a literal */
    char *text;
} jup_said_t;

typedef struct jup_transcript {
    jup_said_t *list; /* (n), owned */
    int n, cap;
    char *saved; /* where it was saved last; NULL: nowhere */
} jup_transcript_t;

void jup_transcript_reset(jup_transcript_t *t);

/** Forgets what was said. */
void jup_transcript_clear(jup_transcript_t *t);

void jup_transcript_add(jup_transcript_t *t, const char *role, const char *text);

/**
 * Writes {"messages": [{"role": ..., "content": ...}, ...]}, as servers take it. JUP_EINPUT where
 * the file is there already and is not the one saved before.
 */
jup_status_t jup_transcript_save(jup_transcript_t *t, const char *path, jup_error_t *err);

#endif
