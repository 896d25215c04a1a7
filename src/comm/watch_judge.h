/**
 * What is known of the ranks, and what to make of it: which one is gone, which one is silent, which
 * two cannot reach each other. Plain data; the connections are comm/watch.c's.
 */
#ifndef JUP_COMM_WATCH_JUDGE_H
#define JUP_COMM_WATCH_JUDGE_H

#include "comm/watch_wire.h"

typedef struct jup_watched {
    char host[JUP_WATCH_NAME], device[JUP_WATCH_NAME]; /* "": not known */
    bool met;                                          /* it has reported, ever */
    bool gone;                                         /* its connection ended, without a word */
    bool left;                                         /* it has said that it is through */
    double seen_s;                                     /* when it reported last */
    double busy_s; /* when it was last seen to get on, or to compute */
    jup_watch_record_t beat;
} jup_watched_t;

typedef struct jup_watch_table {
    jup_watched_t *ranks; /* (n), by the numbers they were started with */
    int n;
} jup_watch_table_t;

void jup_watch_table_init(jup_watch_table_t *table, int ranks, double now_s);
void jup_watch_table_reset(jup_watch_table_t *table);

/** Takes note of a HELLO, a BEAT or a BYE; of another rank's record nothing. */
void jup_watch_table_hear(jup_watch_table_t *table, const jup_watch_record_t *record, double now_s);

/** The watch itself stood still: nobody is to blame for the time since. */
void jup_watch_table_forgive(jup_watch_table_t *table, double now_s);

/** "rank 2 (device nx-2, host nx-2)". */
void jup_watch_table_name(const jup_watch_table_t *table, int rank, char *text, size_t size);

/** Ranks whose process ended without a word, by name, into the text; false: none. */
bool jup_watch_judge_gone(const jup_watch_table_t *table, char *text, size_t size);

/** Those that have not answered for limit_s; who never reported is not among them: it may have no
 * way to. */
bool jup_watch_judge_silent(const jup_watch_table_t *table, double now_s, double limit_s,
                            char *text, size_t size);

/** Those that have not reported within limit_s of the beginning; while they are expected to. */
bool jup_watch_judge_absent(const jup_watch_table_t *table, double now_s, double limit_s,
                            char *text, size_t size);

/** All have waited for limit_s and nothing moves: the two that cannot reach each other. */
bool jup_watch_judge_stuck(const jup_watch_table_t *table, double now_s, double limit_s, char *text,
                           size_t size);

#endif
