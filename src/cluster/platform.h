/**
 * A cluster in the words of others: as a platform of the SimGrid simulator (version 4 of its file
 * format), and as plain lines for scripts.
 *
 * In the platform every device is a host of JUP_PLATFORM_FLOPS, since seconds are charged, not
 * operations: a host of its own speed would only be divided out again. A device has one network
 * port: what it sends (receives) at the same time shares its fastest link's bandwidth. Where all
 * links are alike that port is the whole way; else every pair has a link of its own in between.
 */
#ifndef JUP_CLUSTER_PLATFORM_H
#define JUP_CLUSTER_PLATFORM_H

#include "cluster/cluster.h"

#include <stdio.h>

#define JUP_PLATFORM_FLOPS 1e9

enum { JUP_PLATFORM_PAIRS = 512 }; /* devices at most, where links differ */

/** The platform file. JUP_EINPUT when links differ between more than JUP_PLATFORM_PAIRS devices. */
jup_status_t jup_platform_write_simgrid(const jup_cluster_t *cluster, FILE *out, jup_error_t *err);

/** The hosts in rank order, one a line: what smpirun calls a hostfile. */
void jup_platform_write_hosts(const jup_cluster_t *cluster, FILE *out);

/**
 * Fields between tabs, one line each:
 *   cluster  NAME
 *   device   INDEX NAME HOST THREADS BUDGET_BYTES GFLOPS      HOST "-": not given
 *   link     FROM TO MBITS_PER_S MS                           "* *": of every pair not listed
 */
void jup_platform_write_lines(const jup_cluster_t *cluster, FILE *out);

#endif
