/**
 * The transport seam: bytes between ranks. Implementations: `mpi` here; `record` (all ranks in one
 * process, for tests of schedules).
 */
#ifndef JUP_COMM_TRANSPORT_H
#define JUP_COMM_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

/** A transport's own note on one message in flight. */
typedef struct jup_transport_handle {
    _Alignas(16) unsigned char bytes[16];
} jup_transport_handle_t;

typedef struct jup_transport {
    const char *name;
    /** Starts a message; the buffer belongs to the transport until test() says done. */
    void (*start_send)(void *self, int peer, int tag, const void *buffer, size_t bytes,
                       jup_transport_handle_t *handle);
    void (*start_recv)(void *self, int peer, int tag, void *buffer, size_t bytes,
                       jup_transport_handle_t *handle);
    /** Whether the message is done; *bytes is what really arrived, for a receive. */
    bool (*test)(void *self, jup_transport_handle_t *handle, size_t *bytes);
    /** Like test(), but returns only when the message is done. NULL: comm polls test(). */
    void (*wait)(void *self, jup_transport_handle_t *handle, size_t *bytes);
    bool connects_late; /* two ranks are connected when they first talk, which takes a while */
    /** Ends all ranks at once. */
    void (*abort)(void *self, int exit_code);
    /** Releases the transport; collective. */
    void (*close)(void *self);
} jup_transport_t;

#endif
