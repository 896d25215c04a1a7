#include "plan/layering.h"

#include "base/mem.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

void jup_layer_even(const jup_instance_t *in, jup_layout_t *layout)
{
    int n = in->n_groups < in->n_layers ? in->n_groups : in->n_layers;
    layout->n = n;
    for (int s = 0; s < n; s++) {
        layout->group[s] = s;
        layout->layers[s] = in->n_layers / n + (s < in->n_layers % n);
    }
}

/* ---- least sum under a cap ------------------------------------------------------------------ */

/* cost[y]: least sum of a prefix of the groups that holds y > 0 layers. chosen: (D, L + 1). */
typedef struct capped {
    const jup_layer_cost_t *costs;
    int n_groups, n_layers;
    double cap_s;
    bool first_stays;
    double *cost, *next;
    int16_t *chosen;
    int *queue;
} capped_t;

static int most_layers(const capped_t *x, const jup_layer_cost_t *c, bool embedding, bool head)
{
    double room =
        x->cap_s - c->busy_s - (embedding ? c->embed_busy_s : 0) - (head ? c->head_busy_s : 0);
    int memory = c->most[embedding + 2 * head];
    if (room < c->busy_each_s)
        return 0;
    double layers = room / c->busy_each_s * (1 + 1e-12);
    return layers < memory ? (int)layers : memory;
}

/* One group more: the queue holds the y that may be best, by cost[y] - y * each. */
static void add_group(capped_t *x, int d)
{
    const jup_layer_cost_t *c = &x->costs[d];
    int16_t *chosen = x->chosen + (size_t)d * (size_t)(x->n_layers + 1);
    int most = most_layers(x, c, false, false), first = most_layers(x, c, true, false);
    int head = 0, tail = 0;
    for (int y = 1; y <= x->n_layers; y++) {
        int added = y - 1; /* joins the queue, if it is a sum at all (0 layers are not) */
        if (added > 0 && !isinf(x->cost[added])) {
            double value = x->cost[added] - added * c->each_s;
            while (tail > head &&
                   x->cost[x->queue[tail - 1]] - x->queue[tail - 1] * c->each_s >= value)
                tail--;
            x->queue[tail++] = added;
        }
        while (tail > head && x->queue[head] < y - most)
            head++;
        x->next[y] = x->first_stays && d == 0 ? INFINITY : x->cost[y];
        chosen[y] = 0;
        if (tail > head) {
            double value = x->cost[x->queue[head]] + c->fixed_s + (y - x->queue[head]) * c->each_s;
            if (value < x->next[y]) {
                x->next[y] = value;
                chosen[y] = (int16_t)(y - x->queue[head]);
            }
        }
        if (y <= first && (d == 0 || !x->first_stays) &&
            c->fixed_s + c->embed_s + y * c->each_s < x->next[y]) {
            x->next[y] = c->fixed_s + c->embed_s + y * c->each_s;
            chosen[y] = (int16_t)y;
        }
    }
}

/* The best way to end on group d; *before is what the ones before it hold. */
static double end_on(const capped_t *x, int d, int *before)
{
    const jup_layer_cost_t *c = &x->costs[d];
    double best = INFINITY, base = c->fixed_s + c->head_s;
    int L = x->n_layers, most = most_layers(x, c, false, true);
    for (int y = L - most > 1 ? L - most : 1; y < L; y++) {
        double value = x->cost[y] + base + (L - y) * c->each_s;
        if (value < best) {
            best = value;
            *before = y;
        }
    }
    if ((d == 0 || !x->first_stays) && L <= most_layers(x, c, true, true) &&
        base + c->embed_s + L * c->each_s < best) {
        best = base + c->embed_s + L * c->each_s;
        *before = 0;
    }
    return best;
}

static void trace_back(const capped_t *x, int last, int before, const int *order,
                       jup_layout_t *layout)
{
    int group[JUP_MAX_LAYERS], layers[JUP_MAX_LAYERS], n = 0;
    group[n] = order[last];
    layers[n++] = x->n_layers - before;
    for (int d = last - 1, y = before; y > 0; d--) {
        int taken = x->chosen[(size_t)d * (size_t)(x->n_layers + 1) + (size_t)y];
        if (!taken)
            continue;
        group[n] = order[d];
        layers[n++] = taken;
        y -= taken;
    }
    layout->n = n;
    for (int s = 0; s < n; s++) {
        layout->group[s] = group[n - 1 - s];
        layout->layers[s] = layers[n - 1 - s];
    }
}

static bool solve(capped_t *x, const int *order, jup_layout_t *layout)
{
    double best = INFINITY;
    int best_last = -1, best_before = 0;
    for (int y = 0; y <= x->n_layers; y++)
        x->cost[y] = INFINITY;
    for (int d = 0; d < x->n_groups; d++) {
        int before = 0;
        double value = end_on(x, d, &before);
        if (value < best) {
            best = value;
            best_last = d;
            best_before = before;
        }
        add_group(x, d);
        double *swap = x->cost;
        x->cost = x->next;
        x->next = swap;
        x->cost[0] = INFINITY;
    }
    if (best_last < 0)
        return false;
    trace_back(x, best_last, best_before, order, layout);
    return true;
}

bool jup_layer_capped(const jup_layer_cost_t *costs, int n_groups, int n_layers, double cap_s,
                      const int *order, bool first_stays, jup_layout_t *layout)
{
    size_t width = (size_t)n_layers + 1;
    capped_t x = {.costs = costs,
                  .n_groups = n_groups,
                  .n_layers = n_layers,
                  .cap_s = cap_s,
                  .first_stays = first_stays};
    x.cost = jup_new(width, sizeof *x.cost);
    x.next = jup_new(width, sizeof *x.next);
    x.queue = jup_new(width, sizeof *x.queue);
    x.chosen = jup_new(width * (size_t)n_groups, sizeof *x.chosen);
    double *cost = x.cost, *next = x.next;
    bool found = solve(&x, order, layout);
    jup_free(cost);
    jup_free(next);
    jup_free(x.queue);
    jup_free(x.chosen);
    return found;
}

/* ---- the slowest stage ---------------------------------------------------------------------- */

/* Seconds of n layers for the whole prompt in one chunk. */
static double whole_s(const jup_instance_t *in, int group, int n, bool embedding, bool head)
{
    int c = in->class_of[group];
    const jup_class_t *class = &in->classes[c];
    double prompt = (double)in->problem->workload.prompt_tokens;
    double layer_s = jup_instance_layer_s(in, c, 0, in->n_positions);
    return class->step.step_s + n * layer_s +
           prompt * (embedding ? class->step.first_row_s : class->step.inner_row_s) +
           (head ? jup_group_last_s(&class->step, layer_s) : 0);
}

typedef struct slowest {
    const jup_instance_t *in;
    double *least; /* (L + 1): the groups so far hold y layers */
    double *next;
    int16_t *chosen; /* (D, L + 1) */
} slowest_t;

static void slowest_group(slowest_t *x, int d)
{
    int L = x->in->n_layers;
    int most[4];
    for (int k = 0; k < 4; k++)
        most[k] = jup_instance_most_layers(x->in, d, k & 1, k >> 1, 1);
    for (int y = 0; y <= L; y++) {
        x->next[y] = x->in->problem->first_stays && d == 0 ? INFINITY : x->least[y];
        x->chosen[(size_t)d * (size_t)(L + 1) + (size_t)y] = 0;
        for (int n = 1; n <= y; n++) {
            bool first = n == y, last = y == L;
            if (n > most[first + 2 * last] || isinf(x->least[y - n]))
                continue;
            double s = fmax(x->least[y - n], whole_s(x->in, d, n, first, last));
            if (s < x->next[y]) {
                x->next[y] = s;
                x->chosen[(size_t)d * (size_t)(L + 1) + (size_t)y] = (int16_t)n;
            }
        }
    }
}

bool jup_layer_slowest(const jup_instance_t *in, jup_layout_t *layout)
{
    size_t width = (size_t)in->n_layers + 1;
    slowest_t x = {.in = in};
    double *a = x.least = jup_new(width, sizeof *x.least);
    double *b = x.next = jup_new(width, sizeof *x.next);
    x.chosen = jup_new(width * (size_t)in->n_groups, sizeof *x.chosen);
    for (int y = 1; y <= in->n_layers; y++)
        x.least[y] = INFINITY;
    for (int d = 0; d < in->n_groups; d++) {
        slowest_group(&x, d);
        double *swap = x.least;
        x.least = x.next;
        x.next = swap;
    }
    bool found = !isinf(x.least[in->n_layers]);
    layout->n = 0;
    for (int d = in->n_groups - 1, y = in->n_layers; found && y > 0; d--) {
        int n = x.chosen[(size_t)d * width + (size_t)y];
        if (!n)
            continue;
        memmove(layout->group + 1, layout->group, (size_t)layout->n * sizeof *layout->group);
        memmove(layout->layers + 1, layout->layers, (size_t)layout->n * sizeof *layout->layers);
        layout->group[0] = d;
        layout->layers[0] = n;
        layout->n++;
        y -= n;
    }
    jup_free(a);
    jup_free(b);
    jup_free(x.chosen);
    return found;
}
