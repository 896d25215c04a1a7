#include "plan/runs.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

const jup_way_t jup_run_ways[JUP_RUN_WAYS] = {JUP_WAY_TENSOR, JUP_WAY_GALAXY, JUP_WAY_SEQUENCE};

/* Up to so many devices every size of a group is tried; of more, small ones alone. */
enum { ALL_SIZES = 16, MANY = 128, MANY_SIZE = 4 };

/* ---- runs ----------------------------------------------------------------------------------- */

static jup_run_t *run_at(const jup_runs_t *r, int start, int size, int way)
{
    size_t index = ((size_t)start * (size_t)r->n_sizes + (size_t)size) * JUP_RUN_WAYS;
    return &r->runs[index + (size_t)way];
}

static int next_size(int size, int devices)
{
    if (devices <= ALL_SIZES)
        return size + 1;
    int most = devices > MANY ? MANY_SIZE : ALL_SIZES;
    return size < most ? size + (size + 1) / 2 : devices + 1;
}

/* All of them; or 1, 2, 3, 5, 8, 12, 18. */
static void choose_sizes(jup_runs_t *r)
{
    int devices = r->problem->cluster->n_devices;
    r->sizes = jup_new((size_t)devices, sizeof *r->sizes);
    for (int size = 1; size <= devices; size = next_size(size, devices))
        r->sizes[r->n_sizes++] = size;
}

static int most_layers(const jup_plan_group_t *g, bool embedding, bool head)
{
    int most = g->problem->size.layers;
    for (int m = 0; m < g->n; m++) {
        double none = jup_stage_memory_bytes(jup_group_memory(g, m, 0, embedding, head, 1));
        double one = jup_stage_memory_bytes(jup_group_memory(g, m, 1, embedding, head, 1));
        double layers = floor((g->members[m].budget_bytes - none) / (one - none) * (1 + 1e-12));
        most = layers < most ? (int)fmax(layers, 0) : most;
    }
    return most;
}

static jup_run_s_t step_s(const jup_group_step_t *step, double layer_s, double rows)
{
    return (jup_run_s_t){
        .fixed_s = step->step_s + rows * step->inner_row_s,
        .each_s = layer_s,
        .first_s = rows * (step->first_row_s - step->inner_row_s),
        .last_s = jup_group_last_s(step, layer_s),
    };
}

static void time_group(const jup_plan_group_t *g, jup_run_t *run)
{
    const jup_workload_t *w = &g->problem->workload;
    double prompt = (double)w->prompt_tokens, context = prompt + (double)w->generate_tokens / 2;
    jup_group_step_t prefill = jup_group_step(g, false), lap = jup_group_step(g, true);
    run->possible = true;
    run->prefill = step_s(&prefill, jup_group_layer_s(g, prompt, 0), prompt);
    run->lap = step_s(&lap, jup_group_layer_s(g, 1, context), 1);
    for (int k = 0; k < 4; k++)
        run->most[k] = most_layers(g, k & 1, k >> 1);
}

static void time_way(jup_runs_t *r, int start, int size, int way, jup_plan_group_t *g)
{
    g->way = g->n > 1 ? jup_run_ways[way] : JUP_WAY_ALONE;
    time_group(g, run_at(r, start, size, way));
}

/* Ways that split layers do it alike. A single device is alone; it stands as the first way. */
static void time_run(jup_runs_t *r, int start, int size)
{
    const jup_plan_problem_t *p = r->problem;
    int n = r->sizes[size];
    jup_plan_group_t g;
    int *device = jup_new((size_t)n, sizeof *device);
    for (int way = 0; way < (n > 1 ? JUP_RUN_WAYS : 1); way++) {
        bool again =
            way > 0 && jup_way_splits(jup_run_ways[way]) && jup_way_splits(jup_run_ways[way - 1]);
        memcpy(device, r->order + start, (size_t)n * sizeof *device);
        jup_group_spec_t spec = jup_grouping_spec(p, jup_run_ways[way], device, n);
        if (again && run_at(r, start, size, way - 1)->possible) {
            time_way(r, start, size, way, &g);
        } else if (!again) {
            if (way > 0)
                jup_plan_group_reset(&g);
            if (jup_plan_group_init(&g, p, &spec, NULL) == JUP_OK)
                time_way(r, start, size, way, &g);
        }
    }
    jup_plan_group_reset(&g);
    jup_free(device);
}

/* Whether the run one device earlier is alike, so that nothing is calculated twice. */
static bool is_as_before(const jup_runs_t *r, int start, int n)
{
    const jup_cluster_t *c = r->problem->cluster;
    if (start == 0 || c->links || (r->problem->first_stays && r->order[start - 1] == 0))
        return false;
    for (int i = 0; i < n; i++) {
        const jup_device_t *a = &c->devices[r->order[start - 1 + i]];
        const jup_device_t *b = &c->devices[r->order[start + i]];
        if (a->profile != b->profile || a->budget_bytes != b->budget_bytes)
            return false;
    }
    return true;
}

void jup_runs_init(jup_runs_t *r, const jup_plan_problem_t *problem, const int *order)
{
    int devices = problem->cluster->n_devices;
    *r = (jup_runs_t){.problem = problem};
    choose_sizes(r);
    r->order = jup_new((size_t)devices, sizeof *r->order);
    memcpy(r->order, order, (size_t)devices * sizeof *order);
    r->runs = jup_new((size_t)devices * (size_t)r->n_sizes * JUP_RUN_WAYS, sizeof *r->runs);
    for (int size = 0; size < r->n_sizes; size++)
        for (int start = 0; start + r->sizes[size] <= devices; start++)
            if (is_as_before(r, start, r->sizes[size]))
                memcpy(run_at(r, start, size, 0), run_at(r, start - 1, size, 0),
                       JUP_RUN_WAYS * sizeof *r->runs);
            else
                time_run(r, start, size);
}

void jup_runs_reset(jup_runs_t *r)
{
    jup_free(r->sizes);
    jup_free(r->order);
    jup_free(r->runs);
    memset(r, 0, sizeof *r);
}

/* ---- the partition -------------------------------------------------------------------------- */

typedef struct choice {
    int16_t layers; /* 0: the device before d is left out */
    int8_t size, way;
} choice_t;

typedef struct partition {
    const jup_runs_t *r;
    jup_run_goal_t goal;
    int layers, devices;
    double *best;     /* (devices + 1, L + 1) */
    choice_t *chosen; /* the same */
} partition_t;

static size_t state(const partition_t *x, int d, int y)
{
    return (size_t)d * (size_t)(x->layers + 1) + (size_t)y;
}

/* What joins: fixed + n * each, and the ends'. */
static jup_run_s_t weighed(const partition_t *x, const jup_run_t *run)
{
    double p = x->goal.prefill, l = x->goal.laps;
    return (jup_run_s_t){
        .fixed_s = p * run->prefill.fixed_s + l * run->lap.fixed_s,
        .each_s = p * run->prefill.each_s + l * run->lap.each_s,
        .first_s = p * run->prefill.first_s + l * run->lap.first_s,
        .last_s = p * run->prefill.last_s + l * run->lap.last_s,
    };
}

static void add_run(partition_t *x, int d, int size, int way)
{
    int start = d - x->r->sizes[size], L = x->layers;
    const jup_run_t *run = run_at(x->r, start, size, way);
    if (!run->possible)
        return;
    const jup_run_s_t s = weighed(x, run);
    const double *before = x->best + state(x, start, 0);
    double *best = x->best + state(x, d, 0);
    choice_t *chosen = x->chosen + state(x, d, 0);
    for (int y = 1; y <= L; y++)
        for (int n = 1; n <= y; n++) {
            bool first = n == y, last = y == L;
            if (n > run->most[first + 2 * last])
                continue;
            double t = s.fixed_s + n * s.each_s + (first ? s.first_s : 0) + (last ? s.last_s : 0);
            double value = x->goal.slowest ? fmax(before[y - n], t) : before[y - n] + t;
            if (value < best[y]) {
                best[y] = value;
                chosen[y] = (choice_t){(int16_t)n, (int8_t)size, (int8_t)way};
            }
        }
}

/* Nothing joined yet, or the first d - 1 devices as they are and device d left out. */
static void leave_out(partition_t *x, int d)
{
    bool must = x->r->problem->first_stays && d > 0;
    for (int y = 0; y <= x->layers; y++) {
        double none = d == 0 && y == 0 ? 0 : INFINITY;
        x->best[state(x, d, y)] = d == 0 || (must && y == 0) ? none : x->best[state(x, d - 1, y)];
    }
}

/* The groups of the first d devices that hold y layers, in order. */
static void add_groups(const partition_t *x, int d, int y, jup_grouping_t *grouping)
{
    int ends[JUP_CLUSTER_DEVICES], n = 0;
    choice_t chosen[JUP_CLUSTER_DEVICES];
    while (y > 0) {
        choice_t c = x->chosen[state(x, d, y)];
        if (c.layers) {
            ends[n] = d;
            chosen[n++] = c;
        }
        d -= c.layers ? x->r->sizes[c.size] : 1;
        y -= c.layers;
    }
    while (n-- > 0) {
        int size = x->r->sizes[chosen[n].size];
        jup_grouping_add(grouping, jup_run_ways[chosen[n].way], x->r->order + ends[n] - size, size);
    }
}

bool jup_runs_partition(const jup_runs_t *r, jup_run_goal_t goal, jup_grouping_t *grouping)
{
    partition_t x = {.r = r,
                     .goal = goal,
                     .layers = r->problem->size.layers,
                     .devices = r->problem->cluster->n_devices};
    size_t states = state(&x, x.devices + 1, 0);
    x.best = jup_new(states, sizeof *x.best);
    x.chosen = jup_new(states, sizeof *x.chosen);
    for (int d = 0; d <= x.devices; d++) {
        leave_out(&x, d);
        for (int size = 0; size < r->n_sizes && r->sizes[size] <= d; size++)
            for (int way = 0; way < JUP_RUN_WAYS; way++)
                add_run(&x, d, size, way);
    }
    bool found = !isinf(x.best[state(&x, x.devices, x.layers)]);
    jup_grouping_clear(grouping);
    if (found)
        add_groups(&x, x.devices, x.layers, grouping);
    jup_free(x.best);
    jup_free(x.chosen);
    return found;
}
