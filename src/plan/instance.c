#include "plan/instance.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { TABLE_ENTRIES = 8 << 20 };

/* ---- groups --------------------------------------------------------------------------------- */

static jup_status_t make_groups(jup_instance_t *in, const jup_group_spec_t *specs, int n,
                                jup_error_t *err)
{
    in->groups = jup_new((size_t)n, sizeof *in->groups);
    for (; in->n_groups < n; in->n_groups++) {
        int device = in->n_groups;
        const jup_group_spec_t alone = {.way = JUP_WAY_ALONE, .n = 1, .device = &device};
        JUP_TRY(jup_plan_group_init(&in->groups[in->n_groups], in->problem,
                                    specs ? &specs[in->n_groups] : &alone, err));
    }
    return JUP_OK;
}

jup_link_t jup_instance_link(const jup_instance_t *in, int from, int to)
{
    return jup_cluster_link(in->problem->cluster, in->groups[from].members[0].device,
                            in->groups[to].members[0].device);
}

/* ---- classes -------------------------------------------------------------------------------- */

static int class_of_group(jup_instance_t *in, const jup_plan_group_t *group)
{
    for (int c = 0; c < in->n_classes; c++)
        if (jup_plan_group_same(in->classes[c].group, group))
            return c;
    in->classes[in->n_classes].group = group;
    return in->n_classes++;
}

static bool same_link(jup_link_t a, jup_link_t b)
{
    return a.latency_s == b.latency_s && a.bytes_per_s == b.bytes_per_s;
}

static bool same_budgets(const jup_plan_group_t *a, const jup_plan_group_t *b)
{
    for (int m = 0; m < a->n; m++)
        if (a->members[m].budget_bytes != b->members[m].budget_bytes)
            return false;
    return true;
}

/* Whether exchanging a and b leaves the cluster as it is. */
static bool are_twins(const jup_instance_t *in, int a, int b)
{
    if (in->class_of[a] != in->class_of[b] || !same_budgets(&in->groups[a], &in->groups[b]))
        return false;
    if (!in->problem->cluster->links)
        return true;
    for (int d = 0; d < in->n_groups; d++) {
        if (d == a || d == b)
            continue;
        if (!same_link(jup_instance_link(in, a, d), jup_instance_link(in, b, d)) ||
            !same_link(jup_instance_link(in, d, a), jup_instance_link(in, d, b)))
            return false;
    }
    return same_link(jup_instance_link(in, a, b), jup_instance_link(in, b, a));
}

static void sort_groups(jup_instance_t *in)
{
    in->class_of = jup_new((size_t)in->n_groups, sizeof *in->class_of);
    in->twin_of = jup_new((size_t)in->n_groups, sizeof *in->twin_of);
    in->classes = jup_new((size_t)in->n_groups, sizeof *in->classes);
    for (int d = 0; d < in->n_groups; d++) {
        in->class_of[d] = class_of_group(in, &in->groups[d]);
        for (in->twin_of[d] = 0; in->twin_of[d] < d; in->twin_of[d]++)
            if (in->twin_of[in->twin_of[d]] == in->twin_of[d] && are_twins(in, in->twin_of[d], d))
                break;
    }
}

/* ---- the grid ------------------------------------------------------------------------------- */

static int64_t positions_for(int64_t prompt, int64_t grain)
{
    return (prompt + grain - 1) / grain;
}

static int32_t choose_grain(const jup_instance_t *in)
{
    const jup_plan_problem_t *problem = in->problem;
    int64_t prompt = problem->workload.prompt_tokens, grain = problem->grain;
    int64_t most = prompt > 8192 ? 512 : 256;
    if (grain <= 0)
        for (grain = 1; positions_for(prompt, grain) > most;)
            grain *= 2;
    while (in->n_classes * (positions_for(prompt, grain) * positions_for(prompt, grain) / 2) >
           TABLE_ENTRIES)
        grain *= 2;
    return (int32_t)grain;
}

static void make_grid(jup_instance_t *in)
{
    const jup_plan_problem_t *problem = in->problem;
    int64_t prompt = problem->workload.prompt_tokens;
    in->grain = choose_grain(in);
    in->n_positions = (int)positions_for(prompt, in->grain);
    in->position = jup_new((size_t)in->n_positions + 1, sizeof *in->position);
    for (int i = 0; i < in->n_positions; i++)
        in->position[i] = i * in->grain;
    in->position[in->n_positions] = (int32_t)prompt;
    int64_t least = problem->min_chunk > 0 ? problem->min_chunk : 1;
    in->min_chunk = (int32_t)(least < prompt ? least : prompt);
    in->max_chunk = problem->max_chunk > 0 ? problem->max_chunk : (int32_t)prompt;
}

/* ---- times ---------------------------------------------------------------------------------- */

static void fill_class(const jup_instance_t *in, jup_class_t *class)
{
    const jup_workload_t *w = &in->problem->workload;
    double context = (double)w->prompt_tokens + (double)w->generate_tokens / 2;
    size_t n = (size_t)in->n_positions;
    class->layer_s = jup_new(n * (n + 1) / 2, sizeof *class->layer_s);
    double *out = class->layer_s;
    for (int i = 0; i < in->n_positions; i++)
        for (int j = i + 1; j <= in->n_positions; j++)
            *out++ =
                jup_group_layer_s(class->group, in->position[j] - in->position[i], in->position[i]);
    class->step = jup_group_step(class->group, false);
    class->decode = jup_group_step(class->group, true);
    int rows = jup_workload_lap_rows(w);
    if (rows > 1)
        class->decode.rest_layer_s = 0; /* rests gain single rows alone */
    class->lap_layer_s = jup_new((size_t)w->branches, sizeof *class->lap_layer_s);
    for (int b = 0; b < w->branches; b++)
        class->lap_layer_s[b] = jup_group_layer_s(class->group, rows * (b + 1.0), context);
    class->decode_layer_s = class->lap_layer_s[0];
}

static jup_status_t check(const jup_plan_problem_t *problem, jup_error_t *err)
{
    const jup_workload_t *w = &problem->workload;
    if (w->prompt_tokens < 1 || w->prompt_tokens > 1 << 24)
        return jup_fail(err, JUP_EINPUT, "the prompt has %lld tokens, must have 1 to %d",
                        (long long)w->prompt_tokens, 1 << 24);
    if (w->generate_tokens < 0 || w->branches < 1)
        return jup_fail(err, JUP_EINPUT, "%lld tokens to generate in %d branches make no sense",
                        (long long)w->generate_tokens, w->branches);
    if (w->serial_tokens < 0 || w->serial_tokens > w->generate_tokens)
        return jup_fail(err, JUP_EINPUT, "an outline of %lld of %lld tokens makes no sense",
                        (long long)w->serial_tokens, (long long)w->generate_tokens);
    if (w->context_tokens < w->prompt_tokens + w->generate_tokens)
        return jup_fail(err, JUP_EINPUT,
                        "a context of %lld tokens does not hold %lld of the prompt and %lld to "
                        "generate",
                        (long long)w->context_tokens, (long long)w->prompt_tokens,
                        (long long)w->generate_tokens);
    if (problem->cluster->n_devices < 1 || problem->size.layers < 1)
        return jup_fail(err, JUP_EINPUT, "there is no device or no layer to plan with");
    return JUP_OK;
}

jup_status_t jup_instance_init(jup_instance_t *in, const jup_plan_problem_t *problem,
                               const jup_group_spec_t *specs, int n, jup_error_t *err)
{
    memset(in, 0, sizeof *in);
    JUP_TRY(check(problem, err));
    in->problem = problem;
    in->n_layers = problem->size.layers;
    in->serial_laps = jup_workload_serial_laps(&problem->workload);
    in->branch_laps = jup_workload_branch_laps(&problem->workload);
    if (make_groups(in, specs, specs ? n : problem->cluster->n_devices, err) != JUP_OK) {
        jup_instance_reset(in);
        return JUP_EINPUT;
    }
    sort_groups(in);
    make_grid(in);
    for (int c = 0; c < in->n_classes; c++)
        fill_class(in, &in->classes[c]);
    return JUP_OK;
}

void jup_instance_reset(jup_instance_t *in)
{
    for (int c = 0; c < in->n_classes; c++) {
        jup_free(in->classes[c].layer_s);
        jup_free(in->classes[c].lap_layer_s);
    }
    for (int g = 0; g < in->n_groups; g++)
        jup_plan_group_reset(&in->groups[g]);
    jup_free(in->groups);
    jup_free(in->classes);
    jup_free(in->class_of);
    jup_free(in->twin_of);
    jup_free(in->position);
    memset(in, 0, sizeof *in);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* What is left of a member's budget beside `layers` and `rows`. */
static double spare_bytes(const jup_plan_group_t *g, int member, int layers, bool embedding,
                          bool head, int64_t rows)
{
    return g->members[member].budget_bytes -
           jup_stage_memory_bytes(jup_group_memory(g, member, layers, embedding, head, rows));
}

static int member_layers(const jup_plan_group_t *g, int member, bool embedding, bool head,
                         int64_t rows)
{
    double spare = spare_bytes(g, member, 0, embedding, head, rows);
    double each = spare - spare_bytes(g, member, 1, embedding, head, rows);
    if (spare < each)
        return 0;
    int most = (int)fmin(spare / each * (1 + 1e-12), g->problem->size.layers);
    while (most > 0 && spare_bytes(g, member, most, embedding, head, rows) < 0)
        most--;
    return most;
}

int jup_instance_most_layers(const jup_instance_t *in, int group, bool embedding, bool head,
                             int64_t rows)
{
    const jup_plan_group_t *g = &in->groups[group];
    int most = in->n_layers;
    for (int m = 0; m < g->n; m++) {
        int layers = member_layers(g, m, embedding, head, rows);
        most = layers < most ? layers : most;
    }
    return most;
}

static int64_t member_rows(const jup_plan_group_t *g, int member, int layers, bool embedding,
                           bool head)
{
    double spare = spare_bytes(g, member, layers, embedding, head, 0);
    double each = jup_group_size(g, member)->work_row_bytes;
    if (spare < each)
        return 0;
    int64_t most = (int64_t)fmin(spare / each * (1 + 1e-12), 1 << 28);
    while (most > 0 && spare_bytes(g, member, layers, embedding, head, most) < 0)
        most--;
    return most;
}

int64_t jup_instance_most_rows(const jup_instance_t *in, int group, int layers, bool embedding,
                               bool head)
{
    const jup_plan_group_t *g = &in->groups[group];
    int64_t most = INT64_MAX;
    for (int m = 0; m < g->n; m++) {
        int64_t rows = member_rows(g, m, layers, embedding, head);
        most = rows < most ? rows : most;
    }
    return most;
}
