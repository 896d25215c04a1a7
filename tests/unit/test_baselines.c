/*
 * The plans of known systems: against the calibrated model of the paper's table (its seconds stand
 * here), against brute force, and what is refused.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "model/shapes.h"
#include "plan/baselines.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void problem_of(jup_plan_problem_t *p, jup_cluster_t *c, const char *cluster,
                       const char *shape)
{
    jup_error_t err = {0};
    jup_config_t config;
    ck_assert_msg(jup_cluster_load(c, cluster, &err) == JUP_OK, "%s", err.text);
    ck_assert(jup_shape_find(shape, &config));
    *p = (jup_plan_problem_t){.cluster = c, .workload = {260, 64, 324, 1}};
    ck_assert_int_eq(jup_model_size_init(&p->size, &config, JUP_Q4_0, JUP_F16, JUP_F16, &err),
                     JUP_OK);
}

/* ---- the paper's table ---------------------------------------------------------------------- */

/* Nine constants that reproduce the paper's table; a message is (bytes + 193 kB) / bandwidth. */
static void calibrate(jup_cluster_t *c, double mbps)
{
    static const struct {
        const char *name;
        double gflops, gb_per_s;
    } known[] = {{"nx", 488, 18.7}, {"tx2", 232, 18.7}, {"nano", 103.4, 1.34}};
    for (int i = 0; i < c->n_profiles; i++) {
        jup_profile_t *p = &c->profiles[i];
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            if (strcmp(p->name, known[k].name) == 0) {
                p->flops_per_s = p->attention_flops_per_s = 1e9 * known[k].gflops;
                p->bytes_per_s = 1e9 * known[k].gb_per_s;
            }
        p->layer_s = 7.97e-3;
        p->split_loss = 0.44;
    }
    double rate = mbps * 1e6 / 8;
    c->default_link = (jup_link_t){193e3 / rate, rate};
}

/* Prefill and a token, in seconds, of the model with these constants. */
static const struct {
    const char *strategy, *cluster;
    double mbps;
    const char *shape;
    double prefill_s, token_s;
} table[] = {
    {"sequence", "4xnx", 100, "llama2-7b", 18.890, 0.4809},
    {"sequence", "4xnx", 1000, "llama2-7b", 3.847, 0.4809},
    {"sequence", "nx+2xtx2+nano", 500, "llama2-7b", 14.459, 0.4809},
    {"megatron", "4xnx", 100, "llama2-7b", 26.594, 6.3121},
    {"megatron", "4xnx", 1000, "llama2-7b", 6.536, 0.9194},
    {"megatron", "4xnx", 500, "llama2-13b", 14.851, 1.9477},
    {"megatron", "nx+2xtx2+nano", 1000, "llama2-7b", 22.067, 1.6209},
    {"megatron", "nx+2xtx2+nano", 100, "llama2-13b", 71.647, 9.3201},
    {"detransformer", "4xnx", 100, "llama2-7b", 15.451, 3.3162},
    {"detransformer", "nx+2xtx2+nano", 1000, "llama2-13b", 40.325, 2.1861},
    {"galaxy", "4xnx", 100, "llama2-7b", 23.860, 6.3121},
    {"galaxy", "4xnx", 1000, "llama2-7b", 4.530, 0.9194},
    {"galaxy", "4xnx", 1000, "llama2-13b", 8.587, 1.1967},
    {"galaxy", "nx+2xtx2+nano", 1000, "llama2-7b", 16.867, 1.1882}, /* shares by rate */
};

START_TEST(baselines_take_what_the_papers_table_says)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        jup_plan_t plan;
        jup_error_t err = {0};
        problem_of(&p, &c, table[i].cluster, table[i].shape);
        calibrate(&c, table[i].mbps);
        p.exchange = JUP_EXCHANGE_RING;
        p.every_row = true;
        ck_assert_msg(jup_plan_of_strategy(table[i].strategy, &p, &plan, &err) == JUP_OK, "%s",
                      err.text);
        ck_assert_str_eq(plan.strategy, table[i].strategy);
        ck_assert_int_eq(plan.n_members, 4);
        /* Galaxy's tiles read the weights once each here, once in all in the model */
        double tiles = plan.stages[0].way == JUP_WAY_GALAXY ? 0.05 : 0;
        ck_assert_double_ge(plan.predicted.ttft_s, 0.98 * table[i].prefill_s);
        ck_assert_double_le(plan.predicted.ttft_s, (1.02 + tiles) * table[i].prefill_s);
        ck_assert_double_eq_tol(plan.predicted.token_s, table[i].token_s, 0.02 * table[i].token_s);
        jup_plan_reset(&plan);
        jup_cluster_reset(&c);
    }
}
END_TEST

/* Straight exchanges are at least as quick as the ring. */
START_TEST(the_quickest_exchange_is_never_slower)
{
    static const char *const names[] = {"megatron", "galaxy", "detransformer", "sequence"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (double mbps = 100; mbps <= 1000; mbps *= 10) {
            jup_plan_problem_t p;
            jup_cluster_t c;
            jup_plan_t ring, quickest;
            jup_error_t err = {0};
            problem_of(&p, &c, "4xnx", "llama2-7b");
            calibrate(&c, mbps);
            ck_assert_int_eq(jup_plan_of_strategy(names[i], &p, &quickest, &err), JUP_OK);
            p.exchange = JUP_EXCHANGE_RING;
            ck_assert_int_eq(jup_plan_of_strategy(names[i], &p, &ring, &err), JUP_OK);
            ck_assert(quickest.predicted.ttft_s <= ring.predicted.ttft_s);
            ck_assert(quickest.predicted.token_s <= ring.predicted.token_s);
            jup_plan_reset(&ring);
            jup_plan_reset(&quickest);
            jup_cluster_reset(&c);
        }
}
END_TEST

/* ---- plans as data -------------------------------------------------------------------------- */

START_TEST(plans_are_read_back_and_evaluated_alike)
{
    static const char *const names[] = {"local",    "jupiter", "edgeshard",     "megatron",
                                        "sequence", "galaxy",  "detransformer", "hybrid"};
    size_t blocks = jup_mem_live_blocks();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        jup_plan_t plan, copy;
        jup_error_t err = {0};
        char *text;
        size_t bytes;
        problem_of(&p, &c, "2xpi5+pi4+nx@1gbps,0.3ms", "tinyllama-1.1b");
        ck_assert_msg(jup_plan_of_strategy(names[i], &p, &plan, &err) == JUP_OK, "%s", err.text);
        ck_assert_str_eq(plan.strategy, names[i]);
        ck_assert_int_eq(jup_plan_check(&plan, &err), JUP_OK);
        ck_assert_int_eq(jup_plan_check_memory(&p, &plan, &err), JUP_OK);
        jup_plan_pack(&plan, &text, &bytes);
        ck_assert_msg(jup_plan_unpack(&copy, text, bytes, &err) == JUP_OK, "%s", err.text);
        ck_assert_msg(jup_plan_evaluate(&p, &copy, &err) == JUP_OK, "%s", err.text);
        ck_assert_double_eq_tol(copy.predicted.total_s, plan.predicted.total_s,
                                1e-9 * plan.predicted.total_s);
        for (int m = 0; m < plan.n_members; m++)
            ck_assert_double_eq(jup_stage_memory_bytes(copy.members[m].memory),
                                jup_stage_memory_bytes(plan.members[m].memory));
        jup_free(text);
        jup_plan_reset(&plan);
        jup_plan_reset(&copy);
        jup_cluster_reset(&c);
    }
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

static void refuses(const char *strategy, const char *cluster, const char *shape,
                    const char *message)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_t plan;
    jup_error_t err = {0};
    problem_of(&p, &c, cluster, shape);
    ck_assert_msg(jup_plan_of_strategy(strategy, &p, &plan, &err) == JUP_EINPUT, "%s", strategy);
    ck_assert_msg(strstr(err.text, message), "'%s' lacks '%s'", err.text, message);
    jup_cluster_reset(&c);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

START_TEST(what_does_not_fit_is_refused)
{
    refuses("sequence", "4xnx@1gbps", "llama2-13b", "out of memory: device nx-0 needs 7.");
    refuses("local", "4xnx@1gbps", "llama2-13b", "out of memory");
    refuses("megatron", "2xnx@1gbps", "llama2-70b", "out of memory");
    refuses("edgeshard", "2xnx@1gbps", "llama2-70b", "out of memory");
    refuses("edgeshard", "pi4:0.1gb+4xnx@1gbps", "llama2-7b", "with the first layer on pi4");
    refuses("megatron", "40xnx@1gbps", "tinyllama-1.1b", "at most 32 ranks");
    refuses("nonesuch", "nx", "llama2-7b", "there is no strategy 'nonesuch'; known are local, ");
}
END_TEST

START_TEST(one_device_is_alone_in_every_way)
{
    static const char *const names[] = {"local",  "edgeshard",     "megatron", "sequence",
                                        "galaxy", "detransformer", "hybrid"};
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_t jupiter;
    jup_error_t err = {0};
    problem_of(&p, &c, "nx", "llama2-7b");
    ck_assert_int_eq(jup_plan_make(&p, &jupiter, &err), JUP_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        jup_plan_t plan;
        ck_assert_msg(jup_plan_of_strategy(names[i], &p, &plan, &err) == JUP_OK, "%s", err.text);
        ck_assert_int_eq(plan.n_members, 1);
        ck_assert_int_eq(plan.stages[0].way, JUP_WAY_ALONE);
        ck_assert_double_eq(plan.predicted.total_s, jupiter.predicted.total_s);
        jup_plan_reset(&plan);
    }
    jup_plan_reset(&jupiter);
    jup_cluster_reset(&c);
}
END_TEST

START_TEST(a_device_alone_never_rests)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_t plan;
    jup_error_t err = {0};
    problem_of(&p, &c, "tx2+nx@1gbps,1ms", "tinyllama-1.1b");
    for (int twice = 0; twice < 2; twice++) { /* the NX is quicker, but for what rests would save */
        ck_assert_msg(jup_plan_local(&p, &plan, &err) == JUP_OK, "%s", err.text);
        ck_assert_int_eq(plan.members[0].device, twice ? 0 : 1);
        jup_plan_reset(&plan);
        c.profiles[c.devices[1].profile].rest_gain = 10;
    }
    jup_cluster_reset(&c);
}
END_TEST

/* ---- the hybrid ----------------------------------------------------------------------------- */

/* Seconds of the request by a strategy; infinite where it does not fit. */
static double total_s(const char *name, const jup_plan_problem_t *p)
{
    jup_plan_t plan;
    if (jup_plan_of_strategy(name, p, &plan, NULL) != JUP_OK)
        return INFINITY;
    double s = plan.predicted.total_s;
    jup_plan_reset(&plan);
    return s;
}

START_TEST(the_hybrid_is_as_quick_as_any_lossless_strategy)
{
    static const char *const clusters[] = {"4xnx@100mbps,0.3ms",    "4xnx@1gbps,0.3ms",
                                           "4xnx@100mbps,5ms",      "4xnx@1gbps,5ms",
                                           "2xpi5+2xpi4@1gbps,1ms", "nx+2xtx2+nano@1gbps,0.3ms"};
    static const char *const known[] = {"local",    "jupiter",  "edgeshard",
                                        "megatron", "sequence", "galaxy"};
    static const char *const models[] = {"tinyllama-1.1b", "llama2-7b"};
    for (size_t i = 0; i < 2 * sizeof clusters / sizeof clusters[0]; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        problem_of(&p, &c, clusters[i / 2], models[i % 2]);
        double hybrid_s = total_s("hybrid", &p);
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            ck_assert_msg(hybrid_s <= total_s(known[k], &p) * (1 + 1e-6), "%s, %s: %g, %s %g",
                          clusters[i / 2], models[i % 2], hybrid_s, known[k],
                          total_s(known[k], &p));
        jup_cluster_reset(&c);
    }
}
END_TEST

/* The published figure of four such boards with tensor parallelism is 5.7 tokens/s. */
START_TEST(groups_of_boards_with_quick_links_decode_three_times_as_fast)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_t pipeline, hybrid;
    jup_error_t err = {0};
    problem_of(&p, &c, "4xpi5@1gbps,0.2ms", "llama3-8b");
    ck_assert_int_eq(jup_plan_make(&p, &pipeline, &err), JUP_OK);
    ck_assert_int_eq(jup_plan_of_strategy("hybrid", &p, &hybrid, &err), JUP_OK);
    ck_assert_double_gt(pipeline.predicted.token_s, 3 * hybrid.predicted.token_s);
    jup_plan_reset(&pipeline);
    jup_plan_reset(&hybrid);
    jup_cluster_reset(&c);
}
END_TEST

/* ---- EdgeShard ------------------------------------------------------------------------------ */

typedef struct brute {
    const jup_plan_problem_t *p;
    jup_plan_t plan; /* as many stages as layers */
    double best_s;
} brute_t;

/* Every split over every sequence of devices that begins with the first one. */
static void split(brute_t *b, int s, int layer)
{
    jup_error_t err;
    if (layer == b->p->size.layers) {
        b->plan.n_stages = b->plan.n_members = s;
        if (jup_plan_evaluate(b->p, &b->plan, &err) == JUP_OK &&
            jup_plan_check_memory(b->p, &b->plan, &err) == JUP_OK)
            b->best_s = fmin(b->best_s, b->plan.predicted.total_s);
        return;
    }
    for (int d = 0; d < b->p->cluster->n_devices; d++) {
        bool used = s == 0 && d > 0;
        for (int i = 0; i < s; i++)
            used = used || b->plan.members[i].device == d;
        if (used)
            continue;
        for (int last = layer + 1; last <= b->p->size.layers; last++) {
            b->plan.members[s].device = d;
            b->plan.stages[s].first = layer;
            b->plan.stages[s].last = last;
            split(b, s + 1, last);
        }
    }
}

static double between(jup_rng_t *rng, double low, double high)
{
    return low * pow(high / low, jup_rng_uniform(rng));
}

START_TEST(edgeshard_finds_the_least_time_of_the_request)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 5);
    int best = 0, all = 300;
    for (int i = 0; i < all; i++) {
        static const char *const clusters[] = {"nx+tx2+nano@100mbps,15ms", "pi4+pi5+nx@1gbps,1ms",
                                               "nano+3xnx@1gbps,2ms"};
        jup_plan_problem_t p;
        jup_cluster_t c;
        jup_plan_t plan;
        jup_error_t err = {0};
        problem_of(&p, &c, clusters[i % 3], "tinyllama-1.1b");
        p.size.layers = 1 + (int)jup_rng_below(&rng, 5);
        for (int d = 0; d < c.n_devices; d++)
            c.devices[d].budget_bytes = between(&rng, 0.1e9, 0.5e9);
        for (int k = 0; k < c.n_profiles && i % 2; k++) { /* more of it would bound the laps */
            jup_profile_t *profile = &c.profiles[k];
            profile->rest_gain = 3 * jup_rng_uniform(&rng);
            profile->rest_most_s = 0.2 * profile->rest_gain;
            profile->rest_most_s *= jup_cost_layer_s(profile, &p.size, 1, 0);
        }
        brute_t b = {.p = &p, .best_s = INFINITY};
        jup_plan_init(&b.plan, 8, 8, 1);
        b.plan.layers = p.size.layers;
        b.plan.workload = p.workload;
        b.plan.chunks[0] = (int32_t)p.workload.prompt_tokens;
        split(&b, 0, 0);
        jup_plan_reset(&b.plan);
        /* work space for the whole prompt, which the plan need not have */
        jup_status_t status = jup_plan_edgeshard(&p, &plan, &err);
        if (status == JUP_OK && plan.n_chunks == 1) {
            ck_assert_double_ge(plan.predicted.total_s, b.best_s * (1 - 1e-9));
            best += plan.predicted.total_s <= b.best_s * (1 + 1e-9);
        } else {
            best += status == JUP_OK || isinf(b.best_s);
        }
        if (status == JUP_OK)
            jup_plan_reset(&plan);
        jup_cluster_reset(&c);
    }
    ck_assert_msg(best >= all * 97 / 100, "%d of %d", best, all); /* see plan/edgeshard.h */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("baselines");
    unit_add(s, baselines_take_what_the_papers_table_says, 20);
    unit_add(s, the_quickest_exchange_is_never_slower, 20);
    unit_add(s, plans_are_read_back_and_evaluated_alike, 20);
    unit_add(s, what_does_not_fit_is_refused, 20);
    unit_add(s, one_device_is_alone_in_every_way, 20);
    unit_add(s, a_device_alone_never_rests, 20);
    unit_add(s, the_hybrid_is_as_quick_as_any_lossless_strategy, 60);
    unit_add(s, groups_of_boards_with_quick_links_decode_three_times_as_fast, 20);
    unit_add(s, edgeshard_finds_the_least_time_of_the_request, 60);
    return s;
}

UNIT_MAIN(suite)
