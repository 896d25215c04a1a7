#include "plan/modelled.h"

#include "base/clock.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

jup_status_t jup_modelled_init(jup_modelled_t *m, const char *what, int rank,
                               const jup_model_size_t *size, jup_error_t *err)
{
    jup_cluster_t cluster;
    memset(m, 0, sizeof *m);
    JUP_TRY(jup_cluster_load(&cluster, what, err));
    if (rank >= cluster.n_devices) {
        jup_fail(err, JUP_EINPUT,
                 "cluster '%s' has %d devices, there are more ranks; start at most %d",
                 cluster.name, cluster.n_devices, cluster.n_devices);
        jup_cluster_reset(&cluster);
        return JUP_EINPUT;
    }
    snprintf(m->name, sizeof m->name, "%s", cluster.devices[rank].name);
    m->budget_bytes = cluster.devices[rank].budget_bytes;
    jup_profile_copy(&m->profile, jup_cluster_profile(&cluster, rank));
    m->size = *size;
    m->has_grid = m->profile.measured.n_chunks && strcmp(m->profile.measured.key, size->key) == 0;
    jup_cluster_reset(&cluster);
    return JUP_OK;
}

void jup_modelled_reset(jup_modelled_t *m)
{
    jup_profile_reset(&m->profile);
    memset(m, 0, sizeof *m);
}

/* ---- seconds -------------------------------------------------------------------------------- */

/* Products of so many weights: q alone, k and v. */
enum { Q_ALONE = 1, K_AND_V = 2 };

/* The layer whose q, k and v these are, or k and v, from 0; else -1. */
static int layer_of(const jup_weights_t *weights, const jup_linear_t *w)
{
    int layers = weights->shard.last - weights->shard.first;
    uintptr_t base = (uintptr_t)weights->layers, at = (uintptr_t)w;
    if (at < base || at >= base + (size_t)layers * sizeof *weights->layers)
        return -1;
    int layer = (int)((at - base) / sizeof *weights->layers);
    const jup_linear_t *qkv = weights->layers[layer].qkv;
    return w == qkv || w == qkv + 1 ? layer : -1;
}

/*
 * What a layer of a single row takes beyond the time that was measured after a rest (rest_gain, see
 * cluster/profile.h). A rest makes up for as much as it lasted, and for a step's at most, or for
 * rest_most_s. Worked example: 4 layers of 5 ms, gain 0.5. After a rest of 10 ms or more a step
 * takes 20 ms; the next one, at once, 30 ms; one after a rest of 4 ms 26 ms; and one after any rest
 * 26 ms where that saves 4 ms at most.
 */
static double unrested_s(jup_modelled_t *m)
{
    int layers = m->weights->shard.last - m->weights->shard.first;
    double factor = jup_cost_row_factor(&m->profile, &m->size);
    double layer_s = m->profile.rest_gain * jup_cost_layer_s(&m->profile, &m->size, 1, 0) / factor;
    if (factor > 1)
        return layer_s;
    double most_s = fmin(layers * layer_s, jup_cost_rest_most_s(&m->profile));
    m->rest_s = fmin(m->rest_s, most_s);
    double made_up_s = fmin(m->rest_s, layer_s);
    m->rest_s -= made_up_s;
    return layer_s - made_up_s;
}

/* The device computes for so long, from now on; before that it may have rested. */
static double busy(jup_modelled_t *m, double now_s, double seconds)
{
    m->busy_until_s = now_s + seconds;
    return seconds;
}

/* It has rested since what was charged last; returns the time. */
static double rest(jup_modelled_t *m)
{
    double now_s = jup_clock_now_s();
    m->rest_s += fmax(0, now_s - m->busy_until_s);
    return now_s;
}

/*
 * What a layer and a step cost whatever they compute, at the layer's first product: tiles of a
 * layer pay it once. A new layer is another one, or the same after its attention. Where rows are
 * left out k and v come first, then q, of wanted rows, if there are any.
 */
static double fixed_s(jup_modelled_t *m, const jup_linear_t *w, int n, int64_t rows)
{
    int layer = layer_of(m->weights, w);
    if (layer < 0 || n == Q_ALONE || (n > K_AND_V && layer == m->layer && !m->attended))
        return 0;
    m->layer = layer;
    m->attended = n == K_AND_V;
    return (layer == 0 ? m->profile.step_s : 0) + (m->has_grid ? 0 : m->profile.layer_s) +
           (rows == 1 ? unrested_s(m) : 0);
}

static double product_s(jup_modelled_t *m, const jup_linear_t *w, int n, int64_t rows)
{
    if (w == &m->weights->output)
        return jup_cost_head_s(&m->profile, &m->size, (double)rows);
    double seconds = fixed_s(m, w, n, rows);
    if (m->has_grid) {
        bool left_out = n == K_AND_V && layer_of(m->weights, w) >= 0;
        double share = left_out ? jup_cost_unwanted_share(&m->size) : 0;
        return seconds + share * jup_cost_layer_s(&m->profile, &m->size, (double)rows, 0);
    }
    double factor = jup_cost_split_factor(&m->profile, &m->size);
    for (int i = 0; i < n; i++) {
        int64_t elems = w[i].w.rows * w[i].w.cols;
        seconds += jup_profile_linear_s(&m->profile, (double)rows, factor * 2.0 * (double)elems,
                                        (double)jup_dtype_bytes(w[i].w.dtype, elems));
    }
    return seconds;
}

static double linear_s(void *self, const jup_linear_t *w, int n, int64_t rows)
{
    jup_modelled_t *m = self;
    double now_s = rest(m);
    return busy(m, now_s, product_s(m, w, n, rows));
}

static double cached_tokens(const jup_attention_t *a)
{
    double tokens = 0;
    for (int i = 0; i < a->n_runs; i++)
        tokens += a->runs[i].n;
    return tokens;
}

/* One sequence: what its rows see, of the window if there is one. */
static double sequence_s(const jup_modelled_t *m, const jup_attention_t *a)
{
    double rows = (double)a->rows, prefix = cached_tokens(a) - rows;
    if (a->window > 0)
        prefix = fmin(prefix, a->window);
    double pairs = rows * (prefix + (rows + 1) / 2);
    double kv_bytes = 2 * (double)jup_dtype_bytes(a->kv_dtype, (int64_t)a->kv_heads * a->head_dim);
    return jup_profile_attention_s(&m->profile, pairs * 4 * a->heads * a->head_dim,
                                   (prefix + rows) * kv_bytes);
}

/* A measured layer: all rows together over their mean prefix. */
static double measured_s(const jup_modelled_t *m, const jup_attention_t *a, int n)
{
    double rows = 0, prefix = 0;
    for (int i = 0; i < n; i++) {
        rows += (double)a[i].rows;
        prefix += (double)a[i].rows * (cached_tokens(&a[i]) - (double)a[i].rows);
    }
    return rows > 0 ? jup_cost_layer_s(&m->profile, &m->size, rows, prefix / rows) : 0;
}

static double attention_s(void *self, const jup_attention_t *a, int n)
{
    jup_modelled_t *m = self;
    double now_s = rest(m), seconds = 0;
    m->attended = true;
    if (m->has_grid)
        return busy(m, now_s, measured_s(m, a, n));
    for (int i = 0; i < n; i++)
        seconds += sequence_s(m, &a[i]);
    return busy(m, now_s, seconds);
}

static double embed_s(void *self, const jup_matrix_t *table, int64_t rows)
{
    jup_modelled_t *m = self;
    double now_s = rest(m);
    (void)table;
    return busy(m, now_s, jup_cost_embed_s(&m->profile, &m->size, (double)rows));
}

void jup_modelled_attach(jup_modelled_t *m, jup_compute_t *compute, const jup_weights_t *weights)
{
    m->weights = weights;
    m->layer = -1;
    m->busy_until_s = jup_clock_now_s();
    m->rest_s = HUGE_VAL;
    jup_phantom_set_costs(compute, &(jup_phantom_costs_t){.self = m,
                                                          .linear_s = linear_s,
                                                          .attention_s = attention_s,
                                                          .embed_s = embed_s});
}

/* ---- memory --------------------------------------------------------------------------------- */

jup_status_t jup_modelled_check_memory(const jup_modelled_t *m, const jup_workload_t *workload,
                                       const jup_shard_t *shard, int64_t max_rows, jup_error_t *err)
{
    const double gb = 1e9;
    jup_stage_memory_t need = jup_cost_memory(&m->size, workload, shard->last - shard->first,
                                              shard->embedding, shard->head, max_rows);
    double bytes = jup_stage_memory_bytes(need);
    if (bytes <= m->budget_bytes)
        return JUP_OK;
    return jup_fail(err, JUP_EENV,
                    "out of memory (OOM): device %s has %.2f GB for layers %d to %d, which need "
                    "%.2f GB (weights %.2f, KV cache %.2f, buffers %.2f); give it fewer layers, a "
                    "shorter context or a smaller weight type",
                    m->name, m->budget_bytes / gb, shard->first, shard->last - 1, bytes / gb,
                    need.weight_bytes / gb, need.kv_bytes / gb, need.work_bytes / gb);
}
