/**
 * While MPI_Init() brings the ranks together nobody can talk to anybody: a rank that is frozen or
 * cut off then would keep all others waiting for ever.
 */
#ifndef JUP_COMM_MUSTER_H
#define JUP_COMM_MUSTER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct jup_muster jup_muster_t;

/** When it does not end within limit_s, a message, and the end of this process with JUP_EENV. NULL:
 * not needed, for one rank, or with a limit of 0. */
jup_muster_t *jup_muster_begin(double limit_s);
void jup_muster_end(jup_muster_t *muster);

/** How many ranks a launcher says it started; 1: none says so. */
int jup_muster_ranks(void);

/** This one's number among them, as the launcher says; 0: none does. */
int jup_muster_rank(void);

/** How many of them are on this host, this one included; 1: none says so. */
int jup_muster_neighbours(void);

/** Whether each of them has a processor, as far as this one can tell: it may use as many, or was
 * bound to its own by Open MPI, which does so where there are enough. */
bool jup_muster_has_processors(void);

/** Where a rank runs, as the launcher knows it (JUPITER_HOSTS, see tools/launch), or as this
 * machine where all are on one. False: it is not known. */
bool jup_muster_host(int rank, char *host, size_t size);

#endif
