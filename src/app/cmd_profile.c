/* jupiter profile: what the ranks' devices and links can do, written down for plan and run. */
#include "app/claims.h"
#include "app/commands.h"
#include "app/options.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/output.h"
#include "comm/collect.h"
#include "io/digest.h"
#include "io/model_file.h"
#include "job/measure.h"
#include "tensor/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct profile_options {
    char *model, *output, *kv, *wire, *compute;
    int threads, max_chunk, max_prefix;
    double seconds;
    float watch_s;
} profile_options_t;

static void free_options(profile_options_t *o)
{
    char *texts[] = {o->model, o->output, o->kv, o->wire, o->compute};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]); /* popt's, not ours */
}

static jup_status_t parse(jup_options_t *options, profile_options_t *o, int argc, const char **argv,
                          jup_error_t *err)
{
    const struct poptOption table[] = {
        {"model", 'm', POPT_ARG_STRING, &o->model, 0, "the model, a GGUF file", "FILE"},
        {"output", 'o', POPT_ARG_STRING, &o->output, 0,
         "cluster file to write, its profiles beside it (cluster.yaml)", "FILE.yaml"},
        {"threads", 't', POPT_ARG_INT, &o->threads, 0, "threads per rank (as in a run)", "N"},
        {"max-chunk", 0, POPT_ARG_INT, &o->max_chunk, 0, "longest chunk (256)", "N"},
        {"max-prefix", 0, POPT_ARG_INT, &o->max_prefix, 0, "longest prefix (1024)", "N"},
        {"seconds", 0, POPT_ARG_DOUBLE, &o->seconds, 0, "about as long it may take (30)", "S"},
        {"kv", 0, POPT_ARG_STRING, &o->kv, 0, "KV cache (f16)", "f16|f32"},
        {"wire", 0, POPT_ARG_STRING, &o->wire, 0, "activations (f16)", "f16|f32"},
        {"compute", 0, POPT_ARG_STRING, &o->compute, 0, "kernels (blas)", "blas|naive"},
        JUP_OPTION_WATCH(&o->watch_s),
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    return jup_options_parse(options, argc, argv, table, "-m FILE [-o cluster.yaml] [OPTIONS]",
                             false, err);
}

static jup_status_t check(const profile_options_t *o, jup_measure_job_t *job, jup_error_t *err)
{
    if (!o->model)
        return jup_fail(err, JUP_EINPUT, "profile: no model given; use -m FILE");
    if (strlen(o->model) >= sizeof job->model)
        return jup_fail(err, JUP_EINPUT, "the path of the model is too long");
    const char *compute = o->compute ? o->compute : "blas";
    if (!jup_ops_by_name(compute) || strcmp(compute, "phantom") == 0)
        return jup_fail(err, JUP_EINPUT, "--compute is '%s', must be blas or naive", compute);
    snprintf(job->compute, sizeof job->compute, "%s", compute);
    JUP_TRY(jup_check_int("--threads", o->threads, 0, 4096, err));
    JUP_TRY(jup_check_int("--max-chunk", o->max_chunk, 64, 65536, err));
    JUP_TRY(jup_check_int("--max-prefix", o->max_prefix, 64, 1 << 20, err));
    JUP_TRY(jup_check_watch(o->watch_s, err));
    JUP_TRY(jup_check_float("--seconds", o->seconds, 0.1, 3600, err));
    JUP_TRY(jup_check_half_or_single("--kv", o->kv, &job->kv_dtype, err));
    return jup_check_half_or_single("--wire", o->wire, &job->wire, err);
}

/* Rank 0 alone knows the options. */
static jup_status_t make_job(const profile_options_t *o, jup_measure_job_t *job, jup_error_t *err)
{
    jup_gguf_t *gguf;
    JUP_TRY(check(o, job, err));
    JUP_TRY(jup_gguf_open(o->model, &gguf, err));
    jup_status_t status = jup_digest(gguf, &job->digest, err);
    jup_gguf_close(gguf);
    JUP_TRY(status);
    snprintf(job->model, sizeof job->model, "%s", o->model);
    job->threads = o->threads;
    job->max_chunk = o->max_chunk;
    job->max_prefix = o->max_prefix;
    job->seconds = o->seconds;
    job->show_progress = true;
    return JUP_OK;
}

/* ---- what comes out ------------------------------------------------------------------------- */

static const char *output_of(const profile_options_t *o)
{
    return o->output ? o->output : "cluster.yaml";
}

typedef char rate_text_t[16];

/* Too little of the time for the fit to tell (busy, or few points): no rate. */
static const char *rate_text(double per_s, int digits, rate_text_t text)
{
    if (per_s >= 1e15)
        return "-";
    snprintf(text, sizeof(rate_text_t), "%.*f", digits, per_s / 1e9);
    return text;
}

static void print_devices(const jup_cluster_t *c)
{
    rate_text_t flops, bytes;
    printf("%-4s %-20s %7s %10s %10s %9s %9s %9s %8s %7s\n", "rank", "device", "threads",
           "1 row ms", "chunk ms", "of rows", "head ms", "GFLOP/s", "GB/s", "fit +-");
    for (int r = 0; r < c->n_devices; r++) {
        const jup_profile_t *p = jup_cluster_profile(c, r);
        const jup_measured_t *m = &p->measured;
        int last = m->n_chunks - 1;
        printf("%-4d %-20.20s %7d %10.4f %10.3f %9d %9.3f %9s %8s %6.1f%%\n", r, c->devices[r].name,
               p->threads, 1e3 * m->layer_s[0], 1e3 * m->layer_s[last * m->n_prefixes],
               m->chunks[last], 1e3 * m->head_s, rate_text(p->flops_per_s, 1, flops),
               rate_text(p->bytes_per_s, 2, bytes), 100 * m->fit_error);
    }
    printf("(one layer; rates from the fit over %d chunk and %d prefix lengths, - where it cannot "
           "tell)\n",
           jup_cluster_profile(c, 0)->measured.n_chunks,
           jup_cluster_profile(c, 0)->measured.n_prefixes);
}

static void print_links(const jup_cluster_t *c)
{
    for (int r = 0; r + 1 < c->n_devices; r++) {
        jup_link_t link = jup_cluster_link(c, r, r + 1);
        printf("link %d - %d: %.3f ms a message, %.1f Mbit/s\n", r, r + 1, 1e3 * link.latency_s,
               link.bytes_per_s * 8e-6);
    }
}

static int length_of_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash + 1 - path) : 0;
}

/* "folder/cluster.yaml" -> "folder/cluster-rank0.yaml" */
static void profile_path(const char *path, int rank, char *file, size_t bytes)
{
    size_t length = strlen(path);
    int stem = (int)(length > 5 && strcmp(path + length - 5, ".yaml") == 0 ? length - 5 : length);
    snprintf(file, bytes, "%.*s-rank%d.yaml", stem, path, rank);
}

/* Before a long measurement. */
static jup_status_t check_outputs(const profile_options_t *o, int ranks, jup_error_t *err)
{
    const char *path = output_of(o);
    const jup_output_claim_t claims[] = {{"--model", o->model, false}, {"--output", path, true}};
    JUP_TRY(jup_claims_check(claims, 2, err));
    for (int r = 0; r < ranks; r++) {
        char file[1024];
        profile_path(path, r, file, sizeof file);
        const jup_output_claim_t profile[] = {{"--model", o->model, false},
                                              {"--output", file, true}};
        JUP_TRY(jup_claims_check(profile, 2, err));
    }
    return JUP_OK;
}

static jup_status_t write_files(const jup_cluster_t *c, const char *path, jup_error_t *err)
{
    int folder = length_of_folder(path);
    char(*names)[512] = jup_new((size_t)c->n_profiles, sizeof *names);
    const char **list = jup_new((size_t)c->n_profiles, sizeof *list);
    jup_status_t status = JUP_OK;
    for (int r = 0; status == JUP_OK && r < c->n_profiles; r++) {
        char file[1024];
        profile_path(path, r, file, sizeof file);
        snprintf(names[r], sizeof names[r], "%s", file + folder);
        list[r] = names[r];
        status = jup_profile_write(&c->profiles[r], file, err);
    }
    if (status == JUP_OK)
        status = jup_cluster_write(c, list, path, err);
    jup_free(list);
    jup_free(names);
    return status;
}

static jup_status_t report(const jup_cluster_t *c, const char *path, double took_s,
                           jup_error_t *err)
{
    print_devices(c);
    print_links(c);
    JUP_TRY(write_files(c, path, err));
    printf("measured in %.1f s; wrote %s and a profile for each rank beside it\n", took_s, path);
    return JUP_OK;
}

/* ---- the command ---------------------------------------------------------------------------- */

static jup_status_t measure(jup_comm_t *comm, const profile_options_t *o, jup_measure_job_t *job,
                            jup_error_t *err)
{
    jup_cluster_t cluster;
    double start_s = jup_clock_now_s();
    JUP_TRY(jup_measure_cluster(comm, job, &cluster, err));
    jup_status_t status = JUP_OK;
    if (comm->rank == 0) {
        status = report(&cluster, output_of(o), jup_clock_now_s() - start_s, err);
        jup_cluster_reset(&cluster);
    }
    return jup_comm_agree(comm, status, err);
}

static jup_status_t prepare(const jup_comm_t *comm, const profile_options_t *o,
                            jup_measure_job_t *job, jup_error_t *err)
{
    JUP_TRY(make_job(o, job, err));
    return check_outputs(o, comm->size, err);
}

static jup_status_t run(jup_comm_t *comm, int argc, const char **argv, jup_options_t *options,
                        profile_options_t *o, jup_error_t *err)
{
    jup_measure_job_t *job = jup_new(1, sizeof *job);
    jup_status_t status = JUP_OK;
    int32_t help = 0;
    if (comm->rank == 0) {
        status = parse(options, o, argc, argv, err);
        help = status == JUP_OK && options->help;
        if (help)
            jup_options_print_help(options);
        else if (status == JUP_OK)
            status = prepare(comm, o, job, err);
    }
    status = jup_comm_agree(comm, status, err);
    if (status == JUP_OK) {
        jup_comm_share_fixed(comm, &help, sizeof help);
        if (!help)
            status = measure(comm, o, job, err);
    }
    jup_free(job);
    return status;
}

int jup_cmd_profile(int argc, const char **argv)
{
    profile_options_t o = {.max_chunk = 256, .max_prefix = 1024, .seconds = 30, .watch_s = 30};
    jup_options_t options = {0};
    jup_error_t err = {0};
    jup_comm_t comm = {0};
    jup_status_t status = jup_comm_open_mpi(&comm, argv[0], jup_options_watch_s(argc, argv), &err);
    if (status == JUP_OK)
        status = run(&comm, argc, argv, &options, &o, &err);
    if (status != JUP_OK && comm.rank == 0)
        jup_report(&err);
    jup_options_reset(&options);
    free_options(&o);
    jup_comm_close(&comm);
    return (int)status;
}
