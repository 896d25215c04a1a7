/* jupiter split: one file per rank, so that no board has to hold the whole model. */
#include "app/claims.h"
#include "app/commands.h"
#include "app/options.h"
#include "base/output.h"
#include "io/model_file.h"
#include "io/piece.h"
#include "io/slice.h"
#include "job/division.h"
#include "job/place.h"
#include "plan/plan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct split_options {
    jup_options_t popt;
    char *model, *layers, *plan, *output;
    int ranks, only;
} split_options_t;

static jup_status_t parse(split_options_t *o, int argc, const char **argv, jup_error_t *err)
{
    const struct poptOption table[] = {
        {"model", 'm', POPT_ARG_STRING, &o->model, 0, "the model, a GGUF file", "FILE"},
        {"ranks", 'n', POPT_ARG_INT, &o->ranks, 0, "even shares for N ranks", "N"},
        {"layers", 0, POPT_ARG_STRING, &o->layers, 0, "or these layers for each rank", "N,N,..."},
        {"plan", 0, POPT_ARG_STRING, &o->plan, 0, "or those of a plan, stage by stage", "FILE"},
        {"output", 'o', POPT_ARG_STRING, &o->output, 0,
         "names of the slices, with {rank} in them: model-{rank}.gguf", "PATTERN"},
        {"only", 0, POPT_ARG_INT, &o->only, 0, "write the slice of this rank alone", "RANK"},
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    o->only = -1;
    JUP_TRY(jup_options_parse(&o->popt, argc, argv, table,
                              "-m FILE -o PATTERN (-n N | --layers N,N,... | --plan FILE)", false,
                              err));
    if (o->popt.help)
        return JUP_OK;
    if (!o->model)
        return jup_fail(err, JUP_EINPUT, "no model given; use -m FILE");
    if (!o->output || !strstr(o->output, JUP_SLICE_RANK))
        return jup_fail(err, JUP_EINPUT,
                        "-o must name the slices, with " JUP_SLICE_RANK
                        " where the rank goes: -o model-" JUP_SLICE_RANK ".gguf");
    if (!!o->ranks + !!o->layers + !!o->plan != 1)
        return jup_fail(err, JUP_EINPUT, "split: give one of -n, --layers and --plan");
    return o->ranks ? jup_check_int("-n", o->ranks, 1, JUP_MAX_RANKS, err) : JUP_OK;
}

static jup_shard_t shard_of(const jup_config_t *config, int first, int last)
{
    return (jup_shard_t){
        .first = first, .last = last, .embedding = first == 0, .head = last == config->layers};
}

static jup_status_t divide_by_plan(const char *path, const jup_gguf_t *g,
                                   const jup_config_t *config, jup_shard_t *shards, int *ranks,
                                   jup_error_t *err)
{
    jup_plan_t plan;
    JUP_TRY(jup_plan_read(&plan, path, err));
    jup_status_t status = JUP_OK;
    if (plan.layers != config->layers || plan.n_members > JUP_MAX_RANKS)
        status = jup_fail(err, JUP_EINPUT, "%s is a plan for %d layers, the model has %d", path,
                          plan.layers, config->layers);
    if (status == JUP_OK &&
        jup_plan_shards(&plan, config, jup_piece_blocks(g), shards, err) != JUP_OK)
        status = jup_fail_in(err, "%s", path);
    *ranks = plan.n_members;
    jup_plan_reset(&plan);
    return status;
}

static jup_status_t divide_layers(const split_options_t *o, const jup_config_t *config,
                                  jup_shard_t *shards, int *ranks, jup_error_t *err)
{
    int32_t first_layer[JUP_MAX_RANKS + 1];
    *ranks = o->layers ? jup_division_count(o->layers) : o->ranks;
    if (*ranks > config->layers)
        return jup_fail(err, JUP_EINPUT, "%d ranks are more than the model's %d layers", *ranks,
                        config->layers);
    if (o->layers)
        JUP_TRY(jup_division_layers_as_told(o->layers, config->layers, *ranks, first_layer, err));
    else
        jup_division_layers_evenly(config->layers, *ranks, first_layer);
    for (int r = 0; r < *ranks; r++)
        shards[r] = shard_of(config, first_layer[r], first_layer[r + 1]);
    return JUP_OK;
}

static jup_status_t write_slice(const split_options_t *o, jup_gguf_t *g, const jup_config_t *config,
                                const jup_shard_t *shards, int rank, int ranks, jup_error_t *err)
{
    char path[PATH_MAX], part[200];
    size_t bytes;
    const jup_shard_t *shard = &shards[rank];
    JUP_TRY(jup_slice_path(o->output, rank, path, sizeof path, err));
    JUP_TRY(jup_slice_write(g, config, shards, rank, ranks, path, &bytes, err));
    jup_part_describe(config, &shard->part, part, sizeof part);
    printf("%s: layers %d to %d, %s%s%.1f MiB\n", path, shard->first, shard->last - 1,
           jup_part_is_whole(&shard->part) ? "" : part, jup_part_is_whole(&shard->part) ? "" : ", ",
           (double)bytes / 1048576.0);
    return JUP_OK;
}

static jup_status_t check_output(const split_options_t *o, int rank, const char *path,
                                 jup_error_t *err)
{
    const jup_output_claim_t claims[] = {
        {"--model", o->model, false}, {"--plan", o->plan, false}, {"--output", path, true}};
    return o->only >= 0 && rank != o->only ? JUP_OK : jup_claims_check(claims, 3, err);
}

static jup_status_t check_outputs(const split_options_t *o, int ranks, jup_error_t *err)
{
    char path[PATH_MAX];
    for (int rank = 0; rank < ranks; rank++) {
        JUP_TRY(jup_slice_path(o->output, rank, path, sizeof path, err));
        JUP_TRY(check_output(o, rank, path, err));
    }
    return JUP_OK;
}

static jup_status_t write_slices(const split_options_t *o, jup_gguf_t *g,
                                 const jup_config_t *config, jup_error_t *err)
{
    jup_shard_t shards[JUP_MAX_RANKS];
    int ranks;
    if (o->plan)
        JUP_TRY(divide_by_plan(o->plan, g, config, shards, &ranks, err));
    else
        JUP_TRY(divide_layers(o, config, shards, &ranks, err));
    if (o->only >= ranks)
        return jup_fail(err, JUP_EINPUT, "--only is %d, the ranks are 0 to %d", o->only, ranks - 1);
    JUP_TRY(check_outputs(o, ranks, err));
    for (int rank = 0; rank < ranks; rank++)
        if (o->only < 0 || rank == o->only)
            JUP_TRY(write_slice(o, g, config, shards, rank, ranks, err));
    return JUP_OK;
}

static jup_status_t split(const split_options_t *o, jup_error_t *err)
{
    jup_gguf_t *g;
    jup_config_t config;
    int rank, ranks;
    JUP_TRY(jup_gguf_open(o->model, &g, err));
    jup_status_t status = jup_model_file_config(g, &config, err);
    if (status == JUP_OK && jup_slice_of(g, &rank, &ranks))
        status =
            jup_fail(err, JUP_EINPUT, "%s is the slice of rank %d of %d; split the whole model",
                     o->model, rank, ranks);
    if (status == JUP_OK)
        status = write_slices(o, g, &config, err);
    jup_gguf_close(g);
    return status;
}

int jup_cmd_split(int argc, const char **argv)
{
    split_options_t o = {0};
    jup_error_t err;
    if (jup_launched_beside_others())
        return JUP_OK;
    jup_status_t status = parse(&o, argc, argv, &err);
    if (status == JUP_OK && o.popt.help)
        jup_options_print_help(&o.popt);
    else if (status == JUP_OK)
        status = split(&o, &err);
    jup_options_reset(&o.popt);
    char *const texts[] = {o.model, o.layers, o.plan, o.output};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    return status == JUP_OK ? 0 : jup_report(&err);
}
