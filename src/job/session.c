#include "job/session.h"

#include "base/checked.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/slice.h"
#include "model/weights_phantom.h"
#include "plan/file_size.h"
#include "strategy/pipeline.h"

#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int processors_allowed(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int jup_fair_threads(int asked)
{
    if (asked > 0)
        return asked;
    const char *local = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    long neighbours = local ? strtol(local, NULL, 10) : 1;
    long share = sysconf(_SC_NPROCESSORS_ONLN) / (neighbours > 0 ? neighbours : 1);
    return (int)jup_max_i64(1, jup_min_i64(processors_allowed(), share));
}

static jup_status_t open_file(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err)
{
    char path[PATH_MAX];
    int slice, slices;
    JUP_TRY(jup_slice_path(job->model, rank, path, sizeof path, err));
    JUP_TRY(jup_gguf_open(path, &s->gguf, err));
    if (jup_slice_of(s->gguf, &slice, &slices) && slice != rank)
        return jup_fail(err, JUP_EINPUT,
                        "%s is the slice of rank %d; name the slices with " JUP_SLICE_RANK
                        " in place of the rank",
                        path, slice);
    uint64_t digest = jup_model_file_digest(s->gguf);
    if (digest != job->model_digest)
        return jup_fail(err, JUP_EINPUT,
                        "%s is not the same file as on rank 0 (digest %016" PRIx64 ", there "
                        "%016" PRIx64 "); copy the model to this host again",
                        job->model, digest, job->model_digest);
    return jup_model_file_config(s->gguf, &s->config, err);
}

/* Weights are mapped, so they count only as far as they are not yet in memory. */
static jup_status_t check_memory(const jup_session_t *s, const jup_forward_limits_t *limits,
                                 jup_error_t *err)
{
    size_t kv = (size_t)limits->kv_tokens * jup_config_kv_bytes(&s->config, limits->kv_dtype) *
                (size_t)(s->weights.shard.last - s->weights.shard.first);
    size_t available = jup_mem_available_bytes();
    if (kv <= available)
        return JUP_OK;
    return jup_fail(err, JUP_EENV,
                    "not enough memory: layers %d to %d need %.1f MiB of KV cache for %lld tokens, "
                    "%.1f MiB are available; use a smaller --context or more ranks",
                    s->weights.shard.first, s->weights.shard.last - 1, (double)kv / 1048576.0,
                    (long long)limits->kv_tokens, (double)available / 1048576.0);
}

static bool is_phantom(const jup_job_t *job)
{
    return job->cluster[0] != '\0';
}

/* A phantom's rank is a device of the cluster: its budget counts, not this machine's memory. */
static jup_status_t check_device(jup_session_t *s, const jup_job_t *job,
                                 jup_forward_limits_t *limits, jup_error_t *err)
{
    const jup_request_t *request = &job->request;
    const jup_workload_t workload = {.prompt_tokens = request->prompt_tokens,
                                     .generate_tokens = request->generate,
                                     .context_tokens = limits->kv_tokens,
                                     .branches = limits->outputs};
    jup_mem_model((size_t)s->device.budget_bytes);
    limits->residual_dtype = JUP_F32; /* nothing to round */
    return jup_modelled_check_memory(&s->device, &workload, &s->weights.shard, limits->rows, err);
}

static jup_status_t prepare(jup_session_t *s, const jup_job_t *job, jup_error_t *err)
{
    jup_forward_limits_t limits =
        job->ask.on ? jup_engine_limits(&job->ask.engine) : jup_pipeline_limits(&job->request);
    limits.kv_dtype = job->kv_dtype;
    limits.residual_dtype = job->wire;
    JUP_TRY(is_phantom(job) ? check_device(s, job, &limits, err) : check_memory(s, &limits, err));
    const jup_ops_t *ops = jup_ops_by_name(job->compute);
    JUP_TRY(jup_compute_init(&s->compute, ops, jup_fair_threads(job->threads), err));
    if (is_phantom(job))
        jup_modelled_attach(&s->device, &s->compute, &s->weights);
    return jup_forward_init(&s->forward, &s->config, &s->weights, &s->compute, &limits, err);
}

static jup_status_t take_shape(jup_session_t *s, const jup_job_t *job, const jup_shard_t *shard,
                               jup_error_t *err)
{
    JUP_TRY(jup_job_shape(job, &s->config, err));
    jup_weights_phantom(&s->weights, &s->config, shard, job->weights);
    return JUP_OK;
}

static jup_status_t take_file(jup_session_t *s, const jup_job_t *job, int rank,
                              const jup_shard_t *shard, jup_error_t *err)
{
    JUP_TRY(open_file(s, job, rank, err));
    return jup_model_file_load(s->gguf, &s->config, shard, &s->weights, err);
}

static jup_status_t open_device(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err)
{
    jup_model_size_t size;
    if (s->gguf)
        JUP_TRY(jup_model_size_of_file(&size, s->gguf, &s->config, job->kv_dtype, job->wire, err));
    else
        JUP_TRY(
            jup_model_size_init(&size, &s->config, job->weights, job->kv_dtype, job->wire, err));
    return jup_modelled_init(&s->device, job->cluster, job->device[rank], &size, err);
}

jup_status_t jup_session_open(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err)
{
    memset(s, 0, sizeof *s);
    jup_shard_t shard = jup_job_shard(job, rank);
    jup_status_t status =
        job->shape[0] ? take_shape(s, job, &shard, err) : take_file(s, job, rank, &shard, err);
    if (status == JUP_OK && is_phantom(job))
        status = open_device(s, job, rank, err);
    if (status == JUP_OK)
        status = prepare(s, job, err);
    if (status != JUP_OK)
        jup_session_reset(s);
    else
        jup_verbose("layers %d to %d, %.1f MiB of weights, %d threads, %s on %s", shard.first,
                    shard.last - 1, (double)s->weights.mapped_bytes / 1048576.0, s->compute.threads,
                    job->compute, jup_blas_core());
    return status;
}

void jup_session_reset(jup_session_t *s)
{
    jup_forward_reset(&s->forward);
    jup_compute_reset(&s->compute);
    jup_weights_reset(&s->weights);
    jup_modelled_reset(&s->device);
    jup_gguf_close(s->gguf);
    memset(s, 0, sizeof *s);
}
