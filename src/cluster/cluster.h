/**
 * A cluster as plain data: devices and the links between them. Device i is rank i.
 *
 * File (YAML):
 *   name: Env B, 100 Mbit/s
 *   devices:
 *     - {name: nx0, profile: nx, memory_gb: 6.5, threads: 6, host: 10.0.0.1}
 *     - {profile: tx2, count: 2}              # memory_gb etc. default to the profile's
 *   link: {mbps: 100, ms: 12}                 # of every pair ...
 *   links:                                    # ... but these
 *     - {from: nx0, to: tx2-1, mbps: 50, ms: 20, both_ways: true}
 * Synthetic, one line: "4xnx@100mbps", "nx+2xtx2+nano@100mbps,12ms", "2xpi5:4gb@1gbps".
 */
#ifndef JUP_CLUSTER_CLUSTER_H
#define JUP_CLUSTER_CLUSTER_H

#include "base/status.h"
#include "cluster/profile.h"

#include <stdbool.h>

enum { JUP_CLUSTER_NAME = 64, JUP_CLUSTER_HOST = 256, JUP_CLUSTER_DEVICES = 4096 };

/** One direction of a pair. A message of b bytes takes latency_s + b / bytes_per_s. */
typedef struct jup_link {
    double latency_s;
    double bytes_per_s;
} jup_link_t;

typedef struct jup_device {
    char name[JUP_CLUSTER_NAME];
    char host[JUP_CLUSTER_HOST]; /* "": not given */
    int profile;                 /* index into the cluster's profiles */
    double budget_bytes;         /* memory the program may use */
    int threads;                 /* 0: all */
} jup_device_t;

typedef struct jup_cluster {
    char name[JUP_CLUSTER_NAME];
    jup_device_t *devices; /* (n_devices), owned */
    int n_devices;
    jup_profile_t *profiles; /* (n_profiles), owned */
    int n_profiles;
    jup_link_t default_link;
    jup_link_t *links; /* (n_devices, n_devices): [from][to], owned; NULL: all are the default */
} jup_cluster_t;

void jup_cluster_reset(jup_cluster_t *cluster);

/** Deep copy; *copy is overwritten. */
void jup_cluster_copy(jup_cluster_t *copy, const jup_cluster_t *cluster);

/** A profile joins the cluster (deep copy, name and all); returns its index. */
int jup_cluster_add_profile(jup_cluster_t *cluster, const jup_profile_t *profile);

/** A device of a profile, with the profile's memory and threads; returns it, valid until the next.
 */
jup_device_t *jup_cluster_add_device(jup_cluster_t *cluster, const char *name, int profile);

const jup_profile_t *jup_cluster_profile(const jup_cluster_t *cluster, int device);

jup_link_t jup_cluster_link(const jup_cluster_t *cluster, int from, int to);
void jup_cluster_set_link(jup_cluster_t *cluster, int from, int to, jup_link_t link);

double jup_link_s(jup_link_t link, double bytes);

/** Index of the device of this name, or -1. */
int jup_cluster_device(const jup_cluster_t *cluster, const char *name);

/**
 * A file if there is one of that name or it looks like one; else a shipped cluster ("env-a-100");
 * else the synthetic syntax.
 */
jup_status_t jup_cluster_load(jup_cluster_t *cluster, const char *what, jup_error_t *err);

jup_status_t jup_cluster_read(jup_cluster_t *cluster, const char *path, jup_error_t *err);
jup_status_t jup_cluster_synthesise(jup_cluster_t *cluster, const char *text, jup_error_t *err);

/** Profiles are referred to by `profile_paths` (n_profiles), or by name where NULL. */
jup_status_t jup_cluster_write(const jup_cluster_t *cluster, const char *const *profile_paths,
                               const char *path, jup_error_t *err);

#endif
