#include "job/job.h"

#include "base/mem.h"
#include "cluster/nearest.h"
#include "comm/collect.h"
#include "model/shapes.h"

#include <string.h>

void jup_job_share(jup_comm_t *comm, jup_job_t *job)
{
    int32_t *chunks = job->chunks;
    size_t bytes = (size_t)job->request.n_chunks * sizeof *chunks;
    jup_comm_share_fixed(comm, job, sizeof *job);
    void *block = chunks;
    jup_comm_share(comm, &block, &bytes);
    job->chunks = block;
    job->request.chunks = block;
}

void jup_job_reset(jup_job_t *job)
{
    jup_free(job->chunks);
    memset(job, 0, sizeof *job);
}

jup_status_t jup_job_shape(const jup_job_t *job, jup_config_t *config, jup_error_t *err)
{
    char all[400];
    if (jup_shape_find(job->shape, config))
        return JUP_OK;
    jup_list_names(jup_shape_names(), all, sizeof all);
    return jup_fail(err, JUP_EINPUT, "--shape is '%s', known are %s", job->shape, all);
}

void jup_job_order_as_started(jup_job_t *job, int ranks)
{
    job->stages = ranks;
    for (int r = 0; r < ranks; r++)
        job->device[r] = r;
}

void jup_job_number_ranks(const jup_job_t *job, jup_comm_t *comm)
{
    int number = comm->rank;
    bool as_started = true;
    for (int r = 0; r < comm->size; r++) {
        as_started = as_started && job->device[r] == r;
        if (job->device[r] == comm->rank)
            number = r;
    }
    if (!as_started)
        jup_comm_renumber(comm, number);
}

bool jup_job_has_stage(const jup_job_t *job, int rank)
{
    return rank < job->stages;
}

jup_shard_t jup_job_shard(const jup_job_t *job, int rank)
{
    return (jup_shard_t){
        .first = job->first_layer[rank],
        .last = job->first_layer[rank + 1],
        .embedding = rank == 0,
        .head = rank == job->stages - 1,
    };
}
