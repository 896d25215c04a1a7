/* Phantom compute: charges what the cost model says, takes no memory, finds shapes that do not fit.
 */
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

static void open_rank(rank_t *r, const char *shape)
{
    jup_error_t err;
    const jup_shard_t shard = {.first = 4, .last = 4 + LAYERS, .embedding = true, .head = true};
    const jup_forward_limits_t limits = {.rows = ROWS,
                                         .outputs = 1,
                                         .kv_tokens = 2 * ROWS,
                                         .kv_dtype = JUP_F16,
                                         .residual_dtype = JUP_F32};
    memset(r, 0, sizeof *r);
    ck_assert(jup_shape_find(shape, &r->config));
    jup_weights_phantom(&r->weights, &r->config, &shard, JUP_Q4_0);
    ck_assert_int_eq(jup_compute_init(&r->compute, jup_ops_by_name("phantom"), 1, &err), JUP_OK);
    r->device.profile = quick;
    ck_assert_int_eq(
        jup_model_size_init(&r->device.size, &r->config, JUP_Q4_0, JUP_F16, JUP_F16, &err), JUP_OK);
    jup_modelled_attach(&r->device, &r->compute, &r->weights);
    ck_assert_int_eq(
        jup_forward_init(&r->forward, &r->config, &r->weights, &r->compute, &limits, &err), JUP_OK);
    jup_step_init(&r->step, ROWS);
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

START_TEST(a_phantom_has_sizes_but_no_bytes)
{
    rank_t r;
    size_t before = jup_mem_resident_bytes();
    open_rank(&r, "llama2-70b");
    charge(&r, 0, ROWS);
    jup_stage_memory_t memory = jup_cost_memory(
        &r.device.size, &(jup_workload_t){.context_tokens = 2 * ROWS, .branches = 1}, LAYERS, true,
        true, ROWS);
    ck_assert_double_eq_tol((double)r.weights.mapped_bytes, memory.weight_bytes, 0.5);
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
    unit_add(s, a_phantom_has_sizes_but_no_bytes, 20);
    unit_add(s, a_device_that_is_too_small_is_named, 20);
    TCase *ends = tcase_create("shapes");
    tcase_add_exit_test(ends, shapes_that_do_not_fit_end_the_job, JUP_EENV);
    suite_add_tcase(s, ends);
    return s;
}

UNIT_MAIN(suite)
