/** Latency and bandwidth of the links between ranks, by ping-pong. */
#ifndef JUP_JOB_MEASURE_LINKS_H
#define JUP_JOB_MEASURE_LINKS_H

#include "cluster/cluster.h"
#include "comm/comm.h"

/**
 * Collective, one pair after the other: all pairs of up to 8 ranks, else those of a ring; the other
 * pairs get the median. links (size, size) is filled on rank 0. Returns the mean relative error of
 * the fits there.
 */
double jup_measure_links(jup_comm_t *comm, jup_link_t *links);

#endif
