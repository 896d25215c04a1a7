/* Every way to put few devices into groups, each with every way of sharing. See plan/hybrid.h. */
#include "base/mem.h"
#include "plan/hybrid_inner.h"
#include "plan/runs.h"

enum { MOST_DEVICES = 8 };

typedef struct exhaust {
    jup_hybrid_t *x;
    jup_meter_t meter;
    int n_devices, n_blocks;
    int block[MOST_DEVICES]; /* of each device */
    jup_way_t way[MOST_DEVICES];
    bool complete;
} exhaust_t;

static int members_of(const exhaust_t *e, int block, int *device)
{
    int n = 0;
    for (int d = 0; d < e->n_devices; d++)
        if (e->block[d] == block)
            device[n++] = d;
    return n;
}

/* All plans with a grouping, against the best so far; false when the meter did not suffice. */
static bool look_through(exhaust_t *e, const jup_grouping_t *grouping)
{
    jup_instance_t in;
    if (jup_instance_init(&in, e->x->problem, grouping->specs, grouping->n, NULL) != JUP_OK)
        return true; /* these devices cannot share layers: no plans */
    jup_search_t *search = jup_new(1, sizeof *search);
    jup_search_init(search, &in, 1);
    search->value_s = e->x->value_s;
    jup_search_exhaust(search, &e->meter);
    bool complete = search->proven;
    jup_hybrid_keep(e->x, &in, search, grouping);
    jup_search_reset(search);
    jup_free(search);
    jup_instance_reset(&in);
    return complete;
}

static void try_it(exhaust_t *e)
{
    jup_grouping_t *trial = &e->x->trial;
    int device[MOST_DEVICES];
    jup_grouping_clear(trial);
    for (int b = 0; b < e->n_blocks; b++) {
        int n = members_of(e, b, device);
        jup_grouping_add(trial, e->way[b], device, n);
    }
    e->complete = look_through(e, trial);
}

/* Chooses the ways of the groups from `block` on. */
static void choose_ways(exhaust_t *e, int block)
{
    int device[MOST_DEVICES];
    if (!e->complete)
        return;
    if (block == e->n_blocks) {
        try_it(e);
        return;
    }
    int ways = members_of(e, block, device) > 1 ? JUP_RUN_WAYS : 1;
    for (int w = 0; w < ways; w++) {
        e->way[block] = jup_run_ways[w];
        choose_ways(e, block + 1);
    }
}

/* Puts device d into a group so far or a new one: restricted growth makes each partition once. */
static void choose_block(exhaust_t *e, int d)
{
    if (d == e->n_devices) {
        choose_ways(e, 0);
        return;
    }
    int blocks = e->n_blocks;
    for (int b = 0; b <= blocks && e->complete; b++) {
        e->block[d] = b;
        e->n_blocks = b == blocks ? blocks + 1 : blocks;
        choose_block(e, d + 1);
        e->n_blocks = blocks;
    }
}

bool jup_hybrid_exhaust(jup_hybrid_t *x)
{
    double effort = x->problem->effort > 0 ? x->problem->effort : 1;
    exhaust_t e = {.x = x, .meter = {2e6 * effort}, .complete = true};
    e.n_devices = x->problem->cluster->n_devices;
    if (e.n_devices > MOST_DEVICES)
        return false;
    choose_block(&e, 0);
    return e.complete;
}
