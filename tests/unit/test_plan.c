#include "base/mem.h"
#include "base/rng.h"
#include "model/shapes.h"
#include "model/step.h"
#include "plan/planner.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void problem_of(jup_plan_problem_t *p, jup_cluster_t *c, const char *cluster,
                       const char *shape, int64_t prompt, int64_t generate)
{
    jup_error_t err = {0};
    jup_config_t config;
    ck_assert_msg(jup_cluster_load(c, cluster, &err) == JUP_OK, "%s", err.text);
    ck_assert(jup_shape_find(shape, &config));
    *p = (jup_plan_problem_t){
        .cluster = c, .workload = {prompt, generate, prompt + generate, 1}, .effort = 0.05};
    ck_assert_msg(jup_model_size_init(&p->size, &config, JUP_Q4_0, JUP_F16, JUP_F16, &err) ==
                      JUP_OK,
                  "%s", err.text);
}

START_TEST(shapes_have_their_published_sizes)
{
    static const struct {
        const char *name;
        double billions;
    } known[] = {{"llama2-7b", 6.74},  {"llama2-13b", 13.02},  {"llama2-70b", 68.98},
                 {"llama3-8b", 8.03},  {"llama3-405b", 405.9}, {"tinyllama-1.1b", 1.10},
                 {"mistral-7b", 7.24}, {"qwen2-7b", 7.62},     {"qwen2.5-32b", 32.8}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        jup_config_t c;
        jup_model_size_t size;
        jup_error_t err;
        ck_assert(jup_shape_find(known[i].name, &c));
        ck_assert_int_eq(jup_model_size_init(&size, &c, JUP_F16, JUP_F16, JUP_F16, &err), JUP_OK);
        double bytes = c.layers * size.layer.weight_bytes + size.embedding_bytes +
                       (c.tied ? 0 : size.head_bytes);
        ck_assert_double_eq_tol(bytes / 2e9, known[i].billions, 0.006 * known[i].billions);
    }
    for (const char *const *name = jup_shape_names(); *name; name++) {
        jup_config_t c;
        jup_error_t err = {0};
        ck_assert(jup_shape_find(*name, &c));
        ck_assert_msg(jup_config_check(&c, &err) == JUP_OK, "%s: %s", *name, err.text);
    }
}
END_TEST

START_TEST(the_cost_follows_its_formula)
{
    jup_profile_t p = {.flops_per_s = 10,
                       .attention_flops_per_s = 2,
                       .bytes_per_s = 4,
                       .kv_bytes_per_s = 8,
                       .overlap = 0,
                       .layer_s = 0.5};
    jup_model_size_t size = {
        .layer = {.flops_per_row = 5, .weight_bytes = 12, .flops_per_pair = 3, .kv_bytes = 1}};
    /* 0.5 + 12/4 + 2*5/10 + 2*(7 + 1.5)*3/2 + 9/8 */
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 2, 7), 0.5 + 3 + 1 + 25.5 + 1.125, 1e-12);
    p.overlap = 1;
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 2, 7), 0.5 + 3 + 25.5, 1e-12);
    size.config.window = 4;
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 2, 7), 0.5 + 3 + 16.5, 1e-12);
    size.config.window_period = 3; /* two layers of three see 4 tokens, one all 7 */
    ck_assert_double_eq_tol(jup_cost_layer_s(&p, &size, 2, 7), 0.5 + 3 + 3 * 6.5, 1e-12);
}
END_TEST

/* Of a mixture of experts a token reads its own experts only, many tokens read nearly all. */
START_TEST(experts_are_read_when_rows_go_there)
{
    jup_error_t err;
    jup_config_t c;
    jup_model_size_t size;
    jup_profile_t p = {.flops_per_s = 1e18,
                       .attention_flops_per_s = 1e18,
                       .bytes_per_s = 1,
                       .kv_bytes_per_s = 1e18};
    ck_assert(jup_shape_find("qwen3-30b-a3b", &c));
    ck_assert_int_eq(jup_model_size_init(&size, &c, JUP_F16, JUP_F16, JUP_F16, &err), JUP_OK);
    double dense = 2048.0 * (2 * 4096 + 2 * 512 + 128), expert = 3.0 * 2048 * 768;
    double one = (dense + 8 * expert) / (dense + 128 * expert);
    ck_assert_double_eq_tol(size.layer.weight_bytes, 2 * (dense + 128 * expert), 4e-3 * 1.2e9);
    double token = jup_cost_layer_s(&p, &size, 1, 0), many = jup_cost_layer_s(&p, &size, 500, 0);
    ck_assert_double_eq_tol(token / size.layer.weight_bytes, one, 1e-6);
    ck_assert_double_eq_tol(many / size.layer.weight_bytes, 1, 1e-6);
}
END_TEST

START_TEST(messages_are_as_long_as_the_pipeline_makes_them)
{
    jup_model_size_t size = {.wire_row_bytes = 100};
    for (int32_t rows = 1; rows < 1000; rows += 37)
        ck_assert_double_eq_tol(jup_cost_message_bytes(&size, rows),
                                (double)jup_step_plain_bytes(rows) + 100 * rows, 64);
}
END_TEST

/* ---- as data -------------------------------------------------------------------------------- */

START_TEST(a_plan_travels_as_text)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_t plan, copy;
    jup_error_t err = {0};
    problem_of(&p, &c, "env-b-100", "llama2-13b", 260, 64);
    ck_assert_msg(jup_plan_make(&p, &plan, &err) == JUP_OK, "%s", err.text);
    char *text;
    size_t bytes;
    jup_plan_pack(&plan, &text, &bytes);
    ck_assert_msg(jup_plan_unpack(&copy, text, bytes, &err) == JUP_OK, "%s", err.text);
    ck_assert_int_eq(copy.n_stages, plan.n_stages);
    ck_assert_int_eq(copy.n_chunks, plan.n_chunks);
    ck_assert_mem_eq(copy.chunks, plan.chunks, (size_t)plan.n_chunks * sizeof *plan.chunks);
    ck_assert_int_eq(copy.workload.context_tokens, 324);
    ck_assert_int_eq(copy.objective, plan.objective);
    ck_assert_double_eq_tol(copy.predicted.total_s, plan.predicted.total_s, 1e-3);
    double total_s = plan.predicted.total_s;
    ck_assert_msg(jup_plan_evaluate(&p, &copy, &err) == JUP_OK, "%s", err.text);
    ck_assert_double_eq_tol(copy.predicted.total_s, total_s, 1e-9 * total_s);

    /* whatever part of it is lost, it is refused or whole, never half read */
    for (size_t cut = 0; cut < bytes; cut += 7) {
        jup_plan_t broken;
        size_t blocks = jup_mem_live_blocks();
        if (jup_plan_unpack(&broken, text, cut, &err) == JUP_OK) {
            ck_assert_int_eq(jup_plan_check(&broken, &err), JUP_OK);
            jup_plan_reset(&broken);
        }
        ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
    }
    jup_free(text);
    jup_plan_reset(&copy);
    jup_plan_reset(&plan);
    jup_cluster_reset(&c);
}
END_TEST

static void refuses(const char *change, const char *with, const char *message)
{
    static const char good[] =
        "plan_version: 1\nlayers: 4\nworkload: {prompt: 10}\nchunks: [4, 6]\n"
        "stages:\n- {device: 1, first: 0, last: 2}\n"
        "- {device: 0, first: 3, last: 3}\n";
    char text[sizeof good + 100];
    const char *at = strstr(good, change);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, with, at + strlen(change));
    jup_plan_t plan;
    jup_error_t err = {0};
    jup_status_t status = jup_plan_unpack(&plan, text, strlen(text), &err);
    if (!message) {
        ck_assert_msg(status == JUP_OK, "%s", err.text);
        jup_plan_reset(&plan);
        return;
    }
    ck_assert_msg(status == JUP_EINPUT && strstr(err.text, message), "'%s' lacks '%s'", err.text,
                  message);
}

START_TEST(a_wrong_plan_is_refused)
{
    refuses("4", "4", NULL);
    refuses("layers: 4", "layers: 5", "hold 4 layers, the model has 5");
    refuses("prompt: 10", "prompt: 11", "sum to 10 tokens, the prompt has 11");
    refuses("first: 3", "first: 2", "must start at layer 3");
    refuses("device: 0", "device: 1", "which another stage has");
    refuses("[4, 6]", "[4, 0, 6]", "chunks[1] is 0");
    refuses("[4, 6]", "[]", "chunks has 0 entries");
    refuses("last: 2", "lost: 2", "did you mean 'last'");
    refuses("version: 1", "version: 3", "plan_version is 3");
}
END_TEST

static const char grouped[] =
    "plan_version: 2\nstrategy: hybrid\nlayers: 6\nworkload: {prompt: 10}\nchunks: [4, 6]\n"
    "stages:\n"
    "- {devices: [2, 0], way: tensor, heads: [20, 12], ffn: [26, 17], first: 0, last: 2}\n"
    "- {devices: [5], first: 3, last: 3}\n"
    "- {devices: [1, 4, 3], way: sequence, first: 4, last: 5}\n";

static bool same_groups(const jup_plan_t *a, const jup_plan_t *b)
{
    if (a->n_stages != b->n_stages || a->n_members != b->n_members)
        return false;
    for (int s = 0; s < a->n_stages; s++)
        if (a->stages[s].first != b->stages[s].first || a->stages[s].last != b->stages[s].last ||
            a->stages[s].way != b->stages[s].way || a->stages[s].at != b->stages[s].at ||
            a->stages[s].n != b->stages[s].n)
            return false;
    for (int i = 0; i < a->n_members; i++)
        if (a->members[i].device != b->members[i].device ||
            a->members[i].heads != b->members[i].heads || a->members[i].ffn != b->members[i].ffn ||
            strcmp(a->members[i].name, b->members[i].name) != 0 ||
            a->members[i].memory.kv_bytes != b->members[i].memory.kv_bytes)
            return false;
    return strcmp(a->strategy, b->strategy) == 0;
}

START_TEST(groups_travel_as_text)
{
    jup_plan_t plan, copy, again;
    jup_error_t err = {0};
    char *text, name[80];
    size_t bytes;
    ck_assert_msg(jup_plan_unpack(&plan, grouped, strlen(grouped), &err) == JUP_OK, "%s", err.text);
    ck_assert_str_eq(plan.strategy, "hybrid");
    ck_assert_int_eq(plan.n_members, 6);
    ck_assert_int_eq(jup_plan_leader(&plan, 0)->device, 2);
    ck_assert_int_eq(jup_plan_member(&plan, 0, 1)->heads, 12);
    ck_assert_int_eq(jup_plan_member(&plan, 0, 1)->ffn, 17);
    ck_assert_int_eq(plan.stages[1].way, JUP_WAY_ALONE);
    ck_assert_int_eq(plan.stages[2].at, 3);
    ck_assert_int_eq(jup_plan_stage_of(&plan, 3), 2);
    ck_assert_int_eq(jup_plan_stage_of(&plan, 6), -1);
    for (int i = 0; i < plan.n_members; i++) {
        snprintf(plan.members[i].name, sizeof plan.members[i].name, "board-%d", i);
        plan.members[i].memory.kv_bytes = 1e6 * i;
    }
    jup_plan_stage_name(&plan, 2, name, sizeof name);
    ck_assert_str_eq(name, "board-3 +2");
    jup_plan_copy(&copy, &plan);
    jup_plan_pack(&plan, &text, &bytes);
    ck_assert_msg(jup_plan_unpack(&again, text, bytes, &err) == JUP_OK, "%s", err.text);
    ck_assert(same_groups(&plan, &copy) && same_groups(&plan, &again));
    for (size_t cut = 0; cut < bytes; cut += 7) {
        jup_plan_t broken;
        if (jup_plan_unpack(&broken, text, cut, &err) == JUP_OK) {
            ck_assert_int_eq(jup_plan_check(&broken, &err), JUP_OK);
            jup_plan_reset(&broken);
        }
    }
    jup_free(text);
    jup_plan_reset(&plan);
    jup_plan_reset(&copy);
    jup_plan_reset(&again);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(a_plan_of_jupiter_with_a_device_a_stage_is_version_1)
{
    jup_plan_t plan;
    char *text;
    size_t bytes;
    jup_plan_init(&plan, 1, 1, 1);
    plan.layers = plan.stages[0].last = 3;
    plan.workload.prompt_tokens = plan.chunks[0] = 7;
    jup_plan_pack(&plan, &text, &bytes);
    ck_assert(strncmp(text, "plan_version: 1\n", 16) == 0 && !strstr(text, "strategy"));
    jup_free(text);
    snprintf(plan.strategy, sizeof plan.strategy, "edgeshard");
    jup_plan_pack(&plan, &text, &bytes);
    ck_assert(strncmp(text, "plan_version: 2\nstrategy: edgeshard\n", 36) == 0);
    jup_free(text);
    jup_plan_reset(&plan);
}
END_TEST

START_TEST(a_wrong_group_is_refused)
{
    static const struct {
        const char *change, *with, *message;
    } wrong[] = {
        {"[20, 12]", "[20]", "stages[0].heads has 1 entries, the stage has 2 devices"},
        {"ffn: [26, 17], ", "", "'ffn'"},
        {"[26, 17]", "[26, 0]", "stages[0].ffn[1] is 0"},
        {"way: tensor, ", "", "'way'"},
        {"tensor", "alone", "nobody shares a layer"},
        {"way: tensor", "way: tenser", "is 'tenser', must be alone, tensor"},
        {"[2, 0]", "[2, 2]", "is on device 2, which it already has"},
        {"[2, 0]", "[2, 5]", "is on device 5, which another stage has"},
        {"[2, 0]", "[]", "has 0 entries"},
        {"devices: [5]", "device: 5", "the key 'devices' is missing"},
        {"devices: [5]", "devices: [5], way: tensor, heads: [32], ffn: [43]",
         "one device is alone"},
        {"devices: [5]", "devices: [5, 6], way: galaxy, heads: [16, 15], ffn: [20, 23]",
         "stages[1] shares 31 heads"},
        {"version: 2", "version: 1", "stages[0]"},
        {"{devices: [5], first: 3, last: 3}", "7", "stages[1]"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[sizeof grouped + 100];
        jup_plan_t plan;
        jup_error_t err = {0};
        const char *at = strstr(grouped, wrong[i].change);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - grouped), grouped, wrong[i].with,
                 at + strlen(wrong[i].change));
        ck_assert_msg(jup_plan_unpack(&plan, text, strlen(text), &err) == JUP_EINPUT &&
                          strstr(err.text, wrong[i].message),
                      "'%s' lacks '%s'", err.text, wrong[i].message);
    }
}
END_TEST

/* ---- what does not fit ---------------------------------------------------------------------- */

static void lacks(const char *cluster, const char *shape, int64_t prompt, const char *message)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_t plan;
    jup_error_t err = {0};
    problem_of(&p, &c, cluster, shape, prompt, 64);
    ck_assert_int_eq(jup_plan_make(&p, &plan, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, message) != NULL, "'%s' lacks '%s'", err.text, message);
    jup_cluster_reset(&c);
}

START_TEST(too_little_memory_is_explained)
{
    lacks("2xnx", "llama2-70b", 260, "enough for 24 of 80 layers");
    lacks("2xnx", "llama2-70b", 260, "5 more devices like nx-0");
    lacks("nx:4.4gb", "llama2-7b", 2000, "a context of");
    lacks("nx:0.01gb", "llama2-7b", 260, "enough for 0 of 32 layers");

    /* the number of devices that is said to suffice does, and one fewer does not */
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_t plan;
    jup_error_t err = {0};
    problem_of(&p, &c, "7xnx", "llama2-70b", 260, 64);
    ck_assert_msg(jup_plan_make(&p, &plan, &err) == JUP_OK, "%s", err.text);
    jup_plan_reset(&plan);
    jup_cluster_reset(&c);
    lacks("6xnx", "llama2-70b", 260, "1 more device like");
}
END_TEST

/* ---- large problems ------------------------------------------------------------------------- */

static void is_sound(const char *cluster, const char *shape, int64_t prompt, int64_t generate)
{
    jup_plan_problem_t p;
    jup_cluster_t c;
    jup_plan_t plan, even;
    jup_error_t err = {0};
    problem_of(&p, &c, cluster, shape, prompt, generate);
    for (int objective = JUP_OBJECTIVE_TOTAL; objective <= JUP_OBJECTIVE_SLOWEST; objective++) {
        p.objective = (jup_objective_t)objective;
        ck_assert_msg(jup_plan_make(&p, &plan, &err) == JUP_OK, "%s: %s", cluster, err.text);
        ck_assert_msg(jup_plan_check(&plan, &err) == JUP_OK, "%s", err.text);
        ck_assert_msg(jup_plan_check_memory(&p, &plan, &err) == JUP_OK, "%s", err.text);
        ck_assert(plan.predicted.bubble >= 0 && plan.predicted.bubble < 1);
        double ttft_s = plan.predicted.ttft_s, total_s = plan.predicted.total_s;
        ck_assert_int_eq(jup_plan_evaluate(&p, &plan, &err), JUP_OK);
        ck_assert_double_eq_tol(plan.predicted.ttft_s, ttft_s, 1e-9 * ttft_s);
        jup_plan_span_t *spans =
            jup_new((size_t)(plan.n_chunks * (2 * plan.n_stages - 1)), sizeof *spans);
        ck_assert_int_eq(jup_plan_spans(&p, &plan, spans, &err), JUP_OK);
        double end_s = spans[plan.n_chunks * (2 * plan.n_stages - 1) - 1].end_s;
        ck_assert(end_s <= ttft_s && end_s > ttft_s - 0.1);
        jup_free(spans);
        jup_plan_reset(&plan);
        if (objective == JUP_OBJECTIVE_SLOWEST || jup_plan_even(&p, 0, &even, &err) != JUP_OK)
            continue;
        if (objective == JUP_OBJECTIVE_TOTAL)
            ck_assert(total_s <= even.predicted.total_s * (1 + 1e-9));
        else
            ck_assert(ttft_s <= even.predicted.ttft_s * (1 + 1e-9));
        jup_plan_reset(&even);
    }
    jup_cluster_reset(&c);
}

START_TEST(plans_of_any_size_are_sound)
{
    is_sound("env-a-100", "llama2-7b", 260, 64);
    is_sound("env-b-1000", "llama2-13b", 260, 64);
    is_sound("nx", "tinyllama-1.1b", 1, 0);
    is_sound("40xpi4@1gbps", "tinyllama-1.1b", 7, 1); /* more devices than layers */
    is_sound("16xnx+16xtx2@1gbps", "llama2-70b", 2048, 128);
    is_sound("64xagx-orin+64xpi5@10gbps,0.1ms", "llama3-405b", 8192, 16);
    is_sound("1024xpi5@1gbps", "llama3-405b", 1024, 0);
}
END_TEST

START_TEST(a_real_size_gains_from_more)
{
    static const char *const better[] = {"nx+2xtx2+nano@100mbps,15ms", "nx+2xtx2+nano@500mbps,4ms",
                                         "2xnx+tx2+nano@500mbps,4ms", "2xnx+tx2+nx@1gbps,2ms"};
    for (int objective = JUP_OBJECTIVE_TOTAL; objective <= JUP_OBJECTIVE_TTFT; objective++) {
        double before = INFINITY;
        for (size_t i = 0; i < sizeof better / sizeof better[0]; i++) {
            jup_plan_problem_t p;
            jup_cluster_t c;
            jup_plan_t plan;
            jup_error_t err = {0};
            problem_of(&p, &c, better[i], "llama2-7b", 260, 64);
            p.objective = (jup_objective_t)objective;
            p.effort = 1;
            ck_assert_msg(jup_plan_make(&p, &plan, &err) == JUP_OK, "%s", err.text);
            double s =
                objective == JUP_OBJECTIVE_TOTAL ? plan.predicted.total_s : plan.predicted.ttft_s;
            ck_assert_msg(s <= before, "%s: %g after %g", better[i], s, before);
            before = s;
            jup_plan_reset(&plan);
            jup_cluster_reset(&c);
        }
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("plan");
    unit_add(s, experts_are_read_when_rows_go_there, 10);
    unit_add(s, shapes_have_their_published_sizes, 10);
    unit_add(s, the_cost_follows_its_formula, 10);
    unit_add(s, messages_are_as_long_as_the_pipeline_makes_them, 10);
    unit_add(s, a_plan_travels_as_text, 20);
    unit_add(s, a_wrong_plan_is_refused, 10);
    unit_add(s, groups_travel_as_text, 20);
    unit_add(s, a_plan_of_jupiter_with_a_device_a_stage_is_version_1, 10);
    unit_add(s, a_wrong_group_is_refused, 10);
    unit_add(s, too_little_memory_is_explained, 20);
    unit_add(s, plans_of_any_size_are_sound, 120);
    unit_add(s, a_real_size_gains_from_more, 60);
    return s;
}

UNIT_MAIN(suite)
