/* jupiter split: one file per rank, so that no board has to hold the whole model. */
#include "app/commands.h"
#include "app/options.h"
#include "io/model_file.h"
#include "io/slice.h"
#include "job/division.h"
#include "job/job.h"
#include "plan/plan.h"

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

static int count_items(const char *list)
{
    int n = 1;
    for (; *list; list++)
        n += *list == ',';
    return n;
}

static jup_status_t divide_by_plan(const char *path, const jup_config_t *config,
                                   int32_t *first_layer, int *ranks, jup_error_t *err)
{
    jup_plan_t plan;
    JUP_TRY(jup_plan_read(&plan, path, err));
    jup_status_t status = JUP_OK;
    if (plan.layers != config->layers || plan.n_stages > JUP_MAX_RANKS)
        status = jup_fail(err, JUP_EINPUT, "%s is a plan for %d layers, the model has %d", path,
                          plan.layers, config->layers);
    else if (plan.n_members != plan.n_stages)
        status = jup_fail(err, JUP_EINPUT,
                          "%s has stages of several devices, which cannot be "
                          "split yet",
                          path);
    *ranks = plan.n_stages;
    for (int i = 0; i < plan.n_stages && status == JUP_OK; i++)
        first_layer[i] = plan.stages[i].first;
    first_layer[*ranks] = config->layers;
    jup_plan_reset(&plan);
    return status;
}

static jup_status_t divide(const split_options_t *o, const jup_config_t *config,
                           int32_t *first_layer, int *ranks, jup_error_t *err)
{
    if (o->plan)
        return divide_by_plan(o->plan, config, first_layer, ranks, err);
    *ranks = o->layers ? count_items(o->layers) : o->ranks;
    if (*ranks > config->layers)
        return jup_fail(err, JUP_EINPUT, "%d ranks are more than the model's %d layers", *ranks,
                        config->layers);
    if (o->layers)
        return jup_division_layers_as_told(o->layers, config->layers, *ranks, first_layer, err);
    jup_division_layers_evenly(config->layers, *ranks, first_layer);
    return JUP_OK;
}

static jup_status_t write_slices(const split_options_t *o, jup_gguf_t *g,
                                 const jup_config_t *config, jup_error_t *err)
{
    int32_t first_layer[JUP_MAX_RANKS + 1];
    int ranks;
    JUP_TRY(divide(o, config, first_layer, &ranks, err));
    if (o->only >= ranks)
        return jup_fail(err, JUP_EINPUT, "--only is %d, the ranks are 0 to %d", o->only, ranks - 1);
    for (int rank = 0; rank < ranks; rank++) {
        char path[PATH_MAX];
        size_t bytes;
        if (o->only >= 0 && rank != o->only)
            continue;
        JUP_TRY(jup_slice_path(o->output, rank, path, sizeof path, err));
        JUP_TRY(jup_slice_write(g, config, first_layer, rank, ranks, path, &bytes, err));
        printf("%s: layers %d to %d, %.1f MiB\n", path, first_layer[rank],
               first_layer[rank + 1] - 1, (double)bytes / 1048576.0);
    }
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
    fflush(stdout);
    return status == JUP_OK ? 0 : jup_report(&err);
}
