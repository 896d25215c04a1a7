/* Local search over layouts for a fixed cut. See plan/search.h. */
#include "plan/search.h"

#include <math.h>
#include <string.h>

typedef struct moves {
    jup_search_t *x;
    jup_layout_t *layout;
    jup_layout_t before; /* what a move that does not help goes back to */
    const jup_cut_t *cut;
    int32_t rows;
    double now_s;
    bool used[JUP_CLUSTER_DEVICES];
} moves_t;

static bool memory_suffices(const moves_t *m)
{
    const jup_layout_t *l = m->layout;
    for (int s = 0; s < l->n; s++)
        if (jup_instance_most_rows(m->x->in, l->group[s], l->layers[s], s == 0, s == l->n - 1) <
            m->rows)
            return false;
    return true;
}

/* Keeps the changed layout when it helps, else takes the change back. */
static bool settle(moves_t *m)
{
    jup_search_t *x = m->x;
    double value = INFINITY;
    jup_meter_spend(&x->meter, 2.0 * (m->cut->n + 4) * m->layout->n);
    jup_pipe_set(&x->pipe, x->in, m->layout);
    double bound = m->now_s * (1 - 1e-9);
    if (jup_schedule_fixed_s(x->in, &x->pipe) < bound && memory_suffices(m))
        value = jup_schedule_value_s(x->in, &x->pipe, m->cut, bound);
    if (value < bound) {
        m->now_s = value;
        m->before = *m->layout;
        return true;
    }
    *m->layout = m->before;
    return false;
}

/* Whether the stage has to stay on its group. */
static bool is_fixed(const moves_t *m, int stage)
{
    return stage == 0 && m->x->in->problem->first_stays;
}

static void remove_stage(jup_layout_t *l, int s)
{
    size_t behind = (size_t)(l->n - s - 1);
    memmove(l->group + s, l->group + s + 1, behind * sizeof *l->group);
    memmove(l->layers + s, l->layers + s + 1, behind * sizeof *l->layers);
    l->n--;
}

static void insert_stage(jup_layout_t *l, int s, int group, int layers)
{
    size_t behind = (size_t)(l->n - s);
    memmove(l->group + s + 1, l->group + s, behind * sizeof *l->group);
    memmove(l->layers + s + 1, l->layers + s, behind * sizeof *l->layers);
    l->group[s] = group;
    l->layers[s] = layers;
    l->n++;
}

/* `layers` of stage a go to stage b; a stage left without any goes. */
static bool shift(moves_t *m, int a, int b, int layers)
{
    jup_layout_t *l = m->layout;
    int left = l->layers[a] - layers;
    if (a == b || layers < 1 || left < (is_fixed(m, a) ? 1 : 0))
        return false;
    int group = l->group[a];
    l->layers[a] -= layers;
    l->layers[b] += layers;
    bool gone = l->layers[a] == 0;
    if (gone)
        remove_stage(l, a);
    if (!settle(m))
        return false;
    m->used[group] = !gone;
    return true;
}

static bool shift_some(moves_t *m)
{
    bool any = false;
    for (int a = 0; a < m->layout->n && m->x->meter.left > 0; a++)
        for (int b = 0; b < m->layout->n && a < m->layout->n && m->x->meter.left > 0; b++) {
            any = shift(m, a, b, 1) || any;
            if (a < m->layout->n && b < m->layout->n)
                any = shift(m, a, b, m->layout->layers[a]) || any;
        }
    return any;
}

static bool exchange_stages(moves_t *m)
{
    bool any = false;
    jup_layout_t *l = m->layout;
    const int *twin_of = m->x->in->twin_of;
    for (int a = is_fixed(m, 0); a < l->n; a++)
        for (int b = a + 1; b < l->n && m->x->meter.left > 0; b++) {
            int da = l->group[a], db = l->group[b];
            if (twin_of[da] == twin_of[db])
                continue;
            l->group[a] = db;
            l->group[b] = da;
            if (settle(m)) { /* layers stay where they were in the pipe ... */
                any = true;
                continue;
            }
            int layers = l->layers[a]; /* ... or go with their groups */
            l->group[a] = db;
            l->group[b] = da;
            l->layers[a] = l->layers[b];
            l->layers[b] = layers;
            any = settle(m) || any;
        }
    return any;
}

/* Unused groups, one of each kind, in place of a used one or beside it. */
static bool bring_in(moves_t *m, int group)
{
    bool any = false;
    jup_layout_t *l = m->layout;
    const int *twin_of = m->x->in->twin_of;
    for (int s = 0; s < l->n && m->x->meter.left > 0 && !m->used[group]; s++) {
        int old = l->group[s];
        if (twin_of[old] != twin_of[group] && !is_fixed(m, s)) {
            l->group[s] = group;
            if (settle(m)) {
                m->used[old] = false;
                m->used[group] = true;
                return true;
            }
        }
        for (int after = is_fixed(m, s); after < 2 && l->n < JUP_MAX_LAYERS && l->layers[s] > 1;
             after++) {
            int half = l->layers[s] / 2;
            l->layers[s] -= half;
            insert_stage(l, s + after, group, half);
            if (settle(m)) {
                m->used[group] = true;
                return true;
            }
        }
    }
    return any;
}

static bool bring_in_some(moves_t *m)
{
    const jup_instance_t *in = m->x->in;
    bool any = false, tried[JUP_CLUSTER_DEVICES] = {false};
    for (int d = 0; d < in->n_groups && m->x->meter.left > 0; d++) {
        if (m->used[d] || tried[in->twin_of[d]])
            continue;
        if (bring_in(m, d))
            any = true;
        else
            tried[in->twin_of[d]] = true;
    }
    return any;
}

bool jup_search_move_layers(jup_search_t *x, jup_layout_t *layout, const jup_cut_t *cut,
                            double *now_s)
{
    moves_t m = {.x = x, .layout = layout, .before = *layout, .cut = cut, .now_s = *now_s};
    m.rows = jup_cut_longest(cut);
    for (int s = 0; s < layout->n; s++)
        m.used[layout->group[s]] = true;
    for (bool any = true; any && x->meter.left > 0;) {
        any = shift_some(&m);
        any = bring_in_some(&m) || any;
        any = exchange_stages(&m) || any;
    }
    bool changed = m.now_s < *now_s;
    *now_s = m.now_s;
    return changed;
}
