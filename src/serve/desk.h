/**
 * Where the HTTP side lays down orders and the engine's side takes them up. The HTTP side is a
 * thread of its own; it never touches the engine, and the engine's never a connection but to wake
 * it.
 */
#ifndef JUP_SERVE_DESK_H
#define JUP_SERVE_DESK_H

#include "serve/order.h"

#include <pthread.h>

typedef struct jup_desk_limits {
    int32_t parallel; /* questions at a time, for Retry-After */
    int32_t queue;    /* orders that wait at most */
    double order_s;   /* seconds from laying an order down to its last token, at most */
} jup_desk_limits_t;

/** What happened since the start. */
typedef struct jup_desk_totals {
    int64_t orders, finished, cancelled, refused, timed_out, failed;
    int64_t prompt_tokens, reused_tokens, answer_tokens;
    double first_token_s, answer_s; /* sums over those that are finished, for means */
} jup_desk_totals_t;

typedef struct jup_desk {
    jup_desk_limits_t limits;
    pthread_mutex_t lock;
    int bell;           /* rings when an order was laid down */
    jup_order_t *first; /* all that are not complete, oldest first */
    int32_t waiting;    /* of them, not begun */
    int32_t running;    /* questions */
    int32_t unread;     /* orders whose connection has not had all of its answer, or waits for it */
    bool closing;       /* no more are taken */
    jup_desk_totals_t totals;
    void (*wake)(void *connection); /* lets a parked connection go on */
    int32_t next_question;
} jup_desk_t;

/** JUP_EENV: the system has no more descriptors. */
jup_status_t jup_desk_init(jup_desk_t *desk, const jup_desk_limits_t *limits,
                           void (*wake)(void *connection), jup_error_t *err);
void jup_desk_reset(jup_desk_t *desk);

/* ---- the HTTP side's --------------------------------------------------------------------------
 */

/** Lays an order down; it has two holders then. False: the queue is full, or it closes. */
bool jup_desk_push(jup_desk_t *desk, jup_order_t *order, jup_problem_t *problem);

/** Seconds after which a refused client may try again. */
int jup_desk_retry_s(const jup_desk_t *desk);

/** This holder lets go; gone: nobody will read what comes. */
void jup_desk_let_go(jup_desk_t *desk, jup_order_t *order, bool gone);

/* ---- the engine's side -----------------------------------------------------------------------
 */

/** Waits for the bell, seconds at most. */
void jup_desk_wait(jup_desk_t *desk, double seconds);

/** Under the lock: more bytes for the client, the last ones if complete; wakes its connection. */
void jup_desk_deliver(jup_desk_t *desk, jup_order_t *order, const char *bytes, size_t n,
                      bool complete);

/** Under the lock: finds the order and the choice of a question; NULL: none. */
jup_order_t *jup_desk_find(jup_desk_t *desk, int32_t question, jup_choice_t **choice);

/** Under the lock: finds clients that left and orders whose time is up. */
void jup_desk_look_round(jup_desk_t *desk);

/** Under the lock: takes a complete order off the list; the engine's side lets go. */
void jup_desk_finish(jup_desk_t *desk, jup_order_t *order);

#endif
