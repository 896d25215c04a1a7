#include "app/run_plan.h"

#include "base/checked.h"
#include "base/log.h"
#include "base/mem.h"
#include "comm/collect.h"
#include "io/model_file.h"
#include "job/measure.h"
#include "plan/file_size.h"
#include "plan/planner.h"

#include <stdio.h>
#include <string.h>

/* Plans that are so much quicker are worth starting the ranks otherwise. */
static const double worth_saying = 0.97;

bool jup_run_plan_wanted(const jup_run_options_t *o)
{
    return o->plan || (o->cluster && !o->phantom) || (o->cluster && o->automatic);
}

/* ---- the problem ---------------------------------------------------------------------------- */

static jup_status_t check_options(const jup_run_options_t *o, jup_error_t *err)
{
    if (o->layers || o->chunk || o->chunks)
        return jup_fail(err, JUP_EINPUT,
                        "%s goes with a division by hand, not with a plan; leave out %s",
                        o->layers  ? "--layers"
                        : o->chunk ? "--chunk"
                                   : "--chunks",
                        o->plan      ? "--plan"
                        : o->cluster ? "--cluster"
                                     : "--auto");
    return JUP_OK;
}

/* Answers that will be decoded at the same time: what a pipe is worth in decoding. */
static int branches_of(const jup_run_setup_t *setup)
{
    enum { USUAL_POINTS = 4 };
    const jup_script_t *script = &setup->ask.script;
    int branches = setup->options.ask.outline != JUP_OUTLINE_OFF ? USUAL_POINTS : 1;
    for (int32_t i = 0; i < script->n; i++)
        branches = (int)jup_max_i64(branches, script->requests[i].n_points);
    return branches;
}

static jup_status_t make_problem(const jup_run_setup_t *setup, const jup_config_t *config,
                                 const jup_job_t *job, const jup_cluster_t *cluster,
                                 jup_plan_problem_t *problem, jup_error_t *err)
{
    const jup_request_t *r = &job->request;
    *problem = (jup_plan_problem_t){
        .cluster = cluster,
        .workload = {.prompt_tokens = r->prompt_tokens,
                     .generate_tokens = r->generate,
                     .context_tokens = r->prompt_tokens + r->generate,
                     .branches = branches_of(setup)},
        .first_stays = true,
    };
    if (setup->gguf)
        return jup_model_size_of_file(&problem->size, setup->gguf, config, job->kv_dtype, job->wire,
                                      err);
    return jup_model_size_init(&problem->size, config, job->weights, job->kv_dtype, job->wire, err);
}

/* ---- the division --------------------------------------------------------------------------- */

/* The stages in the plan's order, then the ranks that it leaves out. */
static void divide_job(const jup_plan_t *plan, int ranks, jup_job_t *job)
{
    jup_free(job->chunks);
    job->chunks = jup_new((size_t)plan->n_chunks, sizeof *job->chunks);
    job->request.n_chunks = jup_plan_scale_chunks(plan, job->request.prompt_tokens, job->chunks);
    job->request.chunks = job->chunks;
    job->first_layer[0] = 0;
    job->stages = plan->n_stages;
    for (int s = 0; s < plan->n_stages; s++) {
        job->first_layer[s + 1] = plan->stages[s].last;
        job->device[s] = jup_plan_leader(plan, s)->device;
    }
    for (int d = 0, r = plan->n_stages; d < ranks; d++)
        if (jup_plan_stage_of(plan, d) < 0)
            job->device[r++] = d;
}

static void keep_plan(jup_run_setup_t *setup, jup_plan_t *plan)
{
    jup_plan_reset(&setup->plan);
    setup->plan = *plan;
    setup->planned = true;
}

/* What it would bring to ask on another device than that of rank 0. */
static void say_what_is_better(const jup_plan_problem_t *problem, const jup_plan_t *plan)
{
    jup_plan_problem_t freely = *problem;
    jup_plan_t better;
    freely.first_stays = false;
    if (jup_plan_make(&freely, &better, NULL) != JUP_OK)
        return;
    if (better.predicted.total_s < worth_saying * plan->predicted.total_s)
        jup_info("plan: %.3g s predicted; with rank 0 on %s, and the cluster's other devices after "
                 "it, %.3g s",
                 plan->predicted.total_s, jup_plan_leader(&better, 0)->name,
                 better.predicted.total_s);
    jup_plan_reset(&better);
}

static void say_what_is_chosen(const jup_plan_t *plan, int ranks)
{
    enum { NAMED = 8 };
    char names[NAMED * (JUP_CLUSTER_NAME + 2)] = "";
    size_t used = 0;
    bool as_started = plan->n_stages == ranks;
    for (int s = 0; s < plan->n_stages; s++) {
        as_started = as_started && jup_plan_leader(plan, s)->device == s;
        if (s < NAMED)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", s ? ", " : "",
                                     jup_plan_leader(plan, s)->name);
    }
    if (!as_started)
        jup_info("plan: %d of %d ranks have a stage, in this order: %s%s", plan->n_stages, ranks,
                 names, plan->n_stages > NAMED ? ", ..." : "");
}

static jup_status_t divide_by_cluster(jup_run_setup_t *setup, const jup_config_t *config, int ranks,
                                      const jup_cluster_t *cluster, jup_job_t *job,
                                      jup_error_t *err)
{
    jup_plan_problem_t problem;
    jup_plan_t plan;
    if (cluster->n_devices != ranks)
        return jup_fail(err, JUP_EINPUT,
                        "the cluster %s has %d devices, %d ranks are running; start one a device",
                        cluster->name, cluster->n_devices, ranks);
    JUP_TRY(make_problem(setup, config, job, cluster, &problem, err));
    JUP_TRY(jup_plan_make(&problem, &plan, err));
    if (!setup->options.quiet) {
        say_what_is_chosen(&plan, ranks);
        say_what_is_better(&problem, &plan);
    }
    divide_job(&plan, ranks, job);
    keep_plan(setup, &plan);
    return JUP_OK;
}

static jup_status_t check_plan(const jup_plan_t *plan, const jup_config_t *config, int ranks,
                               jup_error_t *err)
{
    if (plan->layers != config->layers)
        return jup_fail(err, JUP_EINPUT, "the plan is for %d layers, the model has %d",
                        plan->layers, config->layers);
    for (int s = 0; s < plan->n_stages; s++)
        if (jup_plan_leader(plan, s)->device >= ranks)
            return jup_fail(err, JUP_EINPUT,
                            "stage %d is on device %d, but %d ranks are running; start one for "
                            "every device of the cluster, in its order",
                            s, jup_plan_leader(plan, s)->device, ranks);
    if (plan->n_members != plan->n_stages)
        return jup_fail(err, JUP_EINPUT, "stages of several devices cannot run yet");
    if (jup_plan_leader(plan, 0)->device != 0)
        return jup_fail(err, JUP_EINPUT,
                        "the first stage is on device %d, but the prompt is on rank 0; plan again "
                        "with 'jupiter plan --first-stays', or put that device first in the "
                        "cluster",
                        jup_plan_leader(plan, 0)->device);
    return JUP_OK;
}

static jup_status_t divide_by_file(jup_run_setup_t *setup, const jup_config_t *config, int ranks,
                                   jup_job_t *job, jup_error_t *err)
{
    jup_plan_t plan;
    const char *path = setup->options.plan;
    JUP_TRY(jup_plan_read(&plan, path, err));
    if (check_plan(&plan, config, ranks, err) != JUP_OK) {
        jup_plan_reset(&plan);
        return jup_fail_in(err, "%s", path);
    }
    divide_job(&plan, ranks, job);
    keep_plan(setup, &plan);
    return JUP_OK;
}

jup_status_t jup_run_plan_divide(jup_run_setup_t *setup, const jup_config_t *config, int ranks,
                                 jup_job_t *job, jup_error_t *err)
{
    const jup_run_options_t *o = &setup->options;
    jup_cluster_t cluster;
    JUP_TRY(check_options(o, err));
    if (o->plan)
        return divide_by_file(setup, config, ranks, job, err);
    JUP_TRY(jup_cluster_load(&cluster, o->cluster, err));
    jup_status_t status = divide_by_cluster(setup, config, ranks, &cluster, job, err);
    jup_cluster_reset(&cluster);
    return status;
}

/* ---- measuring first ------------------------------------------------------------------------ */

static jup_status_t measure_job(const jup_run_setup_t *setup, const jup_job_t *job,
                                jup_measure_job_t *measure, jup_error_t *err)
{
    enum { CHUNK = 256, PREFIX = 1024 };
    const jup_run_options_t *o = &setup->options;
    int32_t tokens = job->request.prompt_tokens + job->request.generate;
    JUP_TRY(check_options(o, err));
    *measure = (jup_measure_job_t){
        .digest = job->model_digest,
        .threads = job->threads,
        .wire = job->wire,
        .kv_dtype = job->kv_dtype,
        .max_chunk = tokens < 128     ? 128
                     : tokens < CHUNK ? tokens
                                      : CHUNK,
        .max_prefix = tokens < 128      ? 128
                      : tokens < PREFIX ? tokens
                                        : PREFIX,
        .seconds = 3,
        .show_progress = !o->quiet,
    };
    snprintf(measure->model, sizeof measure->model, "%s", job->model);
    snprintf(measure->compute, sizeof measure->compute, "%s", job->compute);
    return JUP_OK;
}

static jup_status_t divide_measured(jup_run_setup_t *setup, const jup_cluster_t *cluster,
                                    jup_job_t *job, jup_error_t *err)
{
    jup_config_t config;
    JUP_TRY(jup_model_file_config(setup->gguf, &config, err));
    return divide_by_cluster(setup, &config, cluster->n_devices, cluster, job, err);
}

jup_status_t jup_run_plan_measured(jup_comm_t *comm, jup_run_setup_t *setup, jup_job_t *job,
                                   jup_error_t *err)
{
    int32_t wanted =
        comm->rank == 0 && setup->options.automatic && !setup->planned && !setup->sliced;
    jup_measure_job_t *measure;
    jup_cluster_t cluster;
    jup_status_t status = JUP_OK;
    jup_comm_share_fixed(comm, &wanted, sizeof wanted);
    if (!wanted)
        return JUP_OK;
    measure = jup_new(1, sizeof *measure);
    if (comm->rank == 0)
        status = measure_job(setup, job, measure, err);
    status = jup_comm_agree(comm, status, err);
    if (status == JUP_OK)
        status = jup_measure_cluster(comm, measure, &cluster, err);
    jup_free(measure);
    if (status == JUP_OK && comm->rank == 0) {
        status = divide_measured(setup, &cluster, job, err);
        jup_cluster_reset(&cluster);
    }
    return jup_comm_agree(comm, status, err);
}

/* ---- afterwards ----------------------------------------------------------------------------- */

/* Whether the prediction is for what was run. */
static bool is_comparable(const jup_run_setup_t *setup, const jup_analysis_t *analysis)
{
    return setup->planned && setup->plan.predicted.ttft_s > 0 && analysis->n_requests == 1 &&
           analysis->requests[0].prompt_tokens == setup->plan.workload.prompt_tokens;
}

static double percent(double predicted, double measured)
{
    return measured > 0 ? 100 * (predicted / measured - 1) : 0;
}

static void print_row(FILE *out, const char *name, double predicted_s, double measured_s)
{
    fprintf(out, "  %-24s %10.2f ms %10.2f ms %+8.1f %%\n", name, 1e3 * predicted_s,
            1e3 * measured_s, percent(predicted_s, measured_s));
}

void jup_run_plan_report(FILE *out, const jup_run_setup_t *setup, const jup_analysis_t *analysis)
{
    const jup_plan_t *plan = &setup->plan;
    char name[100];
    if (!is_comparable(setup, analysis))
        return;
    double tokens = (double)analysis->requests[0].new_tokens - 1;
    fprintf(out, "plan                          predicted      measured\n");
    print_row(out, "time to first token", plan->predicted.ttft_s, analysis->first_token_s);
    if (tokens > 0)
        print_row(out, "a further token", plan->predicted.token_s,
                  analysis->length_s[JUP_PHASE_DECODE] / tokens);
    for (int s = 0; s < plan->n_stages && s < (int)analysis->n_ranks; s++) {
        const jup_phase_use_t *phase = analysis->ranks[s].phase;
        snprintf(name, sizeof name, "stage %d prefill, busy", s);
        print_row(out, name, plan->stages[s].prefill_s, phase[JUP_PHASE_PREFILL].busy_s);
        snprintf(name, sizeof name, "stage %d a token, busy", s);
        if (tokens > 0)
            print_row(out, name, plan->stages[s].decode_s, phase[JUP_PHASE_DECODE].busy_s / tokens);
    }
}

void jup_run_plan_store(const jup_run_setup_t *setup, jup_run_t *run)
{
    char *text;
    size_t bytes;
    if (!setup->planned)
        return;
    jup_plan_pack(&setup->plan, &text, &bytes);
    jup_run_set_meta(run, "plan", text);
    jup_run_set_number(run, "predicted_time_to_first_token_s", setup->plan.predicted.ttft_s);
    jup_run_set_number(run, "predicted_token_s", setup->plan.predicted.token_s);
    jup_free(text);
}
