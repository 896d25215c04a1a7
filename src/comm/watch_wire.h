/**
 * What the ranks' watches tell each other, beside MPI: short records over one TCP connection from
 * every rank to rank 0. Nothing here waits longer than a moment.
 */
#ifndef JUP_COMM_WATCH_WIRE_H
#define JUP_COMM_WATCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JUP_WATCH_NAME = 64, JUP_WATCH_TEXT = 900, JUP_WATCH_PEERS = 32, JUP_WATCH_DOORS = 12 };

typedef enum jup_watch_record_kind {
    JUP_WATCH_HELLO, /* rank -> 0, first of all */
    JUP_WATCH_BEAT,  /* both ways, once a second */
    JUP_WATCH_WISH,  /* rank -> 0: a signal came that asks the job to stop */
    JUP_WATCH_SAID,  /* rank -> 0: this rank ends the job, and has said why */
    JUP_WATCH_END,   /* 0 -> rank: the job ends at once */
    JUP_WATCH_BYE,   /* both ways: all went well, no more of this */
    JUP_WATCH_KINDS
} jup_watch_record_kind_t;

/** Messages to and from a peer so far; numbers of ranks are those they were started with. */
typedef struct jup_watch_traffic {
    int32_t peer;
    uint32_t sent, got;
} jup_watch_traffic_t;

typedef struct jup_watch_record {
    int32_t kind; /* jup_watch_record_kind_t */
    int32_t rank;
    uint64_t secret; /* of the job: a stranger does not know it */
    int32_t code;    /* WISH: the signal; SAID, END: the exit code */
    float limit_s;   /* BEAT of rank 0 */
    /* BEAT: what the rank is doing */
    uint32_t finished; /* moves as long as something is done */
    int32_t waits_for; /* a peer; -1: it computes */
    int32_t sending;   /* it waits until a message has gone out, not for one */
    int32_t n;         /* of traffic */
    jup_watch_traffic_t traffic[JUP_WATCH_PEERS];
    char host[JUP_WATCH_NAME]; /* HELLO */
} jup_watch_record_t;

/** Where rank 0 can be reached. */
typedef struct jup_watch_door {
    uint64_t secret;
    int32_t n;
    char host[JUP_WATCH_NAME];
    uint32_t address[JUP_WATCH_DOORS]; /* IPv4 and TCP, in the network's order */
    uint16_t port;
} jup_watch_door_t;

/** One connection: records in, records out. */
typedef struct jup_watch_wire {
    int fd;      /* -1: none */
    bool closed; /* the other side is gone */
    size_t n_in, n_out;
    char in[sizeof(jup_watch_record_t)], out[4 * sizeof(jup_watch_record_t)];
} jup_watch_wire_t;

/**
 * The door that a launcher gave all ranks, so that rank 0 can be reached before MPI is there:
 * "PORT SECRET HOST ADDRESS...", SECRET in hexadecimal digits, HOST and its IPv4 addresses those of
 * rank 0. False: it is none.
 */
bool jup_watch_door_read(const char *text, jup_watch_door_t *door);

/** Rank 0: a socket that listens, and where; -1: none can be had. */
int jup_watch_listen(jup_watch_door_t *door);

/** The same at a given door; -1: its port is taken. */
int jup_watch_listen_at(const jup_watch_door_t *door);

/** The next that knocks; false: nobody does. */
bool jup_watch_accept(int listening, jup_watch_wire_t *wire);

/** Tries the addresses one after the other, each for so long. */
bool jup_watch_connect(const jup_watch_door_t *door, int patience_ms, jup_watch_wire_t *wire);

void jup_watch_wire_close(jup_watch_wire_t *wire);

/** Nothing more goes out; waits until the other side has closed, too, unless nothing comes from it
 * for so long (false). A connection that is closed at once loses what is still under way when
 * something has come that nobody has read. */
bool jup_watch_wire_finish(jup_watch_wire_t *wire, double patience_s);

/** Puts a record on its way; what does not find room is dropped: the next one tells more. */
void jup_watch_send(jup_watch_wire_t *wire, const jup_watch_record_t *record);

/** What did not go out at once. */
void jup_watch_flush(jup_watch_wire_t *wire);

/** The next record that has arrived whole; false: there is none (wire->closed: nor will be). */
bool jup_watch_receive(jup_watch_wire_t *wire, jup_watch_record_t *record);

#endif
