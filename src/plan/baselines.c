#include "plan/baselines.h"

#include "base/mem.h"
#include "plan/edgeshard.h"
#include "plan/hybrid.h"
#include "plan/layering.h"
#include "plan/predict.h"
#include "plan/shares.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- from a layout to a plan ---------------------------------------------------------------- */

/* As few chunks as memory and the options allow. */
static void cut_whole(const jup_instance_t *in, const jup_layout_t *layout, jup_cut_t *cut)
{
    int32_t prompt = (int32_t)in->problem->workload.prompt_tokens;
    int32_t rows = jup_layout_most_rows(in, layout);
    if (rows < 1 || rows > prompt || (prompt + rows - 1) / rows > JUP_CUT_CHUNKS)
        rows = prompt; /* if that is too much, checking the plan's memory will say so */
    jup_cut_in_equal(cut, in, (prompt + rows - 1) / rows);
}

static jup_status_t finish(const jup_instance_t *in, const jup_layout_t *layout, const char *name,
                           jup_plan_t *plan, jup_error_t *err)
{
    jup_cut_t *cut = jup_new(1, sizeof *cut);
    jup_cut_init(cut, in, JUP_CUT_CHUNKS);
    cut_whole(in, layout, cut);
    jup_plan_build(in, layout, cut, plan);
    snprintf(plan->strategy, sizeof plan->strategy, "%s", name);
    jup_cut_reset(cut);
    jup_free(cut);
    if (jup_plan_check_memory(in->problem, plan, err) == JUP_OK)
        return JUP_OK;
    jup_plan_reset(plan);
    return jup_fail_in(err, "%s: out of memory", name);
}

/* All layers on one group. */
static jup_status_t one_stage(const jup_plan_problem_t *problem, const jup_group_spec_t *spec,
                              const char *name, jup_plan_t *plan, jup_error_t *err)
{
    jup_instance_t in;
    jup_layout_t *layout = jup_new(1, sizeof *layout);
    layout->n = 1;
    layout->layers[0] = problem->size.layers;
    jup_status_t status = jup_instance_init(&in, problem, spec, 1, err);
    if (status == JUP_OK) {
        status = finish(&in, layout, name, plan, err);
        jup_instance_reset(&in);
    } else {
        jup_fail_in(err, "%s", name);
    }
    jup_free(layout);
    return status;
}

/* ---- one device ----------------------------------------------------------------------------- */

/* A device's seconds for the request, all layers on it. */
static double alone_s(const jup_plan_problem_t *p, int device)
{
    const jup_workload_t *w = &p->workload;
    const jup_profile_t *profile = jup_cluster_profile(p->cluster, device);
    double laps = fmax(0, (double)w->generate_tokens - 1);
    double context = (double)w->prompt_tokens + (double)w->generate_tokens / 2;
    double prefill = jup_cost_layer_s(profile, &p->size, (double)w->prompt_tokens, 0);
    double decode = jup_cost_layer_s(profile, &p->size, 1, context) +
                    profile->rest_gain * jup_cost_layer_s(profile, &p->size, 1, 0); /* no rests */
    return p->objective == JUP_OBJECTIVE_TOTAL ? prefill + laps * decode : prefill;
}

static bool holds_all(const jup_plan_problem_t *p, int device)
{
    return jup_stage_memory_bytes(
               jup_cost_memory(&p->size, &p->workload, p->size.layers, true, true, 1)) <=
           p->cluster->devices[device].budget_bytes;
}

/* The quickest device that holds the model; of those that do not, the roomiest. */
static int best_alone(const jup_plan_problem_t *p)
{
    const jup_cluster_t *c = p->cluster;
    int best = 0;
    for (int d = 1; d < c->n_devices && !p->first_stays; d++) {
        bool holds = holds_all(p, d), best_holds = holds_all(p, best);
        if (holds != best_holds ? holds
            : holds             ? alone_s(p, d) < alone_s(p, best)
                                : c->devices[d].budget_bytes > c->devices[best].budget_bytes)
            best = d;
    }
    return best;
}

jup_status_t jup_plan_local(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err)
{
    if (problem->cluster->n_devices < 1)
        return jup_fail(err, JUP_EINPUT, "local: there is no device");
    int device = best_alone(problem);
    const jup_group_spec_t spec = {.way = JUP_WAY_ALONE, .n = 1, .device = &device};
    return one_stage(problem, &spec, "local", plan, err);
}

/* ---- all devices in one group --------------------------------------------------------------- */

typedef struct grouped {
    const char *name;
    jup_way_t way;
    jup_sharing_t sharing;
} grouped_t;

static jup_status_t share_all(const jup_plan_problem_t *p, const grouped_t *g, int *numbers,
                              jup_plan_t *plan, jup_error_t *err)
{
    int n = p->cluster->n_devices, *heads = numbers + n, *ffn = heads + n;
    int leader = g->way == JUP_WAY_SEQUENCE ? best_alone(p) : 0; /* it decodes */
    const jup_sharers_t sharers = {.device = numbers, .n = n, .layers = p->size.layers};
    for (int d = 0; d < n; d++)
        numbers[d] = d == 0 ? leader : d <= leader ? d - 1 : d;
    if (jup_way_splits(g->way) &&
        jup_plan_share(p, &sharers, g->sharing, heads, ffn, err) != JUP_OK)
        return jup_fail_in(err, "%s", g->name);
    const jup_group_spec_t spec = {
        .way = g->way, .n = n, .device = numbers, .heads = heads, .ffn = ffn};
    return one_stage(p, &spec, g->name, plan, err);
}

static jup_status_t group_all(const jup_plan_problem_t *p, const grouped_t *g, jup_plan_t *plan,
                              jup_error_t *err)
{
    int n = p->cluster->n_devices;
    const grouped_t alone = {g->name, JUP_WAY_ALONE, JUP_SHARING_EVEN};
    if (n < 1)
        return jup_fail(err, JUP_EINPUT, "%s: there is no device", g->name);
    int *numbers = jup_new(3 * (size_t)n, sizeof *numbers);
    jup_status_t status = share_all(p, n == 1 ? &alone : g, numbers, plan, err);
    jup_free(numbers);
    return status;
}

jup_status_t jup_plan_megatron(const jup_plan_problem_t *problem, jup_plan_t *plan,
                               jup_error_t *err)
{
    const grouped_t g = {"megatron", JUP_WAY_TENSOR, JUP_SHARING_EVEN};
    return group_all(problem, &g, plan, err);
}

jup_status_t jup_plan_sequence(const jup_plan_problem_t *problem, jup_plan_t *plan,
                               jup_error_t *err)
{
    const grouped_t g = {"sequence", JUP_WAY_SEQUENCE, JUP_SHARING_EVEN};
    return group_all(problem, &g, plan, err);
}

jup_status_t jup_plan_galaxy(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err)
{
    const grouped_t g = {"galaxy", JUP_WAY_GALAXY, JUP_SHARING_PREFILL};
    return group_all(problem, &g, plan, err);
}

jup_status_t jup_plan_detransformer(const jup_plan_problem_t *problem, jup_plan_t *plan,
                                    jup_error_t *err)
{
    const grouped_t g = {"detransformer", JUP_WAY_DETRANSFORMER, JUP_SHARING_EVEN};
    return group_all(problem, &g, plan, err);
}

/* ---- layers on some of the devices ---------------------------------------------------------- */

jup_status_t jup_plan_edgeshard(const jup_plan_problem_t *problem, jup_plan_t *plan,
                                jup_error_t *err)
{
    jup_instance_t in;
    JUP_TRY(jup_instance_init(&in, problem, NULL, 0, err));
    jup_layout_t *layout = jup_new(1, sizeof *layout);
    jup_status_t status;
    bool slowest = problem->objective == JUP_OBJECTIVE_SLOWEST;
    if (slowest ? jup_layer_slowest(&in, layout) : jup_edgeshard_layers(&in, layout))
        status = finish(&in, layout, "edgeshard", plan, err);
    else
        status = jup_fail(err, JUP_EINPUT,
                          "edgeshard: out of memory: with the first layer on %s no split of %d "
                          "layers over the devices fits",
                          problem->cluster->devices[0].name, problem->size.layers);
    jup_free(layout);
    jup_instance_reset(&in);
    return status;
}

/* ---- by name -------------------------------------------------------------------------------- */

typedef struct named {
    const char *name;
    jup_status_t (*plan)(const jup_plan_problem_t *problem, jup_plan_t *plan, jup_error_t *err);
} named_t;

static const named_t strategies[] = {
    {"local", jup_plan_local},
    {"jupiter", jup_plan_make},
    {"edgeshard", jup_plan_edgeshard},
    {"megatron", jup_plan_megatron},
    {"sequence", jup_plan_sequence},
    {"galaxy", jup_plan_galaxy},
    {"detransformer", jup_plan_detransformer},
    {"hybrid", jup_plan_hybrid},
};

enum { N_STRATEGIES = sizeof strategies / sizeof strategies[0] };

jup_status_t jup_plan_of_strategy(const char *name, const jup_plan_problem_t *problem,
                                  jup_plan_t *plan, jup_error_t *err)
{
    char names[200] = "";
    size_t used = 0;
    for (int i = 0; i < N_STRATEGIES; i++) {
        if (strcmp(name, strategies[i].name) == 0)
            return strategies[i].plan(problem, plan, err);
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 strategies[i].name);
    }
    return jup_fail(err, JUP_EINPUT, "there is no strategy '%s'; known are %s", name, names);
}
