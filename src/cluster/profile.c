#include "cluster/profile.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

void jup_profile_reset(jup_profile_t *profile)
{
    jup_free(profile->measured.layer_s);
    memset(profile, 0, sizeof *profile);
}

static size_t grid_points(const jup_measured_t *m)
{
    return (size_t)m->n_chunks * (size_t)m->n_prefixes;
}

void jup_profile_copy(jup_profile_t *copy, const jup_profile_t *profile)
{
    *copy = *profile;
    copy->measured.layer_s = NULL;
    size_t n = grid_points(&profile->measured);
    if (!n)
        return;
    copy->measured.layer_s = jup_new(n, sizeof(double));
    memcpy(copy->measured.layer_s, profile->measured.layer_s, n * sizeof(double));
}

static bool same_grid(const jup_measured_t *a, const jup_measured_t *b)
{
    if (strcmp(a->key, b->key) != 0 || a->n_chunks != b->n_chunks ||
        a->n_prefixes != b->n_prefixes || a->embed_row_s != b->embed_row_s ||
        a->head_s != b->head_s)
        return false;
    return memcmp(a->chunks, b->chunks, (size_t)a->n_chunks * sizeof *a->chunks) == 0 &&
           memcmp(a->prefixes, b->prefixes, (size_t)a->n_prefixes * sizeof *a->prefixes) == 0 &&
           (!grid_points(a) ||
            memcmp(a->layer_s, b->layer_s, grid_points(a) * sizeof *a->layer_s) == 0);
}

bool jup_profile_same(const jup_profile_t *a, const jup_profile_t *b)
{
    return a->flops_per_s == b->flops_per_s &&
           a->attention_flops_per_s == b->attention_flops_per_s &&
           a->bytes_per_s == b->bytes_per_s && a->kv_bytes_per_s == b->kv_bytes_per_s &&
           a->overlap == b->overlap && a->layer_s == b->layer_s && a->step_s == b->step_s &&
           a->split_loss == b->split_loss && a->rest_gain == b->rest_gain &&
           a->rest_most_s == b->rest_most_s && a->message_s == b->message_s &&
           a->message_byte_s == b->message_byte_s && same_grid(&a->measured, &b->measured);
}

static void make_monotone(jup_measured_t *m)
{
    for (int i = m->n_chunks - 1; i >= 0; i--)
        for (int j = m->n_prefixes - 1; j >= 0; j--) {
            double *t = &m->layer_s[i * m->n_prefixes + j];
            if (i < m->n_chunks - 1)
                *t = fmin(*t, t[m->n_prefixes]);
            if (j < m->n_prefixes - 1)
                *t = fmin(*t, t[1]);
        }
}

void jup_profile_calm(jup_profile_t *profile, int layers)
{
    jup_measured_t *m = &profile->measured;
    make_monotone(m);
    double most = m->layer_s[m->n_prefixes] / m->layer_s[0] - 1;
    profile->rest_gain = fmin(profile->rest_gain, fmax(0, most));
    profile->rest_most_s = layers * profile->rest_gain * m->layer_s[0];
}

static double overlapped_s(const jup_profile_t *profile, double compute_s, double memory_s)
{
    double more = memory_s > compute_s ? memory_s : compute_s;
    return more + (1 - profile->overlap) * (memory_s + compute_s - more);
}

double jup_profile_message_s(const jup_profile_t *profile, double bytes)
{
    return profile->message_s + bytes * profile->message_byte_s;
}

double jup_profile_linear_s(const jup_profile_t *profile, double rows, double flops_per_row,
                            double weight_bytes)
{
    return overlapped_s(profile, rows * flops_per_row / profile->flops_per_s,
                        weight_bytes / profile->bytes_per_s);
}

double jup_profile_attention_s(const jup_profile_t *profile, double flops, double kv_bytes)
{
    return overlapped_s(profile, flops / profile->attention_flops_per_s,
                        kv_bytes / profile->kv_bytes_per_s);
}

/* The interval of an ascending axis that holds x, or the one nearest to it. */
static int interval(const int32_t *axis, int n, double x)
{
    int low = 0, high = n - 1;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (x >= axis[middle])
            low = middle;
        else
            high = middle;
    }
    return low;
}

static double between(const jup_measured_t *m, int i, int j, double u, double v)
{
    const double *low = m->layer_s + (size_t)i * (size_t)m->n_prefixes + j;
    const double *high = low + m->n_prefixes;
    return (1 - u) * ((1 - v) * low[0] + v * low[1]) + u * ((1 - v) * high[0] + v * high[1]);
}

double jup_measured_layer_s(const jup_measured_t *m, double rows, double prefix)
{
    int i = interval(m->chunks, m->n_chunks, rows);
    int j = interval(m->prefixes, m->n_prefixes, prefix);
    double u = (rows - m->chunks[i]) / (m->chunks[i + 1] - m->chunks[i]);
    double v = (prefix - m->prefixes[j]) / (m->prefixes[j + 1] - m->prefixes[j]);
    double border = between(m, i, j, fmin(fmax(u, 0), 1), fmin(fmax(v, 0), 1));
    if (u >= 0 && u <= 1 && v >= 0 && v <= 1)
        return border;
    return fmax(border, between(m, i, j, fmax(u, 0), fmax(v, 0)));
}
