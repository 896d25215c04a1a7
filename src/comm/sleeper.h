/**
 * How a rank waits for a message at little cost: ranks may share cores, a board's processor time
 * may be rationed, and a battery pays for it. Short waits poll; longer ones sleep in the kernel
 * until a socket of this process has something to read or a pause is over. Messages that pass
 * through memory wake nobody, so a pause is a fixed share of the wait so far: such a message is
 * found late by that share of its wait at most (of half a percent, where nothing comes for long).
 * Where sockets have announced every message for a while, pauses are long, and waiting costs next
 * to nothing. Where none has, waits are much alike, and there is a processor for each rank, one
 * pause lasts until shortly before the message is due, which is then polled for.
 */
#ifndef JUP_COMM_SLEEPER_H
#define JUP_COMM_SLEEPER_H

#include <poll.h>
#include <stdbool.h>

enum {
    JUP_SLEEPER_SOCKETS = 128, /* with more, pauses do without */
    JUP_SLEEPER_RECENT = 8,    /* messages that tell when the next is due */
};

/** How a pause ended: there was none; a socket had something; time was up; sockets were not asked.
 */
typedef enum jup_slept {
    JUP_SLEPT_NOT,
    JUP_SLEPT_HEARD,
    JUP_SLEPT_OUT,
    JUP_SLEPT_DEAF,
} jup_slept_t;

/** All zeros is a fresh one. */
typedef struct jup_sleeper {
    struct pollfd sockets[JUP_SLEEPER_SOCKETS];
    int n;
    double listed_s;     /* when the sockets were looked up */
    jup_slept_t last;    /* how the last pause of this wait ended */
    bool long_pause;     /* the last pause was as long as trust in the sockets makes it */
    int wakes;           /* pauses in a row that a socket ended */
    int announced;       /* messages that a socket announced, less those it did not */
    int doubts;          /* times that one lay here for a long pause */
    int silent;          /* messages in a row that none announced */
    double usual_wait_s; /* recent waits, averaged */
    double came_s[JUP_SLEEPER_RECENT]; /* after which of a wait the last messages came: a ring */
    int received;                      /* of that ring, the next one's place */
    double early_s, late_s;            /* the earliest of these but one, the latest but one, */
    bool sorted;                       /* where they have been looked for */
    double paused_s; /* the last pause of this wait, if nothing was polled for since; else 0 */
    bool spare;      /* each rank of this host has a processor: set by its owner */
} jup_sleeper_t;

/** A wait begins. */
void jup_sleeper_begin(jup_sleeper_t *sleeper);

/** Sleeps, or not at all where the wait is still young; `sending`: messages of ours are on their
 * way out, which no socket announces. */
void jup_sleeper_pause(jup_sleeper_t *sleeper, double waited_s, bool sending);

/** The wait is over; `received`: by a message that came. */
void jup_sleeper_end(jup_sleeper_t *sleeper, double waited_s, bool received);

#endif
