/*
 * The planners against brute force: every ordered subset of the devices, every way to share the
 * layers, every way to cut the prompt, timed by a schedule written here from the cost functions.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "plan/planner.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 8 };

typedef struct brute {
    const jup_plan_problem_t *p;
    int S, K, device[MOST], layers[MOST], chunks[MOST];
    double best_s, fixed_s;
    double slowest_s; /* of the layer split, for the paper's objective */
    bool used[MOST];
} brute_t;

static double stage_s(const brute_t *b, int s, int rows, int prefix, int heads)
{
    const jup_profile_t *profile = jup_cluster_profile(b->p->cluster, b->device[s]);
    double messages_s = 2 * jup_profile_message_s(profile, 0) +
                        2 * rows *
                            (jup_profile_message_s(profile, b->p->size.wire_row_bytes) -
                             jup_profile_message_s(profile, 0)); /* one comes, one leaves */
    double t = profile->step_s + messages_s +
               b->layers[s] * jup_cost_layer_s(profile, &b->p->size, rows, prefix);
    if (s == 0)
        t += jup_cost_embed_s(profile, &b->p->size, rows);
    if (s == b->S - 1 && heads)
        t += jup_cost_head_s(profile, &b->p->size, heads);
    return t;
}

static double hop_s(const brute_t *b, int s, double bytes)
{
    int to = s + 1 < b->S ? s + 1 : 0;
    return b->S == 1
               ? 0
               : jup_link_s(jup_cluster_link(b->p->cluster, b->device[s], b->device[to]), bytes);
}

static double makespan_s(const brute_t *b)
{
    double done[MOST] = {0}, sent[MOST] = {0};
    int prefix = 0;
    for (int k = 0; k < b->K; k++) {
        double at = 0;
        for (int s = 0; s < b->S; s++) {
            done[s] = fmax(at, done[s]) + stage_s(b, s, b->chunks[k], prefix, k == b->K - 1);
            sent[s] = fmax(done[s], sent[s]) +
                      hop_s(b, s, jup_cost_message_bytes(&b->p->size, b->chunks[k]));
            at = sent[s];
        }
        prefix += b->chunks[k];
    }
    return done[b->S - 1] + hop_s(b, b->S - 1, jup_cost_result_bytes());
}

static bool fits(const brute_t *b, int rows)
{
    for (int s = 0; s < b->S; s++)
        if (jup_stage_memory_bytes(jup_cost_memory(&b->p->size, &b->p->workload, b->layers[s],
                                                   s == 0, s == b->S - 1, rows)) >
            b->p->cluster->devices[b->device[s]].budget_bytes)
            return false;
    return true;
}

/* A step of so many rows through all stages and back, and its slowest part. */
static double lap_s(const brute_t *b, int rows, double *slowest)
{
    const jup_workload_t *w = &b->p->workload;
    double lap = 0, context = (double)w->prompt_tokens + (double)w->generate_tokens / 2;
    *slowest = 0;
    for (int s = 0; s < b->S; s++) {
        const jup_profile_t *profile = jup_cluster_profile(b->p->cluster, b->device[s]);
        double busy = stage_s(b, s, rows, 0, 1) -
                      b->layers[s] * (jup_cost_layer_s(profile, &b->p->size, rows, 0) -
                                      jup_cost_layer_s(profile, &b->p->size, rows, context));
        double send = hop_s(b, s,
                            s + 1 < b->S ? jup_cost_message_bytes(&b->p->size, rows)
                                         : jup_cost_result_bytes());
        lap += busy + send;
        double without_rests = busy * (rows == 1 ? 1 + profile->rest_gain : 1);
        *slowest = fmax(*slowest, fmax(without_rests, send));
    }
    return fmax(lap, *slowest);
}

/* An outline's laps follow each other; then the branches go round in any number of steps. */
static double decode_s(const brute_t *b)
{
    const jup_workload_t *w = &b->p->workload;
    int rows = w->lap_rows ? w->lap_rows : 1;
    double per_lap = w->tokens_per_lap > 0 ? w->tokens_per_lap : 1, slowest, round = 1e30;
    double serial = (double)w->serial_tokens, all = (double)w->generate_tokens;
    for (int steps = 1; steps <= w->branches; steps++) {
        int each = (w->branches + steps - 1) / steps;
        double lap = lap_s(b, each * rows, &slowest);
        round = fmin(round, fmax(lap, steps * slowest));
    }
    double branch_laps = fmax(0, all - fmax(serial, 1)) / per_lap / w->branches;
    return fmax(0, serial - 1) / per_lap * lap_s(b, rows, &slowest) + branch_laps * round;
}

static void cut(brute_t *b, int left, int longest)
{
    if (left == 0) {
        if (!fits(b, longest))
            return;
        b->best_s = fmin(b->best_s, b->fixed_s + makespan_s(b));
        return;
    }
    for (int n = 1; n <= left; n++) {
        if (b->p->min_chunk > n && n < left)
            continue;
        b->chunks[b->K++] = n;
        cut(b, left - n, n > longest ? n : longest);
        b->K--;
    }
}

static void cut_all(brute_t *b)
{
    b->K = 0;
    b->fixed_s = b->p->objective == JUP_OBJECTIVE_TOTAL ? decode_s(b) : 0;
    cut(b, (int)b->p->workload.prompt_tokens, 0);
}

static void share(brute_t *b, int left)
{
    int devices = b->p->cluster->n_devices;
    for (int d = 0; d < devices; d++) {
        if (b->used[d] || (b->p->first_stays && b->S == 0 && d > 0))
            continue;
        b->used[d] = true;
        b->device[b->S++] = d;
        for (int n = 1; n <= left; n++) {
            b->layers[b->S - 1] = n;
            if (n < left)
                share(b, left - n);
            else
                cut_all(b);
        }
        b->S--;
        b->used[d] = false;
    }
}

static double brute_force_s(const jup_plan_problem_t *p)
{
    brute_t b = {.p = p, .best_s = INFINITY};
    share(&b, p->size.layers);
    return b.best_s;
}

/* ---- random small problems ------------------------------------------------------------------ */

static double between(jup_rng_t *rng, double low, double high)
{
    return low * pow(high / low, jup_rng_uniform(rng));
}

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
        m->layer_s[i] = between(rng, 0.3, 3); /* not even monotone */
    m->embed_row_s = between(rng, 0.01, 0.3);
    m->head_s = between(rng, 0.05, 1);
}

static void random_cluster(jup_rng_t *rng, jup_cluster_t *c, int n, const char *key)
{
    memset(c, 0, sizeof *c);
    for (int d = 0; d < n; d++) {
        jup_profile_t p = {
            .memory_bytes = 3e8,
            .flops_per_s = between(rng, 0.5, 5),
            .attention_flops_per_s = between(rng, 0.5, 20),
            .bytes_per_s = between(rng, 1, 10),
            .kv_bytes_per_s = between(rng, 0.1, 10),
            .overlap = jup_rng_uniform(rng),
            .layer_s = between(rng, 0.01, 0.5),
            .step_s = between(rng, 0.01, 0.5),
            .rest_gain = fmax(0, jup_rng_uniform(rng) - 0.5),
            .message_s = between(rng, 0.001, 0.1),
            .message_byte_s = between(rng, 1e-5, 1e-2),
        };
        if (jup_rng_below(rng, 4) == 0)
            random_grid(rng, &p, key);
        int index = d > 0 && jup_rng_below(rng, 3) == 0 ? 0 : jup_cluster_add_profile(c, &p);
        jup_profile_reset(&p);
        jup_device_t *device = jup_cluster_add_device(c, "d", index);
        if (jup_rng_below(rng, 2))
            device->budget_bytes = 67108864 + between(rng, 2, 40);
    }
    c->default_link = (jup_link_t){between(rng, 0.01, 2), between(rng, 0.5, 20)};
    for (int a = 0; a < n && jup_rng_below(rng, 2); a++)
        for (int b = 0; b < n; b++)
            jup_cluster_set_link(c, a, b,
                                 (jup_link_t){between(rng, 0.01, 2), between(rng, 0.5, 20)});
}

static void random_problem(jup_rng_t *rng, jup_plan_problem_t *p, jup_cluster_t *c)
{
    memset(p, 0, sizeof *p);
    snprintf(p->size.key, sizeof p->size.key, "key");
    snprintf(p->size.type, sizeof p->size.type, "F16");
    p->size.layers = 1 + (int)jup_rng_below(rng, 5);
    p->size.layer = (jup_layer_ops_t){.flops_per_row = 1,
                                      .weight_bytes = between(rng, 1, 6),
                                      .flops_per_pair = between(rng, 0.01, 0.5),
                                      .kv_bytes = between(rng, 0.001, 0.05)};
    p->size.embedding_bytes = between(rng, 0.5, 5);
    p->size.embedding_row_bytes = between(rng, 0.01, 0.5);
    p->size.head_bytes = between(rng, 0.5, 5);
    p->size.head_flops_per_row = between(rng, 0.1, 1);
    p->size.tied = jup_rng_below(rng, 2);
    p->size.work_row_bytes = between(rng, 0.1, 2);
    p->size.wire_row_bytes = between(rng, 0.1, 4);
    int64_t prompt = 1 + (int64_t)jup_rng_below(rng, 6), generate = (int64_t)jup_rng_below(rng, 4);
    p->workload = (jup_workload_t){.prompt_tokens = prompt,
                                   .generate_tokens = generate,
                                   .context_tokens = prompt + generate,
                                   .branches = 1 + (int)jup_rng_below(rng, 3)};
    if (jup_rng_below(rng, 2))
        p->workload.serial_tokens = (int64_t)jup_rng_below(rng, (uint64_t)generate + 1);
    if (jup_rng_below(rng, 2)) {
        p->workload.lap_rows = 1 + (int)jup_rng_below(rng, 3);
        p->workload.tokens_per_lap = between(rng, 1, 2);
    }
    p->objective = jup_rng_below(rng, 3) ? JUP_OBJECTIVE_TOTAL : JUP_OBJECTIVE_TTFT;
    p->min_chunk = jup_rng_below(rng, 4) ? 0 : 2;
    p->first_stays = jup_rng_below(rng, 4) == 0;
    p->effort = 20;
    random_cluster(rng, c, 1 + (int)jup_rng_below(rng, 4), p->size.key);
    p->cluster = c;
}

static double value_s(const jup_plan_t *plan)
{
    return plan->objective == JUP_OBJECTIVE_TOTAL ? plan->predicted.total_s
                                                  : plan->predicted.ttft_s;
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
            ck_assert_msg(fabs(value_s(&plan) - best) < 1e-9 * best,
                          "problem %d: %.12g, best %.12g", i, value_s(&plan), best);
            jup_plan_reset(&plan);
        }
        jup_cluster_reset(&c);
    }
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

/* ---- the paper's objective ------------------------------------------------------------------ */

static double slowest_of(const brute_t *b)
{
    double slowest = 0;
    for (int s = 0; s < b->S; s++)
        slowest = fmax(slowest, stage_s(b, s, (int)b->p->workload.prompt_tokens, 0, 1));
    return slowest;
}

static void share_in_order(brute_t *b, int device, int left)
{
    if (left == 0) {
        if (fits(b, 1))
            b->best_s = fmin(b->best_s, slowest_of(b));
        return;
    }
    int devices = b->p->first_stays && b->S == 0 ? 1 : b->p->cluster->n_devices;
    for (int d = device; d < devices; d++) {
        b->device[b->S++] = d;
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
        brute_t b = {.p = &p, .best_s = INFINITY};
        share_in_order(&b, 0, p.size.layers);
        jup_status_t status = jup_plan_make(&p, &plan, &err);
        ck_assert_msg((status == JUP_OK) == !isinf(b.best_s), "problem %d: %s", i, err.text);
        if (status == JUP_OK) {
            b.S = plan.n_stages;
            for (int s = 0; s < b.S; s++) {
                b.device[s] = jup_plan_leader(&plan, s)->device;
                b.layers[s] = plan.stages[s].last - plan.stages[s].first;
            }
            ck_assert_double_eq_tol(slowest_of(&b), b.best_s, 1e-9 * b.best_s);
            b.best_s = INFINITY;
            cut_all(&b);
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
    double s = value_s(&plan);
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
        c.devices[d].budget_bytes += between(&rng, 0.5, 50);
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
    suite_add_tcase(s, best);
    unit_add(s, the_slowest_stage_is_as_quick_as_can_be, 60);
    unit_add(s, more_memory_or_a_faster_link_never_hurts, 120);
    return s;
}

UNIT_MAIN(suite)
