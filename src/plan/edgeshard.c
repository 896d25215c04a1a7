#include "plan/edgeshard.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

/* The best way found to have y layers, the last of them on device d. */
typedef struct best {
    double s;           /* infinite: none */
    int layers, before; /* on d; the device before it, -1: d is the first */
} best_t;

typedef struct shard {
    const jup_instance_t *in;
    best_t *best;                                /* (L + 1, D) */
    double *each_s, *fixed_s, *first_s, *last_s; /* (D): a layer, a stage, more on the ends */
    int *most; /* (4, D) layers by memory: [embedding + 2 * head] */
    double laps;
} shard_t;

static best_t *at(const shard_t *x, int y, int d)
{
    return &x->best[(size_t)y * (size_t)x->in->n_groups + (size_t)d];
}

/* Seconds of a message of the prefill and of all laps. */
static double message_s(const shard_t *x, int from, int to)
{
    const jup_plan_problem_t *p = x->in->problem;
    jup_link_t link = jup_instance_link(x->in, from, to);
    return jup_link_s(link, jup_cost_message_bytes(&p->size, p->workload.prompt_tokens)) +
           x->laps * jup_link_s(link, jup_cost_message_bytes(&p->size, 1));
}

static double result_s(const shard_t *x, int from)
{
    if (from == 0)
        return 0;
    return (1 + x->laps) * jup_link_s(jup_instance_link(x->in, from, 0), jup_cost_result_bytes());
}

static void set_costs(shard_t *x)
{
    const jup_instance_t *in = x->in;
    double prompt = (double)in->problem->workload.prompt_tokens;
    for (int d = 0; d < in->n_groups; d++) {
        int c = in->class_of[d];
        const jup_class_t *class = &in->classes[c];
        double layer_s = jup_instance_layer_s(in, c, 0, in->n_positions);
        x->each_s[d] = layer_s + x->laps * class->decode_layer_s;
        x->fixed_s[d] = class->step.step_s + x->laps * class->decode.step_s;
        x->first_s[d] = prompt * class->step.first_row_s + x->laps * class->decode.first_row_s;
        x->last_s[d] = jup_group_last_s(&class->step, layer_s) + x->laps * class->decode.head_s +
                       result_s(x, d);
        for (int k = 0; k < 4; k++)
            x->most[4 * d + k] = jup_instance_most_layers(in, d, k & 1, k >> 1, 1);
    }
}

/* So many of a device's layers, in the prefill and in all laps. */
static double layers_s(const shard_t *x, int d, int layers)
{
    const jup_class_t *class = &x->in->classes[x->in->class_of[d]];
    return layers * x->each_s[d] + x->laps * jup_group_single_s(&class->decode, layers);
}

/* Whether the way to (y, d) has used a device. */
static bool has_used(const shard_t *x, int y, int d, int device)
{
    while (d >= 0) {
        const best_t *b = at(x, y, d);
        if (d == device)
            return true;
        y -= b->layers;
        d = b->before;
    }
    return false;
}

static void offer(shard_t *x, int y, int d, int layers, int before, double s)
{
    best_t *b = at(x, y, d);
    if (s < b->s)
        *b = (best_t){.s = s, .layers = layers, .before = before};
}

/* Goes on from (y, k) with every number of layers on every other device. */
static void extend(shard_t *x, int y, int k)
{
    const jup_instance_t *in = x->in;
    double so_far = at(x, y, k)->s;
    if (isinf(so_far))
        return;
    for (int d = 0; d < in->n_groups; d++) {
        if (has_used(x, y, k, d))
            continue;
        double s = so_far + message_s(x, k, d) + x->fixed_s[d];
        for (int n = 1; n <= in->n_layers - y; n++) {
            bool last = y + n == in->n_layers;
            if (n > x->most[4 * d + 2 * last])
                continue;
            offer(x, y + n, d, n, k, s + layers_s(x, d, n) + (last ? x->last_s[d] : 0));
        }
    }
}

static void begin(shard_t *x)
{
    for (int n = 1; n <= x->in->n_layers; n++) {
        bool last = n == x->in->n_layers;
        if (n <= x->most[1 + 2 * last])
            offer(x, n, 0, n, -1,
                  x->first_s[0] + x->fixed_s[0] + layers_s(x, 0, n) + (last ? x->last_s[0] : 0));
    }
}

static bool trace_back(const shard_t *x, jup_layout_t *layout)
{
    int y = x->in->n_layers, d = 0;
    for (int k = 1; k < x->in->n_groups; k++)
        if (at(x, y, k)->s < at(x, y, d)->s)
            d = k;
    if (isinf(at(x, y, d)->s))
        return false;
    layout->n = 0;
    while (d >= 0) {
        const best_t *b = at(x, y, d);
        memmove(layout->group + 1, layout->group, (size_t)layout->n * sizeof *layout->group);
        memmove(layout->layers + 1, layout->layers, (size_t)layout->n * sizeof *layout->layers);
        layout->group[0] = d;
        layout->layers[0] = b->layers;
        layout->n++;
        y -= b->layers;
        d = b->before;
    }
    return true;
}

bool jup_edgeshard_layers(const jup_instance_t *in, jup_layout_t *layout)
{
    size_t D = (size_t)in->n_groups, states = ((size_t)in->n_layers + 1) * D;
    double *costs = jup_new(4 * D, sizeof *costs);
    shard_t x = {.in = in,
                 .each_s = costs,
                 .fixed_s = costs + D,
                 .first_s = costs + 2 * D,
                 .last_s = costs + 3 * D};
    x.laps = in->problem->objective == JUP_OBJECTIVE_TOTAL ? in->serial_laps + in->branch_laps : 0;
    x.best = jup_new(states, sizeof *x.best);
    x.most = jup_new(4 * D, sizeof *x.most);
    for (size_t i = 0; i < states; i++)
        x.best[i].s = INFINITY;
    set_costs(&x);
    begin(&x);
    for (int y = 1; y < in->n_layers; y++)
        for (int k = 0; k < in->n_groups; k++)
            extend(&x, y, k);
    bool found = trace_back(&x, layout);
    jup_free(x.best);
    jup_free(x.most);
    jup_free(costs);
    return found;
}
