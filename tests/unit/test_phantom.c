/* Phantom compute: charges what the cost model says, takes no memory, finds shapes that do not fit.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "model/forward.h"
#include "model/shapes.h"
#include "model/weights_phantom.h"
#include "plan/modelled.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 48, LAYERS = 3 };

/* Rates so high that charging them on a wall clock takes no time. */
static const jup_profile_t quick = {.flops_per_s = 4e17,
                                    .attention_flops_per_s = 3e17,
                                    .bytes_per_s = 2e16,
                                    .kv_bytes_per_s = 1e16,
                                    .overlap = 0.3,
                                    .layer_s = 1e-9,
                                    .step_s = 2e-9};

typedef struct rank {
    jup_config_t config;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_modelled_t device;
    jup_forward_t forward;
    jup_step_t step;
} rank_t;

static void open_layers(rank_t *r, const char *shape, int first, int last, const jup_part_t *part)
{
    jup_error_t err;
    jup_config_t whole;
    jup_model_size_t size;
    const jup_shard_t shard = {
        .first = first, .last = last, .embedding = true, .head = true, .part = *part};
    const jup_forward_limits_t limits = {.rows = ROWS,
                                         .outputs = ROWS,
                                         .kv_tokens = 2 * ROWS,
                                         .kv_dtype = JUP_F16,
                                         .residual_dtype = JUP_F32};
    memset(r, 0, sizeof *r);
    ck_assert(jup_shape_find(shape, &whole));
    r->config = jup_part_config(&whole, part);
    ck_assert_int_eq(jup_weights_phantom(&r->weights, &whole, &shard, JUP_Q4_0, &err), JUP_OK);
    ck_assert_int_eq(jup_compute_init(&r->compute, jup_ops_by_name("phantom"), 1, &err), JUP_OK);
    r->device.profile = quick;
    ck_assert_int_eq(jup_model_size_init(&size, &whole, JUP_Q4_0, JUP_F16, JUP_F16, &err), JUP_OK);
    jup_model_size_part(&r->device.size, &size, part);
    jup_modelled_attach(&r->device, &r->compute, &r->weights);
    ck_assert_int_eq(
        jup_forward_init(&r->forward, &r->config, &r->weights, &r->compute, &limits, &err), JUP_OK);
    jup_step_init(&r->step, ROWS);
}

static void open_part(rank_t *r, const char *shape, const jup_part_t *part)
{
    open_layers(r, shape, 4, 4 + LAYERS, part);
}

static void open_rank(rank_t *r, const char *shape)
{
    open_part(r, shape, &(jup_part_t){0});
}

static void close_rank(rank_t *r)
{
    jup_step_reset(&r->step);
    jup_forward_reset(&r->forward);
    jup_compute_reset(&r->compute);
    jup_weights_reset(&r->weights);
}

/* The seconds charged for `rows` tokens at `pos`. */
static double charge(rank_t *r, int32_t pos, int32_t rows)
{
    jup_error_t err;
    const int32_t tokens[ROWS] = {0};
    double before_s = jup_phantom_charged_s(&r->compute);
    jup_step_begin(&r->step, JUP_STEP_WORK, 0);
    jup_step_add(&r->step, 0, pos, tokens, NULL, rows, 1);
    ck_assert_int_eq(jup_forward_begin(&r->forward, &r->step, &err), JUP_OK);
    jup_forward_embed(&r->forward, &r->step);
    jup_forward_layers(&r->forward, &r->step);
    ck_assert_int_eq(jup_forward_head(&r->forward, &r->step), 1);
    return jup_phantom_charged_s(&r->compute) - before_s;
}

static double expected_s(const rank_t *r, double rows, double prefix)
{
    const jup_model_size_t *size = &r->device.size;
    return quick.step_s + LAYERS * jup_cost_layer_s(&quick, size, rows, prefix) +
           jup_cost_embed_s(&quick, size, rows) + jup_cost_head_s(&quick, size, 1);
}

START_TEST(a_step_costs_what_the_cost_model_says)
{
    rank_t r;
    const char *const shapes[] = {"llama2-7b", "llama2-70b", "mistral-7b"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        open_rank(&r, shapes[i]);
        /* norms are in the model's bytes, not in the operations': 0.03 % */
        double first_s = charge(&r, 0, ROWS), next_s = charge(&r, ROWS, 1);
        ck_assert_double_le(fabs(first_s / expected_s(&r, ROWS, 0) - 1), 1e-3);
        ck_assert_double_le(fabs(next_s / expected_s(&r, 1, ROWS) - 1), 1e-3);
        close_rank(&r);
    }
}
END_TEST

/* Of the model's last layer a prompt's rows need their keys and values, and the last row the rest.
 * Norms, in the model's bytes, and the attention of the rows that are left out make up 3 %. */
START_TEST(the_last_layer_costs_a_prompt_little)
{
    rank_t r;
    open_layers(&r, "llama2-7b", 32 - LAYERS, 32, &(jup_part_t){0});
    const jup_model_size_t *size = &r.device.size;
    double layer_s = jup_cost_layer_s(&quick, size, ROWS, 0), share = jup_cost_unwanted_share(size);
    ck_assert_double_eq_tol(share, 2.0 * 4096 * 4096 / (4.0 * 4096 * 4096 + 3.0 * 4096 * 11008),
                            1e-3);
    for (int chunk = 0; chunk < 2;
         chunk++) { /* a step begins anew, whether it was attended to or not */
        double spared_s = expected_s(&r, ROWS, chunk * ROWS) - charge(&r, chunk * ROWS, ROWS);
        double rest_s = (1 - share) * jup_cost_layer_s(&quick, size, 1, ROWS);
        ck_assert_double_eq_tol(spared_s, (1 - share) * layer_s - rest_s, 0.03 * layer_s);
    }
    double token_s = charge(&r, 2 * ROWS, 1);
    ck_assert_double_le(fabs(token_s / expected_s(&r, 1, 2 * ROWS) - 1), 1e-3);
    close_rank(&r);
}
END_TEST

/* On a busy machine there are rests within a step, too, but not in each. */
START_TEST(a_single_row_without_a_rest_takes_longer)
{
    rank_t r;
    open_rank(&r, "llama2-7b");
    r.device.profile.bytes_per_s = 5e9; /* 20 ms a layer */
    r.device.profile.rest_gain = 0.5;
    const jup_profile_t *p = &r.device.profile;
    double lost_s = 0.5 * LAYERS * jup_cost_layer_s(p, &r.device.size, 1, 0);
    charge(&r, 0, ROWS); /* several rows: no gain, and it uses none up */
    double rested_s = charge(&r, ROWS, 1), most_s = 0;
    for (int i = 0; i < 8 && most_s < 0.5 * lost_s; i++)
        most_s = fmax(most_s, charge(&r, ROWS, 1) - rested_s);
    ck_assert_double_ge(most_s, 0.5 * lost_s);
    ck_assert_double_le(most_s, 1.001 * lost_s);
    jup_clock_pause(1.1 * lost_s);
    ck_assert_double_eq_tol(charge(&r, ROWS, 1), rested_s, 1e-3 * rested_s);
    r.device.profile.rest_most_s = 0.6 * lost_s; /* a longer rest saves no more */
    most_s = 0;
    for (int i = 0; i < 8 && most_s < 0.3 * lost_s; i++) {
        jup_clock_pause(1.1 * lost_s);
        most_s = fmax(most_s, charge(&r, ROWS, 1) - rested_s);
    }
    ck_assert_double_ge(most_s, 0.3 * lost_s);
    ck_assert_double_le(most_s, 1.001 * 0.4 * lost_s);
    close_rank(&r);
}
END_TEST

START_TEST(a_phantom_has_sizes_but_no_bytes)
{
    rank_t r;
    size_t before = jup_mem_resident_bytes();
    open_rank(&r, "llama2-70b");
    charge(&r, 0, ROWS);
    jup_stage_memory_t memory = jup_cost_memory(
        &r.device.size, &(jup_workload_t){.context_tokens = 2 * ROWS, .branches = 1}, LAYERS, true,
        true, ROWS);
    ck_assert_double_eq_tol((double)jup_weights_bytes(&r.weights), memory.weight_bytes, 0.5);
    ck_assert_uint_eq(jup_kv_bytes(&r.forward.kv),
                      (size_t)JUP_KV_PAGE_SLOTS * LAYERS * jup_config_kv_bytes(&r.config, JUP_F16));
    ck_assert_uint_ge(jup_mem_live_bytes(), r.forward.work_bytes);
    ck_assert_uint_ge(r.forward.work_bytes, 16u << 20);
#ifdef __SANITIZE_ADDRESS__
    (void)before; /* blocks lie in the sanitizer's heap there, written to and counted (mem.c) */
#else
    ck_assert_uint_le(jup_mem_resident_bytes(), before + r.forward.work_bytes / 2);
#endif
    close_rank(&r);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* Heads and FFN columns of the whole, charged to the members by what their operations are. */
START_TEST(members_have_their_part_of_seconds_and_bytes)
{
    enum { N = 4 };
    const double speed[N] = {1, 1, 2, 1};
    static const char *const shapes[] = {"llama2-7b", "llama3-8b", "qwen2-7b"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        jup_error_t err;
        jup_part_t parts[N];
        jup_config_t whole;
        rank_t all, r;
        double bytes = 0, kv = 0;
        ck_assert(jup_shape_find(shapes[i], &whole));
        ck_assert_int_eq(
            jup_part_share(&whole, jup_part_blocks(JUP_Q4_0, JUP_Q4_0), speed, N, parts, &err),
            JUP_OK);
        open_rank(&all, shapes[i]);
        for (int m = 0; m < N; m++) {
            open_part(&r, shapes[i], &parts[m]);
            double first_s = charge(&r, 0, ROWS), next_s = charge(&r, ROWS, 1);
            ck_assert_double_le(fabs(first_s / expected_s(&r, ROWS, 0) - 1), 2e-3);
            ck_assert_double_le(fabs(next_s / expected_s(&r, 1, ROWS) - 1), 2e-3);
            ck_assert_uint_gt(r.weights.owned_bytes, 0);
            jup_stage_memory_t memory = jup_cost_memory(
                &r.device.size, &(jup_workload_t){.context_tokens = 2 * ROWS, .branches = 1},
                LAYERS, true, true, ROWS);
            ck_assert_double_le(
                fabs((double)jup_weights_bytes(&r.weights) / memory.weight_bytes - 1), 2e-3);
            bytes += (double)jup_weights_bytes(&r.weights);
            kv += (double)jup_kv_bytes(&r.forward.kv);
            close_rank(&r);
        }
        charge(&all, 0, ROWS);
        charge(&all, ROWS, 1);
        /* the embedding and the norms are on every member */
        double shared = (double)jup_weights_bytes(&all.weights);
        double everywhere = (N - 1) * (double)jup_dtype_bytes(JUP_Q4_0, whole.dim) * whole.vocab;
        ck_assert_double_le(fabs((bytes - everywhere) / shared - 1), 2e-3);
        ck_assert_double_eq_tol(kv, (double)jup_kv_bytes(&all.forward.kv), 0.5);
        close_rank(&all);
    }
}
END_TEST

static void cost_fixed_alone(rank_t *r)
{
    r->device.profile.flops_per_s = r->device.profile.attention_flops_per_s = 1e30;
    r->device.profile.bytes_per_s = r->device.profile.kv_bytes_per_s = 1e30;
}

/* Chunks that nobody wants rows of come to no attention in the last layer, and pay for it as
 * others, even where it is the stage's only one. */
START_TEST(left_out_rows_pay_for_their_layer)
{
    const int32_t outputs[] = {0, ROWS, 1, 0, 0, 1, ROWS}, tokens[ROWS] = {0};
    for (int layers = 1; layers <= LAYERS; layers++) {
        rank_t r;
        jup_error_t err;
        open_layers(&r, "llama2-7b", 32 - layers, 32, &(jup_part_t){0});
        cost_fixed_alone(&r);
        for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
            double before_s = jup_phantom_charged_s(&r.compute);
            jup_step_begin(&r.step, JUP_STEP_WORK, 0);
            jup_step_edit(&r.step, (jup_edit_t){.op = JUP_EDIT_TRUNCATE, .seq = 0}, NULL);
            jup_step_add(&r.step, 0, 0, tokens, NULL, ROWS, outputs[i]);
            ck_assert_int_eq(jup_forward_begin(&r.forward, &r.step, &err), JUP_OK);
            jup_forward_layers(&r.forward, &r.step);
            ck_assert_int_eq(r.forward.narrowed, outputs[i] < ROWS);
            ck_assert_double_eq_tol(jup_phantom_charged_s(&r.compute) - before_s,
                                    quick.step_s + layers * quick.layer_s, 1e-12);
        }
        close_rank(&r);
    }
}
END_TEST

/* A layer in tiles, as Galaxy computes it, pays its fixed cost once. */
START_TEST(tiles_pay_a_layer_once)
{
    rank_t r;
    jup_error_t err;
    const int32_t tokens[ROWS] = {0};
    open_rank(&r, "llama2-7b");
    cost_fixed_alone(&r);
    jup_step_begin(&r.step, JUP_STEP_WORK, 0);
    jup_step_add(&r.step, 0, 0, tokens, NULL, ROWS, 1);
    ck_assert_int_eq(jup_forward_begin(&r.forward, &r.step, &err), JUP_OK);
    for (int step = 0; step < 2; step++) {
        double before_s = jup_phantom_charged_s(&r.compute);
        for (int layer = 0; layer < LAYERS; layer++) {
            jup_forward_qkv(&r.forward, layer, 0, ROWS / 2);
            jup_forward_qkv(&r.forward, layer, ROWS / 2, ROWS / 2);
            jup_forward_cache(&r.forward, &r.step, layer);
            jup_forward_attend(&r.forward, &r.step, layer, 0, ROWS / 2);
            jup_forward_attend(&r.forward, &r.step, layer, ROWS / 2, ROWS / 2);
            jup_forward_out(&r.forward, layer, 0, ROWS);
        }
        double charged_s = jup_phantom_charged_s(&r.compute) - before_s;
        ck_assert_double_eq_tol(charged_s, quick.step_s + LAYERS * quick.layer_s, 1e-12);
    }
    close_rank(&r);
}
END_TEST

START_TEST(rows_that_are_no_whole_blocks_are_refused)
{
    jup_config_t c;
    jup_error_t err;
    jup_weights_t weights;
    jup_model_size_t size;
    jup_shard_t shard = {.first = 0, .last = 1};
    ck_assert(jup_shape_find("qwen2-0.5b", &c));
    ck_assert_int_eq(jup_weights_phantom(&weights, &c, &shard, JUP_Q4_K, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "qwen2-0.5b cannot be of type Q4_K here: rows of the embedding "
                                   "with elements 0 to 895 are no whole blocks of 256"),
                  "%s", err.text);
    ck_assert_int_eq(jup_model_size_init(&size, &c, JUP_Q4_K, JUP_F16, JUP_F16, &err), JUP_EINPUT);
    ck_assert(jup_shape_find("llama2-7b", &c));
    shard.part = (jup_part_t){.head_last = 16, .ffn_last = 5504, .vocab_last = 16000};
    ck_assert_int_eq(jup_weights_phantom(&weights, &c, &shard, JUP_Q4_K, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "rows of ffn_down with elements 0 to 5503"), "%s", err.text);
    ck_assert_int_eq(jup_weights_phantom(&weights, &c, &shard, JUP_Q4_0, &err), JUP_OK);
    jup_weights_reset(&weights);
}
END_TEST

START_TEST(a_device_that_is_too_small_is_named)
{
    rank_t r;
    jup_error_t err;
    const jup_shard_t shard = {.first = 0, .last = 40};
    const jup_workload_t workload = {.context_tokens = 320, .branches = 1};
    open_rank(&r, "llama2-7b");
    snprintf(r.device.name, sizeof r.device.name, "board7");
    r.device.budget_bytes = 1e9;
    ck_assert_int_eq(jup_modelled_check_memory(&r.device, &workload, &shard, ROWS, &err), JUP_EENV);
    ck_assert_ptr_nonnull(strstr(err.text, "out of memory (OOM): device board7 has 1.00 GB"));
    r.device.budget_bytes = 1e10;
    ck_assert_int_eq(jup_modelled_check_memory(&r.device, &workload, &shard, ROWS, &err), JUP_OK);
    close_rank(&r);
}
END_TEST

START_TEST(shapes_that_do_not_fit_end_the_job)
{
    rank_t r;
    open_rank(&r, "llama2-7b");
    r.weights.layers[1].qkv[2].w.cols = 4000; /* not the row length of the other two */
    charge(&r, 0, 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("phantom");
    unit_add(s, a_step_costs_what_the_cost_model_says, 20);
    unit_add(s, the_last_layer_costs_a_prompt_little, 60);
    unit_add(s, left_out_rows_pay_for_their_layer, 20);
    unit_add(s, a_single_row_without_a_rest_takes_longer, 20);
    unit_add(s, a_phantom_has_sizes_but_no_bytes, 20);
    unit_add(s, members_have_their_part_of_seconds_and_bytes, 20);
    unit_add(s, tiles_pay_a_layer_once, 20);
    unit_add(s, rows_that_are_no_whole_blocks_are_refused, 20);
    unit_add(s, a_device_that_is_too_small_is_named, 20);
    TCase *ends = tcase_create("shapes");
    tcase_add_exit_test(ends, shapes_that_do_not_fit_end_the_job, JUP_EENV);
    suite_add_tcase(s, ends);
    return s;
}

UNIT_MAIN(suite)
