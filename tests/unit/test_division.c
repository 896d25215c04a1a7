/* Dividing by hand, by a plan's file and for a cluster; what follows from a division. */
#include "base/mem.h"
#include "io_sample.h"
#include "job/derive.h"
#include "job/division.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static jup_config_t config = {.arch = JUP_ARCH_LLAMA,
                              .name = "made up",
                              .layers = 8,
                              .dim = 256,
                              .heads = 8,
                              .kv_heads = 8,
                              .head_dim = 32,
                              .ffn = 512,
                              .vocab = 1000,
                              .context = 2048,
                              .norm_eps = 1e-5f,
                              .rope_dim = 32,
                              .rope_base = 10000,
                              .rope_scale = 1};

static jup_job_t new_job(int32_t tokens)
{
    return (jup_job_t){.prompt_tokens = tokens,
                       .generate = 16,
                       .weights = JUP_F16,
                       .wire = JUP_F16,
                       .kv_dtype = JUP_F16};
}

static void check_layers(const jup_job_t *job, int stages, const int *layers)
{
    int at = 0;
    ck_assert_int_eq(job->plan.n_stages, stages);
    ck_assert_int_eq(job->plan.layers, config.layers);
    for (int s = 0; s < stages; s++) {
        ck_assert_int_eq(job->plan.stages[s].first, at);
        at += layers[s];
        ck_assert_int_eq(job->plan.stages[s].last, at);
    }
    ck_assert_int_eq(at, config.layers);
}

static void check_chunks(const jup_job_t *job, int n, const int *lengths, int32_t each)
{
    ck_assert_int_eq(job->plan.n_chunks, n);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(job->plan.chunks[i], lengths[i]);
    ck_assert_int_eq(job->chunk, each);
    ck_assert_int_eq(job->plan.workload.prompt_tokens, job->prompt_tokens);
}

static void refuses(const jup_wishes_t *wishes, int ranks, const char *words)
{
    jup_error_t err = {.text = ""};
    jup_job_t job = new_job(118);
    bool by_hand = !wishes->plan && !wishes->cluster;
    jup_status_t status = by_hand ? jup_division_by_hand(wishes, NULL, &config, ranks, &job, &err)
                                  : jup_division_by_plan(wishes, NULL, &config, ranks, &job, &err);
    ck_assert_msg(status == JUP_EINPUT && strstr(err.text, words), "'%s' does not say '%s'",
                  err.text, words);
    jup_job_reset(&job);
}

/* ---- by hand ----------------------------------------------------------------------------------
 */

static void by_hand(const jup_wishes_t *wishes, int ranks, jup_job_t *job)
{
    jup_error_t err = {.text = ""};
    ck_assert_msg(jup_division_by_hand(wishes, NULL, &config, ranks, job, &err) == JUP_OK, "%s",
                  err.text);
    ck_assert_int_eq(jup_plan_check(&job->plan, &err), JUP_OK);
}

START_TEST(layers_evenly_or_as_told)
{
    jup_job_t job = new_job(118);
    by_hand(&(jup_wishes_t){0}, 3, &job);
    check_layers(&job, 3, (const int[]){3, 3, 2});
    by_hand(&(jup_wishes_t){0}, 8, &job);
    check_layers(&job, 8, (const int[]){1, 1, 1, 1, 1, 1, 1, 1});
    by_hand(&(jup_wishes_t){.layers = "1,5,2"}, 3, &job);
    check_layers(&job, 3, (const int[]){1, 5, 2});
    refuses(&(jup_wishes_t){0}, 9, "9 ranks are more than the model's 8 layers");
    refuses(&(jup_wishes_t){.layers = "4,4"}, 3, "--layers 4,4 names 2 ranks, but 3 are running");
    refuses(&(jup_wishes_t){.layers = "4,5"}, 2, "sums to 9, but the model has 8");
    refuses(&(jup_wishes_t){.layers = "8,0"}, 2, "--layers is '8,0', must be numbers between 1");
    refuses(&(jup_wishes_t){.layers = "4,,4"}, 2, "--layers is '4,,4'");
    refuses(&(jup_wishes_t){.layers = "4;4"}, 2, "--layers is '4;4'");
    refuses(&(jup_wishes_t){.layers = "99999999999999999999"}, 1, "--layers is '999");
    jup_job_reset(&job);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(chunks_by_length_or_as_told)
{
    jup_job_t job = new_job(118);
    by_hand(&(jup_wishes_t){.chunk = 50}, 2, &job);
    check_chunks(&job, 3, (const int[]){50, 50, 18}, 50);
    by_hand(&(jup_wishes_t){.chunks = "90,20,8"}, 2, &job);
    check_chunks(&job, 3, (const int[]){90, 20, 8}, 0); /* nothing of the one before */
    by_hand(&(jup_wishes_t){0}, 1, &job);
    check_chunks(&job, 1, (const int[]){118}, 512);
    by_hand(&(jup_wishes_t){0}, 2, &job);
    check_chunks(&job, 4, (const int[]){32, 32, 32, 22}, 32);
    refuses(&(jup_wishes_t){.chunks = "90,20"}, 2, "sums to 110, but the prompt has 118 tokens");
    refuses(&(jup_wishes_t){.chunks = "90,x"}, 2, "--chunks is '90,x'");
    jup_job_reset(&job);
    job = new_job(JUP_PLAN_CHUNKS + 1);
    jup_error_t err;
    ck_assert_int_eq(
        jup_division_by_hand(&(jup_wishes_t){.chunk = 1}, NULL, &config, 2, &job, &err),
        JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "--chunk 1 cuts the prompt"));
    jup_job_reset(&job);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(a_chunk_without_knowledge_fills_the_pipe)
{
    for (int32_t ranks = 2; ranks <= 64; ranks *= 2)
        for (int32_t tokens = 1; tokens < 100000; tokens = tokens * 3 + 1) {
            int32_t chunk = jup_division_default_chunk(tokens, ranks);
            ck_assert_int_ge(chunk, 32);
            ck_assert_int_le(chunk, 512);
            if (chunk > 32)
                ck_assert_int_ge((tokens + chunk - 1) / chunk, 2 * ranks - 1);
        }
}
END_TEST

/* ---- by a plan --------------------------------------------------------------------------------
 */

static const char *write_file(char path[256], const char *name, const char *text)
{
    io_sample_path(path, name);
    io_sample_write(path, text, strlen(text));
    return path;
}

#define STAGES                                                                                     \
    "stages:\n- {device: 0, first: 0, last: 0}\n- {device: 2, first: 1, last: 5}\n"                \
    "- {device: 1, first: 6, last: 7}\n"

START_TEST(a_plans_file_is_what_runs)
{
    char path[256];
    jup_error_t err = {.text = ""};
    jup_job_t job = new_job(118);
    job.chunk = 50; /* of an earlier division */
    const jup_wishes_t wishes = {
        .plan = write_file(path, "plan",
                           "plan_version: 1\nlayers: 8\nworkload: {prompt: 118}\n"
                           "chunks: [90, 20, 8]\n" STAGES)};
    ck_assert_msg(jup_division_by_plan(&wishes, NULL, &config, 3, &job, &err) == JUP_OK, "%s",
                  err.text);
    check_layers(&job, 3, (const int[]){1, 5, 2});
    check_chunks(&job, 3, (const int[]){90, 20, 8}, 0);
    ck_assert_int_eq(jup_plan_leader(&job.plan, 1)->device, 2);
    job.prompt_tokens = 59; /* boundaries in proportion, none of the prediction */
    ck_assert_int_eq(jup_division_by_plan(&wishes, NULL, &config, 3, &job, &err), JUP_OK);
    check_chunks(&job, 2, (const int[]){45, 14}, 0);
    ck_assert_double_eq(job.plan.predicted.ttft_s, 0);
    jup_job_reset(&job);
    refuses(&wishes, 2, "stage 1 is on device 2, but 2 ranks are running");
    refuses(&(jup_wishes_t){.plan = path, .layers = "8"}, 3, "--layers goes with a division by");
    refuses(&(jup_wishes_t){.plan = path, .chunk = 8}, 3, "leave out --plan");
    refuses(&(jup_wishes_t){.cluster = "3xnx", .chunks = "8"}, 3, "leave out --cluster");
    remove(path);
    refuses(&wishes, 3, path);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(plans_that_do_not_fit_are_refused)
{
    const struct {
        const char *text, *words;
    } cases[] = {
        {"plan_version: 1\nlayers: 9\nworkload: {prompt: 118}\nchunks: [118]\nstages:\n"
         "- {device: 0, first: 0, last: 8}\n",
         "the plan is for 9 layers, the model has 8"},
        {"plan_version: 1\nlayers: 8\nworkload: {prompt: 118}\nchunks: [118]\nstages:\n"
         "- {device: 1, first: 0, last: 3}\n- {device: 0, first: 4, last: 7}\n",
         "the first stage is on device 1, but the prompt is on rank 0"},
        {"plan_version: 1\nlayers: 8\nworkload: {prompt: 118}\nchunks: [100]\nstages:\n"
         "- {device: 0, first: 0, last: 7}\n",
         "118"},
        {"plan_version: 1\nlayers: [\n", "plan-bad"},
    };
    char path[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuses(&(jup_wishes_t){.plan = write_file(path, "plan-bad", cases[i].text)}, 3,
                cases[i].words);
    remove(path);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(a_cluster_is_planned_for)
{
    jup_error_t err = {.text = ""};
    jup_job_t job = new_job(118);
    job.chunk = 50;
    const jup_wishes_t wishes = {
        .cluster = "1xnano:0.073gb+2xnx:0.073gb@10gbps,0.001ms", .quiet = false, .branches = 1};
    ck_assert_msg(jup_division_by_plan(&wishes, NULL, &config, 3, &job, &err) == JUP_OK, "%s",
                  err.text);
    ck_assert_int_eq(jup_plan_check(&job.plan, &err), JUP_OK);
    ck_assert_int_eq(jup_plan_leader(&job.plan, 0)->device, 0);
    ck_assert_int_eq(job.plan.workload.prompt_tokens, 118);
    ck_assert_double_gt(job.plan.predicted.ttft_s, 0);
    ck_assert_int_eq(job.chunk, 0);
    jup_job_reset(&job);
    refuses(&wishes, 2, "has 3 devices, but 2 ranks are running");
    refuses(&(jup_wishes_t){.cluster = "3xnx:0.001gb", .branches = 1}, 3, "does not fit");
    refuses(&(jup_wishes_t){.cluster = "3xtoaster", .branches = 1}, 3, "toaster");
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* ---- what follows -----------------------------------------------------------------------------
 */

static const jup_demand_t single = {
    .questions = 1, .branches = 1, .trunk_tokens = 134, .sampling = {.seed = 5}};

static void derive(jup_job_t *job, const char *chunks, int ranks, const jup_demand_t *demand)
{
    by_hand(&(jup_wishes_t){.chunks = chunks, .chunk = chunks ? 0 : 50}, ranks, job);
    jup_job_derive(job, &config, demand);
    ck_assert_ptr_eq(job->engine.scheduler.chunks.lengths, job->plan.chunks);
    ck_assert_int_eq(job->engine.scheduler.chunks.n, job->plan.n_chunks);
    ck_assert_int_eq(job->engine.scheduler.chunks.each, job->chunk);
}

START_TEST(steps_follow_the_division)
{
    jup_job_t job = new_job(118);
    const jup_engine_options_t *e = &job.engine;
    for (int round = 0; round < 2; round++) { /* nothing of an earlier one stays */
        derive(&job, "90,20,8", 4, &single);
        ck_assert_int_eq(e->stage.rows, 90);
        ck_assert_int_eq(e->stage.window, 5);
        ck_assert_int_eq(e->scheduler.window, 5);
        ck_assert_int_eq(e->scheduler.outputs, 1);
        ck_assert_int_eq(e->stage.ahead, false);
        ck_assert_uint_eq(e->stage.sampling.seed, 5);
        ck_assert_int_eq(job.parallel, 1);
        ck_assert_int_eq(job.measure, 0);
        derive(&job, NULL, 1, &single);
        ck_assert_int_eq(e->stage.rows, 50);
        ck_assert_int_eq(e->stage.window, 1);
        jup_demand_t logits = single;
        logits.logits = true;
        derive(&job, "90,20,8", 2, &logits);
        ck_assert_int_eq(e->scheduler.outputs, 90);
        ck_assert(e->stage.logits);
        jup_demand_t many = single;
        many.questions = 20;
        derive(&job, "90,20,8", 2, &many);
        ck_assert_int_eq(e->stage.rows, 128);
        ck_assert_int_eq(job.parallel, 6);
        ck_assert_int_ge(e->scheduler.kv_tokens, 6 * many.trunk_tokens);
        many.parallel = 3;
        derive(&job, "118", 2, &many);
        ck_assert_int_eq(job.parallel, 3);
        many.questions = 2;
        derive(&job, "118", 2, &many);
        ck_assert_int_eq(job.parallel, 2);
    }
    jup_job_reset(&job);
}
END_TEST

START_TEST(guessing_widens_steps_and_measures)
{
    jup_job_t job = new_job(118);
    const jup_engine_options_t *e = &job.engine;
    jup_demand_t d = single;
    job.guessing.lookup = 1;
    derive(&job, "90,20,8", 3, &d);
    ck_assert_int_eq(e->stage.rows, 128);
    ck_assert(e->stage.ahead);
    ck_assert(job.measure && job.fit_window);
    ck_assert_int_eq(e->stage.window, jup_engine_most_window(3));
    ck_assert_int_eq(e->scheduler.window, jup_engine_default_window(3));
    d.window = 2;
    derive(&job, "90,20,8", 3, &d);
    ck_assert(job.measure && !job.fit_window);
    ck_assert_int_eq(e->stage.window, 2);
    job.guessing.nodes = 4;
    d.typical.epsilon = 0.1f;
    derive(&job, "90,20,8", 3, &d);
    ck_assert(!job.measure && !job.fit_window && !e->stage.ahead);
    derive(&job, "118", 1, &d);
    ck_assert(!e->stage.ahead);
    jup_job_reset(&job);
}
END_TEST

START_TEST(the_cache_holds_what_is_asked)
{
    jup_job_t job = new_job(118);
    jup_demand_t d = {
        .questions = 4, .parallel = 2, .branches = 6, .trunk_tokens = 374, .branch_tokens = 104};
    derive(&job, "118", 2, &d);
    int64_t each = jup_scheduler_room(374, 1, false) + 6 * jup_scheduler_room(104, 1, false);
    ck_assert_int_eq(job.engine.scheduler.kv_tokens, 2 * each);
    d.whole_context = true;
    job.longest = 1500; /* a conversation may be shorter than the model's context */
    derive(&job, "118", 2, &d);
    ck_assert_int_ge(job.engine.scheduler.kv_tokens, job.longest);
    ck_assert_int_lt(job.engine.scheduler.kv_tokens, job.longest + 4 * JUP_KV_PAGE_SLOTS + 1);
    d.whole_context = false; /* as many at a time as there is memory for, one at least */
    jup_mem_model((size_t)(2.5 * (double)each * 4 * 2 * 256 * 2));
    d.parallel = 4;
    derive(&job, "118", 2, &d);
    ck_assert_int_eq(job.engine.scheduler.kv_tokens, each);
    ck_assert_int_eq(job.parallel, 4); /* the others wait for room in the cache */
    jup_mem_model(1);
    derive(&job, "118", 2, &d);
    ck_assert_int_eq(job.engine.scheduler.kv_tokens, each);
    jup_mem_model(0);
    jup_job_reset(&job);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("division");
    unit_add(s, layers_evenly_or_as_told, 20);
    unit_add(s, chunks_by_length_or_as_told, 20);
    unit_add(s, a_chunk_without_knowledge_fills_the_pipe, 20);
    unit_add(s, a_plans_file_is_what_runs, 20);
    unit_add(s, plans_that_do_not_fit_are_refused, 20);
    unit_add(s, a_cluster_is_planned_for, 60);
    unit_add(s, steps_follow_the_division, 20);
    unit_add(s, guessing_widens_steps_and_measures, 20);
    unit_add(s, the_cache_holds_what_is_asked, 20);
    return s;
}

UNIT_MAIN(suite)
