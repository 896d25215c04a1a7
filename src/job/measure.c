#include "job/measure.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"
#include "comm/collect.h"
#include "comm/muster.h"
#include "io/digest.h"
#include "io/model_file.h"
#include "job/keep.h"
#include "job/measure_links.h"
#include "job/session.h"
#include "model/forward.h"
#include "plan/file_size.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_BYTES = 512 << 20, WINDOWS = 2, SINGLES = 9, PASSES = 3 };
static const double longest_window_s = 0.04;

/* ---- what a rank measures with -------------------------------------------------------------- */

typedef struct step_times {
    double begin_s, embed_s, layers_s, head_s;
} step_times_t;

typedef struct bench {
    jup_comm_t *comm;
    const jup_measure_job_t *job;
    jup_gguf_t *gguf;
    jup_config_t config;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_forward_t forward;
    jup_step_t step;
    int32_t *tokens;
    int layers;           /* that this rank holds while measuring */
    double memory_bytes;  /* for this rank, before weights are read */
    double window_s;      /* least time that steps are repeated for one value */
    step_times_t *points; /* (passes, chunks, prefixes) */
    jup_profile_t profile;
    jup_progress_t progress;
    int done, all;             /* grid points */
    double grid_s, grid_cpu_s; /* of all windows, by the clock and of the processor */
} bench_t;

/* The rank's even share, as in a run, but not so much that a big model takes long to read. */
static jup_shard_t shard_to_measure(const bench_t *b)
{
    int share = (b->config.layers + b->comm->size - 1) / b->comm->size;
    size_t each = jup_model_file_layer_bytes(b->gguf, 0) + 1;
    int64_t most = jup_max_i64(1, MOST_BYTES / (int64_t)each);
    int layers = (int)jup_min_i64(share, most);
    return (jup_shard_t){.first = 0, .last = layers, .embedding = true, .head = true};
}

static jup_status_t open_model(bench_t *b, jup_error_t *err)
{
    JUP_TRY(jup_gguf_open(b->job->model, &b->gguf, err));
    JUP_TRY(jup_digest_check(b->gguf, b->job->digest, err));
    JUP_TRY(jup_model_file_config(b->gguf, &b->config, err));
    jup_shard_t shard = shard_to_measure(b);
    b->layers = shard.last;
    return jup_model_file_load(b->gguf, &b->config, &shard, &b->weights, err);
}

static jup_status_t open_bench(bench_t *b, jup_error_t *err)
{
    b->memory_bytes = (double)jup_mem_available_bytes() / jup_muster_neighbours();
    JUP_TRY(open_model(b, err));
    JUP_TRY(jup_compute_init(&b->compute, jup_ops_by_name(b->job->compute),
                             jup_fair_threads(b->job->threads), err));
    int32_t rows = (int32_t)jup_max_i64(b->job->max_chunk, 64);
    const jup_forward_limits_t limits = {.rows = rows,
                                         .outputs = 1,
                                         .kv_tokens = b->job->max_prefix + 2 * (int64_t)rows,
                                         .kv_dtype = b->job->kv_dtype,
                                         .residual_dtype = b->job->wire,
                                         .every_row = true};
    JUP_TRY(jup_forward_init(&b->forward, &b->config, &b->weights, &b->compute, &limits, err));
    jup_keep_weights(b->gguf, (double)jup_mem_live_bytes(), false); /* as a run does */
    jup_step_init(&b->step, rows);
    b->tokens = jup_new((size_t)rows, sizeof *b->tokens);
    for (int32_t i = 0; i < rows; i++)
        b->tokens[i] = i % b->config.vocab;
    return JUP_OK;
}

static void close_bench(bench_t *b)
{
    jup_free(b->tokens);
    jup_free(b->points);
    if (b->step.tokens)
        jup_step_reset(&b->step);
    if (b->forward.config)
        jup_forward_reset(&b->forward);
    if (b->compute.ops)
        jup_compute_reset(&b->compute);
    jup_weights_reset(&b->weights);
    jup_gguf_close(b->gguf);
    jup_profile_reset(&b->profile);
}

/* ---- one step ------------------------------------------------------------------------------- */

/* `rows` tokens behind the first `prefix` ones of sequence 0; a single one with its logits. */
static jup_status_t run_step(bench_t *b, int32_t prefix, int32_t rows, step_times_t *t,
                             jup_error_t *err)
{
    jup_step_begin(&b->step, JUP_STEP_WORK, 0);
    jup_step_edit(&b->step, (jup_edit_t){.op = JUP_EDIT_TRUNCATE, .seq = 0, .a = prefix}, NULL);
    jup_step_add(&b->step, 0, prefix, b->tokens, NULL, rows, rows == 1);
    double at[5];
    at[0] = jup_clock_now_s();
    JUP_TRY(jup_forward_begin(&b->forward, &b->step, err));
    at[1] = jup_clock_now_s();
    jup_forward_embed(&b->forward, &b->step);
    at[2] = jup_clock_now_s();
    jup_forward_layers(&b->forward, &b->step);
    at[3] = jup_clock_now_s();
    jup_forward_head(&b->forward, &b->step);
    at[4] = jup_clock_now_s();
    *t = (step_times_t){at[1] - at[0], at[2] - at[1], at[3] - at[2], at[4] - at[3]};
    return JUP_OK;
}

static jup_status_t fill_prefix(bench_t *b, int32_t from, int32_t to, jup_error_t *err)
{
    step_times_t t;
    for (int32_t rows; from < to; from += rows) {
        rows = (int32_t)jup_min_i64(to - from, b->step.max_rows);
        JUP_TRY(run_step(b, from, rows, &t, err));
    }
    return JUP_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void add_times(step_times_t *sum, const step_times_t *t)
{
    sum->begin_s += t->begin_s;
    sum->embed_s += t->embed_s;
    sum->layers_s += t->layers_s;
    sum->head_s += t->head_s;
}

static step_times_t mean_of(const step_times_t *sum, int n)
{
    return (step_times_t){sum->begin_s / n, sum->embed_s / n, sum->layers_s / n, sum->head_s / n};
}

/* Means of one window: steps one after the other without a rest, as in a full pipe. A device whose
 * processor time is rationed is quick for a moment after every rest; that would not last. */
static jup_status_t time_window(bench_t *b, int32_t prefix, int32_t rows, step_times_t *mean,
                                jup_error_t *err)
{
    double start_s = jup_clock_now_s(), end_s = start_s + b->window_s;
    double start_cpu_s = jup_clock_cpu_s();
    int n = 0;
    step_times_t t, sum = {0};
    do {
        JUP_TRY(run_step(b, prefix, rows, &t, err));
        add_times(&sum, &t);
        n++;
    } while (jup_clock_now_s() < end_s);
    b->grid_s += jup_clock_now_s() - start_s;
    b->grid_cpu_s += jup_clock_cpu_s() - start_cpu_s;
    *mean = mean_of(&sum, n);
    return JUP_OK;
}

/* Medians of several windows, after one that warms up. */
static jup_status_t time_step(bench_t *b, int32_t prefix, int32_t rows, step_times_t *t,
                              jup_error_t *err)
{
    double values[4][WINDOWS];
    JUP_TRY(time_window(b, prefix, rows, t, err));
    for (int i = 0; i < WINDOWS; i++) {
        JUP_TRY(time_window(b, prefix, rows, t, err));
        values[0][i] = t->begin_s;
        values[1][i] = t->embed_s;
        values[2][i] = t->layers_s;
        values[3][i] = t->head_s;
    }
    *t = (step_times_t){median(values[0], WINDOWS), median(values[1], WINDOWS),
                        median(values[2], WINDOWS), median(values[3], WINDOWS)};
    return JUP_OK;
}

/* One step of a single row on each rank in turn, a message passing it on: as decoding goes. Whose
 * status is bad passes it on all the same. */
static void run_lap(bench_t *b, int32_t prefix, step_times_t *t, jup_status_t *status,
                    jup_error_t *err)
{
    char turn = 0;
    int rank = b->comm->rank, size = b->comm->size;
    if (rank > 0)
        jup_comm_recv(b->comm, rank - 1, JUP_MSG_PING, &turn, 1);
    if (*status == JUP_OK)
        *status = run_step(b, prefix, 1, t, err);
    if (size > 1)
        jup_comm_send(b->comm, (rank + 1) % size, JUP_MSG_PING, &turn, 1);
    if (size > 1 && rank == 0)
        jup_comm_recv(b->comm, size - 1, JUP_MSG_PING, &turn, 1);
}

/* A single row: a rank rests while others have their turn, and may be quicker for it. The mean: of
 * a rationed device one step in several may have to wait, and a run has those steps, too. */
static jup_status_t time_single(bench_t *b, int32_t prefix, step_times_t *mean, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    step_times_t t = {0}, sum = {0};
    run_lap(b, prefix, &t, &status, err);
    for (int i = 0; i < SINGLES; i++) {
        run_lap(b, prefix, &t, &status, err);
        add_times(&sum, &t);
    }
    *mean = mean_of(&sum, SINGLES);
    return jup_comm_agree(b->comm, status, err);
}

static double whole_step_s(const step_times_t *t)
{
    return t->begin_s + t->embed_s + t->layers_s + t->head_s;
}

/* A step of one row on a rank that never rests: by the clock from the first to the last of some, so
 * that a ration counts wherever in a step it ends. Those before them use up what rests saved. */
static jup_status_t time_unrested(bench_t *b, double *step_s, jup_error_t *err)
{
    enum { BEFORE = 2, LEAST = 6, WINDOWS_LONG = 4 };
    step_times_t t;
    for (int i = 0; i < BEFORE; i++)
        JUP_TRY(run_step(b, 0, 1, &t, err));
    double start_s = jup_clock_now_s(), took_s = 0;
    int n = 0;
    for (; n < LEAST || took_s < WINDOWS_LONG * b->window_s; n++) {
        JUP_TRY(run_step(b, 0, 1, &t, err));
        took_s = jup_clock_now_s() - start_s;
    }
    *step_s = took_s / n;
    return JUP_OK;
}

/* What a step of one row takes longer on a rank that never rests than after a rest, in layers. */
static jup_status_t measure_rest_gain(bench_t *b, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    step_times_t rested;
    double layers_s = 0, longer_s = 0, unrested_s = 0;
    for (int n = 0; n < PASSES * b->comm->size; n++) {
        if (n % b->comm->size == 0)
            JUP_TRY(time_single(b, 0, &rested, err));
        if (n % b->comm->size == b->comm->rank) {
            status = time_unrested(b, &unrested_s, err);
            layers_s += rested.layers_s;
            longer_s += unrested_s - whole_step_s(&rested);
        }
        JUP_TRY(jup_comm_agree(b->comm, status, err));
    }
    if (layers_s > 0)
        b->profile.rest_gain = fmax(0, longer_s / layers_s);
    return JUP_OK;
}

/* ---- the grid ------------------------------------------------------------------------------- */

/* 1, then from `first` on doubling, with `most` at the end. */
static int make_axis(int32_t *axis, int32_t start, int32_t first, int32_t most, int32_t factor)
{
    int n = 0;
    axis[n++] = start;
    for (int32_t value = first; value < most && n < JUP_PROFILE_POINTS - 1; value *= factor)
        axis[n++] = value;
    axis[n++] = most;
    return n;
}

/* A longest chunk for which the grid takes about the time that it may take, the same on all ranks.
 */
static jup_status_t choose_grid(bench_t *b, jup_error_t *err)
{
    jup_measured_t *m = &b->profile.measured;
    step_times_t t = {0};
    jup_status_t status = time_step(b, 0, 64, &t, err);
    JUP_TRY(jup_comm_agree(b->comm, status, err));
    double *all_s;
    size_t *offsets;
    jup_comm_gather(b->comm, &t.layers_s, sizeof t.layers_s, (void **)&all_s, &offsets);
    double slowest_s = 0;
    for (int r = 0; all_s && r < b->comm->size; r++)
        slowest_s = fmax(slowest_s, all_s[r]);
    jup_free(all_s);
    jup_free(offsets);
    jup_comm_share_fixed(b->comm, &slowest_s, sizeof slowest_s);
    int32_t chunk = b->job->max_chunk;
    m->n_prefixes = make_axis(m->prefixes, 0, 64, b->job->max_prefix, 4);
    while (chunk > 64 &&
           2.0 * PASSES * chunk / 64 * slowest_s * (WINDOWS + 1) * m->n_prefixes > b->job->seconds)
        chunk /= 2;
    m->n_chunks = make_axis(m->chunks, 1, 4, chunk, 2);
    m->layer_s = jup_new((size_t)(m->n_chunks * m->n_prefixes), sizeof *m->layer_s);
    b->window_s = fmin(longest_window_s, b->job->seconds / (2 * (WINDOWS + 1) * PASSES *
                                                            m->n_chunks * m->n_prefixes));
    b->points = jup_new((size_t)(PASSES * m->n_chunks * m->n_prefixes), sizeof *b->points);
    b->all = PASSES * m->n_chunks * m->n_prefixes;
    return JUP_OK;
}

/* Longer chunks on all ranks at once, as in a full pipe; single rows on one after the other, as in
 * decoding. */
static jup_status_t time_together(bench_t *b, int32_t prefix, int32_t rows, step_times_t *t,
                                  jup_error_t *err)
{
    if (rows == 1)
        return time_single(b, prefix, t, err);
    jup_status_t status = time_step(b, prefix, rows, t, err);
    return jup_comm_agree(b->comm, status, err);
}

static jup_status_t measure_point(bench_t *b, int pass, int i, int j, jup_error_t *err)
{
    const jup_measured_t *m = &b->profile.measured;
    step_times_t t = {0};
    JUP_TRY(time_together(b, m->prefixes[j], m->chunks[i], &t, err));
    b->points[(pass * m->n_chunks + i) * m->n_prefixes + j] = t;
    if (b->job->show_progress && b->comm->rank == 0)
        jup_progress_show(&b->progress, "measuring", ++b->done, b->all);
    return JUP_OK;
}

/* Median over the passes of one figure (its offset) of a grid point. */
static double over_passes(const bench_t *b, int i, int j, size_t figure)
{
    const jup_measured_t *m = &b->profile.measured;
    double values[PASSES];
    for (int pass = 0; pass < PASSES; pass++)
        memcpy(&values[pass],
               (const char *)&b->points[(pass * m->n_chunks + i) * m->n_prefixes + j] + figure,
               sizeof values[pass]);
    return fmax(median(values, PASSES), 1e-9);
}

/* The passes go over the whole grid: what disturbs comes in bursts, and hits one of them. */
static void settle_points(bench_t *b)
{
    jup_measured_t *m = &b->profile.measured;
    int last = m->n_chunks - 1;
    for (int i = 0; i < m->n_chunks; i++)
        for (int j = 0; j < m->n_prefixes; j++)
            m->layer_s[i * m->n_prefixes + j] =
                over_passes(b, i, j, offsetof(step_times_t, layers_s)) / b->layers;
    m->head_s = over_passes(b, 0, 0, offsetof(step_times_t, head_s));
    b->profile.step_s = over_passes(b, 0, 0, offsetof(step_times_t, begin_s));
    m->embed_row_s = over_passes(b, last, 0, offsetof(step_times_t, embed_s)) / m->chunks[last];
}

static jup_status_t measure_grid(bench_t *b, jup_error_t *err)
{
    jup_measured_t *m = &b->profile.measured;
    JUP_TRY(choose_grid(b, err));
    for (int n = 0; n < PASSES * m->n_prefixes; n++) {
        int j = n % m->n_prefixes;
        jup_status_t status = fill_prefix(b, j ? m->prefixes[j - 1] : 0, m->prefixes[j], err);
        JUP_TRY(jup_comm_agree(b->comm, status, err));
        for (int i = 0; i < m->n_chunks; i++)
            JUP_TRY(measure_point(b, n / m->n_prefixes, i, j, err));
    }
    settle_points(b);
    JUP_TRY(measure_rest_gain(b, err));
    jup_progress_clear(&b->progress);
    return JUP_OK;
}

/* ---- the profile ---------------------------------------------------------------------------- */

static jup_status_t finish_profile(bench_t *b, jup_error_t *err)
{
    jup_profile_t *p = &b->profile;
    jup_model_size_t size;
    jup_fit_t fit;
    char host[64] = "host";
    JUP_TRY(
        jup_model_size_of_file(&size, b->gguf, &b->config, b->job->kv_dtype, b->job->wire, err));
    jup_profile_calm(p, b->layers);
    jup_fit_grid(&fit, p->measured.chunks, p->measured.n_chunks, p->measured.prefixes,
                 p->measured.n_prefixes, p->measured.layer_s);
    jup_fit_to_profile(&fit, &size.layer, p);
    memcpy(p->measured.key, size.key, sizeof p->measured.key);
    gethostname(host, sizeof host - 1);
    snprintf(p->name, sizeof p->name, "%.40s-%d", host, b->comm->rank);
    snprintf(p->title, sizeof p->title, "measured with %.60s, %d threads, %.16s", b->config.name,
             b->compute.threads, b->job->compute);
    p->threads = b->compute.threads;
    p->memory_bytes = b->memory_bytes;
    return JUP_OK;
}

/* Profiles travel as they lie in memory, the grid behind. */
static void gather_profiles(bench_t *b, jup_cluster_t *cluster)
{
    const jup_measured_t *m = &b->profile.measured;
    size_t grid = (size_t)(m->n_chunks * m->n_prefixes) * sizeof(double);
    char *mine = jup_new(sizeof b->profile + grid, 1), *all;
    size_t *offsets;
    memcpy(mine, &b->profile, sizeof b->profile);
    memcpy(mine + sizeof b->profile, m->layer_s, grid);
    jup_comm_gather(b->comm, mine, sizeof b->profile + grid, (void **)&all, &offsets);
    for (int r = 0; all && r < b->comm->size; r++) {
        jup_profile_t p;
        double *layer_s = jup_new(grid, 1);
        memcpy(&p, all + offsets[r], sizeof p);
        memcpy(layer_s, all + offsets[r] + sizeof p, grid);
        p.measured.layer_s = layer_s;
        jup_cluster_add_device(cluster, p.name, jup_cluster_add_profile(cluster, &p));
        jup_free(layer_s);
    }
    jup_free(mine);
    jup_free(all);
    jup_free(offsets);
}

/* A device whose processor time is rationed takes longer by the clock. */
static void measure_links(bench_t *b, jup_link_t *links)
{
    jup_message_cost_t mine;
    jup_measure_links(b->comm, links, &mine);
    double stretch = b->grid_cpu_s > 0 ? fmax(1, b->grid_s / b->grid_cpu_s) : 1;
    b->profile.message_s = mine.message_s * stretch;
    b->profile.message_byte_s = mine.byte_s * stretch;
}

static void add_links(const jup_comm_t *comm, const jup_link_t *links, jup_cluster_t *cluster)
{
    int size = comm->size;
    if (comm->rank == 0) {
        cluster->default_link = size > 1 ? links[1] : (jup_link_t){1e-3, 125e6};
        for (int a = 0; size > 1 && a < size; a++)
            for (int b = 0; b < size; b++)
                jup_cluster_set_link(cluster, a, b, a == b ? links[1] : links[a * size + b]);
    }
}

static jup_status_t measure(bench_t *b, jup_cluster_t *cluster, jup_error_t *err)
{
    JUP_TRY(jup_comm_agree(b->comm, open_bench(b, err), err));
    JUP_TRY(measure_grid(b, err));
    JUP_TRY(jup_comm_agree(b->comm, finish_profile(b, err), err));
    size_t size = (size_t)b->comm->size;
    jup_link_t *links = jup_new(size * size, sizeof *links);
    measure_links(b, links);
    gather_profiles(b, cluster);
    add_links(b->comm, links, cluster);
    jup_free(links);
    return JUP_OK;
}

jup_status_t jup_measure_cluster(jup_comm_t *comm, jup_measure_job_t *job, jup_cluster_t *cluster,
                                 jup_error_t *err)
{
    jup_comm_share_fixed(comm, job, sizeof *job);
    bench_t *b = jup_new(1, sizeof *b);
    b->comm = comm;
    b->job = job;
    if (comm->rank == 0) {
        memset(cluster, 0, sizeof *cluster);
        snprintf(cluster->name, sizeof cluster->name, "%d measured rank%s", comm->size,
                 comm->size == 1 ? "" : "s");
    }
    jup_status_t status = measure(b, cluster, err);
    if (status != JUP_OK && comm->rank == 0)
        jup_cluster_reset(cluster);
    close_bench(b);
    jup_free(b);
    return status;
}
