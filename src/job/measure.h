/**
 * Measuring the devices and links that the ranks really have, for the planner: every rank times its
 * own layers over a grid of chunk and prefix lengths, embedding and head; pairs of ranks time
 * messages of several sizes. All ranks measure at the same time, as they compute in a pipeline.
 */
#ifndef JUP_JOB_MEASURE_H
#define JUP_JOB_MEASURE_H

#include "cluster/cluster.h"
#include "comm/comm.h"
#include "tensor/dtype.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/** What rank 0 asks of all; plain data. */
typedef struct jup_measure_job {
    char model[PATH_MAX];
    char compute[16];
    uint64_t digest;
    int32_t threads; /* 0: as in a run */
    jup_dtype_t wire, kv_dtype;
    int32_t max_chunk, max_prefix; /* the grid's ends */
    double seconds;                /* about as long as the grid may take */
    bool show_progress;
} jup_measure_job_t;

/**
 * Collective; the job is rank 0's and shared with the others. On rank 0 *cluster becomes the
 * devices (device r is rank r, its profile r) and links; elsewhere it is left alone.
 */
jup_status_t jup_measure_cluster(jup_comm_t *comm, jup_measure_job_t *job, jup_cluster_t *cluster,
                                 jup_error_t *err);

#endif
