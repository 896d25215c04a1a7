/* Dividing by a plan: read from a file, made for a cluster, or for the ranks as they measure. */
#include "base/checked.h"
#include "base/log.h"
#include "base/mem.h"
#include "comm/collect.h"
#include "io/slice.h"
#include "job/division.h"
#include "job/measure.h"
#include "job/place.h"
#include "plan/baselines.h"
#include "plan/file_size.h"
#include "plan/planner.h"
#include "strategy/chunks.h"

#include <stdio.h>
#include <string.h>

/* Plans that are so much quicker are worth starting the ranks otherwise. */
static const double worth_saying = 0.97;

/* ---- the problem ---------------------------------------------------------------------------- */

/* Layers and chunks come from the plan, or from the user, not from both. */
static jup_status_t check_wishes(const jup_wishes_t *w, const jup_gguf_t *gguf, jup_error_t *err)
{
    int slice, slices;
    const char *by_hand = w->layers   ? "--layers"
                          : w->chunk  ? "--chunk"
                          : w->chunks ? "--chunks"
                                      : NULL;
    const char *planner = w->plan ? "--plan" : w->cluster ? "--cluster" : "--auto";
    if (by_hand)
        return jup_fail(err, JUP_EINPUT,
                        "%s goes with a division by hand, not with a plan; leave out %s", by_hand,
                        planner);
    if (!w->plan && gguf && jup_slice_of(gguf, &slice, &slices))
        return jup_fail(err, JUP_EINPUT,
                        "%s is a slice, whose layers are settled; leave out %s, or give the plan "
                        "that it was split by with --plan",
                        jup_gguf_path(gguf), planner);
    return JUP_OK;
}

static jup_workload_t workload_of(const jup_wishes_t *wishes, const jup_job_t *job)
{
    int32_t generate = wishes->points > 0 ? wishes->outline + wishes->points : job->generate;
    jup_workload_t w = {.prompt_tokens = job->prompt_tokens,
                        .generate_tokens = generate,
                        .context_tokens = job->prompt_tokens + generate,
                        .branches = wishes->branches,
                        .serial_tokens = wishes->points > 0 ? wishes->outline : 0};
    if (wishes->guesses)
        jup_workload_expect_guesses(&w);
    return w;
}

static jup_status_t make_problem(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                 const jup_config_t *config, const jup_job_t *job,
                                 const jup_cluster_t *cluster, jup_plan_problem_t *problem,
                                 jup_error_t *err)
{
    *problem = (jup_plan_problem_t){
        .cluster = cluster,
        .workload = workload_of(wishes, job),
        .first_stays = true,
        .exchange = job->exchange,
        .every_row = job->every_row != 0,
    };
    if (gguf)
        return jup_model_size_of_file(&problem->size, gguf, config, job->kv_dtype, job->wire, err);
    return jup_model_size_init(&problem->size, config, job->weights, job->kv_dtype, job->wire, err);
}

/* ---- what is said --------------------------------------------------------------------------- */

/* What it would bring to ask on another device than that of rank 0. */
static void say_what_is_better(const jup_plan_problem_t *problem, const jup_plan_t *plan)
{
    jup_plan_problem_t freely = *problem;
    jup_plan_t better;
    freely.first_stays = false;
    if (jup_plan_of_strategy(plan->strategy, &freely, &better, NULL) != JUP_OK)
        return;
    if (better.predicted.total_s < worth_saying * plan->predicted.total_s)
        jup_info("plan: %.3g s predicted; with rank 0 on %s, and the cluster's other devices after "
                 "it, %.3g s",
                 plan->predicted.total_s, jup_plan_leader(&better, 0)->name,
                 better.predicted.total_s);
    jup_plan_reset(&better);
}

/* "rank-0 +3 (tensor), rank-4": the first stages. */
static void list_stages(const jup_plan_t *plan, char *text, size_t size)
{
    enum { NAMED = 8 };
    size_t used = 0;
    char name[JUP_CLUSTER_NAME + 16];
    for (int s = 0; s < plan->n_stages && s < NAMED && used < size; s++) {
        const jup_plan_stage_t *stage = &plan->stages[s];
        jup_plan_stage_name(plan, s, name, sizeof name);
        used += (size_t)snprintf(
            text + used, size - used, "%s%s%s%s%s", s ? ", " : "", name, stage->n > 1 ? " (" : "",
            stage->n > 1 ? jup_way_name(stage->way) : "", stage->n > 1 ? ")" : "");
    }
    if (plan->n_stages > NAMED && used < size)
        snprintf(text + used, size - used, ", ...");
}

static void say_what_is_chosen(const jup_plan_t *plan, int ranks)
{
    char stages[1000] = "";
    bool as_started = plan->n_stages == ranks;
    for (int m = 0; m < plan->n_members; m++)
        as_started = as_started && plan->members[m].device == m;
    list_stages(plan, stages, sizeof stages);
    if (!as_started)
        jup_info("plan (%s): %d of %d ranks work, in %d stage%s: %s", plan->strategy,
                 plan->n_members, ranks, plan->n_stages, plan->n_stages == 1 ? "" : "s", stages);
}

/* ---- a cluster ------------------------------------------------------------------------------ */

static void take_plan(jup_job_t *job, jup_plan_t *plan)
{
    jup_plan_reset(&job->plan);
    job->plan = *plan;
    job->chunk = 0;
}

/* Left to itself, --auto takes whatever is quickest. */
static const char *strategy_of(const jup_wishes_t *wishes)
{
    return wishes->strategy ? wishes->strategy : wishes->automatic ? "hybrid" : "jupiter";
}

static jup_status_t divide_by_cluster(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                      const jup_config_t *config, int ranks,
                                      const jup_cluster_t *cluster, jup_job_t *job,
                                      jup_error_t *err)
{
    jup_plan_problem_t problem;
    jup_plan_t plan;
    if (cluster->n_devices != ranks)
        return jup_fail(
            err, JUP_EINPUT,
            "the cluster '%s' has %d devices, but %d ranks are running; start one a device",
            cluster->name, cluster->n_devices, ranks);
    JUP_TRY(make_problem(wishes, gguf, config, job, cluster, &problem, err));
    JUP_TRY(jup_plan_of_strategy(strategy_of(wishes), &problem, &plan, err));
    if (!wishes->quiet) {
        say_what_is_chosen(&plan, ranks);
        say_what_is_better(&problem, &plan);
    }
    take_plan(job, &plan);
    return JUP_OK;
}

/* ---- a file --------------------------------------------------------------------------------- */

static jup_status_t check_stages(const jup_plan_t *plan, const jup_config_t *config, int ranks,
                                 jup_error_t *err)
{
    if (plan->layers != config->layers)
        return jup_fail(err, JUP_EINPUT, "the plan is for %d layers, the model has %d",
                        plan->layers, config->layers);
    for (int m = 0; m < plan->n_members; m++)
        if (plan->members[m].device >= ranks)
            return jup_fail(err, JUP_EINPUT,
                            "stage %d is on device %d, but %d ranks are running; start one for "
                            "every device of the cluster, in its order",
                            jup_plan_stage_of(plan, plan->members[m].device),
                            plan->members[m].device, ranks);
    int leader = jup_plan_leader(plan, 0)->device;
    if (leader == 0)
        return JUP_OK;
    if (jup_plan_stage_of(plan, 0) == 0)
        return jup_fail(
            err, JUP_EINPUT,
            "the first stage's devices begin with %d, but rank 0 leads it: it reads the "
            "prompt; put device 0 first in that list",
            leader);
    return jup_fail(err, JUP_EINPUT,
                    "the first stage is on device %d, but the prompt is on rank 0; plan again "
                    "with 'jupiter plan --first-stays', or put that device first in the "
                    "cluster",
                    leader);
}

/* Slices are numbered as the plan's members are, so they fit a plan with the same shards. */
static jup_status_t check_slices(const jup_plan_t *plan, const jup_gguf_t *gguf,
                                 const jup_config_t *config, jup_part_blocks_t blocks,
                                 jup_error_t *err)
{
    int slice, slices;
    if (!gguf || !jup_slice_of(gguf, &slice, &slices))
        return JUP_OK;
    jup_shard_t *sliced = jup_new((size_t)slices, sizeof *sliced);
    jup_shard_t *planned = jup_new((size_t)plan->n_members, sizeof *planned);
    jup_status_t status = jup_slice_shards(gguf, config, sliced, err);
    if (status == JUP_OK)
        status = jup_plan_shards(plan, config, blocks, planned, err);
    bool fits = status == JUP_OK && slices == plan->n_members;
    for (int m = 0; fits && m < slices; m++)
        fits = sliced[m].first == planned[m].first && sliced[m].last == planned[m].last &&
               memcmp(&sliced[m].part, &planned[m].part, sizeof sliced[m].part) == 0;
    jup_free(sliced);
    jup_free(planned);
    JUP_TRY(status);
    return fits ? JUP_OK
                : jup_fail(err, JUP_EINPUT,
                           "the plan gives other layers to the stages than %s was split into; "
                           "split the model anew with --plan",
                           jup_gguf_path(gguf));
}

/* A plan for a prompt of another length: its boundaries in proportion, and no prediction. */
static void fit_prompt(jup_plan_t *plan, int32_t tokens)
{
    const jup_chunks_t chunks = {.lengths = plan->chunks, .n = plan->n_chunks};
    if (plan->workload.prompt_tokens == tokens)
        return;
    int32_t *ends = jup_new((size_t)plan->n_chunks, sizeof *ends);
    plan->n_chunks = jup_chunks_cut(&chunks, tokens, ends);
    for (int i = 0; i < plan->n_chunks; i++)
        plan->chunks[i] = ends[i] - (i ? ends[i - 1] : 0);
    jup_free(ends);
    plan->workload.prompt_tokens = tokens;
    plan->workload.context_tokens = 0;
    plan->predicted = (jup_prediction_t){0};
    plan->proven = false;
}

static jup_status_t divide_by_file(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                   const jup_config_t *config, int ranks, jup_job_t *job,
                                   jup_error_t *err)
{
    jup_plan_t plan;
    JUP_TRY(jup_plan_read(&plan, wishes->plan, err));
    jup_status_t status = check_stages(&plan, config, ranks, err);
    if (status == JUP_OK && wishes->strategy && strcmp(wishes->strategy, plan.strategy) != 0)
        status =
            jup_fail(err, JUP_EINPUT, "the plan is one of strategy %s; leave out --strategy %s",
                     plan.strategy, wishes->strategy);
    if (status == JUP_OK)
        status = check_slices(&plan, gguf, config, job->blocks, err);
    if (status != JUP_OK) {
        jup_plan_reset(&plan);
        return jup_fail_in(err, "%s", wishes->plan);
    }
    fit_prompt(&plan, job->prompt_tokens);
    take_plan(job, &plan);
    return JUP_OK;
}

jup_status_t jup_division_by_plan(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                  const jup_config_t *config, int ranks, jup_job_t *job,
                                  jup_error_t *err)
{
    jup_cluster_t cluster;
    JUP_TRY(check_wishes(wishes, gguf, err));
    if (wishes->plan)
        return divide_by_file(wishes, gguf, config, ranks, job, err);
    JUP_TRY(jup_cluster_load(&cluster, wishes->cluster, err));
    jup_status_t status = divide_by_cluster(wishes, gguf, config, ranks, &cluster, job, err);
    jup_cluster_reset(&cluster);
    return status;
}

/* ---- measuring first ------------------------------------------------------------------------ */

static void measure_job(const jup_wishes_t *wishes, const jup_job_t *job,
                        jup_measure_job_t *measure)
{
    enum { LEAST = 128, CHUNK = 256, PREFIX = 1024 };
    int32_t tokens = (int32_t)jup_max_i64(LEAST, job->prompt_tokens + job->generate);
    *measure = (jup_measure_job_t){
        .digest = job->digest,
        .threads = job->threads,
        .wire = job->wire,
        .kv_dtype = job->kv_dtype,
        .max_chunk = (int32_t)jup_min_i64(tokens, CHUNK),
        .max_prefix = (int32_t)jup_min_i64(tokens, PREFIX),
        .seconds = 3,
        .show_progress = !wishes->quiet,
    };
    snprintf(measure->model, sizeof measure->model, "%s", job->model);
    snprintf(measure->compute, sizeof measure->compute, "%s", job->compute);
}

static jup_status_t divide_measured(jup_comm_t *comm, const jup_wishes_t *wishes,
                                    const jup_gguf_t *gguf, const jup_config_t *config,
                                    jup_job_t *job, jup_error_t *err)
{
    jup_measure_job_t *measure = jup_new(1, sizeof *measure);
    jup_cluster_t cluster;
    if (comm->rank == 0)
        measure_job(wishes, job, measure);
    jup_status_t status = jup_measure_cluster(comm, measure, &cluster, err);
    jup_free(measure);
    if (status == JUP_OK && comm->rank == 0) {
        status = divide_by_cluster(wishes, gguf, config, comm->size, &cluster, job, err);
        jup_cluster_reset(&cluster);
    }
    return jup_comm_agree(comm, status, err);
}

/* Who takes a strategy that computes another model shall know. */
static void warn_of_loss(const jup_plan_t *plan)
{
    const jup_strategy_t *strategy = jup_strategy_by_name(plan->strategy);
    if (strategy && !jup_strategy_is_lossless(strategy) && plan->n_members > 1)
        jup_warn("strategy %s computes ANOTHER MODEL than the file's: its times count, its text "
                 "means nothing",
                 strategy->name);
}

jup_status_t jup_division_make(jup_comm_t *comm, const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                               const jup_config_t *config, jup_job_t *job, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    int32_t measured = 0;
    if (comm->rank == 0) {
        measured = wishes->automatic && !wishes->cluster && !wishes->plan;
        if (comm->size > JUP_MAX_RANKS)
            status = jup_fail(err, JUP_EINPUT, "%d ranks are more than this program's %d",
                              comm->size, JUP_MAX_RANKS);
        else if (measured)
            status = check_wishes(wishes, gguf, err);
        else if (wishes->plan || wishes->cluster)
            status = jup_division_by_plan(wishes, gguf, config, comm->size, job, err);
        else
            status = jup_division_by_hand(wishes, gguf, config, comm->size, job, err);
    }
    JUP_TRY(jup_comm_agree(comm, status, err));
    jup_comm_share_fixed(comm, &measured, sizeof measured);
    if (measured)
        JUP_TRY(divide_measured(comm, wishes, gguf, config, job, err));
    if (comm->rank == 0)
        warn_of_loss(&job->plan);
    return JUP_OK;
}
