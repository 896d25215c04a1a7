/**
 * Exchanges between ranks. Every exchange is begin / end: begin posts the message and returns,
 * end waits for it; a blocking call is end(begin()). A receive is posted ahead, at its exact size
 * or at the largest size possible; a send stays in flight while the rank computes. MPI moves large
 * messages only when it is called: jup_comm_progress() is called between sub-layers.
 */
#ifndef JUP_COMM_COMM_H
#define JUP_COMM_COMM_H

#include "base/status.h"
#include "comm/message.h"
#include "comm/sleeper.h"
#include "comm/transport.h"
#include "comm/watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A message in flight, embedded in its owner, which keeps it in place until it is done. */
typedef struct jup_pending {
    jup_transport_handle_t handle;
    bool active; /* posted and not yet done */
    bool sending;
    int peer;
    int kind;      /* jup_message_kind_t */
    int32_t label; /* the caller's: a step number, for the trace */
    size_t bytes;  /* posted; what arrived once a receive is done */
    double post_s, done_s;
    struct jup_pending *next; /* the comm's list of active ones */
} jup_pending_t;

/** Told about every finished message and every wait; any may be NULL. */
typedef struct jup_comm_observer {
    void *self;
    void (*message)(void *self, const jup_pending_t *done);
    void (*waited)(void *self, const jup_pending_t *on, double start_s, double end_s);
} jup_comm_observer_t;

typedef struct jup_comm {
    int rank, size;
    int *started;       /* (size) the number each rank was started with; NULL: the same */
    jup_watch_t *watch; /* NULL: none */
    const jup_transport_t *transport;
    void *transport_self;
    jup_pending_t *active;
    jup_comm_observer_t observer;
    jup_sleeper_t sleeper;
    uint64_t sent_bytes, sent_messages;
    double message_s, message_byte_s; /* charged to a modelled device at either end of a message */
} jup_comm_t;

/**
 * Joins the ranks of MPI_COMM_WORLD (initialising MPI); makes jup_die() end all ranks. All must
 * want the same command of the same version: JUP_EINPUT otherwise. From then on they are watched
 * (comm/watch.h; watch_s: 0: silence is allowed). To be closed also after a failure. Collective.
 */
jup_status_t jup_comm_open_mpi(jup_comm_t *comm, const char *command, double watch_s,
                               jup_error_t *err);
void jup_comm_close(jup_comm_t *comm);

/** numbers (size): the new one of each rank, a permutation. No message is in flight. Collective. */
void jup_comm_renumber(jup_comm_t *comm, const int *numbers);

/** Connects each rank with the next, before anything is timed. Collective. */
void jup_comm_connect(jup_comm_t *comm);

/** The number a rank was started with. */
int jup_comm_started(const jup_comm_t *comm, int rank);

/** Ranks 0 to n - 1 by themselves: messages of its own over the same transport, never closed. */
jup_comm_t jup_comm_narrow(const jup_comm_t *comm, int n);

void jup_comm_begin_send(jup_comm_t *comm, int dst, int kind, int32_t label, const void *buffer,
                         size_t bytes, jup_pending_t *pending);
void jup_comm_begin_recv(jup_comm_t *comm, int src, int kind, int32_t label, void *buffer,
                         size_t bytes, jup_pending_t *pending);

/** Returns when the message is done (at once when it never was posted). */
void jup_comm_end(jup_comm_t *comm, jup_pending_t *pending);

/** Gives every message in flight a chance to move; records those that are done. */
void jup_comm_progress(jup_comm_t *comm);

/** Ends the job: bytes of `what` ("a step") came from `src` that make no sense. */
_Noreturn void jup_comm_die_unreadable(const jup_comm_t *comm, const char *what, size_t bytes,
                                       int src);

/** begin + end. */
void jup_comm_send(jup_comm_t *comm, int dst, int kind, const void *buffer, size_t bytes);
size_t jup_comm_recv(jup_comm_t *comm, int src, int kind, void *buffer, size_t bytes);

#endif
