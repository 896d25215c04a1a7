/* Every order, subset, layout and cut, with bounds. See plan/search.h. */
#include "base/mem.h"
#include "plan/search.h"

#include <math.h>
#include <string.h>

typedef struct exhaust {
    jup_search_t *x;
    jup_meter_t *meter;
    jup_layout_t layout; /* the stages chosen so far */
    bool used[JUP_CLUSTER_DEVICES];
    double *least_s; /* (classes, L + 1): least prefill time of n layers in any cut; 0: unknown */
    double lap_layer_s; /* the quickest layer of a lap */
    bool complete;
} exhaust_t;

/* Least total time of n layers of a class over all cuts: no pipe with them is quicker. */
static double least_prefill_s(exhaust_t *e, int c, int n)
{
    const jup_instance_t *in = e->x->in;
    double *known = &e->least_s[c * (in->n_layers + 1) + n];
    if (*known > 0)
        return *known;
    int G = in->n_positions;
    jup_meter_spend(e->meter, (double)G * G / 2);
    double *f = jup_new((size_t)G + 1, sizeof *f);
    for (int j = 1; j <= G; j++)
        f[j] = INFINITY;
    for (int i = 0; i < G; i++)
        for (int j = i + 1; j <= G; j++) {
            double t = f[i] + in->classes[c].step.step_s + n * jup_instance_layer_s(in, c, i, j);
            f[j] = t < f[j] ? t : f[j];
        }
    *known = f[G];
    jup_free(f);
    return *known;
}

/* A lower bound on any pipe that begins with the stages so far; `left` layers are to come. */
static double bound_s(exhaust_t *e, int left)
{
    const jup_instance_t *in = e->x->in;
    const jup_layout_t *l = &e->layout;
    double busy = 0, lap = left * e->lap_layer_s;
    for (int s = 0; s < l->n; s++) {
        int c = in->class_of[l->group[s]];
        bool last = left == 0 && s == l->n - 1; /* one of its layers may count little */
        busy = fmax(busy, least_prefill_s(e, c, l->layers[s] - last));
        lap += in->classes[c].decode.step_s + l->layers[s] * in->classes[c].decode_layer_s;
    }
    if (in->problem->objective != JUP_OBJECTIVE_TOTAL)
        return busy;
    return busy + jup_workload_laps(&in->problem->workload) * lap;
}

static void try_layout(exhaust_t *e)
{
    jup_search_t *x = e->x;
    int32_t most_rows = jup_layout_most_rows(x->in, &e->layout);
    double ttft;
    if (most_rows < 1)
        return;
    jup_pipe_set(&x->pipe, x->in, &e->layout);
    double fixed = jup_schedule_fixed_s(x->in, &x->pipe);
    if (fixed >= x->value_s)
        return;
    switch (jup_chunk_exact(x->in, &x->pipe, most_rows, x->value_s - fixed, e->meter, &x->trial,
                            &ttft)) {
    case JUP_EXACT_BETTER:
        jup_search_offer(x, &e->layout, &x->trial);
        break;
    case JUP_EXACT_NONE:
        break;
    case JUP_EXACT_GAVE_UP:
        e->complete = false;
    }
}

/* Of groups that cannot be told apart, the first unused one stands for all. */
static bool is_first_of_its_kind(const exhaust_t *e, int group)
{
    const int *twin_of = e->x->in->twin_of;
    for (int d = 0; d < group; d++)
        if (!e->used[d] && twin_of[d] == twin_of[group])
            return false;
    return true;
}

static void add_stage(exhaust_t *e, int left);

static void with_group(exhaust_t *e, int group, int left)
{
    jup_layout_t *l = &e->layout;
    int most = jup_instance_most_layers(e->x->in, group, l->n == 0, false, 1);
    l->group[l->n++] = group;
    e->used[group] = true;
    for (int n = 1; n <= most && n <= left && e->complete; n++) {
        l->layers[l->n - 1] = n;
        if (!jup_meter_spend(e->meter, 4.0 * l->n))
            e->complete = false;
        else if (bound_s(e, left - n) >= e->x->value_s)
            continue;
        else if (n == left)
            try_layout(e);
        else
            add_stage(e, left - n);
    }
    e->used[group] = false;
    l->n--;
}

static void add_stage(exhaust_t *e, int left)
{
    const jup_instance_t *in = e->x->in;
    bool fixed = in->problem->first_stays && e->layout.n == 0;
    for (int d = 0; d < (fixed ? 1 : in->n_groups) && e->complete; d++)
        if (!e->used[d] && is_first_of_its_kind(e, d))
            with_group(e, d, left);
}

void jup_search_exhaust(jup_search_t *x, jup_meter_t *meter)
{
    const jup_instance_t *in = x->in;
    exhaust_t *e = jup_new(1, sizeof *e);
    e->x = x;
    e->meter = meter;
    e->complete = true;
    e->lap_layer_s = INFINITY;
    for (int c = 0; c < in->n_classes; c++)
        e->lap_layer_s = fmin(e->lap_layer_s, in->classes[c].decode_layer_s);
    e->least_s = jup_new((size_t)in->n_classes * (size_t)(in->n_layers + 1), sizeof *e->least_s);
    if (in->problem->objective == JUP_OBJECTIVE_SLOWEST) {
        e->layout = x->layout; /* the layers are settled, the cut is not */
        if (x->layout.n)
            try_layout(e);
    } else {
        add_stage(e, in->n_layers);
    }
    x->proven = e->complete;
    jup_free(e->least_s);
    jup_free(e);
}
