/**
 * Answers on their way to a person or a program. What is to be shown is kept until the reader takes
 * it: between steps it is written only as far as that does not wait, so that a reader who has
 * stopped reading does not stop the pipeline. Or its owner takes it from here (`keeps`).
 */
#ifndef JUP_ASK_SHOW_H
#define JUP_ASK_SHOW_H

#include "ask/answer.h"
#include "ask/wrap.h"

#include <stdio.h>

typedef struct jup_show {
    int fd;     /* -1: nobody looks */
    bool keeps; /* all of it waits for the owner to take it */
    bool ids;   /* token ids with spaces between them, not text */
    bool gone;  /* the reader went away, or writing failed: */
    int reason; /* errno */
    char *pending;
    size_t bytes, cap; /* of what waits */
    jup_wrap_t wrap;   /* of answers' text; columns as the caller sets them */
} jup_show_t;

/** How far an answer has been handed to it. */
typedef struct jup_shown {
    size_t bytes;
    int tokens;
} jup_shown_t;

/** out: NULL: nobody looks. */
void jup_show_init(jup_show_t *show, FILE *out, bool ids);
void jup_show_reset(jup_show_t *show);

/** Something to show. */
void jup_show_text(jup_show_t *show, const char *text);

/** What is new of an answer: settled text, or ids. */
void jup_show_answer(jup_show_t *show, const jup_answer_t *answer, jup_shown_t *shown);

/** The answer is whole: its last word, which was held back for the end of a line. */
void jup_show_answer_end(jup_show_t *show);

/** Writes what waits; wait: all of it, however long the reader takes. */
void jup_show_flush(jup_show_t *show, bool wait);

/** Whether all arrived that somebody wanted: JUP_EENV and why not, otherwise. */
jup_status_t jup_show_check(const jup_show_t *show, jup_error_t *err);

#endif
