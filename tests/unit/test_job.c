/* Jobs as bytes: every field comes back; bytes that are cut, added to or foreign are refused. */
#include "base/mem.h"
#include "base/pack.h"
#include "base/rng.h"
#include "comm/record.h"
#include "job/job.h"
#include "unit.h"

#include <string.h>

static void make_plan(jup_plan_t *plan, int stages)
{
    jup_plan_init(plan, stages, stages, 3);
    snprintf(plan->cluster, sizeof plan->cluster, "by hand");
    plan->layers = 2 * stages;
    plan->workload = (jup_workload_t){.prompt_tokens = 118, .generate_tokens = 40, .branches = 1};
    for (int s = 0; s < stages; s++) {
        plan->stages[s].first = 2 * s;
        plan->stages[s].last = 2 * s + 2;
        plan->members[s].device = s;
        snprintf(plan->members[s].name, sizeof plan->members[s].name, "rank-%d", s);
    }
    plan->chunks[0] = 90;
    plan->chunks[1] = 20;
    plan->chunks[2] = 8;
}

/* Every field has a value that no other one has. */
static void make_job(jup_job_t *job)
{
    memset(job, 0, sizeof *job);
    job->model = jup_strdup("model.gguf");
    job->digest = 0x123456789abcdef0;
    job->weights = JUP_Q4_0;
    job->compute = jup_strdup("blas");
    job->cluster = jup_strdup("3xnx");
    job->threads = 7;
    job->wire = JUP_F32;
    job->kv_dtype = JUP_F16;
    job->every_row = 9;
    job->log_level = 2;
    job->record = 1;
    make_plan(&job->plan, 3);
    job->chunk = 33;
    job->prompt_tokens = 118;
    job->generate = 40;
    job->longest = 130;
    memset(&job->blocks, 5, sizeof job->blocks);
    job->parallel = 5;
    job->guessing = (jup_guessing_t){.lookup = 1,
                                     .medusa = 2,
                                     .model = 3,
                                     .heads = jup_strdup("heads"),
                                     .draft = jup_strdup(""),
                                     .nodes = 12,
                                     .chain = 4,
                                     .no_cancel = 7};
    job->measure = 6;
    job->fit_window = 8;
    job->engine.stage = (jup_stage_options_t){.rows = 128, .window = 9, .ahead = true};
    job->engine.stage.sampling.seed = 77;
    job->engine.stage.scripted.depth = 3;
    job->engine.scheduler = (jup_scheduler_options_t){
        .window = 4, .outputs = 64, .kv_tokens = 5000, .chunks = {.n = 3, .each = 33}};
    job->engine.scheduler.chunks.lengths = job->plan.chunks;
}

/* Bytes of two jobs are the same exactly where all their fields are. */
static void check_same(const jup_job_t *a, const jup_job_t *b)
{
    ck_assert_str_eq(a->model, b->model);
    ck_assert_ptr_null(b->shape);
    ck_assert_str_eq(a->compute, b->compute);
    ck_assert_str_eq(a->cluster, b->cluster);
    ck_assert_str_eq(a->guessing.heads, b->guessing.heads);
    ck_assert_str_eq(b->guessing.draft ? b->guessing.draft : "", "");
    ck_assert_ptr_null(b->guessing.accuracy);
    ck_assert_uint_eq(a->digest, b->digest);
    ck_assert_int_eq(a->weights, b->weights);
    ck_assert_int_eq(a->threads, b->threads);
    ck_assert_int_eq(a->wire, b->wire);
    ck_assert_int_eq(a->kv_dtype, b->kv_dtype);
    ck_assert_int_eq(a->log_level, b->log_level);
    ck_assert_int_eq(a->record, b->record);
    ck_assert_int_eq(a->chunk, b->chunk);
    ck_assert_int_eq(a->every_row, b->every_row);
    ck_assert_int_eq(a->prompt_tokens, b->prompt_tokens);
    ck_assert_int_eq(a->generate, b->generate);
    ck_assert_int_eq(a->longest, b->longest);
    ck_assert_int_eq(memcmp(&a->blocks, &b->blocks, sizeof a->blocks), 0);
    ck_assert_int_eq(a->parallel, b->parallel);
    ck_assert_int_eq(a->guessing.lookup, b->guessing.lookup);
    ck_assert_int_eq(a->guessing.medusa, b->guessing.medusa);
    ck_assert_int_eq(a->guessing.model, b->guessing.model);
    ck_assert_int_eq(a->guessing.nodes, b->guessing.nodes);
    ck_assert_int_eq(a->guessing.chain, b->guessing.chain);
    ck_assert_int_eq(a->guessing.no_cancel, b->guessing.no_cancel);
    ck_assert_int_eq(a->measure, b->measure);
    ck_assert_int_eq(a->fit_window, b->fit_window);
    ck_assert_int_eq(memcmp(&a->engine.stage, &b->engine.stage, sizeof a->engine.stage), 0);
    ck_assert_int_eq(a->engine.scheduler.kv_tokens, b->engine.scheduler.kv_tokens);
    ck_assert_int_eq(a->engine.scheduler.outputs, b->engine.scheduler.outputs);
    ck_assert_int_eq(a->engine.scheduler.window, b->engine.scheduler.window);
    ck_assert_int_eq(a->engine.scheduler.chunks.each, b->engine.scheduler.chunks.each);
    ck_assert_ptr_eq(b->engine.scheduler.chunks.lengths, b->plan.chunks);
    char *plan_a, *plan_b;
    size_t bytes_a, bytes_b;
    jup_plan_pack(&a->plan, &plan_a, &bytes_a);
    jup_plan_pack(&b->plan, &plan_b, &bytes_b);
    ck_assert_uint_eq(bytes_a, bytes_b);
    ck_assert_int_eq(memcmp(plan_a, plan_b, bytes_a), 0);
    jup_free(plan_a);
    jup_free(plan_b);
}

START_TEST(every_field_comes_back)
{
    jup_job_t job, copy;
    void *data;
    size_t bytes;
    make_job(&job);
    jup_job_pack(&job, &data, &bytes);
    ck_assert_int_eq(jup_job_unpack(&copy, data, bytes, NULL), JUP_OK);
    check_same(&job, &copy);
    jup_free(data);
    jup_job_reset(&job);
    jup_job_reset(&copy);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(cut_and_longer_bytes_are_refused)
{
    jup_job_t job, copy;
    jup_error_t err;
    char *data;
    void *packed;
    size_t bytes;
    make_job(&job);
    jup_job_pack(&job, &packed, &bytes);
    data = jup_resize(packed, bytes + 8, 1);
    memset(data + bytes, 0, 8);
    size_t before = jup_mem_live_blocks();
    for (size_t n = 0; n < bytes + 8; n++) {
        if (n == bytes)
            continue;
        ck_assert_int_eq(jup_job_unpack(&copy, data, n, &err), JUP_EENV);
        ck_assert_ptr_nonnull(strstr(err.text, "same version"));
        ck_assert_uint_eq(jup_mem_live_blocks(), before);
    }
    jup_free(data);
    jup_job_reset(&job);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* Bytes changed anywhere: another job or a refusal, never a crash or a leak. */
START_TEST(foreign_bytes_do_no_harm)
{
    jup_job_t job, copy;
    jup_error_t err;
    jup_rng_t rng;
    void *data;
    size_t bytes, refused = 0;
    jup_rng_init(&rng, 3);
    make_job(&job);
    jup_job_pack(&job, &data, &bytes);
    size_t before = jup_mem_live_blocks();
    for (int round = 0; round < 4000; round++) {
        unsigned char *changed = jup_new(bytes, 1);
        memcpy(changed, data, bytes);
        for (uint64_t n = 1 + jup_rng_below(&rng, 4); n > 0; n--)
            changed[jup_rng_below(&rng, bytes)] = (unsigned char)jup_rng_next(&rng);
        if (jup_job_unpack(&copy, changed, bytes, &err) == JUP_OK)
            jup_job_reset(&copy);
        else
            refused++;
        jup_free(changed);
        ck_assert_uint_eq(jup_mem_live_blocks(), before);
    }
    ck_assert_uint_gt(refused, 100);
    jup_free(data);
    jup_job_reset(&job);
}
END_TEST

/* ---- packing itself ---------------------------------------------------------------------------
 */

START_TEST(texts_and_blocks)
{
    char *texts[] = {NULL, "", "text"}, *got;
    void *block = "\0\1\2", *got_block;
    size_t bytes = 3, got_bytes;
    jup_pack_t w = jup_pack_writer();
    for (int i = 0; i < 3; i++)
        jup_pack_text(&w, &texts[i]);
    jup_pack_block(&w, &block, &bytes);
    jup_pack_t r = jup_pack_reader(w.data, w.bytes);
    for (int i = 0; i < 3; i++) {
        jup_pack_text(&r, &got);
        if (texts[i])
            ck_assert_str_eq(got, texts[i]);
        else
            ck_assert_ptr_null(got);
        jup_free(got);
    }
    ck_assert(!jup_pack_is_done(&r));
    jup_pack_block(&r, &got_block, &got_bytes);
    ck_assert_uint_eq(got_bytes, 3);
    ck_assert_int_eq(memcmp(got_block, block, 3), 0);
    ck_assert(jup_pack_is_done(&r));
    jup_free(got_block);
    jup_pack_block(&r, &got_block, &got_bytes); /* there is nothing any more */
    ck_assert_ptr_null(got_block);
    ck_assert(r.failed && !jup_pack_is_done(&r));
    jup_free(w.data);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

/* ---- among ranks -------------------------------------------------------------------------------
 */

static void share(jup_comm_t *comm, void *self)
{
    jup_job_t *original = self, mine;
    jup_error_t err;
    if (comm->rank == 0)
        make_job(&mine);
    ck_assert_int_eq(jup_job_share(comm, &mine, &err), JUP_OK);
    check_same(original, &mine);
    jup_job_reset(&mine);
}

START_TEST(every_rank_gets_rank_0s_job)
{
    jup_job_t job;
    jup_record_log_t log;
    make_job(&job);
    for (int ranks = 1; ranks <= 4; ranks++) {
        jup_record_run(ranks, &(jup_record_options_t){.seed = 2}, share, &job, &log);
        jup_record_log_reset(&log);
    }
    jup_job_reset(&job);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(who_has_what)
{
    jup_job_t job;
    make_job(&job);
    for (int rank = 0; rank < 3; rank++)
        ck_assert(jup_job_has_stage(&job, rank));
    ck_assert(!jup_job_has_stage(&job, 3));
    ck_assert(jup_job_speculates(&job));
    ck_assert_int_eq(jup_job_nodes(&job), 12);
    job.guessing.nodes = 0;
    ck_assert_int_gt(jup_job_nodes(&job), 1);
    job.guessing.lookup = job.guessing.medusa = job.guessing.model = 0;
    ck_assert(jup_job_speculates(&job)); /* the script's */
    job.engine.stage.scripted.depth = 0;
    ck_assert(!jup_job_speculates(&job));
    ck_assert_int_eq(jup_job_nodes(&job), 1);
    jup_job_reset(&job);
}
END_TEST

START_TEST(shapes_have_names)
{
    jup_config_t config;
    jup_error_t err;
    ck_assert_int_eq(jup_job_shape("llama2-7b", &config, &err), JUP_OK);
    ck_assert_int_eq(config.layers, 32);
    ck_assert_int_eq(jup_job_shape("llama2-8b", &config, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "--shape is 'llama2-8b', known are"));
    ck_assert_ptr_nonnull(strstr(err.text, "llama2-7b"));
}
END_TEST

/* Stages come first, in the plan's order, then the idle ones as they were started. */
START_TEST(ranks_are_numbered_in_the_plans_order)
{
    const jup_transport_t transport = {.name = "numbers"};
    const int expected[] = {0, 2, 3, 1, 4}, devices[] = {0, 3, 1, 2, 4};
    jup_job_t job;
    make_job(&job);
    for (int order = 0; order < 2; order++) {
        for (int started = 0; started < 5; started++) {
            jup_comm_t comm = {.rank = started, .size = 5, .transport = &transport};
            jup_job_number_ranks(&job, &comm);
            ck_assert_int_eq(comm.rank, order ? expected[started] : started);
            for (int r = 0; r < 5; r++)
                ck_assert_int_eq(jup_comm_started(&comm, r), order ? devices[r] : r);
            jup_free(comm.started);
        }
        job.plan.members[1].device = 3;
        job.plan.members[2].device = 1;
    }
    jup_job_reset(&job);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("job");
    unit_add(s, every_field_comes_back, 20);
    unit_add(s, cut_and_longer_bytes_are_refused, 60);
    unit_add(s, foreign_bytes_do_no_harm, 120);
    unit_add(s, texts_and_blocks, 20);
    unit_add(s, every_rank_gets_rank_0s_job, 60);
    unit_add(s, who_has_what, 20);
    unit_add(s, shapes_have_names, 20);
    unit_add(s, ranks_are_numbered_in_the_plans_order, 20);
    return s;
}

UNIT_MAIN(suite)
