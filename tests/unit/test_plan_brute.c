/* The planners of devices against brute force (brute.h), timed from the cost functions. */
#include "base/mem.h"
#include "brute.h"
#include "plan/search.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double busy_s(const brute_t *b, int s, int rows, double prefix, bool head, bool decode)
{
    const jup_profile_t *profile = jup_cluster_profile(b->p->cluster, b->unit[s]);
    double messages_s = 2 * jup_profile_message_s(profile, 0) +
                        2 * rows *
                            (jup_profile_message_s(profile, b->p->size.wire_row_bytes) -
                             jup_profile_message_s(profile, 0)); /* one comes, one leaves */
    bool last = s == b->S - 1;
    double kept = jup_cost_unwanted_share(&b->p->size), layers = b->layers[s];
    if (last && !decode)
        layers += kept - 1; /* of the last layer a prompt's rows need their keys and values */
    double t = profile->step_s + messages_s +
               layers * jup_cost_layer_s(profile, &b->p->size, rows, prefix);
    if (s == 0)
        t += jup_cost_embed_s(profile, &b->p->size, rows);
    if (last && head)
        t += jup_cost_head_s(profile, &b->p->size, 1);
    if (last && head && !decode) /* ... but for its last row */
        t += (1 - kept) *
             jup_cost_layer_s(profile, &b->p->size, 1, (double)b->p->workload.prompt_tokens);
    return t;
}

static double rest_s(const brute_t *b, int s)
{
    const jup_profile_t *profile = jup_cluster_profile(b->p->cluster, b->unit[s]);
    return b->layers[s] * profile->rest_gain * jup_cost_layer_s(profile, &b->p->size, 1, 0);
}

static double rest_most_s(const brute_t *b, int s)
{
    return jup_cluster_profile(b->p->cluster, b->unit[s])->rest_most_s;
}

static int device(const brute_t *b, int unit)
{
    (void)b;
    return unit;
}

static bool fits(const brute_t *b, int rows)
{
    for (int s = 0; s < b->S; s++)
        if (jup_stage_memory_bytes(jup_cost_memory(&b->p->size, &b->p->workload, b->layers[s],
                                                   s == 0, s == b->S - 1, rows)) >
            b->p->cluster->devices[b->unit[s]].budget_bytes)
            return false;
    return true;
}

static const brute_units_t single_devices = {
    .busy_s = busy_s,
    .rest_s = rest_s,
    .rest_most_s = rest_most_s,
    .device = device,
    .fits = fits,
};

static brute_t over_devices(const jup_plan_problem_t *p)
{
    return (brute_t){
        .p = p, .units = &single_devices, .n = p->cluster->n_devices, .best_s = INFINITY};
}

static double brute_force_s(const jup_plan_problem_t *p)
{
    brute_t b = over_devices(p);
    brute_share(&b, p->size.layers);
    return b.best_s;
}

/* ---- random small problems ------------------------------------------------------------------ */

static void random_grid(jup_rng_t *rng, jup_profile_t *p, const char *key)
{
    jup_measured_t *m = &p->measured;
    static const int32_t chunks[] = {1, 2, 5}, prefixes[] = {0, 3};
    snprintf(m->key, sizeof m->key, "%s", key);
    m->n_chunks = 3;
    m->n_prefixes = 2;
    memcpy(m->chunks, chunks, sizeof chunks);
    memcpy(m->prefixes, prefixes, sizeof prefixes);
    m->layer_s = jup_new(6, sizeof(double));
    for (int i = 0; i < 6; i++)
        m->layer_s[i] = brute_between(rng, 0.3, 3); /* not even monotone */
    m->embed_row_s = brute_between(rng, 0.01, 0.3);
    m->head_s = brute_between(rng, 0.05, 1);
}

static void random_cluster(jup_rng_t *rng, jup_cluster_t *c, int n, const char *key)
{
    memset(c, 0, sizeof *c);
    for (int d = 0; d < n; d++) {
        jup_profile_t p = {
            .memory_bytes = 3e8,
            .flops_per_s = brute_between(rng, 0.5, 5),
            .attention_flops_per_s = brute_between(rng, 0.5, 20),
            .bytes_per_s = brute_between(rng, 1, 10),
            .kv_bytes_per_s = brute_between(rng, 0.1, 10),
            .overlap = jup_rng_uniform(rng),
            .layer_s = brute_between(rng, 0.01, 0.5),
            .step_s = brute_between(rng, 0.01, 0.5),
            .rest_gain = fmax(0, jup_rng_uniform(rng) - 0.5),
            .rest_most_s = fmax(0, jup_rng_uniform(rng) - 0.5),
            .message_s = brute_between(rng, 0.001, 0.1),
            .message_byte_s = brute_between(rng, 1e-5, 1e-2),
        };
        if (jup_rng_below(rng, 4) == 0)
            random_grid(rng, &p, key);
        int index = d > 0 && jup_rng_below(rng, 3) == 0 ? 0 : jup_cluster_add_profile(c, &p);
        jup_profile_reset(&p);
        jup_device_t *device = jup_cluster_add_device(c, "d", index);
        if (jup_rng_below(rng, 2))
            device->budget_bytes = 67108864 + brute_between(rng, 2, 40);
    }
    c->default_link = (jup_link_t){brute_between(rng, 0.01, 2), brute_between(rng, 0.5, 20)};
    for (int a = 0; a < n && jup_rng_below(rng, 2); a++)
        for (int b = 0; b < n; b++)
            jup_cluster_set_link(
                c, a, b, (jup_link_t){brute_between(rng, 0.01, 2), brute_between(rng, 0.5, 20)});
}

static void random_problem(jup_rng_t *rng, jup_plan_problem_t *p, jup_cluster_t *c)
{
    memset(p, 0, sizeof *p);
    snprintf(p->size.key, sizeof p->size.key, "key");
    snprintf(p->size.type, sizeof p->size.type, "F16");
    p->size.layers = 1 + (int)jup_rng_below(rng, 5);
    p->size.layer = (jup_layer_ops_t){.flops_per_row = 1,
                                      .weight_bytes = brute_between(rng, 1, 6),
                                      .flops_per_pair = brute_between(rng, 0.01, 0.5),
                                      .kv_bytes = brute_between(rng, 0.001, 0.05)};
    p->size.embedding_bytes = brute_between(rng, 0.5, 5);
    p->size.embedding_row_bytes = brute_between(rng, 0.01, 0.5);
    p->size.head_bytes = brute_between(rng, 0.5, 5);
    p->size.head_flops_per_row = brute_between(rng, 0.1, 1);
    p->size.tied = jup_rng_below(rng, 2);
    p->size.work_row_bytes = brute_between(rng, 0.1, 2);
    p->size.wire_row_bytes = brute_between(rng, 0.1, 4);
    int64_t prompt = 1 + (int64_t)jup_rng_below(rng, 6), generate = (int64_t)jup_rng_below(rng, 4);
    p->workload = (jup_workload_t){.prompt_tokens = prompt,
                                   .generate_tokens = generate,
                                   .context_tokens = prompt + generate,
                                   .branches = 1 + (int)jup_rng_below(rng, 3)};
    if (jup_rng_below(rng, 2))
        p->workload.serial_tokens = (int64_t)jup_rng_below(rng, (uint64_t)generate + 1);
    if (jup_rng_below(rng, 2)) {
        p->workload.lap_rows = 1 + (int)jup_rng_below(rng, 3);
        p->workload.tokens_per_lap = brute_between(rng, 1, 2);
    }
    p->objective = jup_rng_below(rng, 3) ? JUP_OBJECTIVE_TOTAL : JUP_OBJECTIVE_TTFT;
    p->min_chunk = jup_rng_below(rng, 4) ? 0 : 2;
    p->first_stays = jup_rng_below(rng, 4) == 0;
    p->effort = 20;
    random_cluster(rng, c, 1 + (int)jup_rng_below(rng, 4), p->size.key);
    p->cluster = c;
}

START_TEST(the_plan_is_the_best_there_is)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 20 + (uint64_t)_i);
    size_t blocks = jup_mem_live_blocks();
    for (int i = 0; i < 500; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        jup_plan_t plan;
        jup_error_t err = {0};
        random_problem(&rng, &p, &c);
        double best = brute_force_s(&p);
        jup_status_t status = jup_plan_make(&p, &plan, &err);
        if (isinf(best)) {
            ck_assert_msg(status == JUP_EINPUT, "problem %d has no plan", i);
        } else {
            ck_assert_msg(status == JUP_OK, "problem %d: %s", i, err.text);
            ck_assert_msg(plan.proven, "problem %d", i);
            ck_assert_msg(fabs(brute_value_s(&plan) - best) < 1e-9 * best,
                          "problem %d: %.12g, best %.12g", i, brute_value_s(&plan), best);
            jup_plan_reset(&plan);
        }
        jup_cluster_reset(&c);
    }
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

/* Without what the quicker steps of the search have found: bounds that are too high, which leave
 * out plans, would hide behind that. */
START_TEST(the_exhaustive_search_finds_it_by_itself)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 40 + (uint64_t)_i);
    for (int i = 0; i < 500; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        jup_instance_t in;
        random_problem(&rng, &p, &c);
        double best = brute_force_s(&p);
        if (jup_instance_init(&in, &p, NULL, 0, NULL) == JUP_OK) {
            jup_search_t *search = jup_new(1, sizeof *search);
            jup_meter_t meter = {1e9};
            jup_search_init(search, &in, 1);
            jup_search_exhaust(search, &meter);
            ck_assert(search->proven);
            ck_assert_msg(isinf(best) ? isinf(search->value_s)
                                      : fabs(search->value_s - best) < 1e-9 * best,
                          "problem %d: %.12g, best %.12g", i, search->value_s, best);
            jup_search_reset(search);
            jup_free(search);
            jup_instance_reset(&in);
        }
        jup_cluster_reset(&c);
    }
}
END_TEST

/* ---- the paper's objective ------------------------------------------------------------------ */

static void share_in_order(brute_t *b, int device, int left)
{
    if (left == 0) {
        if (fits(b, 1))
            b->best_s = fmin(b->best_s, brute_slowest_s(b));
        return;
    }
    int devices = b->p->first_stays && b->S == 0 ? 1 : b->p->cluster->n_devices;
    for (int d = device; d < devices; d++) {
        b->unit[b->S++] = d;
        for (int n = 1; n <= left; n++) {
            b->layers[b->S - 1] = n;
            share_in_order(b, d + 1, left - n);
        }
        b->S--;
    }
}

START_TEST(the_slowest_stage_is_as_quick_as_can_be)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 7);
    for (int i = 0; i < 1000; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        jup_plan_t plan;
        jup_error_t err = {0};
        random_problem(&rng, &p, &c);
        p.objective = JUP_OBJECTIVE_SLOWEST;
        p.min_chunk = 0;
        brute_t b = over_devices(&p);
        share_in_order(&b, 0, p.size.layers);
        jup_status_t status = jup_plan_make(&p, &plan, &err);
        ck_assert_msg((status == JUP_OK) == !isinf(b.best_s), "problem %d: %s", i, err.text);
        if (status == JUP_OK) {
            b.S = plan.n_stages;
            for (int s = 0; s < b.S; s++) {
                b.unit[s] = jup_plan_leader(&plan, s)->device;
                b.layers[s] = plan.stages[s].last - plan.stages[s].first;
            }
            ck_assert_double_eq_tol(brute_slowest_s(&b), b.best_s, 1e-9 * b.best_s);
            b.best_s = INFINITY;
            brute_cut(&b);
            ck_assert_double_eq_tol(plan.predicted.ttft_s, b.best_s, 1e-9 * b.best_s);
            jup_plan_reset(&plan);
        }
        jup_cluster_reset(&c);
    }
}
END_TEST

/* ---- more of anything never hurts ----------------------------------------------------------- */

static double planned_s(const jup_plan_problem_t *p)
{
    jup_plan_t plan;
    jup_error_t err;
    if (jup_plan_make(p, &plan, &err) != JUP_OK)
        return INFINITY;
    double s = brute_value_s(&plan);
    jup_plan_reset(&plan);
    return s;
}

START_TEST(more_memory_or_a_faster_link_never_hurts)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 11);
    for (int i = 0; i < 500; i++) {
        jup_plan_problem_t p;
        jup_cluster_t c;
        random_problem(&rng, &p, &c);
        double before = planned_s(&p);
        int d = (int)jup_rng_below(&rng, (uint64_t)c.n_devices);
        c.devices[d].budget_bytes += brute_between(&rng, 0.5, 50);
        double more_memory = planned_s(&p);
        ck_assert_msg(more_memory <= before * (1 + 1e-9), "problem %d", i);
        int to = (int)jup_rng_below(&rng, (uint64_t)c.n_devices);
        jup_link_t link = jup_cluster_link(&c, d, to);
        jup_cluster_set_link(&c, d, to, (jup_link_t){link.latency_s * 0.5, link.bytes_per_s * 1.5});
        ck_assert_msg(planned_s(&p) <= more_memory * (1 + 1e-9), "problem %d", i);
        jup_cluster_reset(&c);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("plan against brute force");
    TCase *best = tcase_create("best");
    tcase_set_timeout(best, 120);
    tcase_add_loop_test(best, the_plan_is_the_best_there_is, 0, 6);
    tcase_add_loop_test(best, the_exhaustive_search_finds_it_by_itself, 0, 3);
    suite_add_tcase(s, best);
    unit_add(s, the_slowest_stage_is_as_quick_as_can_be, 60);
    unit_add(s, more_memory_or_a_faster_link_never_hurts, 120);
    return s;
}

UNIT_MAIN(suite)
