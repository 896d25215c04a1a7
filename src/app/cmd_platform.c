/* jupiter platform: a cluster as a SimGrid platform, as a hostfile, or as lines for scripts. */
#include "app/claims.h"
#include "app/commands.h"
#include "app/options.h"
#include "base/output.h"
#include "cluster/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct platform_options {
    jup_options_t popt;
    char *format, *output;
    const char *cluster;
} platform_options_t;

static jup_status_t parse(platform_options_t *o, int argc, const char **argv, jup_error_t *err)
{
    const struct poptOption table[] = {
        {"format", 'f', POPT_ARG_STRING, &o->format, 0,
         "simgrid: a platform file (the default); hosts: the devices' names, in rank order; lines: "
         "all of it, for scripts",
         "simgrid|hosts|lines"},
        {"output", 'o', POPT_ARG_STRING, &o->output, 0, "write here (default: standard output)",
         "FILE"},
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    JUP_TRY(jup_options_parse(&o->popt, argc, argv, table, "CLUSTER [OPTIONS]", true, err));
    if (o->popt.help)
        return JUP_OK;
    o->cluster = poptGetArg(o->popt.context);
    if (!o->cluster)
        return jup_fail(err, JUP_EINPUT,
                        "no cluster given; give a file, or one line such as 4xnx@100mbps");
    if (poptPeekArg(o->popt.context))
        return jup_fail(err, JUP_EINPUT, "one cluster is enough; what is '%s'?",
                        poptPeekArg(o->popt.context));
    return JUP_OK;
}

static jup_status_t write_as(const jup_cluster_t *cluster, const char *format, FILE *out,
                             jup_error_t *err)
{
    if (!format || strcmp(format, "simgrid") == 0)
        return jup_platform_write_simgrid(cluster, out, err);
    if (strcmp(format, "hosts") == 0)
        jup_platform_write_hosts(cluster, out);
    else if (strcmp(format, "lines") == 0)
        jup_platform_write_lines(cluster, out);
    else
        return jup_fail(err, JUP_EINPUT, "--format is '%s', must be simgrid, hosts or lines",
                        format);
    return JUP_OK;
}

static jup_status_t convert(const platform_options_t *o, jup_error_t *err)
{
    jup_cluster_t cluster;
    jup_output_t out;
    const jup_output_claim_t claims[] = {{"the cluster", o->cluster, false},
                                         {"--output", o->output, true}};
    JUP_TRY(jup_claims_check(claims, 2, err));
    JUP_TRY(jup_cluster_load(&cluster, o->cluster, err));
    jup_status_t status = jup_output_open(&out, o->output, err);
    if (status == JUP_OK)
        status = write_as(&cluster, o->format, out.file, err);
    if (status == JUP_OK)
        status = jup_output_close(&out, err);
    else
        jup_output_abandon(&out);
    jup_cluster_reset(&cluster);
    return status;
}

int jup_cmd_platform(int argc, const char **argv)
{
    platform_options_t o = {0};
    jup_error_t err;
    if (jup_launched_beside_others())
        return JUP_OK;
    jup_status_t status = parse(&o, argc, argv, &err);
    if (status == JUP_OK && o.popt.help)
        jup_options_print_help(&o.popt);
    else if (status == JUP_OK)
        status = convert(&o, &err);
    jup_options_reset(&o.popt);
    free(o.format);
    free(o.output);
    return status == JUP_OK ? 0 : jup_report(&err);
}
