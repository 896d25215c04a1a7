/* Dividing by hand: even shares or what the user says, or what the file's slices say. */
#include "job/division.h"
#include "base/checked.h"
#include "base/mem.h"
#include "io/slice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- layers ---------------------------------------------------------------------------------- */

static int32_t count_items(const char *text)
{
    int32_t n = 1;
    for (const char *c = text; *c; c++)
        n += *c == ',';
    return n;
}

/* "8,8,6,10" -> numbers, each in [1, most]; a new block, *n of them. */
static jup_status_t parse_list(const char *option, const char *text, int32_t most,
                               int32_t **numbers, int32_t *n, jup_error_t *err)
{
    int32_t *list = jup_new((size_t)count_items(text), sizeof *list);
    int32_t count = 0;
    const char *at = text;
    for (;;) {
        char *end;
        errno = 0;
        long value = strtol(at, &end, 10);
        if (end == at || (*end != ',' && *end != '\0') || errno || value < 1 || value > most) {
            jup_free(list);
            return jup_fail(err, JUP_EINPUT,
                            "%s is '%s', must be numbers between 1 and %d with commas between them",
                            option, text, most);
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
    JUP_TRY(parse_list("--layers", list, layers, &counts, &n, err));
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
    jup_slice_layers(gguf, first_layer);
    bool fits = first_layer[0] == 0 && first_layer[ranks] == config->layers;
    for (int rank = 0; rank < ranks; rank++)
        fits = fits && first_layer[rank] < first_layer[rank + 1];
    return fits ? JUP_OK
                : jup_fail(err, JUP_EINPUT,
                           "%s: " JUP_SLICE_FIRST_LAYERS
                           " does not divide %d layers; split the model anew",
                           path, config->layers);
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
    JUP_TRY(parse_list("--chunks", list, tokens, chunks, n, err));
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
static jup_status_t divide_prompt(const jup_wishes_t *wishes, int32_t tokens, int ranks,
                                  int32_t **chunks, int32_t *n, int32_t *each, jup_error_t *err)
{
    *each = 0;
    if (wishes->chunks)
        return chunks_as_told(wishes->chunks, tokens, chunks, n, err);
    *each = wishes->chunk ? wishes->chunk : jup_division_default_chunk(tokens, ranks);
    return uniform_chunks(tokens, *each, chunks, n, err);
}

/* ---------------------------------------------------------------------------------------------- */

static void write_plan(jup_plan_t *plan, const jup_config_t *config, const jup_job_t *job,
                       const int32_t *first_layer)
{
    plan->layers = config->layers;
    plan->workload = (jup_workload_t){
        .prompt_tokens = job->prompt_tokens, .generate_tokens = job->generate, .branches = 1};
    snprintf(plan->model, sizeof plan->model, "%s", config->name);
    snprintf(plan->cluster, sizeof plan->cluster, "by hand");
    for (int s = 0; s < plan->n_stages; s++) {
        jup_plan_stage_t *stage = &plan->stages[s];
        jup_plan_member_t *member = jup_plan_leader(plan, s);
        member->device = s;
        snprintf(member->name, sizeof member->name, "rank-%d", s);
        stage->first = first_layer[s];
        stage->last = first_layer[s + 1];
    }
}

jup_status_t jup_division_by_hand(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                  const jup_config_t *config, int ranks, jup_job_t *job,
                                  jup_error_t *err)
{
    int32_t first_layer[JUP_MAX_RANKS + 1], *chunks = NULL, n = 0;
    JUP_TRY(divide_layers(wishes, gguf, config, ranks, first_layer, err));
    JUP_TRY(divide_prompt(wishes, job->prompt_tokens, ranks, &chunks, &n, &job->chunk, err));
    jup_plan_reset(&job->plan);
    jup_plan_init(&job->plan, ranks, ranks, n);
    for (int32_t i = 0; i < n; i++)
        job->plan.chunks[i] = chunks[i];
    jup_free(chunks);
    write_plan(&job->plan, config, job, first_layer);
    return JUP_OK;
}
