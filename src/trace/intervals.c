#include "trace/intervals.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static int by_time(const void *a, const void *b)
{
    const jup_edge_t *x = a, *y = b;
    return (x->time_s > y->time_s) - (x->time_s < y->time_s);
}

static void add(jup_intervals_t *set, double start_s, double end_s)
{
    size_t last = set->n - 1;
    if (end_s <= start_s)
        return;
    if (set->n && set->end_s[last] == start_s) {
        set->end_s[last] = end_s;
        return;
    }
    set->start_s[set->n] = start_s;
    set->end_s[set->n] = end_s;
    set->before_s[set->n] =
        set->n ? set->before_s[last] + set->end_s[last] - set->start_s[last] : 0;
    set->n++;
}

void jup_intervals_init(jup_intervals_t *set, jup_edge_t *edges, size_t n_edges)
{
    memset(set, 0, sizeof *set);
    set->start_s = jup_new(n_edges, sizeof *set->start_s);
    set->end_s = jup_new(n_edges, sizeof *set->end_s);
    set->before_s = jup_new(n_edges, sizeof *set->before_s);
    qsort(edges, n_edges, sizeof *edges, by_time);
    int in = 0, out = 0;
    for (size_t i = 0; i + 1 < n_edges; i++) {
        in += edges[i].in;
        out += edges[i].out;
        if (in > 0 && out == 0)
            add(set, edges[i].time_s, edges[i + 1].time_s);
    }
}

void jup_intervals_reset(jup_intervals_t *set)
{
    jup_free(set->start_s);
    jup_free(set->end_s);
    jup_free(set->before_s);
    memset(set, 0, sizeof *set);
}

/* Seconds of the set before time_s. */
static double before(const jup_intervals_t *set, double time_s)
{
    size_t low = 0, high = set->n; /* the first interval that starts after time_s */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->start_s[middle] <= time_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    size_t i = low - 1;
    double end_s = set->end_s[i] < time_s ? set->end_s[i] : time_s;
    return set->before_s[i] + end_s - set->start_s[i];
}

double jup_intervals_covered_s(const jup_intervals_t *set, double from_s, double to_s)
{
    double covered_s = to_s > from_s ? before(set, to_s) - before(set, from_s) : 0;
    return covered_s > 0 ? covered_s : 0; /* sums round */
}
