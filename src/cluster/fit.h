/**
 * From measured times to rates. Least squares of
 *
 *   t(rows, prefix) = fixed + row * rows + pair * rows * (prefix + rows / 2) + cached * prefix
 *
 * over the points of a grid, every point weighted by 1/t so that short and long chunks count
 * alike; coefficients that would be negative are fixed at 0. Time O(points), memory O(1).
 */
#ifndef JUP_CLUSTER_FIT_H
#define JUP_CLUSTER_FIT_H

#include "cluster/profile.h"

typedef struct jup_fit {
    double fixed_s;
    double row_s;
    double pair_s;
    double cached_s;
    double mean_error; /* mean of |fit - t| / t */
    double worst_error;
} jup_fit_t;

/** What the measured layer does, to turn seconds into rates. */
typedef struct jup_layer_ops {
    double flops_per_row; /* matrix products */
    double weight_bytes;
    double flops_per_pair; /* attention: one new row, one visible token */
    double kv_bytes;       /* of one cached token */
} jup_layer_ops_t;

/** times (n_chunks, n_prefixes). */
void jup_fit_grid(jup_fit_t *fit, const int32_t *chunks, int n_chunks, const int32_t *prefixes,
                  int n_prefixes, const double *times_s);

double jup_fit_s(const jup_fit_t *fit, double rows, double prefix);

/** Sets the profile's rates from a fit of a layer with these operations. */
void jup_fit_to_profile(const jup_fit_t *fit, const jup_layer_ops_t *ops, jup_profile_t *profile);

/**
 * Latency and bandwidth of a link: least squares of seconds = latency + bytes / rate, 1/t weights.
 * Where noise hides what bytes take, the rate is JUP_FIT_FASTEST bytes per second, which a cluster
 * file can still hold.
 */
#define JUP_FIT_FASTEST 1e12
void jup_fit_link(const double *bytes, const double *seconds, int n, double *latency_s,
                  double *bytes_per_s, double *mean_error);

#endif
