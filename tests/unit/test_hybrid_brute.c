/*
 * The hybrid planner against brute force (brute.h): every way to put devices into groups, every way
 * of sharing in each, timed from what groups cost (tests/unit/test_ways.c).
 */
#include "base/mem.h"
#include "brute.h"
#include "plan/grouping.h"
#include "plan/hybrid.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 6 };

static const jup_way_t ways[] = {JUP_WAY_TENSOR, JUP_WAY_GALAXY, JUP_WAY_SEQUENCE};

static const jup_plan_group_t *group_of(const brute_t *b, int unit)
{
    const jup_plan_group_t *groups = b->self;
    return &groups[unit];
}

static double busy_s(const brute_t *b, int s, int rows, double prefix, bool head, bool decode)
{
    const jup_plan_group_t *g = group_of(b, b->unit[s]);
    jup_group_step_t step = jup_group_step(g, decode);
    double layers = b->layers[s] - (s == b->S - 1 ? step.spared : 0);
    return step.step_s + layers * jup_group_layer_s(g, rows, prefix) +
           rows * (s == 0 ? step.first_row_s : step.inner_row_s) +
           (head && s == b->S - 1 ? step.head_s : 0);
}

/* A device alone; members of a group do not rest. */
static const jup_profile_t *who_rests(const brute_t *b, int s)
{
    const jup_plan_group_t *g = group_of(b, b->unit[s]);
    return g->n == 1 || g->way == JUP_WAY_SEQUENCE ? g->members[0].profile : NULL;
}

static double rest_s(const brute_t *b, int s)
{
    const jup_profile_t *profile = who_rests(b, s);
    const jup_model_size_t *size = jup_group_size(group_of(b, b->unit[s]), 0);
    return profile ? b->layers[s] * profile->rest_gain * jup_cost_layer_s(profile, size, 1, 0) : 0;
}

static double rest_most_s(const brute_t *b, int s)
{
    const jup_profile_t *profile = who_rests(b, s);
    return profile ? profile->rest_most_s : 0;
}

static int device_of(const brute_t *b, int unit)
{
    return group_of(b, unit)->members[0].device;
}

static bool fits(const brute_t *b, int rows)
{
    for (int s = 0; s < b->S; s++) {
        const jup_plan_group_t *g = group_of(b, b->unit[s]);
        for (int m = 0; m < g->n; m++)
            if (jup_stage_memory_bytes(jup_group_memory(g, m, b->layers[s], s == 0, s == b->S - 1,
                                                        rows)) > g->members[m].budget_bytes)
                return false;
    }
    return true;
}

static const brute_units_t groups_of_devices = {
    .busy_s = busy_s,
    .rest_s = rest_s,
    .rest_most_s = rest_most_s,
    .device = device_of,
    .fits = fits,
};

/* groups (MOST): the caller's, which fills them in. */
static brute_t over_groups(const jup_plan_problem_t *p, jup_plan_group_t *groups)
{
    return (brute_t){.p = p, .units = &groups_of_devices, .self = groups, .best_s = INFINITY};
}

/* ---- all plans ------------------------------------------------------------------------------ */

/* The groups with device numbers `block`, each with a way. */
static void try_groups(brute_t *b, const int *block, const jup_way_t *way)
{
    jup_plan_group_t *groups = b->self;
    int device[MOST];
    for (int g = 0; g < b->n; g++) {
        int n = 0;
        for (int d = 0; d < b->p->cluster->n_devices; d++)
            if (block[d] == g)
                device[n++] = d;
        jup_group_spec_t spec = jup_grouping_spec(b->p, way[g], device, n);
        b->barred[g] = jup_plan_group_init(&groups[g], b->p, &spec, NULL) != JUP_OK;
    }
    brute_share(b, b->p->size.layers);
    for (int g = 0; g < b->n; g++)
        if (!b->barred[g])
            jup_plan_group_reset(&groups[g]);
}

/* Every assignment of devices to numbered groups that numbers them in order of appearance. */
static double brute_force_s(const jup_plan_problem_t *p)
{
    jup_plan_group_t groups[MOST];
    brute_t b = over_groups(p, groups);
    int D = p->cluster->n_devices, codes = 1;
    for (int d = 0; d < D; d++)
        codes *= D;
    for (int code = 0; code < codes; code++) {
        int block[MOST], most = -1;
        bool in_order = true;
        for (int d = 0, c = code; d < D; d++, c /= D) {
            block[d] = c % D;
            in_order = in_order && block[d] <= most + 1;
            most = block[d] > most ? block[d] : most;
        }
        b.n = most + 1;
        for (int w = 0; in_order && w < 27; w++) {
            const jup_way_t way[] = {ways[w % 3], ways[w / 3 % 3], ways[w / 9]};
            try_groups(&b, block, way);
        }
    }
    return b.best_s;
}

/* ---- random small problems ------------------------------------------------------------------ */

static void random_cluster(jup_rng_t *rng, jup_cluster_t *c, int n)
{
    memset(c, 0, sizeof *c);
    for (int d = 0; d < n; d++) {
        jup_profile_t p = {
            .memory_bytes = 3e8,
            .flops_per_s = brute_between(rng, 0.2, 3),
            .attention_flops_per_s = brute_between(rng, 0.5, 20),
            .bytes_per_s = brute_between(rng, 100, 1000),
            .kv_bytes_per_s = brute_between(rng, 0.1, 10),
            .overlap = jup_rng_uniform(rng),
            .layer_s = brute_between(rng, 0.01, 0.2),
            .step_s = brute_between(rng, 0.01, 0.5),
            .split_loss = jup_rng_uniform(rng),
            .rest_gain = fmax(0, jup_rng_uniform(rng) - 0.5),
            .rest_most_s = d % 2 ? 0.4 : 0,
            .message_s = brute_between(rng, 0.001, 0.1),
            .message_byte_s = brute_between(rng, 1e-5, 1e-2),
        };
        int index = d > 0 && jup_rng_below(rng, 3) == 0 ? 0 : jup_cluster_add_profile(c, &p);
        jup_device_t *device = jup_cluster_add_device(c, "d", index);
        if (jup_rng_below(rng, 4))
            device->budget_bytes = 67108864 + brute_between(rng, 500, 6000);
    }
    c->default_link = (jup_link_t){brute_between(rng, 0.001, 0.3), brute_between(rng, 5, 500)};
    for (int a = 0; a < n && jup_rng_below(rng, 2); a++)
        for (int b = 0; b < n; b++)
            jup_cluster_set_link(
                c, a, b, (jup_link_t){brute_between(rng, 0.001, 0.3), brute_between(rng, 5, 500)});
}

static void random_problem(jup_rng_t *rng, jup_plan_problem_t *p, jup_cluster_t *c)
{
    int kv_heads = 1 << jup_rng_below(rng, 3);
    memset(p, 0, sizeof *p);
    p->size.config = (jup_config_t){.dim = 8,
                                    .heads = 4,
                                    .kv_heads = kv_heads,
                                    .head_dim = 2,
                                    .ffn = 8 + 8 * (int)jup_rng_below(rng, 4),
                                    .vocab = 50};
    p->size.blocks = jup_part_blocks(JUP_F32, JUP_F32);
    p->size.layers = p->size.config.layers = 1 + (int)jup_rng_below(rng, 4);
    p->size.layer = (jup_layer_ops_t){.flops_per_row = 1,
                                      .weight_bytes = brute_between(rng, 100, 1000),
                                      .flops_per_pair = brute_between(rng, 0.01, 0.5),
                                      .kv_bytes = brute_between(rng, 0.001, 0.05)};
    p->size.embedding_bytes = brute_between(rng, 50, 500);
    p->size.embedding_row_bytes = brute_between(rng, 0.01, 0.5);
    p->size.head_bytes = brute_between(rng, 50, 500);
    p->size.head_flops_per_row = brute_between(rng, 0.1, 1);
    p->size.tied = jup_rng_below(rng, 2);
    p->size.work_row_bytes = brute_between(rng, 100, 800);
    p->size.wire_row_bytes = brute_between(rng, 0.1, 16);
    int64_t prompt = 1 + (int64_t)jup_rng_below(rng, 5), generate = (int64_t)jup_rng_below(rng, 20);
    p->workload = (jup_workload_t){.prompt_tokens = prompt,
                                   .generate_tokens = generate,
                                   .context_tokens = prompt + generate,
                                   .branches = 1 + (int)jup_rng_below(rng, 3)};
    p->objective = jup_rng_below(rng, 3) ? JUP_OBJECTIVE_TOTAL : JUP_OBJECTIVE_TTFT;
    p->min_chunk = jup_rng_below(rng, 4) ? 0 : 2;
    p->first_stays = jup_rng_below(rng, 4) == 0;
    p->exchange = jup_rng_below(rng, 3) ? JUP_EXCHANGE_AUTO : JUP_EXCHANGE_RING;
    p->effort = 20;
    random_cluster(rng, c, 1 + (int)jup_rng_below(rng, 3));
    p->cluster = c;
}

/* What the plans were like, so that the test says what it has seen. */
typedef struct seen {
    int alone, way[JUP_WAYS], mixed, none;
} seen_t;

static void look(const jup_plan_t *plan, seen_t *seen)
{
    bool groups = false, alone = false;
    for (int s = 0; s < plan->n_stages; s++) {
        seen->way[plan->stages[s].way]++;
        groups = groups || plan->stages[s].n > 1;
        alone = alone || plan->stages[s].n == 1;
    }
    seen->alone += !groups;
    seen->mixed += groups && plan->n_stages > 1;
}

START_TEST(the_hybrid_is_the_best_there_is)
{
    jup_rng_t rng;
    seen_t seen = {0};
    jup_rng_init(&rng, 120 + (uint64_t)_i);
    size_t blocks = jup_mem_live_blocks();
    for (int i = 0; i < 1000; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        jup_plan_t plan;
        jup_error_t err = {0};
        random_problem(&rng, &p, &c);
        double best = brute_force_s(&p);
        jup_status_t status = jup_plan_hybrid(&p, &plan, &err);
        if (isinf(best)) {
            ck_assert_msg(status == JUP_EINPUT, "problem %d has no plan", i);
            seen.none++;
        } else {
            ck_assert_msg(status == JUP_OK, "problem %d: %s", i, err.text);
            ck_assert_msg(plan.proven, "problem %d", i);
            ck_assert_msg(fabs(brute_value_s(&plan) - best) < 1e-9 * best,
                          "problem %d: %.12g, best %.12g", i, brute_value_s(&plan), best);
            ck_assert_int_eq(jup_plan_check(&plan, &err), JUP_OK);
            ck_assert_int_eq(jup_plan_check_memory(&p, &plan, &err), JUP_OK);
            look(&plan, &seen);
            jup_plan_reset(&plan);
        }
        jup_cluster_reset(&c);
    }
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
    /* every kind of plan is the best one somewhere */
    ck_assert_int_gt(seen.alone, 10);
    ck_assert_int_gt(seen.mixed, 0);
    ck_assert_int_gt(seen.none, 0);
    ck_assert_int_gt(seen.way[JUP_WAY_TENSOR], 1);
    ck_assert_int_gt(seen.way[JUP_WAY_GALAXY], 2);
    ck_assert_int_gt(seen.way[JUP_WAY_SEQUENCE], 2);
}
END_TEST

/* ---- the paper's objective ------------------------------------------------------------------ */

/* Groups of consecutive devices from `device` on; devices may be left out. */
static void groups_in_order(brute_t *b, int device, int left)
{
    jup_plan_group_t *groups = b->self;
    int D = b->p->cluster->n_devices, member[MOST];
    if (left == 0) {
        if (fits(b, 1))
            b->best_s = fmin(b->best_s, brute_slowest_s(b));
        return;
    }
    for (int from = device; from < (b->p->first_stays && b->S == 0 ? 1 : D); from++)
        for (int to = from + 1; to <= D; to++)
            for (int w = 0; w < (to - from > 1 ? 3 : 1); w++) {
                for (int d = from; d < to; d++)
                    member[d - from] = d;
                jup_group_spec_t spec = jup_grouping_spec(b->p, ways[w], member, to - from);
                b->unit[b->S] = b->S;
                if (jup_plan_group_init(&groups[b->S], b->p, &spec, NULL) != JUP_OK)
                    continue;
                b->S++;
                for (int n = 1; n <= left; n++) {
                    b->layers[b->S - 1] = n;
                    groups_in_order(b, to, left - n);
                }
                jup_plan_group_reset(&groups[--b->S]);
            }
}

START_TEST(the_slowest_group_is_as_quick_as_can_be)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 70);
    for (int i = 0; i < 2000; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        jup_plan_t plan;
        jup_error_t err = {0};
        random_problem(&rng, &p, &c);
        p.objective = JUP_OBJECTIVE_SLOWEST;
        p.min_chunk = 0;
        jup_plan_group_t groups[MOST];
        brute_t b = over_groups(&p, groups);
        groups_in_order(&b, 0, p.size.layers);
        jup_status_t status = jup_plan_hybrid(&p, &plan, &err);
        ck_assert_msg((status == JUP_OK) == !isinf(b.best_s), "problem %d: %s", i, err.text);
        if (status == JUP_OK) {
            brute_t found = over_groups(&p, groups);
            found.S = plan.n_stages;
            for (int s = 0; s < found.S; s++) {
                const jup_plan_stage_t *stage = &plan.stages[s];
                int device[MOST];
                for (int m = 0; m < stage->n; m++)
                    device[m] = jup_plan_member(&plan, s, m)->device;
                jup_group_spec_t spec = jup_grouping_spec(&p, stage->way, device, stage->n);
                found.unit[s] = s;
                found.layers[s] = stage->last - stage->first;
                ck_assert_int_eq(jup_plan_group_init(&groups[s], &p, &spec, NULL), JUP_OK);
            }
            ck_assert_msg(fabs(brute_slowest_s(&found) - b.best_s) < 1e-9 * b.best_s,
                          "problem %d: %.12g, best %.12g", i, brute_slowest_s(&found), b.best_s);
            for (int s = 0; s < found.S; s++)
                jup_plan_group_reset(&groups[s]);
            jup_plan_reset(&plan);
        }
        jup_cluster_reset(&c);
    }
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("hybrid against brute force");
    TCase *best = tcase_create("best");
    tcase_set_timeout(best, 600);
    tcase_add_loop_test(best, the_hybrid_is_the_best_there_is, 0, 4 / UNIT_FEWER);
    suite_add_tcase(s, best);
    unit_add(s, the_slowest_group_is_as_quick_as_can_be, 300);
    return s;
}

UNIT_MAIN(suite)
