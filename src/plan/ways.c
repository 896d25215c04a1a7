#include "plan/ways.h"

#include "base/mem.h"
#include "plan/shares.h"

#include <math.h>
#include <string.h>

enum { SEQUENCE_GATHERS_OF_ROWS = 1 }; /* besides K and V */
static const double tiles_hide = 0.9;  /* of what they could at best, as in the paper's table */

/* ---- making --------------------------------------------------------------------------------- */

/* What a member's processor takes to send one message and to take another, by the slowest. */
static double slowest_message_s(const jup_plan_group_t *g)
{
    double slowest = 0;
    for (int m = 0; m < g->n; m++)
        slowest = fmax(slowest, 2 * jup_profile_message_s(g->members[m].profile, 0));
    return slowest;
}

/* The links between the members, in both directions, by their worst. */
static void find_link(jup_plan_group_t *g)
{
    const jup_cluster_t *cluster = g->problem->cluster;
    g->link = (jup_exchange_link_t){.bytes_per_s = INFINITY};
    for (int a = 0; a < g->n; a++)
        for (int b = 0; b < g->n; b++) {
            if (a == b)
                continue;
            jup_link_t link = jup_cluster_link(cluster, g->members[a].device, g->members[b].device);
            g->link.latency_s = fmax(g->link.latency_s, link.latency_s);
            g->link.bytes_per_s = fmin(g->link.bytes_per_s, link.bytes_per_s);
        }
    g->link.serial_s = slowest_message_s(g);
    g->link.latency_s += g->link.serial_s;
}

/* Parts of one model: equal shares may still differ in repeated KV heads and in a last block. */
static bool same_size(const jup_model_size_t *a, const jup_model_size_t *b)
{
    if (!a || !b)
        return a == b;
    return a->layer.weight_bytes == b->layer.weight_bytes &&
           a->layer.kv_bytes == b->layer.kv_bytes && a->head_bytes == b->head_bytes;
}

static bool same_member(const jup_group_member_t *a, const jup_group_member_t *b)
{
    return a->heads == b->heads && a->ffn == b->ffn &&
           (a->profile == b->profile || jup_profile_same(a->profile, b->profile)) &&
           same_size(a->size, b->size);
}

static void find_distinct(jup_plan_group_t *g)
{
    g->distinct = jup_new((size_t)g->n, sizeof *g->distinct);
    for (int m = 0; m < g->n; m++) {
        int i = 0;
        while (i < g->n_distinct && !same_member(&g->members[g->distinct[i]], &g->members[m]))
            i++;
        if (i == g->n_distinct)
            g->distinct[g->n_distinct++] = m;
    }
}

/* Gives every member its share, and the size of that part of the model. */
static jup_status_t set_parts(jup_plan_group_t *g, const int *heads, const int *ffn,
                              jup_error_t *err)
{
    const jup_model_size_t *whole = &g->problem->size;
    jup_part_t *parts = jup_new((size_t)g->n, sizeof *parts);
    jup_status_t status =
        jup_part_of_counts(&whole->config, whole->blocks, heads, ffn, g->n, parts, err);
    for (int m = 0; m < g->n && status == JUP_OK; m++) {
        jup_group_member_t *member = &g->members[m];
        member->heads = heads[m];
        member->ffn = ffn[m];
        member->size = jup_new(1, sizeof *member->size);
        jup_model_size_part(member->size, whole, &parts[m]);
    }
    jup_free(parts);
    return status;
}

static jup_status_t share(jup_plan_group_t *g, const jup_group_spec_t *spec, jup_error_t *err)
{
    if (spec->heads)
        return set_parts(g, spec->heads, spec->ffn, err);
    const jup_sharers_t sharers = {.device = spec->device, .n = spec->n, .layers = spec->layers};
    int *counts = jup_new(2 * (size_t)g->n, sizeof *counts);
    jup_status_t status =
        jup_plan_share(g->problem, &sharers, JUP_SHARING_REQUEST, counts, counts + g->n, err);
    if (status == JUP_OK)
        status = set_parts(g, counts, counts + g->n, err);
    jup_free(counts);
    return status;
}

jup_status_t jup_plan_group_init(jup_plan_group_t *g, const jup_plan_problem_t *problem,
                                 const jup_group_spec_t *spec, jup_error_t *err)
{
    *g = (jup_plan_group_t){
        .problem = problem, .way = spec->way, .n = spec->n, .exchange = problem->exchange};
    g->members = jup_new((size_t)g->n, sizeof *g->members);
    for (int m = 0; m < g->n; m++)
        g->members[m] = (jup_group_member_t){
            .device = spec->device[m],
            .profile = jup_cluster_profile(problem->cluster, spec->device[m]),
            .budget_bytes = problem->cluster->devices[spec->device[m]].budget_bytes,
        };
    jup_status_t status = jup_way_splits(g->way) ? share(g, spec, err) : JUP_OK;
    if (status != JUP_OK) {
        jup_plan_group_reset(g);
        return status;
    }
    find_link(g);
    find_distinct(g);
    return JUP_OK;
}

void jup_plan_group_reset(jup_plan_group_t *g)
{
    for (int m = 0; m < g->n; m++)
        jup_free(g->members[m].size);
    jup_free(g->members);
    jup_free(g->distinct);
    memset(g, 0, sizeof *g);
}

bool jup_plan_group_same(const jup_plan_group_t *a, const jup_plan_group_t *b)
{
    if (a->way != b->way || a->n != b->n || a->exchange != b->exchange ||
        a->link.latency_s != b->link.latency_s || a->link.bytes_per_s != b->link.bytes_per_s ||
        a->link.serial_s != b->link.serial_s)
        return false;
    for (int m = 0; m < a->n; m++)
        if (!same_member(&a->members[m], &b->members[m]))
            return false;
    return true;
}

const jup_model_size_t *jup_group_size(const jup_plan_group_t *g, int member)
{
    const jup_model_size_t *part = g->members[member].size;
    return part ? part : &g->problem->size;
}

/* ---- messages ------------------------------------------------------------------------------- */

static double activation_bytes(const jup_plan_group_t *g, double rows)
{
    return rows * g->problem->size.wire_row_bytes;
}

static double all_reduce_s(const jup_plan_group_t *g, double rows)
{
    return jup_exchange_s(g->exchange, &g->link, g->n, activation_bytes(g, rows));
}

/* The bytes of all blocks together; half of an all-reduce in blocks. */
static double all_gather_s(const jup_plan_group_t *g, double bytes)
{
    jup_exchange_t in_blocks = jup_exchange_in_blocks(g->exchange, &g->link, g->n);
    return jup_exchange_s(in_blocks, &g->link, g->n, bytes) / 2;
}

/* K and V of the rows, and what else travels, from everyone to everyone. */
static double sequence_s(const jup_plan_group_t *g, double rows)
{
    const jup_config_t *c = &g->problem->size.config;
    double a = activation_bytes(g, rows);
    double kv = a * c->kv_heads * c->head_dim / c->dim;
    return 2 * all_gather_s(g, kv) + SEQUENCE_GATHERS_OF_ROWS * all_gather_s(g, a);
}

/* Until all other members have a message of `bytes` each from the leader. */
static double tell_s(const jup_plan_group_t *g, double bytes)
{
    return (g->n - 1) * bytes / g->link.bytes_per_s;
}

static double tell_latency_s(const jup_plan_group_t *g)
{
    return g->link.latency_s + (g->n - 2) * g->link.serial_s;
}

/* ---- layers --------------------------------------------------------------------------------- */

static double member_layer_s(const jup_plan_group_t *g, int m, double rows, double prefix)
{
    return jup_cost_layer_s(g->members[m].profile, jup_group_size(g, m), rows, prefix);
}

static double slowest_s(const jup_plan_group_t *g, double rows, double prefix)
{
    double slowest = 0;
    for (int i = 0; i < g->n_distinct; i++)
        slowest = fmax(slowest, member_layer_s(g, g->distinct[i], rows, prefix));
    return slowest;
}

/* A layer whose products go tile by tile: each tile reads the weights anew. */
static double tiled_layer_s(const jup_plan_group_t *g, int m, double rows, double prefix)
{
    const jup_profile_t *profile = g->members[m].profile;
    const jup_model_size_t *size = jup_group_size(g, m);
    double flops = size->layer.flops_per_row * jup_cost_split_factor(profile, size);
    double bytes = size->layer.weight_bytes;
    return jup_cost_layer_s(profile, size, rows, prefix) +
           g->n * jup_profile_linear_s(profile, rows / g->n, flops, bytes) -
           jup_profile_linear_s(profile, rows, flops, bytes);
}

/* Messages hide behind products, not behind fixed costs; what the processor does for them does not
 * hide: a member sends and takes all blocks but one. */
static double galaxy_s(const jup_plan_group_t *g, double rows, double prefix)
{
    double compute = 0, products = 0, byte_s = 0;
    for (int i = 0; i < g->n_distinct; i++) {
        int m = g->distinct[i];
        double s = tiled_layer_s(g, m, rows, prefix);
        compute = fmax(compute, s);
        products = fmax(products, s - g->members[m].profile->layer_s);
        byte_s = fmax(byte_s, g->members[m].profile->message_byte_s);
    }
    double bytes = activation_bytes(g, rows); /* gathered, or summed and scattered */
    double work = 4 * 2 * bytes * (g->n - 1) / g->n * byte_s;
    double messages = fmax(work, 4 * all_gather_s(g, bytes));
    double tiles = products * (g->n - 1) / g->n;
    return compute + messages - tiles_hide * fmin(messages - work, tiles);
}

/* Even rows: the last member's see the most before them. */
static double rows_s(const jup_plan_group_t *g, double rows, double prefix)
{
    double each = rows / g->n, slowest = 0;
    for (int m = 0; m < g->n; m++)
        slowest = fmax(slowest, member_layer_s(g, m, each, prefix + m * each));
    return slowest + sequence_s(g, rows);
}

double jup_group_layer_s(const jup_plan_group_t *g, double rows, double prefix)
{
    switch (g->way) {
    case JUP_WAY_ALONE:
        return member_layer_s(g, 0, rows, prefix);
    case JUP_WAY_SEQUENCE:
        return rows < g->n ? member_layer_s(g, 0, rows, prefix) : rows_s(g, rows, prefix);
    case JUP_WAY_GALAXY:
        if (rows >= g->n)
            return galaxy_s(g, rows, prefix);
        break;
    case JUP_WAY_DETRANSFORMER:
        return slowest_s(g, rows, prefix) + all_reduce_s(g, rows);
    case JUP_WAY_TENSOR:
        break;
    }
    return slowest_s(g, rows, prefix) + 2 * all_reduce_s(g, rows);
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* A step comes as one message and leaves as another, on the first and the last stage too. */
static jup_group_step_t member_step(const jup_plan_group_t *g, int m)
{
    const jup_profile_t *profile = g->members[m].profile;
    const jup_model_size_t *size = jup_group_size(g, m);
    double row_s = 2 * profile->message_byte_s * g->problem->size.wire_row_bytes;
    return (jup_group_step_t){
        .step_s = profile->step_s + 2 * profile->message_s,
        .first_row_s = jup_cost_embed_s(profile, size, 1) + row_s,
        .inner_row_s = row_s,
        .head_s = jup_cost_head_s(profile, size, 1),
        .rest_layer_s = profile->rest_gain * jup_cost_layer_s(profile, size, 1, 0),
        .rest_most_s = jup_cost_rest_most_s(profile),
    };
}

/* The leader tells, all work, the results come together. */
static jup_group_step_t joint_step(const jup_plan_group_t *g)
{
    bool by_rows = g->way == JUP_WAY_SEQUENCE;
    double wire = g->problem->size.wire_row_bytes / (by_rows ? g->n : 1);
    double row_bytes = jup_cost_step_bytes(1) - jup_cost_step_bytes(0);
    jup_group_step_t all = {0};
    for (int i = 0; i < g->n_distinct; i++) {
        jup_group_step_t one = member_step(g, g->distinct[i]);
        all.step_s = fmax(all.step_s, one.step_s);
        all.first_row_s = fmax(all.first_row_s, one.first_row_s);
        all.inner_row_s = fmax(all.inner_row_s, one.inner_row_s);
        all.head_s = fmax(all.head_s, one.head_s);
    }
    if (by_rows) {
        all.head_s = member_step(g, g->n - 1).head_s; /* it has the last row */
        all.first_row_s /= g->n;
    }
    all.step_s += tell_latency_s(g) + tell_s(g, jup_cost_step_bytes(0));
    all.first_row_s += tell_s(g, row_bytes);
    all.inner_row_s += tell_s(g, row_bytes + wire);
    all.head_s += tell_latency_s(g) + tell_s(g, jup_cost_result_bytes());
    return all;
}

/* Whether the model's last layer goes on with the wanted rows alone. */
static bool leaves_rows_out(const jup_plan_group_t *g)
{
    return !g->problem->every_row &&
           (g->n == 1 || g->way == JUP_WAY_TENSOR || g->way == JUP_WAY_DETRANSFORMER);
}

jup_group_step_t jup_group_step(const jup_plan_group_t *g, bool decode)
{
    bool leader_alone = g->n == 1 || (decode && g->way == JUP_WAY_SEQUENCE);
    jup_group_step_t step = leader_alone ? member_step(g, 0) : joint_step(g);
    if (!decode && leaves_rows_out(g)) { /* of a prompt's rows one is wanted */
        step.spared = 1 - jup_cost_unwanted_share(jup_group_size(g, 0));
        double prompt = (double)g->problem->workload.prompt_tokens;
        step.head_s += step.spared * jup_group_layer_s(g, 1, prompt);
        if (g->way == JUP_WAY_DETRANSFORMER) /* the last layer has two sums, the mean one of one */
            step.head_s -= all_reduce_s(g, prompt) - all_reduce_s(g, 1);
    }
    return step;
}

/* ---- memory --------------------------------------------------------------------------------- */

jup_stage_memory_t jup_group_memory(const jup_plan_group_t *g, int member, int layers,
                                    bool embedding, bool head, int64_t rows)
{
    return jup_cost_memory(jup_group_size(g, member), &g->problem->workload, layers, embedding,
                           head, rows);
}
