#include "job/session.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "comm/muster.h"
#include "io/digest.h"
#include "io/slice.h"
#include "job/keep.h"
#include "model/weights_phantom.h"
#include "plan/file_size.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int jup_fair_threads(int asked)
{
    if (asked > 0)
        return asked;
    long share = sysconf(_SC_NPROCESSORS_ONLN) / jup_muster_neighbours();
    return (int)jup_max_i64(1, jup_min_i64(jup_thread_processors(), share));
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
    JUP_TRY(jup_digest_check(s->gguf, job->digest, err));
    return jup_model_file_config(s->gguf, &s->whole, err);
}

/* Of steps of so many rows: buffers, and a bit for every pair of them (trees). */
static jup_status_t count_buffers(const jup_session_t *s, const jup_forward_limits_t *limits,
                                  double *bytes, jup_error_t *err)
{
    jup_model_size_t size;
    double rows = limits->rows, outputs = s->weights.shard.head ? limits->outputs : 0;
    JUP_TRY(jup_model_size_init(&size, &s->config, JUP_F32, limits->kv_dtype,
                                limits->residual_dtype, err));
    *bytes = rows * size.work_row_bytes + rows * rows / 8 + outputs * size.output_row_bytes;
    return JUP_OK;
}

/* The cache and the buffers. */
static jup_status_t count_memory(const jup_session_t *s, const jup_forward_limits_t *limits,
                                 double *kv, double *buffers, jup_error_t *err)
{
    JUP_TRY(count_buffers(s, limits, buffers, err));
    *kv = (double)limits->kv_tokens * (double)jup_config_kv_bytes(&s->config, limits->kv_dtype) *
          (s->weights.shard.last - s->weights.shard.first);
    return JUP_OK;
}

/* Before any of it is touched. Weights are mapped: they can leave memory. */
static jup_status_t check_memory(const jup_session_t *s, const jup_forward_limits_t *limits,
                                 jup_error_t *err)
{
    double kv, buffers;
    JUP_TRY(count_memory(s, limits, &kv, &buffers, err));
    size_t available = jup_mem_available_bytes();
    if (kv + buffers <= (double)available)
        return JUP_OK;
    return jup_fail(err, JUP_EENV,
                    "not enough memory: layers %d to %d need %.1f MiB of KV cache for %lld tokens "
                    "and %.1f MiB for steps of %d rows, %.1f MiB are available; use a smaller "
                    "--context, shorter chunks (--chunk) or more ranks",
                    s->weights.shard.first, s->weights.shard.last - 1, kv / 1048576.0,
                    (long long)limits->kv_tokens, buffers / 1048576.0, limits->rows,
                    (double)available / 1048576.0);
}

static bool is_phantom(const jup_job_t *job)
{
    return job->cluster != NULL;
}

/* A phantom's rank is a device of the cluster: its budget counts, not this machine's memory. */
static jup_status_t check_device(jup_session_t *s, const jup_job_t *job,
                                 jup_forward_limits_t *limits, jup_error_t *err)
{
    const jup_workload_t workload = {.prompt_tokens = job->prompt_tokens,
                                     .generate_tokens = job->generate,
                                     .context_tokens = limits->kv_tokens,
                                     .branches = limits->outputs};
    jup_mem_model((size_t)s->device.budget_bytes);
    limits->residual_dtype = JUP_F32; /* nothing to round */
    return jup_modelled_check_memory(&s->device, &workload, &s->weights.shard, limits->rows, err);
}

/* Now that all is there that has to be. */
static jup_status_t keep_weights(jup_session_t *s, const jup_forward_limits_t *limits, bool shows,
                                 jup_error_t *err)
{
    double kv, buffers;
    JUP_TRY(count_memory(s, limits, &kv, &buffers, err));
    jup_keep_weights(s->gguf, kv + buffers, shows);
    return JUP_OK;
}

static jup_status_t prepare(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err)
{
    jup_forward_limits_t limits = jup_engine_limits(&job->engine);
    limits.kv_dtype = job->kv_dtype;
    limits.residual_dtype = job->wire;
    limits.every_row = job->every_row != 0;
    limits.context = job->longest;
    JUP_TRY(is_phantom(job) ? check_device(s, job, &limits, err) : check_memory(s, &limits, err));
    const jup_ops_t *ops = jup_ops_by_name(job->compute);
    JUP_TRY(jup_compute_init(&s->compute, ops, jup_fair_threads(job->threads), err));
    if (is_phantom(job))
        jup_modelled_attach(&s->device, &s->compute, &s->weights);
    JUP_TRY(jup_forward_init(&s->forward, &s->config, &s->weights, &s->compute, &limits, err));
    return is_phantom(job) ? JUP_OK : keep_weights(s, &limits, rank == 0, err);
}

static jup_status_t take_shape(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err)
{
    jup_shard_t shard;
    JUP_TRY(jup_job_shape(job->shape, &s->whole, err));
    JUP_TRY(jup_job_place(job, &s->whole, rank, &s->place, &shard, err));
    return jup_weights_phantom(&s->weights, &s->whole, &shard, job->weights, err);
}

static jup_status_t take_file(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err)
{
    jup_shard_t shard;
    JUP_TRY(open_file(s, job, rank, err));
    JUP_TRY(jup_job_place(job, &s->whole, rank, &s->place, &shard, err));
    return jup_model_file_load(s->gguf, &s->whole, &shard, &s->weights, err);
}

static jup_status_t open_device(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err)
{
    jup_model_size_t size, whole;
    if (s->gguf)
        JUP_TRY(jup_model_size_of_file(&whole, s->gguf, &s->whole, job->kv_dtype, job->wire, err));
    else
        JUP_TRY(
            jup_model_size_init(&whole, &s->whole, job->weights, job->kv_dtype, job->wire, err));
    jup_model_size_part(&size, &whole, &s->weights.shard.part);
    return jup_modelled_init(&s->device, job->cluster, job->plan.members[rank].device, &size, err);
}

static jup_status_t open_model(jup_session_t *s, const jup_job_t *job, int rank, jup_error_t *err)
{
    JUP_TRY(job->shape ? take_shape(s, job, rank, err) : take_file(s, job, rank, err));
    s->config = jup_part_config(&s->whole, &s->weights.shard.part);
    if (is_phantom(job))
        JUP_TRY(open_device(s, job, rank, err));
    return prepare(s, job, rank, err);
}

/* ---- the engine ------------------------------------------------------------------------------ */

static jup_status_t open_heads(jup_session_t *s, const jup_job_t *job, jup_error_t *err)
{
    const jup_config_t *c = &s->config;
    if (!job->guessing.medusa || !jup_place_is_last(&s->place) || !jup_place_leads(&s->place))
        return JUP_OK;
    JUP_TRY(jup_heads_init(&s->heads, &s->compute, c->dim, c->vocab, JUP_STEP_MAX_SEGMENTS, err));
    return jup_heads_read(&s->heads, job->guessing.heads, err);
}

/* What is known of a source's accuracy from earlier counts as so many guesses. */
static jup_status_t know_accuracy(jup_draft_t *draft, const jup_guessing_t *g, jup_error_t *err)
{
    enum { WEIGHT = 50 };
    return g->accuracy ? jup_accuracy_read(&draft->accuracy, g->accuracy, WEIGHT, err) : JUP_OK;
}

jup_status_t jup_session_speculate(jup_speculation_t *speculation, const jup_job_t *job,
                                   const jup_compute_t *compute, const jup_gguf_t *gguf,
                                   int32_t vocab, jup_error_t *err)
{
    const jup_guessing_t *g = &job->guessing;
    const jup_scripted_t *scripted = &job->engine.stage.scripted;
    jup_speculation_t *s = speculation;
    jup_speculation_init(s);
    s->chain = g->chain;
    s->exact = g->nodes > 0;
    s->nodes = jup_job_nodes(job);
    if (g->medusa) {
        jup_draft_t *draft = &s->drafts[s->n_drafts++];
        jup_draft_medusa_init(draft);
        s->has_heads = true;
        JUP_TRY(know_accuracy(draft, g, err));
    }
    if (g->model)
        JUP_TRY(jup_draft_model_init(&s->drafts[s->n_drafts++], g->draft, compute->ops,
                                     compute->threads, gguf, vocab, err));
    if (scripted->depth > 0) {
        jup_draft_t *draft = &s->drafts[s->n_drafts++];
        jup_draft_scripted_init(draft, scripted);
        JUP_TRY(know_accuracy(draft, g, err));
    }
    if (g->lookup)
        jup_draft_lookup_init(&s->drafts[s->n_drafts++]);
    s->form = g->form;
    if (g->form.n > 0)
        jup_draft_form_init(&s->drafts[s->n_drafts++]);
    return JUP_OK;
}

static jup_status_t open_engine(jup_session_t *s, const jup_job_t *job, jup_comm_t *pipe,
                                jup_recorder_t *recorder, const jup_scheduler_sink_t *sink,
                                jup_error_t *err)
{
    JUP_TRY(open_heads(s, job, err));
    if (pipe->rank == 0)
        JUP_TRY(jup_session_speculate(&s->speculation, job, &s->compute, s->gguf, s->config.vocab,
                                      err));
    JUP_TRY(jup_engine_init(&s->engine, pipe, &s->place, &s->forward, recorder, &job->engine,
                            s->heads.n > 0 ? &s->heads : NULL, &s->speculation, sink, err));
    s->engine.stage.group.ring.exchange = job->exchange;
    return JUP_OK;
}

/* On a wall clock messages take what they take. */
static void set_message_cost(const jup_session_t *s, const jup_job_t *job, jup_comm_t *pipe)
{
    if (!is_phantom(job) || !jup_clock_is_simulated())
        return;
    pipe->message_s = s->device.profile.message_s;
    pipe->message_byte_s = s->device.profile.message_byte_s;
}

jup_status_t jup_session_open(jup_session_t *s, const jup_job_t *job, jup_comm_t *pipe,
                              jup_recorder_t *recorder, const jup_scheduler_sink_t *sink,
                              jup_error_t *err)
{
    memset(s, 0, sizeof *s);
    jup_status_t status = open_model(s, job, pipe->rank, err);
    set_message_cost(s, job, pipe);
    if (status == JUP_OK)
        status = open_engine(s, job, pipe, recorder, sink, err);
    if (status != JUP_OK)
        jup_session_reset(s);
    else
        jup_verbose("layers %d to %d, %.1f MiB of weights, %d threads, %s on %s",
                    s->weights.shard.first, s->weights.shard.last - 1,
                    (double)jup_weights_bytes(&s->weights) / 1048576.0, s->compute.threads,
                    job->compute, jup_blas_core());
    return status;
}

void jup_session_meet(jup_session_t *s, jup_comm_t *pipe)
{
    char how[120];
    if (jup_place_members(&s->place) == 1)
        return;
    jup_place_measure(&s->place, pipe);
    jup_ring_t *ring = &s->engine.stage.group.ring;
    ring->link = s->place.link;
    jup_exchange_describe(ring->exchange, &ring->link, ring->n, how, sizeof how);
    if (jup_place_leads(&s->place))
        jup_verbose("stage %d, %d members (%s), %.3g ms and %.0f Mbit/s between them: sums go %s",
                    s->place.stage, jup_place_members(&s->place), jup_way_name(s->place.way),
                    1e3 * s->place.link.latency_s, 8e-6 * s->place.link.bytes_per_s, how);
}

void jup_session_reset(jup_session_t *s)
{
    jup_engine_reset(&s->engine);
    jup_speculation_reset(&s->speculation);
    jup_heads_reset(&s->heads);
    jup_forward_reset(&s->forward);
    jup_compute_reset(&s->compute);
    jup_weights_reset(&s->weights);
    jup_modelled_reset(&s->device);
    jup_place_reset(&s->place);
    jup_gguf_close(s->gguf);
    memset(s, 0, sizeof *s);
}
