#include "plan/search.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROMISING = 6, ORDERS = 4, ROUNDS = 4 };
static const double hopeless = 1.25; /* so much behind the best, a layout is left alone */

/* ---- the best so far ------------------------------------------------------------------------ */

void jup_search_init(jup_search_t *x, const jup_instance_t *in, double effort)
{
    memset(x, 0, sizeof *x);
    x->in = in;
    x->value_s = INFINITY;
    x->meter.left = effort * fmin(fmax(6000.0 * in->n_groups * in->n_positions, 2e6), 4e8);
    jup_cut_init(&x->cut, in, JUP_CUT_CHUNKS);
    jup_cut_init(&x->trial, in, JUP_CUT_CHUNKS);
    jup_cut_init(&x->scratch, in, JUP_CUT_CHUNKS);
}

void jup_search_reset(jup_search_t *x)
{
    jup_cut_reset(&x->cut);
    jup_cut_reset(&x->trial);
    jup_cut_reset(&x->scratch);
}

bool jup_search_offer(jup_search_t *x, const jup_layout_t *layout, const jup_cut_t *cut)
{
    jup_pipe_set(&x->pipe, x->in, layout);
    double value = jup_schedule_value_s(x->in, &x->pipe, cut, x->value_s);
    if (!(value < x->value_s))
        return false;
    x->value_s = value;
    x->layout = *layout;
    if (cut != &x->cut)
        jup_cut_copy(&x->cut, cut, x->in);
    return true;
}

/* Offers a layout with the best cut found for it; its own value, infinite when it does not fit. */
static double offer_layout(jup_search_t *x, const jup_layout_t *layout)
{
    int32_t most_rows = jup_layout_most_rows(x->in, layout);
    if (most_rows < 1)
        return INFINITY;
    jup_pipe_set(&x->pipe, x->in, layout);
    double ttft = jup_chunk_search(x->in, &x->pipe, most_rows, &x->meter, &x->trial, &x->scratch);
    if (isinf(ttft))
        return INFINITY;
    double value = ttft + jup_schedule_fixed_s(x->in, &x->pipe);
    jup_search_offer(x, layout, &x->trial);
    return value;
}

static void offer_even(jup_search_t *x)
{
    jup_layout_t layout;
    jup_layer_even(x->in, &layout);
    int32_t most_rows = jup_layout_most_rows(x->in, &layout);
    if (most_rows < 1)
        return;
    jup_pipe_set(&x->pipe, x->in, &layout);
    if (!x->sketch && !isinf(jup_chunk_uniform(x->in, &x->pipe, most_rows, &x->trial, &x->scratch)))
        jup_search_offer(x, &layout, &x->trial);
    offer_layout(x, &layout);
}

/* ---- layouts worth a closer look ------------------------------------------------------------ */

typedef struct promising {
    jup_layout_t layout[PROMISING];
    double value_s[PROMISING]; /* ascending */
    int n;
} promising_t;

static bool same_layout(const jup_layout_t *a, const jup_layout_t *b)
{
    size_t n = (size_t)a->n;
    return a->n == b->n && memcmp(a->group, b->group, n * sizeof *a->group) == 0 &&
           memcmp(a->layers, b->layers, n * sizeof *a->layers) == 0;
}

static void note(promising_t *p, const jup_layout_t *layout, double value)
{
    int at = p->n;
    for (int i = 0; i < p->n; i++)
        if (same_layout(&p->layout[i], layout)) {
            if (value >= p->value_s[i])
                return;
            memmove(p->layout + i, p->layout + i + 1, (size_t)(p->n - i - 1) * sizeof *p->layout);
            memmove(p->value_s + i, p->value_s + i + 1,
                    (size_t)(p->n - i - 1) * sizeof *p->value_s);
            at = --p->n;
            break;
        }
    while (at > 0 && p->value_s[at - 1] > value)
        at--;
    if (at >= PROMISING)
        return;
    if (p->n < PROMISING)
        p->n++;
    memmove(p->layout + at + 1, p->layout + at, (size_t)(p->n - at - 1) * sizeof *p->layout);
    memmove(p->value_s + at + 1, p->value_s + at, (size_t)(p->n - at - 1) * sizeof *p->value_s);
    p->layout[at] = *layout;
    p->value_s[at] = value;
}

/* Mean seconds of the links of a group for a message. */
static double mean_link_s(const jup_instance_t *in, int group, double bytes)
{
    const jup_cluster_t *cluster = in->problem->cluster;
    if (!cluster->links)
        return jup_link_s(cluster->default_link, bytes);
    double sum = 0;
    for (int d = 0; d < in->n_groups; d++)
        if (d != group)
            sum += jup_link_s(jup_instance_link(in, group, d), bytes);
    return in->n_groups > 1 ? sum / (in->n_groups - 1) : 0;
}

/* A group's part of: one mean chunk through the pipe, plus the laps of decoding. */
static jup_layer_cost_t group_cost(const jup_instance_t *in, int group, const jup_cut_t *cut)
{
    int c = in->class_of[group];
    const jup_class_t *class = &in->classes[c];
    const jup_group_step_t *step = &class->step, *decode = &class->decode;
    double laps = in->problem->objective == JUP_OBJECTIVE_TOTAL
                      ? jup_workload_laps(&in->problem->workload)
                      : 0;
    double rows = (double)in->problem->workload.prompt_tokens / cut->n, layer_s = 0;
    for (int k = 0; k < cut->n; k++)
        layer_s += cut->layer_s[k * in->n_classes + c] / cut->n;
    double bytes = jup_cost_message_bytes(&in->problem->size, (int64_t)rows);
    double lap_bytes = jup_cost_message_bytes(&in->problem->size, 1);
    double busy_s = step->step_s + rows * step->inner_row_s;
    jup_layer_cost_t cost = {
        .fixed_s =
            busy_s + mean_link_s(in, group, bytes) +
            laps * (decode->step_s + decode->inner_row_s + mean_link_s(in, group, lap_bytes)),
        .each_s = layer_s + laps * class->decode_layer_s,
        .busy_s = busy_s,
        .busy_each_s = layer_s,
        .embed_s = rows * (step->first_row_s - step->inner_row_s) +
                   laps * (decode->first_row_s - decode->inner_row_s),
        .embed_busy_s = rows * (step->first_row_s - step->inner_row_s),
        .head_s = jup_group_last_s(step, layer_s) + laps * decode->head_s,
        .head_busy_s = -step->spared * layer_s,
    };
    for (int k = 0; k < 4; k++)
        cost.most[k] = jup_instance_most_layers(in, group, k & 1, k >> 1, jup_cut_longest(cut));
    return cost;
}

typedef struct ranked {
    double speed_s;
    int group;
} ranked_t;

static int by_speed(const void *a, const void *b)
{
    const ranked_t *x = a, *y = b;
    if (x->speed_s != y->speed_s)
        return x->speed_s < y->speed_s ? -1 : 1;
    return x->group - y->group;
}

/* Layers lost when group `d` takes the embedding (k = 1) or the head (k = 2) as well. */
static int lost(const jup_layer_cost_t *costs, int d, int k)
{
    return costs[d].most[k] > 0 ? costs[d].most[0] - costs[d].most[k] : 1 << 20;
}

/* The ends that leave the most room: where memory is scarce, little else will do. */
static void roomy_ends(const jup_layer_cost_t *costs, int n, int *first, int *last)
{
    *first = *last = 0;
    for (int d = 1; d < n; d++)
        if (lost(costs, d, 1) < lost(costs, *first, 1))
            *first = d;
    for (int d = 0; d < n; d++)
        if (d != *first && (*last == *first || lost(costs, d, 2) < lost(costs, *last, 2)))
            *last = d;
}

/* Moves a group to the front of an order. */
static void put_first(int *order, int n, int group)
{
    int at = 0;
    while (at < n - 1 && order[at] != group)
        at++;
    memmove(order + 1, order, (size_t)at * sizeof *order);
    order[0] = group;
}

/* The cluster's order; fastest first; fastest last; the ends with the most room. */
static void fill_orders(const jup_instance_t *in, const jup_layer_cost_t *costs, int *orders)
{
    int D = in->n_groups, first, last, n = 0;
    ranked_t *ranked = jup_new((size_t)D, sizeof *ranked);
    for (int d = 0; d < D; d++)
        ranked[d] = (ranked_t){costs[d].each_s, d};
    qsort(ranked, (size_t)D, sizeof *ranked, by_speed);
    roomy_ends(costs, D, &first, &last);
    int *roomy = orders + 3 * D;
    roomy[n++] = first;
    for (int d = 0; d < D; d++) {
        orders[d] = d;
        orders[D + d] = ranked[d].group;
        orders[2 * D + d] = ranked[D - 1 - d].group;
        if (ranked[d].group != first && ranked[d].group != last)
            roomy[n++] = ranked[d].group;
    }
    if (D > 1)
        roomy[n] = last;
    for (int o = 0; o < ORDERS && in->problem->first_stays; o++)
        put_first(orders + o * D, D, 0);
    jup_free(ranked);
}

/* Costs of all groups in an order. */
static void in_order(const jup_layer_cost_t *costs, const int *order, int n,
                     jup_layer_cost_t *ordered)
{
    for (int d = 0; d < n; d++)
        ordered[d] = costs[order[d]];
}

/* The slowest stage if layers could be split to fit speeds exactly, memory aside. */
static double ideal_cap_s(const jup_layer_cost_t *costs, int n, int layers)
{
    double rate = 0;
    for (int d = 0; d < n; d++)
        rate += 1 / costs[d].busy_each_s;
    return layers / rate;
}

static void layouts_for_order(jup_search_t *x, const jup_layer_cost_t *costs, const int *order,
                              double ideal_s, promising_t *found)
{
    static const double caps[] = {1,   1.01, 1.02, 1.04, 1.07, 1.1, 1.15, 1.2, 1.3, 1.4,
                                  1.5, 1.75, 2,    2.5,  3,    4,   6,    10,  20,  1e9};
    const jup_instance_t *in = x->in;
    jup_layout_t layout, before = {0};
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i += x->sketch ? 4 : 1) {
        if (!jup_layer_capped(costs, in->n_groups, in->n_layers, ideal_s * caps[i], order,
                              in->problem->first_stays, &layout) ||
            same_layout(&layout, &before))
            continue;
        before = layout;
        jup_pipe_set(&x->pipe, in, &layout);
        double worst = found->n == PROMISING ? found->value_s[PROMISING - 1] : INFINITY;
        double value = jup_schedule_value_s(in, &x->pipe, &x->trial, worst);
        if (value < worst)
            note(found, &layout, value);
    }
}

static void find_layouts(jup_search_t *x, promising_t *found)
{
    const jup_instance_t *in = x->in;
    int D = in->n_groups;
    int64_t prompt = in->problem->workload.prompt_tokens;
    jup_layer_cost_t *costs = jup_new((size_t)D * 2, sizeof *costs);
    int *orders = jup_new((size_t)D * ORDERS, sizeof *orders);
    for (int n = 1; n <= JUP_CUT_CHUNKS && n <= prompt; n += 1 + n / (x->sketch ? 1 : 3)) {
        if ((prompt + n - 1) / n > in->max_chunk)
            continue;
        if (n > 1 && prompt / n < in->min_chunk)
            break;
        jup_cut_in_equal(&x->trial, in, n);
        for (int d = 0; d < D; d++)
            costs[d] = group_cost(in, d, &x->trial);
        fill_orders(in, costs, orders);
        for (int o = 0; o < ORDERS; o++) {
            in_order(costs, orders + o * D, D, costs + D);
            layouts_for_order(x, costs + D, orders + o * D, ideal_cap_s(costs, D, in->n_layers),
                              found);
        }
    }
    jup_free(orders);
    jup_free(costs);
}

/* ---- putting it together -------------------------------------------------------------------- */

static void improve(jup_search_t *x, jup_layout_t layout)
{
    jup_cut_t cut;
    for (int round = 0; round < ROUNDS; round++) {
        double value = offer_layout(x, &layout);
        if (value > hopeless * x->value_s || x->meter.left <= 0)
            return; /* too far behind, or impossible */
        jup_cut_init(&cut, x->in, x->trial.n);
        jup_cut_copy(&cut, &x->trial, x->in);
        bool moved = jup_search_move_layers(x, &layout, &cut, &value);
        if (moved)
            jup_search_offer(x, &layout, &cut);
        jup_cut_reset(&cut);
        if (!moved)
            return;
    }
}

static void search_jointly(jup_search_t *x)
{
    promising_t *found = jup_new(1, sizeof *found);
    offer_even(x);
    find_layouts(x, found);
    jup_meter_t share = {x->meter.left / (PROMISING + 1)};
    for (int i = 0; i < found->n; i++) {
        jup_meter_t rest = {x->meter.left - share.left};
        x->meter = share;
        improve(x, found->layout[i]);
        x->meter.left += rest.left;
    }
    jup_free(found);
    if (x->layout.n)
        improve(x, x->layout);
}

static void search_slowest(jup_search_t *x)
{
    jup_layout_t layout;
    if (jup_layer_slowest(x->in, &layout))
        offer_layout(x, &layout);
}

/* Boundaries off the grid. */
static void polish(jup_search_t *x, double effort)
{
    jup_meter_t meter = {1e6 * effort};
    if (!x->layout.n || x->in->grain == 1)
        return;
    jup_pipe_set(&x->pipe, x->in, &x->layout);
    double fixed = jup_schedule_fixed_s(x->in, &x->pipe);
    x->value_s = fixed + jup_chunk_refine(x->in, &x->pipe, jup_layout_most_rows(x->in, &x->layout),
                                          &meter, &x->cut, x->value_s - fixed);
}

void jup_search_run(jup_search_t *x)
{
    double effort = x->in->problem->effort > 0 ? x->in->problem->effort : 1;
    jup_meter_t exhaustive = {2e6 * effort};
    if (x->in->problem->objective == JUP_OBJECTIVE_SLOWEST)
        search_slowest(x);
    else
        search_jointly(x);
    jup_search_exhaust(x, &exhaustive);
    polish(x, effort);
}
