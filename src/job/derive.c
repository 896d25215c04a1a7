#include "job/derive.h"

#include "base/checked.h"
#include "base/mem.h"

/* Rows of a step that holds several answers or candidates. */
enum { STEP_ROWS = 128 };

static bool is_single(const jup_job_t *job, const jup_demand_t *d)
{
    return d->questions == 1 && d->branches == 1 && !jup_job_speculates(job);
}

static void derive_stage(jup_job_t *job, const jup_demand_t *d)
{
    jup_stage_options_t *stage = &job->engine.stage;
    const jup_scheduler_options_t *scheduler = &job->engine.scheduler;
    int32_t stages = job->plan.n_stages;
    int32_t rows = jup_chunks_longest(&scheduler->chunks, job->prompt_tokens);
    if (!is_single(job, d))
        rows = (int32_t)jup_max_i64(rows, STEP_ROWS);
    stage->wire = job->wire;
    stage->rows = rows;
    stage->window = job->fit_window ? jup_engine_most_window(stages) : scheduler->window;
    stage->ahead = jup_job_speculates(job) && d->typical.epsilon <= 0 && stages > 1;
    stage->logits = d->logits;
    stage->told = d->told;
    stage->any_sampling = d->any_sampling;
    stage->sampling = d->sampling;
    stage->typical = d->typical;
}

/* One answer needs the logits of one row; several, or candidates, those of a whole mixed step. */
static int32_t outputs_of(const jup_job_t *job, const jup_demand_t *d)
{
    int32_t rows = job->engine.stage.rows;
    if (d->logits)
        return rows;
    return is_single(job, d) ? 1 : (int32_t)jup_min_i64(rows, STEP_ROWS);
}

static int32_t parallel_of(const jup_demand_t *d, int32_t window)
{
    int32_t enough = d->branches > 1 ? window : 2 * window;
    return (int32_t)jup_min_i64(d->parallel ? d->parallel : enough, d->questions);
}

/* As many questions at a time as half of this host's memory takes, one at least. */
static int64_t cache_tokens(const jup_job_t *job, const jup_config_t *config, const jup_demand_t *d)
{
    int32_t nodes = jup_job_nodes(job);
    bool chain = job->guessing.chain;
    if (d->whole_context)
        return jup_scheduler_room(job->longest, nodes, chain) + JUP_KV_PAGE_SLOTS;
    int64_t each = jup_scheduler_room(d->trunk_tokens, nodes, chain);
    if (d->branches > 1)
        each += d->branches * jup_scheduler_room(d->branch_tokens, nodes, chain);
    int layers = 0;
    for (int s = 0; s < job->plan.n_stages; s++)
        layers = (int)jup_max_i64(layers, job->plan.stages[s].last - job->plan.stages[s].first);
    double bytes = (double)jup_config_kv_bytes(config, job->kv_dtype) * layers * (double)each;
    double room = (double)jup_mem_available_bytes() / 2;
    int64_t parallel = job->parallel;
    while (parallel > 1 && bytes * (double)parallel > room)
        parallel--;
    return parallel * each;
}

void jup_job_derive(jup_job_t *job, const jup_config_t *config, const jup_demand_t *d)
{
    int32_t stages = job->plan.n_stages;
    jup_scheduler_options_t *scheduler = &job->engine.scheduler;
    job->engine = (jup_engine_options_t){.stage = {.scripted = d->scripted}};
    job->measure = jup_job_speculates(job) && job->guessing.nodes == 0;
    job->fit_window = job->measure && d->window == 0;
    scheduler->window = d->window ? d->window : jup_engine_default_window(stages);
    scheduler->chunks =
        (jup_chunks_t){.lengths = job->plan.chunks, .n = job->plan.n_chunks, .each = job->chunk};
    job->parallel = parallel_of(d, scheduler->window);
    derive_stage(job, d);
    scheduler->no_cancel = job->guessing.no_cancel;
    scheduler->outputs = outputs_of(job, d);
    scheduler->kv_tokens = cache_tokens(job, config, d);
}
