#include "plan/grouping.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void jup_grouping_init(jup_grouping_t *g, const jup_plan_problem_t *problem)
{
    size_t devices = (size_t)problem->cluster->n_devices;
    *g = (jup_grouping_t){.problem = problem};
    g->specs = jup_new(devices, sizeof *g->specs);
    g->device = jup_new(devices, sizeof *g->device);
}

void jup_grouping_copy(jup_grouping_t *copy, const jup_grouping_t *g)
{
    copy->n = g->n;
    copy->used = g->used;
    memcpy(copy->device, g->device, (size_t)g->used * sizeof *g->device);
    for (int i = 0; i < g->n; i++) {
        copy->specs[i] = g->specs[i];
        copy->specs[i].device = copy->device + (g->specs[i].device - g->device);
    }
}

void jup_grouping_reset(jup_grouping_t *g)
{
    jup_free(g->specs);
    jup_free(g->device);
    memset(g, 0, sizeof *g);
}

void jup_grouping_clear(jup_grouping_t *g)
{
    g->n = g->used = 0;
}

/* ---- specs ---------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return *x - *y;
}

static double token_s(const jup_plan_problem_t *p, int device)
{
    return jup_cost_layer_s(jup_cluster_profile(p->cluster, device), &p->size, 1,
                            (double)p->workload.prompt_tokens);
}

static void quickest_first(const jup_plan_problem_t *p, int *device, int n)
{
    int best = 0;
    if (p->first_stays && device[0] == 0)
        return;
    for (int i = 1; i < n; i++)
        if (token_s(p, device[i]) < token_s(p, device[best]))
            best = i;
    int leader = device[best];
    memmove(device + 1, device, (size_t)best * sizeof *device);
    device[0] = leader;
}

/* Layers that a group may have to hold: its part of the devices, of the layers. */
static int layers_of(const jup_plan_problem_t *p, int n)
{
    int devices = p->cluster->n_devices;
    return (p->size.layers * n + devices - 1) / devices;
}

jup_group_spec_t jup_grouping_spec(const jup_plan_problem_t *p, jup_way_t way, int *device, int n)
{
    qsort(device, (size_t)n, sizeof *device, by_number);
    if (way == JUP_WAY_SEQUENCE)
        quickest_first(p, device, n);
    return (jup_group_spec_t){
        .way = n == 1 ? JUP_WAY_ALONE : way, .n = n, .device = device, .layers = layers_of(p, n)};
}

/* ---- groups --------------------------------------------------------------------------------- */

static bool has_first(const jup_group_spec_t *spec)
{
    for (int m = 0; m < spec->n; m++)
        if (spec->device[m] == 0)
            return true;
    return false;
}

void jup_grouping_add(jup_grouping_t *g, jup_way_t way, const int *device, int n)
{
    int *own = g->device + g->used;
    memcpy(own, device, (size_t)n * sizeof *own);
    jup_group_spec_t spec = jup_grouping_spec(g->problem, way, own, n);
    g->used += n;
    int at = has_first(&spec) ? 0 : g->n;
    memmove(g->specs + at + 1, g->specs + at, (size_t)(g->n - at) * sizeof *g->specs);
    g->specs[at] = spec;
    g->n++;
}

void jup_grouping_fill(jup_grouping_t *g)
{
    int devices = g->problem->cluster->n_devices, grouped = g->used;
    for (int d = 0; d < devices; d++) {
        int i = 0;
        while (i < grouped && g->device[i] != d)
            i++;
        if (i == grouped)
            jup_grouping_add(g, JUP_WAY_ALONE, &d, 1);
    }
}
