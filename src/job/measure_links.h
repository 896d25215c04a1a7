/** Latency and bandwidth of the links between ranks, and their processors' part in it, by
 * ping-pong. */
#ifndef JUP_JOB_MEASURE_LINKS_H
#define JUP_JOB_MEASURE_LINKS_H

#include "cluster/cluster.h"
#include "comm/comm.h"

/** Seconds of this rank's processor to send, or to take, a message. */
typedef struct jup_message_cost {
    double message_s, byte_s;
} jup_message_cost_t;

/**
 * Collective, one pair after the other: all pairs of up to 8 ranks, else those of a ring; the other
 * pairs get the mean. links (size, size) is filled on rank 0: their latency is without what the two
 * processors take, of which each is *mine on its rank. That is at most half of a message's time:
 * on a quick link the rest of the processor's time went into waiting. Returns the mean relative
 * error of the fits on rank 0.
 */
double jup_measure_links(jup_comm_t *comm, jup_link_t *links, jup_message_cost_t *mine);

#endif
