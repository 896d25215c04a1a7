#include "cluster/fit.h"

#include <math.h>
#include <string.h>

enum { TERMS = 4 };

/* Sums of a weighted least-squares problem: normal matrix and right side. */
typedef struct normal {
    double matrix[TERMS][TERMS];
    double right[TERMS];
} normal_t;

static void terms_of(double rows, double prefix, double terms[TERMS])
{
    terms[0] = 1;
    terms[1] = rows;
    terms[2] = rows * (prefix + rows / 2);
    terms[3] = prefix;
}

static void add_point(normal_t *n, const double terms[TERMS], int count, double value)
{
    double weight = 1 / (value * value);
    for (int i = 0; i < count; i++) {
        n->right[i] += weight * terms[i] * value;
        for (int j = 0; j < count; j++)
            n->matrix[i][j] += weight * terms[i] * terms[j];
    }
}

/* Solves for the terms that are free (bit set), the others are 0: Gauss with diagonal scaling. */
static bool solve(const normal_t *n, int count, unsigned free_terms, double x[TERMS])
{
    double a[TERMS][TERMS + 1];
    for (int i = 0; i < count; i++) {
        bool on = free_terms >> i & 1;
        for (int j = 0; j < count; j++)
            a[i][j] = on && (free_terms >> j & 1)
                          ? n->matrix[i][j] / sqrt(n->matrix[i][i] * n->matrix[j][j])
                          : (i == j ? 1 : 0);
        a[i][count] = on ? n->right[i] / sqrt(n->matrix[i][i]) : 0;
    }
    for (int p = 0; p < count; p++) {
        if (fabs(a[p][p]) < 1e-12)
            return false;
        for (int i = p + 1; i < count; i++)
            for (int j = count; j >= p; j--)
                a[i][j] -= a[i][p] / a[p][p] * a[p][j];
    }
    for (int i = count - 1; i >= 0; i--) {
        x[i] = a[i][count];
        for (int j = i + 1; j < count; j++)
            x[i] -= a[i][j] * x[j];
        x[i] /= a[i][i];
    }
    for (int i = 0; i < count; i++)
        x[i] = free_terms >> i & 1 ? x[i] / sqrt(n->matrix[i][i]) : 0;
    return true;
}

/* Weighted sum of squares up to a constant: x'Mx - 2 x'r. */
static double misfit(const normal_t *n, int count, const double x[TERMS])
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        sum -= 2 * x[i] * n->right[i];
        for (int j = 0; j < count; j++)
            sum += x[i] * n->matrix[i][j] * x[j];
    }
    return sum;
}

/* The best solution without negative terms: with so few terms every subset can be tried. */
static void solve_positive(const normal_t *n, int count, double best[TERMS])
{
    double best_misfit = INFINITY;
    memset(best, 0, TERMS * sizeof *best);
    for (unsigned subset = 1; subset < 1u << count; subset++) {
        double x[TERMS] = {0};
        if (!solve(n, count, subset, x))
            continue;
        bool positive = true;
        for (int i = 0; i < count; i++)
            positive = positive && x[i] >= 0;
        double m = misfit(n, count, x);
        if (positive && m < best_misfit) {
            best_misfit = m;
            memcpy(best, x, TERMS * sizeof *best);
        }
    }
}

double jup_fit_s(const jup_fit_t *fit, double rows, double prefix)
{
    return fit->fixed_s + fit->row_s * rows + fit->pair_s * rows * (prefix + rows / 2) +
           fit->cached_s * prefix;
}

void jup_fit_grid(jup_fit_t *fit, const int32_t *chunks, int n_chunks, const int32_t *prefixes,
                  int n_prefixes, const double *times_s)
{
    normal_t n = {0};
    double terms[TERMS], x[TERMS];
    for (int i = 0; i < n_chunks; i++)
        for (int j = 0; j < n_prefixes; j++) {
            terms_of(chunks[i], prefixes[j], terms);
            add_point(&n, terms, TERMS, times_s[i * n_prefixes + j]);
        }
    solve_positive(&n, TERMS, x);
    *fit = (jup_fit_t){.fixed_s = x[0], .row_s = x[1], .pair_s = x[2], .cached_s = x[3]};
    for (int i = 0; i < n_chunks; i++)
        for (int j = 0; j < n_prefixes; j++) {
            double t = times_s[i * n_prefixes + j];
            double error = fabs(jup_fit_s(fit, chunks[i], prefixes[j]) - t) / t;
            fit->mean_error += error / (n_chunks * n_prefixes);
            fit->worst_error = fmax(fit->worst_error, error);
        }
}

/* work / seconds, where seconds may have been fitted as nothing: as fast as makes no difference. */
static double rate(double work, double seconds)
{
    return work / fmax(seconds, work * 1e-18);
}

void jup_fit_to_profile(const jup_fit_t *fit, const jup_layer_ops_t *ops, jup_profile_t *profile)
{
    profile->flops_per_s = rate(ops->flops_per_row, fit->row_s);
    profile->bytes_per_s = rate(ops->weight_bytes, fit->fixed_s);
    profile->attention_flops_per_s = rate(ops->flops_per_pair, fit->pair_s);
    profile->kv_bytes_per_s = rate(ops->kv_bytes, fit->cached_s);
    profile->overlap = 0;
    profile->layer_s = 0;
    profile->measured.fit_error = fit->mean_error;
}

void jup_fit_link(const double *bytes, const double *seconds, int n, double *latency_s,
                  double *bytes_per_s, double *mean_error)
{
    normal_t sums = {0};
    double x[TERMS];
    for (int i = 0; i < n; i++) {
        double terms[TERMS] = {1, bytes[i]};
        add_point(&sums, terms, 2, seconds[i]);
    }
    solve_positive(&sums, 2, x);
    *latency_s = x[0];
    *bytes_per_s = fmin(rate(1, x[1]), JUP_FIT_FASTEST);
    *mean_error = 0;
    for (int i = 0; i < n; i++)
        *mean_error += fabs(x[0] + x[1] * bytes[i] - seconds[i]) / seconds[i] / n;
}
