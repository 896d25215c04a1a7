/** The watch's inside: what its two threads share. */
#ifndef JUP_COMM_WATCH_INNER_H
#define JUP_COMM_WATCH_INNER_H

#include "comm/watch.h"
#include "comm/watch_judge.h"

#include <pthread.h>
#include <stdatomic.h>

enum { JUP_WATCH_GUESTS = 8 };

/** How far the main thread has come with the end. */
typedef enum jup_watch_ending {
    JUP_WATCH_RUNNING,
    JUP_WATCH_SPEAKING, /* its last words */
    JUP_WATCH_SPOKEN,   /* the thread tells the others, and returns */
    JUP_WATCH_CLOSED,   /* all went well */
} jup_watch_ending_t;

struct jup_watch {
    int rank, n;
    double limit_s; /* 0: silence is not judged */
    jup_watch_door_t door;
    pthread_t thread;
    int wake; /* an eventfd */
    /* the main thread's */
    void (*last_words)(void *self);
    void *last_words_self;
    atomic_uint finished;
    atomic_int waits_for, sending;
    atomic_uint *sent, *got; /* (n) */
    atomic_int phase, ending;
    atomic_bool gathering;      /* MPI brings the ranks together; the main thread is in there */
    atomic_int said, said_sent; /* this rank ends the job: its code; the others know */
    /* the thread's */
    atomic_int code;        /* the verdict; 0: none */
    double verdict_s;       /* when it fell */
    double beat_s;          /* the last one went out */
    double turn_s;          /* the loop went round */
    double woke_s, slept_s; /* when the loop last went on after a freeze, and how long that was */
    double lost_s;          /* a connection ended without a word; 0: none did */
    bool told_wish;
    int listening;
    jup_watch_wire_t *wires;                   /* rank 0: (n); else one, to rank 0 */
    jup_watch_wire_t guests[JUP_WATCH_GUESTS]; /* have not said who they are */
    pthread_mutex_t names;                     /* over the table's devices */
    jup_watch_table_t table;
};

/** The thread's function, over a watch. */
void *jup_watch_live(void *watch);

#endif
