/**
 * A watch over the ranks, beside MPI, which knows of neither dead nor frozen peers. Every rank has
 * a thread and a TCP connection to rank 0; once a second each says that it lives, and what it
 * does. Then
 *
 *   a connection that ends        a process is gone: at once
 *   silence for the limit         a rank is frozen, or its link is cut
 *   all wait, nothing moves       the link between two other ranks is cut
 *
 * Rank 0 says whom it lost, its main thread says its last words (where it is in a wait of ours, or
 * between sub-layers; else the thread does without), and all ranks end with the same code. A rank
 * that loses rank 0 says so itself. A wish to stop (base/interrupt.h) goes to rank 0 this way.
 * Where a launcher names a door (tools/launch does), all this begins before MPI does.
 * Threads of one process (under simulation, in tests) have no watch: NULL, which all take.
 */
#ifndef JUP_COMM_WATCH_H
#define JUP_COMM_WATCH_H

#include "comm/watch_wire.h"

typedef struct jup_watch jup_watch_t;

/** What the main thread is in, which says what a wish to stop means. */
typedef enum jup_watch_phase {
    JUP_WATCH_STARTING, /* nothing to keep: the job ends at once */
    JUP_WATCH_WORKING,  /* it looks at jup_interrupted() itself */
    JUP_WATCH_CLOSING,  /* in MPI_Finalize(), where it cannot be reached */
} jup_watch_phase_t;

/**
 * Before MPI is there: at the door that a launcher gave all ranks (JUPITER_DOOR, see watch_wire.h).
 * Until jup_watch_gathered() a rank that does not come within the limit is named, too. NULL: there
 * is no such door, or rank 0 is elsewhere; the ranks are watched once they can talk.
 */
jup_watch_t *jup_watch_open_early(int rank, int ranks, double limit_s);

/** All ranks have come. */
void jup_watch_gathered(jup_watch_t *watch);

/** Where rank 0 listens. */
const jup_watch_door_t *jup_watch_door(const jup_watch_t *watch);

/** Rank 0: opens the door, to be told to all others; NULL: there can be no watch. */
jup_watch_t *jup_watch_open(int ranks, double limit_s, jup_watch_door_t *door);

/** The others: connects in the background, and warns when that cannot be. NULL: rank 0 has none. */
jup_watch_t *jup_watch_join(int rank, int ranks, double limit_s, const jup_watch_door_t *door);

/** After MPI_Finalize(). */
void jup_watch_close(jup_watch_t *watch);

void jup_watch_enter(jup_watch_t *watch, jup_watch_phase_t phase);

/** What a rank's device is called; by the number it was started with. */
void jup_watch_name(jup_watch_t *watch, int rank, const char *device);

/** Rank 0: called once by the main thread, before the end: it keeps what there is. */
void jup_watch_set_last_words(jup_watch_t *watch, void (*say)(void *self), void *self);

/* ---- what the main thread does; peers by the numbers they were started with ------------------ */

void jup_watch_note_wait(jup_watch_t *watch, int peer, bool sending);
void jup_watch_note_work(jup_watch_t *watch);
void jup_watch_note_sent(jup_watch_t *watch, int peer);
void jup_watch_note_got(jup_watch_t *watch, int peer);

/** Does not return when the job has to end. */
void jup_watch_look(jup_watch_t *watch);

/** This rank ends the job and has said why: nobody else has to. May be called by a handler of a
 * signal. */
void jup_watch_announce(void *watch, int code);

#endif
