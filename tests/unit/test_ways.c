/* What groups cost, against the formulas written out here; and how layers are shared. */
#include "base/mem.h"
#include "base/rng.h"
#include "model/shapes.h"
#include "plan/shares.h"
#include "plan/ways.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const shapes[] = {"llama2-7b", "llama3-8b", "tinyllama-1.1b", "qwen2-7b"};

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

static void group_of(jup_plan_group_t *g, const jup_plan_problem_t *p, jup_way_t way, int n)
{
    static const int device[] = {0, 1, 2, 3, 4, 5, 6, 7};
    jup_error_t err = {0};
    const jup_group_spec_t spec = {.way = way, .n = n, .device = device, .layers = 1};
    ck_assert_msg(jup_plan_group_init(g, p, &spec, &err) == JUP_OK, "%s", err.text);
}

/* ---- parts ---------------------------------------------------------------------------------- */

START_TEST(a_part_is_the_size_of_the_smaller_layer)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_error_t err = {0};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        jup_part_t parts[2];
        const double speed[] = {3, 1};
        problem_of(&p, &c, "2xnx", shapes[i]);
        ck_assert_int_eq(jup_part_share(&p.size.config, p.size.blocks, speed, 2, parts, &err),
                         JUP_OK);
        for (int m = 0; m < 2; m++) {
            jup_model_size_t part, known;
            jup_config_t config = jup_part_config(&p.size.config, &parts[m]);
            jup_model_size_part(&part, &p.size, &parts[m]);
            ck_assert_int_eq(jup_model_size_init(&known, &config, JUP_Q4_0, JUP_F16, JUP_F16, &err),
                             JUP_OK);
            ck_assert_double_eq_tol(part.layer.flops_per_row, known.layer.flops_per_row, 1);
            ck_assert_double_eq_tol(part.layer.flops_per_pair, known.layer.flops_per_pair, 1e-6);
            ck_assert_double_eq_tol(part.layer.kv_bytes, known.layer.kv_bytes, 1e-6);
            ck_assert_double_eq_tol(part.layer.weight_bytes, known.layer.weight_bytes,
                                    1e-4 * known.layer.weight_bytes);
            ck_assert_double_eq(part.wire_row_bytes, p.size.wire_row_bytes);
            ck_assert_double_eq(part.work_row_bytes, known.work_row_bytes);
            ck_assert_double_lt(part.head_bytes, p.size.head_bytes);
        }
        jup_cluster_reset(&c);
    }
}
END_TEST

/* Calibration: a share w takes (1 - a) w + a of the operations, w of the bytes, all of layer_s. */
START_TEST(narrow_products_lose_some_rate)
{
    jup_profile_t p = {.flops_per_s = 10,
                       .attention_flops_per_s = 1e9,
                       .bytes_per_s = 4,
                       .kv_bytes_per_s = 1e9,
                       .layer_s = 0.5,
                       .split_loss = 0.44};
    jup_model_size_t part = {.layer = {.flops_per_row = 25, .weight_bytes = 12},
                             .others_flops_per_row = 75};
    double s = 0.5 + 12.0 / 4 + 3 * 100 * (0.56 * 0.25 + 0.44) / 10;
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &part, 3, 7), s, 1e-9);
    ck_assert_double_eq_tol(25 * jup_cost_split_factor(&p, &part), 58, 1e-9);
    part.others_flops_per_row = 0;
    ck_assert_double_eq(jup_cost_split_factor(&p, &part), 1);
}
END_TEST

/* Members wait for each other without a rest: their single rows take 1 + rest_gain as long. */
START_TEST(single_rows_of_a_part_have_no_rests)
{
    jup_profile_t p = {.flops_per_s = 100,
                       .attention_flops_per_s = 1e9,
                       .bytes_per_s = 4,
                       .kv_bytes_per_s = 1e9,
                       .rest_gain = 0.5};
    jup_model_size_t size = {.layer = {.flops_per_row = 100, .weight_bytes = 12}};
    double whole_s = 12.0 / 4 + 1, three_s = 12.0 / 4 + 3;
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 1, 0), whole_s, 1e-9);
    size.others_flops_per_row = 1;
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 1, 0), 1.5 * whole_s, 1e-9);
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 3, 0), three_s, 1e-9);
}
END_TEST

/* Measured: 4 s for a row after a rest, so 6 s without, and 12 s for five: three take 9 s. */
START_TEST(few_rows_begin_where_one_without_a_rest_does)
{
    double grid_s[] = {4, 4, 12, 12, 20, 20};
    jup_profile_t p = {.rest_gain = 0.5,
                       .measured = {.key = "k", .n_chunks = 3, .n_prefixes = 2, .layer_s = grid_s}};
    jup_model_size_t size = {.key = "k"};
    p.measured.prefixes[1] = 64;
    memcpy(p.measured.chunks, (const int32_t[]){1, 5, 9}, 3 * sizeof(int32_t));
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 1, 0), 4, 1e-9);
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 3, 0), 9, 1e-9);
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 5, 0), 12, 1e-9);
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 7, 0), 16, 1e-9);
    p.rest_gain = 5; /* never longer than more rows */
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 3, 0), 12, 1e-9);
}
END_TEST

/* ---- ways ----------------------------------------------------------------------------------- */

static double slowest_s(const jup_plan_group_t *g, double rows, double prefix)
{
    double s = 0;
    for (int m = 0; m < g->n; m++)
        s = fmax(s, jup_cost_layer_s(g->members[m].profile, jup_group_size(g, m), rows, prefix));
    return s;
}

/* Each of n - 1 further messages takes the slowest member's processor to send and to take it. */
START_TEST(processors_take_their_part_of_messages)
{
    const double message_s = 4e-4, latency = 2e-3, rate = 12.5e6;
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_group_t g;
    problem_of(&p, &c, "4xnx@100mbps,2ms", "llama2-7b");
    p.exchange = JUP_EXCHANGE_WHOLE;
    group_of(&g, &p, JUP_WAY_TENSOR, 4);
    double without_s = jup_group_layer_s(&g, 1, 10);
    jup_group_step_t step = jup_group_step(&g, true);
    jup_plan_group_reset(&g);
    for (int d = 0; d < c.n_profiles; d++)
        c.profiles[d].message_s = message_s;
    group_of(&g, &p, JUP_WAY_TENSOR, 4);
    double sum_s = latency + 3 * 2 * message_s + 3 * 4096 * 2 / rate;
    ck_assert_double_eq_tol(g.link.latency_s, latency + 2 * message_s, 1e-12);
    ck_assert_double_eq_tol(jup_group_layer_s(&g, 1, 10), slowest_s(&g, 1, 10) + 2 * sum_s, 1e-12);
    ck_assert_double_eq_tol(jup_group_layer_s(&g, 1, 10) - without_s, 2 * 3 * 2 * message_s, 1e-12);
    /* the step comes and leaves; the leader tells three, and hears from three */
    ck_assert_double_eq_tol(jup_group_step(&g, true).step_s - step.step_s, (2 + 6) * message_s,
                            1e-12);
    jup_plan_group_reset(&g);
    jup_cluster_reset(&c);
}
END_TEST

/* Four gathers a layer, of which a member sends three quarters and takes three quarters. */
START_TEST(galaxy_hides_the_links_part_of_messages_only)
{
    const double rows = 512, byte_s = 2e-9, rate = 125e6;
    double bytes = 4 * rows * 4096 * 2 * 3 / 4, link_s = bytes / rate, work_s = 2 * bytes * byte_s;
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_group_t g;
    problem_of(&p, &c, "4xnx@1000mbps,0ms", "llama2-7b");
    p.exchange = JUP_EXCHANGE_RING;
    group_of(&g, &p, JUP_WAY_GALAXY, 4);
    double without_s = jup_group_layer_s(&g, rows, 0), compute_s = without_s - 0.1 * link_s;
    for (int d = 0; d < c.n_profiles; d++)
        c.profiles[d].message_byte_s = byte_s;
    ck_assert_double_eq_tol(jup_group_layer_s(&g, rows, 0) - without_s, 0.9 * work_s, 1e-9);
    c.profiles[c.n_profiles - 1].message_byte_s = 10 / rate; /* slower than the link: it counts */
    ck_assert_double_eq_tol(jup_group_layer_s(&g, rows, 0), compute_s + 20 * link_s, 1e-9);
    jup_plan_group_reset(&g);
    jup_cluster_reset(&c);
}
END_TEST

/* n devices of "nx+2xtx2+nano", links of 100 Mbit/s and 2 ms. */
static void check_ways(int n, double rows, jup_exchange_t exchange)
{
    const double latency = 2e-3, rate = 12.5e6;
    jup_plan_problem_t p;
    jup_cluster_t c;
    problem_of(&p, &c, "nx+2xtx2+nano@100mbps,2ms", "llama2-7b");
    p.exchange = exchange;
    for (int d = 0; d < c.n_profiles; d++) {
        c.profiles[d].layer_s = 8e-3;
        c.profiles[d].split_loss = 0.44;
    }
    double a = rows * 4096 * 2, prefix = 130;
    double ring_s = 2 * (n - 1) * (latency + a / n / rate);
    double whole_s = latency + (n - 1) * a / rate,
           direct_s = 2 * (latency + (n - 1) * a / n / rate);
    double sum_s = exchange == JUP_EXCHANGE_RING ? ring_s : fmin(ring_s, fmin(whole_s, direct_s));
    double gather_s = (exchange == JUP_EXCHANGE_RING ? ring_s : fmin(ring_s, direct_s)) / 2;
    jup_plan_group_t g;

    group_of(&g, &p, JUP_WAY_TENSOR, n);
    double compute_s = slowest_s(&g, rows, prefix), one_s = slowest_s(&g, 1, prefix);
    ck_assert_double_eq_tol(jup_group_layer_s(&g, rows, prefix), compute_s + 2 * sum_s, 1e-12);
    jup_plan_group_reset(&g);

    group_of(&g, &p, JUP_WAY_DETRANSFORMER, n);
    ck_assert_double_eq_tol(jup_group_layer_s(&g, rows, prefix), compute_s + sum_s, 1e-12);
    jup_plan_group_reset(&g);

    group_of(&g, &p, JUP_WAY_GALAXY, n);
    double tiled_s = compute_s;
    if (rows >= n) {
        tiled_s = 0;
        for (int m = 0; m < n; m++) { /* whole rows, and the weights n - 1 times more: no overlap */
            const jup_profile_t *profile = g.members[m].profile;
            const jup_model_size_t *size = jup_group_size(&g, m);
            tiled_s = fmax(tiled_s, jup_cost_layer_s(profile, size, rows, prefix) +
                                        (n - 1) * size->layer.weight_bytes / profile->bytes_per_s);
        }
    }
    double hidden_s = 0.9 * fmin(4 * gather_s, (tiled_s - 8e-3) * (n - 1) / n);
    double galaxy_s = rows < n ? compute_s + 2 * sum_s : tiled_s + 4 * gather_s - hidden_s;
    ck_assert_double_eq_tol(jup_group_layer_s(&g, rows, prefix), galaxy_s, 1e-12);
    ck_assert_double_ge(jup_group_layer_s(&g, 1, prefix), one_s);
    jup_plan_group_reset(&g);

    group_of(&g, &p, JUP_WAY_SEQUENCE, n);
    const jup_profile_t *slow = jup_cluster_profile(&c, n - 1);
    double last_s = jup_cost_layer_s(slow, &p.size, rows / n, prefix + rows / n * (n - 1));
    double alone_s = jup_cost_layer_s(&c.profiles[0], &p.size, rows, prefix);
    ck_assert_double_eq_tol(jup_group_layer_s(&g, rows, prefix),
                            rows < n ? alone_s : last_s + 3 * gather_s, 1e-12);
    jup_plan_group_reset(&g);
    jup_cluster_reset(&c);
}

START_TEST(a_layer_takes_the_slowest_member_and_its_messages)
{
    for (int n = 2; n <= 4; n++)
        for (double rows = 1; rows < 300; rows *= 3) {
            check_ways(n, rows, JUP_EXCHANGE_AUTO);
            check_ways(n, rows, JUP_EXCHANGE_RING);
        }
}
END_TEST

START_TEST(a_device_alone_costs_what_it_did)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_group_t g;
    problem_of(&p, &c, "pi5@1gbps,0.2ms", "llama3-8b");
    group_of(&g, &p, JUP_WAY_ALONE, 1);
    jup_group_step_t step = jup_group_step(&g, true);
    ck_assert_double_eq(jup_group_layer_s(&g, 9, 4), jup_cost_layer_s(c.profiles, &p.size, 9, 4));
    ck_assert_double_eq(step.step_s, c.profiles[0].step_s);
    ck_assert_double_eq(step.inner_row_s, 0);
    ck_assert_double_eq(step.head_s, jup_cost_head_s(c.profiles, &p.size, 1));
    jup_plan_group_reset(&g);
    jup_cluster_reset(&c);
}
END_TEST

START_TEST(a_step_is_told_and_its_result_collected)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_group_t g;
    problem_of(&p, &c, "4xpi5@1gbps,0.2ms", "llama3-8b");
    group_of(&g, &p, JUP_WAY_TENSOR, 4);
    jup_group_step_t step = jup_group_step(&g, true);
    double rate = 125e6, wire = 4096 * 2;
    ck_assert_double_eq_tol(step.step_s,
                            c.profiles[0].step_s + 2e-4 + 3 * jup_cost_step_bytes(0) / rate, 1e-12);
    ck_assert_double_eq_tol(step.inner_row_s, 3 * (4 + wire) / rate, 1e-12);
    ck_assert_double_eq_tol(step.head_s,
                            jup_cost_head_s(c.profiles, jup_group_size(&g, 0), 1) + 2e-4 +
                                3 * jup_cost_result_bytes() / rate,
                            1e-12);
    jup_plan_group_reset(&g);
    group_of(&g, &p, JUP_WAY_SEQUENCE, 4); /* who decodes alone tells nobody */
    step = jup_group_step(&g, true);
    ck_assert_double_eq(step.step_s, c.profiles[0].step_s);
    ck_assert_double_eq(step.inner_row_s, 0);
    jup_plan_group_reset(&g);
    jup_cluster_reset(&c);
}
END_TEST

/* ---- memory --------------------------------------------------------------------------------- */

START_TEST(members_hold_their_part_and_sequence_all_of_it)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_group_t g;
    problem_of(&p, &c, "4xnx", "llama2-13b");
    double whole = jup_cost_memory(&p.size, &p.workload, 40, false, true, 1).weight_bytes;
    double kv = jup_cost_memory(&p.size, &p.workload, 40, false, true, 1).kv_bytes;
    group_of(&g, &p, JUP_WAY_TENSOR, 4);
    double sum = 0, kv_sum = 0;
    for (int m = 0; m < 4; m++) {
        jup_stage_memory_t part = jup_group_memory(&g, m, 40, false, true, 1);
        ck_assert_double_eq_tol(part.weight_bytes, whole / 4, 0.04 * whole / 4);
        sum += part.weight_bytes;
        kv_sum += part.kv_bytes;
    }
    double norms = 3 * 40 * 2 * 5120 * 4.0; /* everyone has them */
    ck_assert_double_eq_tol(sum - norms, whole, 1e-4 * whole);
    ck_assert_double_eq_tol(kv_sum, kv, 1e-9 * kv);
    jup_plan_group_reset(&g);
    group_of(&g, &p, JUP_WAY_SEQUENCE, 4);
    for (int m = 0; m < 4; m++)
        ck_assert_double_eq(jup_group_memory(&g, m, 40, false, true, 1).weight_bytes, whole);
    jup_plan_group_reset(&g);
    jup_cluster_reset(&c);
}
END_TEST

/* ---- shares --------------------------------------------------------------------------------- */

static double part_bytes(const jup_plan_group_t *g, int m, int layers)
{
    return jup_stage_memory_bytes(jup_group_memory(g, m, layers, true, true, 260));
}

START_TEST(shares_follow_speed_then_leave_full_devices)
{
    static const int device[] = {0, 1, 2, 3};
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_group_t g;
    jup_error_t err = {0};
    jup_group_spec_t spec = {.way = JUP_WAY_GALAXY, .n = 4, .device = device, .layers = 32};
    problem_of(&p, &c, "nx+2xtx2+nano", "llama2-7b");
    ck_assert_int_eq(jup_plan_group_init(&g, &p, &spec, &err), JUP_OK);
    ck_assert_int_gt(g.members[0].heads, g.members[1].heads);
    ck_assert_int_ge(g.members[1].heads, g.members[3].heads);
    int before = g.members[1].ffn;
    ck_assert_double_gt(part_bytes(&g, 0, 32), 1.3e9);
    jup_plan_group_reset(&g);

    c.devices[0].budget_bytes = 1.3e9; /* now the quickest is full */
    ck_assert_int_eq(jup_plan_group_init(&g, &p, &spec, &err), JUP_OK);
    ck_assert_double_le(part_bytes(&g, 0, 32), 1.3e9);
    ck_assert_double_gt(part_bytes(&g, 0, 32), 1.0e9);
    ck_assert_int_gt(g.members[1].ffn, before);
    ck_assert_int_gt(g.members[1].ffn, g.members[3].ffn); /* what it lost goes by speed */
    int sum = 0;
    for (int m = 0; m < 4; m++)
        sum += g.members[m].ffn;
    ck_assert_int_eq(sum, 11008 / 32);
    jup_plan_group_reset(&g);
    jup_cluster_reset(&c);
}
END_TEST

START_TEST(too_many_members_are_refused_with_the_most_there_can_be)
{
    static const int device[] = {0, 1, 2, 3};
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_group_t g;
    jup_error_t err = {0};
    jup_config_t config;
    jup_group_spec_t spec = {.way = JUP_WAY_TENSOR, .n = 4, .device = device, .layers = 1};
    problem_of(&p, &c, "4xnx", "llama2-7b");
    ck_assert(jup_shape_find("tinyllama-1.1b", &config));
    config.heads = 2;
    config.kv_heads = 2;
    ck_assert_int_eq(jup_model_size_init(&p.size, &config, JUP_Q4_0, JUP_F16, JUP_F16, &err),
                     JUP_OK);
    ck_assert_int_eq(jup_plan_group_init(&g, &p, &spec, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "at most 2 ranks"), "%s", err.text);
    ck_assert_uint_gt(jup_mem_live_blocks(), 0);
    jup_cluster_reset(&c);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("ways");
    unit_add(s, a_part_is_the_size_of_the_smaller_layer, 10);
    unit_add(s, narrow_products_lose_some_rate, 10);
    unit_add(s, single_rows_of_a_part_have_no_rests, 10);
    unit_add(s, few_rows_begin_where_one_without_a_rest_does, 10);
    unit_add(s, processors_take_their_part_of_messages, 10);
    unit_add(s, galaxy_hides_the_links_part_of_messages_only, 10);
    unit_add(s, a_layer_takes_the_slowest_member_and_its_messages, 20);
    unit_add(s, a_device_alone_costs_what_it_did, 10);
    unit_add(s, a_step_is_told_and_its_result_collected, 10);
    unit_add(s, members_hold_their_part_and_sequence_all_of_it, 10);
    unit_add(s, shares_follow_speed_then_leave_full_devices, 10);
    unit_add(s, too_many_members_are_refused_with_the_most_there_can_be, 10);
    return s;
}

UNIT_MAIN(suite)
