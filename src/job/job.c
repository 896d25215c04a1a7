#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "base/mem.h"
#include "base/pack.h"
#include "cluster/nearest.h"
#include "comm/collect.h"
#include "job/job.h"
#include "model/shapes.h"

#include <string.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

void jup_job_reset(jup_job_t *job)
{
    char *const texts[] = {
        job->model,          job->shape,          job->compute,          job->cluster,
        job->guessing.heads, job->guessing.draft, job->guessing.accuracy};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        jup_free(texts[i]);
    jup_plan_reset(&job->plan);
    memset(job, 0, sizeof *job);
}

/* ---- as bytes -------------------------------------------------------------------------------- */

/* Another version would read something else into the same bytes. */
static void walk_version(jup_pack_t *p)
{
    char version[32] = PACKAGE_VERSION;
    uint64_t bytes = sizeof(jup_job_t);
    jup_pack_value(p, version, sizeof version);
    jup_pack_value(p, &bytes, sizeof bytes);
    p->failed = p->failed || strcmp(version, PACKAGE_VERSION) != 0 || bytes != sizeof(jup_job_t);
}

static void walk_model(jup_pack_t *p, jup_job_t *job)
{
    jup_pack_text(p, &job->model);
    jup_pack_value(p, &job->digest, sizeof job->digest);
    jup_pack_text(p, &job->shape);
    jup_pack_value(p, &job->weights, sizeof job->weights);
    jup_pack_value(p, &job->blocks, sizeof job->blocks);
    jup_pack_text(p, &job->compute);
    jup_pack_text(p, &job->cluster);
    jup_pack_value(p, &job->threads, sizeof job->threads);
    jup_pack_value(p, &job->wire, sizeof job->wire);
    jup_pack_value(p, &job->exchange, sizeof job->exchange);
    jup_pack_value(p, &job->kv_dtype, sizeof job->kv_dtype);
    jup_pack_value(p, &job->every_row, sizeof job->every_row);
    jup_pack_value(p, &job->log_level, sizeof job->log_level);
    jup_pack_value(p, &job->record, sizeof job->record);
}

static void walk_guessing(jup_pack_t *p, jup_guessing_t *g)
{
    jup_pack_value(p, &g->lookup, sizeof g->lookup);
    jup_pack_value(p, &g->medusa, sizeof g->medusa);
    jup_pack_value(p, &g->model, sizeof g->model);
    jup_pack_text(p, &g->heads);
    jup_pack_text(p, &g->draft);
    jup_pack_text(p, &g->accuracy);
    jup_pack_value(p, &g->nodes, sizeof g->nodes);
    jup_pack_value(p, &g->chain, sizeof g->chain);
    jup_pack_value(p, &g->no_cancel, sizeof g->no_cancel);
    jup_pack_value(p, &g->form, sizeof g->form);
}

static void walk_plan(jup_pack_t *p, jup_plan_t *plan)
{
    char *text = NULL;
    size_t bytes = 0;
    jup_error_t err;
    if (!p->reading)
        jup_plan_pack(plan, &text, &bytes);
    void *block = text;
    jup_pack_block(p, &block, &bytes);
    if (p->reading && !p->failed)
        p->failed = !block || jup_plan_unpack(plan, block, bytes, &err) != JUP_OK;
    jup_free(block);
}

static void walk_work(jup_pack_t *p, jup_job_t *job)
{
    jup_pack_value(p, &job->chunk, sizeof job->chunk);
    jup_pack_value(p, &job->prompt_tokens, sizeof job->prompt_tokens);
    jup_pack_value(p, &job->generate, sizeof job->generate);
    jup_pack_value(p, &job->longest, sizeof job->longest);
    jup_pack_value(p, &job->parallel, sizeof job->parallel);
    jup_pack_value(p, &job->measure, sizeof job->measure);
    jup_pack_value(p, &job->fit_window, sizeof job->fit_window);
    jup_pack_value(p, &job->engine, sizeof job->engine);
    job->engine.scheduler.chunks.lengths = job->plan.chunks;
}

static void walk(jup_pack_t *p, jup_job_t *job)
{
    walk_version(p);
    walk_model(p, job);
    walk_guessing(p, &job->guessing);
    walk_plan(p, &job->plan);
    walk_work(p, job);
}

void jup_job_pack(const jup_job_t *job, void **data, size_t *bytes)
{
    jup_pack_t pack = jup_pack_writer();
    jup_job_t view = *job; /* writing leaves it as it is */
    walk(&pack, &view);
    *data = pack.data;
    *bytes = pack.bytes;
}

jup_status_t jup_job_unpack(jup_job_t *job, const void *data, size_t bytes, jup_error_t *err)
{
    jup_pack_t pack = jup_pack_reader(data, bytes);
    memset(job, 0, sizeof *job);
    walk(&pack, job);
    if (jup_pack_is_done(&pack))
        return JUP_OK;
    jup_job_reset(job);
    return jup_fail(err, JUP_EENV,
                    "cannot read what rank 0 says of the run; install the same version of the "
                    "program (here %s) for all ranks",
                    PACKAGE_VERSION);
}

jup_status_t jup_job_share(jup_comm_t *comm, jup_job_t *job, jup_error_t *err)
{
    void *data = NULL;
    size_t bytes = 0;
    jup_status_t status = JUP_OK;
    if (comm->rank == 0)
        jup_job_pack(job, &data, &bytes);
    jup_comm_share(comm, &data, &bytes);
    if (comm->rank != 0)
        status = jup_job_unpack(job, data, bytes, err);
    jup_free(data);
    return jup_comm_agree(comm, status, err);
}

/* ---- who does what --------------------------------------------------------------------------- */

jup_status_t jup_job_shape(const char *name, jup_config_t *config, jup_error_t *err)
{
    char all[400];
    if (jup_shape_find(name, config))
        return JUP_OK;
    jup_list_names(jup_shape_names(), all, sizeof all);
    return jup_fail(err, JUP_EINPUT, "--shape is '%s', known are %s", name, all);
}

/* The number of the rank that was started as `device`. */
static int number_of(const jup_plan_t *plan, int device)
{
    int idle = 0;
    for (int m = 0; m < plan->n_members; m++)
        if (plan->members[m].device == device)
            return m;
    for (int d = 0; d < device; d++)
        idle += jup_plan_stage_of(plan, d) < 0;
    return plan->n_members + idle;
}

void jup_job_number_ranks(const jup_job_t *job, jup_comm_t *comm)
{
    bool as_started = true;
    int *numbers = jup_new((size_t)comm->size, sizeof *numbers);
    for (int d = 0; d < comm->size; d++) {
        numbers[d] = number_of(&job->plan, d);
        as_started = as_started && numbers[d] == d;
    }
    if (!as_started)
        jup_comm_renumber(comm, numbers);
    jup_free(numbers);
}

bool jup_job_has_stage(const jup_job_t *job, int rank)
{
    return rank < job->plan.n_members;
}

bool jup_job_speculates(const jup_job_t *job)
{
    const jup_guessing_t *g = &job->guessing;
    return g->lookup || g->medusa || g->model || g->form.n > 0 ||
           job->engine.stage.scripted.depth > 0;
}

int32_t jup_job_nodes(const jup_job_t *job)
{
    enum { MEASURED = 32 }; /* where measuring finds the best size */
    if (!jup_job_speculates(job))
        return 1;
    return job->guessing.nodes ? job->guessing.nodes : MEASURED;
}
