/** Ranks as threads of the test, with mailboxes between them: several ranks without a launcher. */
#ifndef JUP_TESTS_THREAD_COMM_H
#define JUP_TESTS_THREAD_COMM_H

#include "comm/comm.h"

/** Calls `body` on `ranks` threads, each with its comm and the same `self`; returns after all. */
void thread_comm_run(int ranks, void (*body)(jup_comm_t *comm, void *self), void *self);

#endif
