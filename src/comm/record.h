/**
 * The `record` transport: all ranks in one process, one of them running at a time, every message
 * logged. Schedules, bytes and memory can be tested for any number of ranks without MPI, always in
 * the same order for the same seed. Messages match as MPI's do: by source and tag, in order.
 */
#ifndef JUP_COMM_RECORD_H
#define JUP_COMM_RECORD_H

#include "comm/comm.h"

typedef struct jup_record_message {
    int src, dst, kind;
    size_t bytes;
    int64_t sent, received; /* when, in turns taken since the start; received -1: never */
} jup_record_message_t;

typedef struct jup_record_log {
    jup_record_message_t *messages; /* (n) in the order of sending, owned */
    size_t n, cap;
    size_t unmatched_receives; /* posted, and nothing came */
    int64_t turns;             /* how often the ranks took turns */
} jup_record_log_t;

typedef struct jup_record_options {
    uint64_t seed;   /* 0: ranks take turns in order, when they wait; else at random moments too */
    bool rendezvous; /* a send is done only when it was received, as large messages of MPI are */
} jup_record_options_t;

/**
 * Runs body once per rank, each with its own comm and the same self; returns when all are done.
 * When all wait for messages that nobody sends, the job ends with a message that says who for what.
 */
void jup_record_run(int ranks, const jup_record_options_t *options,
                    void (*body)(jup_comm_t *comm, void *self), void *self, jup_record_log_t *log);
void jup_record_log_reset(jup_record_log_t *log);

#endif
