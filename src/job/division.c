/* Dividing by hand: even shares or what the user says, or what the file's slices say. */
#include "job/division.h"
#include "base/checked.h"
#include "base/decimal.h"
#include "base/mem.h"
#include "cluster/nearest.h"
#include "io/slice.h"
#include "strategy/strategies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

jup_status_t jup_division_strategy(const char *name, const jup_strategy_t **strategy,
                                   jup_error_t *err)
{
    const char *names[16] = {NULL};
    char all[200];
    int n;
    const jup_strategy_t *list = jup_strategies(&n);
    *strategy = jup_strategy_by_name(name ? name : "jupiter");
    if (*strategy)
        return JUP_OK;
    for (int i = 0; i < n; i++)
        names[i] = list[i].name;
    jup_list_names(names, all, sizeof all);
    const char *nearest = jup_nearest(name, names);
    return jup_fail(err, JUP_EINPUT, "--strategy is '%s', %s%s%sknown are %s", name,
                    nearest ? "did you mean '" : "", nearest ? nearest : "", nearest ? "'? " : "",
                    all);
}

/* ---- layers ---------------------------------------------------------------------------------- */

int32_t jup_division_count(const char *list)
{
    int32_t n = 1;
    for (const char *c = list; *c; c++)
        n += *c == ',';
    return n;
}

jup_status_t jup_division_numbers(const char *option, const char *text, int32_t least, int32_t most,
                                  int32_t **numbers, int32_t *n, jup_error_t *err)
{
    int32_t *list = jup_new((size_t)jup_division_count(text), sizeof *list);
    int32_t count = 0;
    const char *at = text;
    for (;;) {
        long long value;
        const char *end = jup_decimal_read(at, &value);
        if (end == at || (*end != ',' && *end != '\0') || value < least || value > most) {
            jup_free(list);
            return jup_fail(
                err, JUP_EINPUT,
                "%s is '%s', must be numbers between %d and %d with commas between them", option,
                text, least, most);
        }
        list[count++] = (int32_t)value;
        if (*end == '\0')
            break;
        at = end + 1;
    }
    *numbers = list;
    *n = count;
    return JUP_OK;
}

void jup_division_layers_evenly(int32_t layers, int32_t ranks, int32_t *first_layer)
{
    for (int32_t r = 0; r <= ranks; r++)
        first_layer[r] = r * (layers / ranks) + (int32_t)jup_min_i64(r, layers % ranks);
}

jup_status_t jup_division_layers_as_told(const char *list, int32_t layers, int32_t ranks,
                                         int32_t *first_layer, jup_error_t *err)
{
    int32_t *counts, n;
    int64_t sum = 0;
    JUP_TRY(jup_division_numbers("--layers", list, 1, layers, &counts, &n, err));
    for (int32_t i = 0; i < n; i++)
        sum += counts[i];
    jup_status_t status = JUP_OK;
    if (n != ranks)
        status = jup_fail(err, JUP_EINPUT, "--layers %s names %d ranks, but %d are running", list,
                          n, ranks);
    else if (sum != layers)
        status = jup_fail(err, JUP_EINPUT, "--layers %s sums to %lld, but the model has %d layers",
                          list, (long long)sum, layers);
    first_layer[0] = 0;
    for (int32_t r = 0; status == JUP_OK && r < ranks; r++)
        first_layer[r + 1] = first_layer[r] + counts[r];
    jup_free(counts);
    return status;
}

/* Slices of a model were made for so many ranks and these layers. */
static jup_status_t layers_as_sliced(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                     const jup_config_t *config, int slices, int ranks,
                                     int32_t *first_layer, jup_error_t *err)
{
    const char *path = jup_gguf_path(gguf);
    if (slices != ranks)
        return jup_fail(err, JUP_EINPUT,
                        "%s is a slice for %d ranks, there are %d; start as many, or split the "
                        "model anew",
                        path, slices, ranks);
    if (wishes->layers)
        return jup_fail(err, JUP_EINPUT, "--layers cannot be chosen, %s is a slice of a model",
                        path);
    jup_shard_t *shards = jup_new((size_t)ranks, sizeof *shards);
    jup_status_t status = jup_slice_shards(gguf, config, shards, err);
    for (int rank = 0; rank < ranks && status == JUP_OK; rank++) {
        if (!jup_part_is_whole(&shards[rank].part))
            status = jup_fail(err, JUP_EINPUT,
                              "%s is a slice with parts of layers; give the plan that it was split "
                              "by with --plan",
                              path);
        first_layer[rank] = shards[rank].first;
    }
    first_layer[ranks] = config->layers;
    jup_free(shards);
    return status;
}

static jup_status_t divide_layers(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                  const jup_config_t *config, int ranks, int32_t *first_layer,
                                  jup_error_t *err)
{
    int slice, slices;
    if (ranks > config->layers)
        return jup_fail(err, JUP_EINPUT,
                        "%d ranks are more than the model's %d layers; start at most %d ranks, or "
                        "let --auto choose among them",
                        ranks, config->layers, config->layers);
    if (gguf && jup_slice_of(gguf, &slice, &slices))
        return layers_as_sliced(wishes, gguf, config, slices, ranks, first_layer, err);
    if (wishes->layers)
        return jup_division_layers_as_told(wishes->layers, config->layers, ranks, first_layer, err);
    jup_division_layers_evenly(config->layers, ranks, first_layer);
    return JUP_OK;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

int32_t jup_division_default_chunk(int32_t tokens, int32_t ranks)
{
    enum { SHORTEST = 32, LONGEST = 512 };
    int64_t even = ranks == 1 ? LONGEST : (tokens + 2 * ranks - 1) / (2 * ranks);
    return (int32_t)jup_max_i64(SHORTEST, jup_min_i64(LONGEST, even));
}

static jup_status_t uniform_chunks(int32_t tokens, int32_t chunk, int32_t **chunks, int32_t *n,
                                   jup_error_t *err)
{
    *n = (tokens + chunk - 1) / chunk;
    if (*n > JUP_PLAN_CHUNKS)
        return jup_fail(err, JUP_EINPUT,
                        "--chunk %d cuts the prompt of %d tokens into %d chunks, more than %d; use "
                        "longer ones",
                        chunk, tokens, *n, JUP_PLAN_CHUNKS);
    *chunks = jup_new((size_t)*n, sizeof **chunks);
    for (int32_t i = 0; i < *n; i++)
        (*chunks)[i] = (int32_t)jup_min_i64(chunk, tokens - (int64_t)i * chunk);
    return JUP_OK;
}

static jup_status_t chunks_as_told(const char *list, int32_t tokens, int32_t **chunks, int32_t *n,
                                   jup_error_t *err)
{
    int64_t sum = 0;
    JUP_TRY(jup_division_numbers("--chunks", list, 1, tokens, chunks, n, err));
    for (int32_t i = 0; i < *n; i++)
        sum += (*chunks)[i];
    if (sum == tokens)
        return JUP_OK;
    jup_free(*chunks);
    *chunks = NULL;
    return jup_fail(err, JUP_EINPUT, "--chunks %s sums to %lld, but the prompt has %d tokens", list,
                    (long long)sum, tokens);
}

/* *each: chunks of so many tokens for other prompts, too; 0: in proportion. */
static jup_status_t divide_prompt(const jup_wishes_t *wishes, const jup_strategy_t *strategy,
                                  int32_t tokens, int stages, int32_t **chunks, int32_t *n,
                                  int32_t *each, jup_error_t *err)
{
    *each = 0;
    if (!strategy->chunks && (wishes->chunks || wishes->chunk))
        return jup_fail(err, JUP_EINPUT, "--strategy %s takes a prompt as a whole; leave out %s",
                        strategy->name, wishes->chunks ? "--chunks" : "--chunk");
    if (!strategy->chunks)
        return uniform_chunks(tokens, tokens, chunks, n, err);
    if (wishes->chunks)
        return chunks_as_told(wishes->chunks, tokens, chunks, n, err);
    *each = wishes->chunk ? wishes->chunk : jup_division_default_chunk(tokens, stages);
    return uniform_chunks(tokens, *each, chunks, n, err);
}

/* ---- stages ---------------------------------------------------------------------------------- */

static const char by_hand[] = "by hand";

bool jup_division_is_by_hand(const jup_plan_t *plan)
{
    return strcmp(plan->cluster, by_hand) == 0;
}

static void name_members(jup_plan_t *plan)
{
    for (int m = 0; m < plan->n_members; m++) {
        plan->members[m].device = m;
        snprintf(plan->members[m].name, sizeof plan->members[m].name, "rank-%d", m);
    }
}

static jup_status_t divide_pipeline(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                    const jup_config_t *config, jup_plan_t *plan, jup_error_t *err)
{
    int32_t first_layer[JUP_MAX_RANKS + 1];
    JUP_TRY(divide_layers(wishes, gguf, config, plan->n_stages, first_layer, err));
    for (int s = 0; s < plan->n_stages; s++) {
        plan->stages[s].first = first_layer[s];
        plan->stages[s].last = first_layer[s + 1];
    }
    return JUP_OK;
}

/* One group of all, with even shares where it splits layers. */
static jup_status_t divide_group(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                 const jup_config_t *config, jup_part_blocks_t blocks,
                                 jup_way_t way, jup_plan_t *plan, jup_error_t *err)
{
    int n = plan->n_members, unit = jup_part_ffn_unit(blocks), slice, slices;
    if (gguf && jup_slice_of(gguf, &slice, &slices) && slices > 1)
        return jup_fail(
            err, JUP_EINPUT,
            "%s is a slice, --strategy %s wants all layers on each rank; leave it out, or "
            "give the plan that the model was split by with --plan",
            jup_gguf_path(gguf), plan->strategy);
    if (wishes->layers)
        return jup_fail(err, JUP_EINPUT,
                        "--layers goes with a pipeline; with --strategy %s all ranks share all "
                        "layers",
                        plan->strategy);
    plan->stages[0] = (jup_plan_stage_t){.last = config->layers, .n = n};
    plan->stages[0].way = n > 1 ? way : JUP_WAY_ALONE;
    if (!jup_way_splits(plan->stages[0].way))
        return JUP_OK;
    jup_part_t *parts = jup_new((size_t)n, sizeof *parts);
    double *alike = jup_new((size_t)n, sizeof *alike);
    for (int m = 0; m < n; m++)
        alike[m] = 1;
    jup_status_t status = jup_part_share(config, blocks, alike, n, parts, err);
    for (int m = 0; m < n && status == JUP_OK; m++) {
        plan->members[m].heads = parts[m].head_last - parts[m].head_first;
        plan->members[m].ffn = (parts[m].ffn_last - parts[m].ffn_first + unit - 1) / unit;
    }
    jup_free(alike);
    jup_free(parts);
    return status;
}

/* Stages and members of a strategy over so many ranks; of those without figures of the devices. */
static jup_status_t count_stages(const jup_strategy_t *strategy, int ranks, int *stages,
                                 int *members, jup_error_t *err)
{
    bool local = strategy->stages == JUP_STAGES_ONE && strategy->way == JUP_WAY_ALONE;
    if (strategy->stages == JUP_STAGES_ANY)
        return jup_fail(err, JUP_EINPUT,
                        "--strategy %s is planned: give --auto, which plans for --cluster or for "
                        "the ranks as measured, or a plan with --plan",
                        strategy->name);
    *members = local ? 1 : ranks;
    *stages = strategy->stages == JUP_STAGES_ONE ? 1 : ranks;
    return JUP_OK;
}

static void describe_plan(jup_plan_t *plan, const char *strategy, const jup_config_t *config,
                          const jup_job_t *job)
{
    plan->layers = config->layers;
    plan->workload = (jup_workload_t){
        .prompt_tokens = job->prompt_tokens, .generate_tokens = job->generate, .branches = 1};
    snprintf(plan->strategy, sizeof plan->strategy, "%s", strategy);
    snprintf(plan->model, sizeof plan->model, "%s", config->name);
    snprintf(plan->cluster, sizeof plan->cluster, "%s", by_hand);
    name_members(plan);
}

jup_status_t jup_division_by_hand(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                  const jup_config_t *config, int ranks, jup_job_t *job,
                                  jup_error_t *err)
{
    const jup_strategy_t *strategy;
    int32_t *chunks = NULL, n = 0;
    int stages = 0, members = 0;
    JUP_TRY(jup_division_strategy(wishes->strategy, &strategy, err));
    JUP_TRY(count_stages(strategy, ranks, &stages, &members, err));
    JUP_TRY(
        divide_prompt(wishes, strategy, job->prompt_tokens, stages, &chunks, &n, &job->chunk, err));
    jup_plan_reset(&job->plan);
    jup_plan_init(&job->plan, stages, members, n);
    memcpy(job->plan.chunks, chunks, (size_t)n * sizeof *chunks);
    jup_free(chunks);
    describe_plan(&job->plan, strategy->name, config, job);
    if (strategy->stages == JUP_STAGES_SINGLE)
        return divide_pipeline(wishes, gguf, config, &job->plan, err);
    return divide_group(wishes, gguf, config, job->blocks, strategy->way, &job->plan, err);
}
