#include "model/share.h"

#include "base/mem.h"

#include <math.h>

/*
 * Begins with what nobody can do with less of: one unit, or, where these fit together, the whole
 * units of an ideal share. Then the next unit goes to whoever is done with it first; no division
 * gives all others fewer, so none is quicker.
 */
void jup_share_units(int units, const double *speed, int n, int *counts)
{
    double speeds = 0;
    long long begun = 0;
    for (int i = 0; i < n; i++)
        speeds += speed[i];
    for (int i = 0; i < n; i++) {
        counts[i] = (int)fmax(1, floor(units * (speed[i] / speeds)));
        begun += counts[i];
    }
    if (begun > units)
        for (begun = 0; begun < n; begun++)
            counts[begun] = 1;
    for (; begun < units; begun++) {
        int next = 0;
        for (int i = 1; i < n; i++)
            if ((counts[i] + 1) / speed[i] < (counts[next] + 1) / speed[next])
                next = i;
        counts[next]++;
    }
}

/* best[m * (units + 1) + j]: of members 0 .. m - 1 with the first j units. */
typedef struct ranges {
    const double *speed;
    int units, n;
    double *cost; /* (units, units + 1): of [first, last) */
    double *best;
    int *from; /* where the last of them begins */
} ranges_t;

/* Without a limit the largest time so far; with it the sum, of times within the limit. */
static double join(double before, double cost, double speed, double limit)
{
    if (isinf(limit))
        return fmax(before, cost / speed);
    return cost / speed <= limit ? before + cost * cost / speed : INFINITY;
}

static void add_member(const ranges_t *r, int m, double limit)
{
    const double *before = r->best + (long)m * (r->units + 1);
    double *best = r->best + (long)(m + 1) * (r->units + 1);
    int *from = r->from + (long)(m + 1) * (r->units + 1);
    for (int j = m + 1; j <= r->units; j++) {
        best[j] = INFINITY;
        for (int i = m; i < j; i++) {
            double value =
                join(before[i], r->cost[(long)i * (r->units + 1) + j], r->speed[m], limit);
            if (value < best[j]) {
                best[j] = value;
                from[j] = i;
            }
        }
    }
}

static double solve(const ranges_t *r, double limit)
{
    for (int j = 0; j <= r->units; j++)
        r->best[j] = j ? INFINITY : 0;
    for (int m = 0; m < r->n; m++)
        add_member(r, m, limit);
    return r->best[(long)r->n * (r->units + 1) + r->units];
}

void jup_share_ranges(jup_share_cost_t cost, const void *self, int units, const double *speed,
                      int n, int *counts)
{
    size_t cells = (size_t)(n + 1) * (size_t)(units + 1);
    ranges_t r = {.speed = speed, .units = units, .n = n};
    r.cost = jup_new((size_t)units * (size_t)(units + 1), sizeof *r.cost);
    for (int i = 0; i < units; i++)
        for (int j = i + 1; j <= units; j++)
            r.cost[(long)i * (units + 1) + j] = cost(self, i, j);
    r.best = jup_new(cells, sizeof *r.best);
    r.from = jup_new(cells, sizeof *r.from);
    solve(&r, solve(&r, INFINITY));
    for (int m = n, end = units; m > 0; m--) {
        int first = r.from[(long)m * (units + 1) + end];
        counts[m - 1] = end - first;
        end = first;
    }
    jup_free(r.cost);
    jup_free(r.best);
    jup_free(r.from);
}
