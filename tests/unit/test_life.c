/* Lives of runs over threads, with a small model from a file: dividing, loading, asking, chatting,
   the report and its run file; measuring. */
#include "ask/asking.h"
#include "ask/chat.h"
#include "ask/texts.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/digest.h"
#include "io_sample.h"
#include "job/derive.h"
#include "job/describe.h"
#include "job/division.h"
#include "job/life.h"
#include "job/measure.h"
#include "part_model.h"
#include "thread_comm.h"
#include "trace/run_file.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

enum { PROMPT = 40, ANSWER = 12 };

typedef struct lived {
    char model[256], trace[256];
    jup_config_t config;
    jup_gguf_t *g; /* rank 0's */
    jup_wishes_t wishes;
    int32_t lookup, conversation, spoil; /* spoil: rank 1 expects another file */
    /* the speaker's side */
    jup_tokenizer_t *tokenizer;
    jup_questions_t questions;
    jup_tokens_t prompt;
    jup_prompts_t prompts;
    jup_texts_t texts;
    jup_asking_t asking;
    jup_chat_t chat;
    jup_show_t show;
    FILE *in, *out;
    int32_t tokens[ANSWER], n_tokens, turns;
    int opened, reported;
    jup_status_t status[4];
    jup_error_t err; /* rank 0's */
} lived_t;

/* ---- the speaker -------------------------------------------------------------------------------
 */

static jup_status_t open_outputs(void *self, jup_life_t *life, jup_error_t *err)
{
    lived_t *l = self;
    (void)life;
    (void)err;
    l->opened++;
    return JUP_OK;
}

static jup_status_t ask(void *self, jup_life_t *life, jup_error_t *err)
{
    lived_t *l = self;
    const jup_asking_options_t options = {
        .rules = {.tokenizer = l->tokenizer, .ignore_eos = true}, .context = 512, .parallel = 1};
    l->texts = (jup_texts_t){.questions = &l->questions, .raw = &l->prompt, .generate = ANSWER};
    jup_source_t source = jup_texts_source(&l->texts);
    jup_asking_init(&l->asking, &options, &source, &life->session.engine, NULL);
    JUP_TRY(jup_asking_run(&l->asking, err));
    const jup_answer_t *answer = &l->asking.only->plain.answer;
    l->n_tokens = answer->n_tokens;
    memcpy(l->tokens, answer->tokens, (size_t)answer->n_tokens * sizeof *l->tokens);
    jup_asking_reset(&l->asking);
    return JUP_OK;
}

static jup_status_t converse(void *self, jup_life_t *life, jup_error_t *err)
{
    lived_t *l = self;
    (void)err;
    l->chat = (jup_chat_t){.engine = &life->session.engine,
                           .prompts = &l->prompts,
                           .rules = {.tokenizer = l->tokenizer, .ignore_eos = true},
                           .show = &l->show,
                           .in = l->in,
                           .generate = ANSWER,
                           .context = 200,
                           .quiet = true};
    jup_show_init(&l->show, l->out, true);
    jup_chat_run(&l->chat);
    l->turns = l->chat.turn;
    jup_show_reset(&l->show);
    return JUP_OK;
}

static jup_status_t report(void *self, jup_life_t *life, jup_run_t *record, jup_error_t *err)
{
    lived_t *l = self;
    (void)err;
    ck_assert_uint_eq(record->n_ranks, (size_t)life->comm->size);
    l->reported++;
    return JUP_OK;
}

/* ---- one rank ----------------------------------------------------------------------------------
 */

static void fill_job(lived_t *l, jup_job_t *job)
{
    job->model = jup_strdup(l->model);
    ck_assert_int_eq(jup_digest(l->g, &job->digest, NULL), JUP_OK);
    job->compute = jup_strdup("naive");
    job->threads = 1;
    job->wire = job->kv_dtype = JUP_F16;
    job->record = 1;
    job->log_level = JUP_LOG_QUIET;
    job->prompt_tokens = PROMPT;
    job->generate = ANSWER;
    job->longest = l->config.context;
    job->guessing.lookup = l->lookup;
}

static void live(jup_comm_t *comm, void *self)
{
    lived_t *l = self;
    jup_job_t job = {0};
    jup_life_t life;
    jup_error_t err = {.text = ""};
    bool first = comm->rank == 0;
    const jup_demand_t demand = {.questions = 1,
                                 .branches = 1,
                                 .trunk_tokens = PROMPT + ANSWER,
                                 .whole_context = l->conversation,
                                 .sampling = {.top_p = 1, .repeat_penalty = 1}};
    if (first)
        fill_job(l, &job);
    jup_wishes_t wishes = first ? l->wishes : (jup_wishes_t){0};
    ck_assert_msg(jup_division_make(comm, &wishes, first ? l->g : NULL, &l->config, &job, &err) ==
                      JUP_OK,
                  "%s", err.text);
    if (first)
        jup_job_derive(&job, &l->config, &demand);
    ck_assert_int_eq(jup_job_share(comm, &job, &err), JUP_OK);
    jup_life_init(&life, comm, &job);
    life.quiet = true;
    life.trace = first ? l->trace : NULL;
    if (l->spoil && comm->rank == 1)
        life.job.digest ^= 1;
    const jup_speaker_t speaker = {.self = l,
                                   .sink = l->conversation ? jup_chat_sink(&l->chat)
                                                           : jup_asking_sink(&l->asking),
                                   .open = open_outputs,
                                   .work = l->conversation ? converse : ask,
                                   .report = report};
    l->status[comm->rank] = jup_life_run(&life, first ? &speaker : NULL, &err);
    if (first)
        l->err = err;
    jup_life_reset(&life);
}

/* ---- the model ---------------------------------------------------------------------------------
 */

static void begin(lived_t *l)
{
    const part_shape_t shape = {
        .dim = 64, .heads = 4, .kv_heads = 2, .head_dim = 16, .ffn = 96, .vocab = 288, .layers = 6};
    jup_error_t err = {.text = ""};
    memset(l, 0, sizeof *l);
    io_sample_path(l->model, "life.gguf");
    io_sample_path(l->trace, "life.h5");
    part_model_write(l->model, &shape, JUP_F16, io_sample_put_spm);
    ck_assert_int_eq(jup_gguf_open(l->model, &l->g, &err), JUP_OK);
    ck_assert_int_eq(jup_model_file_config(l->g, &l->config, &err), JUP_OK);
    ck_assert_msg(jup_tokenizer_new(l->g, &l->tokenizer, &err) == JUP_OK, "%s", err.text);
    jup_questions_add(&l->questions, "1", "", "");
    for (int32_t i = 0; i < PROMPT; i++)
        jup_tokens_add(&l->prompt, 3 + i * 7 % 200);
    jup_log_configure(JUP_LOG_QUIET, 0);
}

static void finish(lived_t *l)
{
    jup_questions_reset(&l->questions);
    jup_tokens_reset(&l->prompt);
    jup_tokenizer_destroy(l->tokenizer);
    jup_gguf_close(l->g);
    remove(l->model);
    remove(l->trace);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

static void run(lived_t *l, int ranks)
{
    l->opened = l->reported = 0;
    thread_comm_run(ranks, live, l);
}

static const char *meta_of(const jup_run_t *run_file, const char *key)
{
    for (size_t i = 0; i < run_file->n_meta; i++)
        if (strcmp(run_file->meta[i].key, key) == 0)
            return run_file->meta[i].value;
    return "";
}

/* Layers of each rank and rows of the prompt's steps, as the run file has them. */
static void check_trace(const lived_t *l, int ranks, const int *layers, const char *chunks)
{
    jup_run_t file;
    jup_error_t err = {.text = ""};
    jup_plan_t plan;
    jup_run_init(&file);
    ck_assert_msg(jup_run_file_read(l->trace, &file, &err) == JUP_OK, "%s", err.text);
    ck_assert_uint_eq(file.n_ranks, (size_t)ranks);
    ck_assert_str_eq(meta_of(&file, "chunks"), chunks);
    ck_assert_int_eq(jup_plan_unpack(&plan, file.plan, strlen(file.plan), &err), JUP_OK);
    for (int rank = 0, at = 0; rank < ranks; rank++) {
        char rows[64] = "";
        ck_assert_int_eq(file.ranks[rank].layer_first, at);
        ck_assert_int_eq(plan.stages[rank].first, at);
        at += layers[rank];
        ck_assert_int_eq(file.ranks[rank].layer_last, at);
        ck_assert_int_eq(plan.stages[rank].last, at);
        for (size_t i = 0; i < file.n_spans; i++) {
            const jup_span_t *s = &file.spans[i];
            if (s->rank == rank && s->kind == JUP_SPAN_LAYERS && s->chunk >= 0)
                snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "%s%d",
                         rows[0] ? "," : "", s->rows);
        }
        ck_assert_str_eq(rows, chunks);
    }
    jup_plan_reset(&plan);
    jup_run_reset(&file);
}

START_TEST(the_same_answer_however_it_is_divided)
{
    static const struct {
        int ranks, layers[3];
        const char *wanted, *chunks;
        int32_t lookup;
    } ways[] = {
        {1, {6}, NULL, "40", 0},
        {2, {1, 5}, "1,5", "30,8,2", 0},
        {3, {2, 3, 1}, "2,3,1", "5,35", 0},
        {2, {4, 2}, "4,2", "30,8,2", 1},
    };
    static lived_t lived;
    lived_t *l = &lived;
    int32_t expected[ANSWER];
    begin(l);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        l->wishes = (jup_wishes_t){.layers = ways[i].wanted, .chunks = ways[i].chunks};
        l->lookup = ways[i].lookup;
        run(l, ways[i].ranks);
        for (int rank = 0; rank < ways[i].ranks; rank++)
            ck_assert_msg(l->status[rank] == JUP_OK, "%s", l->err.text);
        ck_assert_int_eq(l->opened, 1);
        ck_assert_int_eq(l->reported, 1);
        ck_assert_int_eq(l->n_tokens, ANSWER);
        if (i == 0)
            memcpy(expected, l->tokens, sizeof expected);
        ck_assert_int_eq(memcmp(l->tokens, expected, sizeof expected), 0);
        check_trace(l, ways[i].ranks, ways[i].layers, ways[i].chunks);
    }
    finish(l);
}
END_TEST

/* Members of a stage measure their links, and sum: the answer is one rank's. */
START_TEST(ranks_that_share_layers_give_the_same_answer)
{
    static const char *const strategies[] = {NULL, "megatron", "galaxy"};
    static lived_t l;
    int32_t expected[ANSWER];
    begin(&l);
    for (int i = 0; i < 3; i++) {
        l.wishes = (jup_wishes_t){.strategy = strategies[i], .quiet = true};
        run(&l, i ? 2 : 1);
        ck_assert_msg(l.status[0] == JUP_OK, "%s", l.err.text);
        ck_assert_int_eq(l.n_tokens, ANSWER);
        if (i == 0)
            memcpy(expected, l.tokens, sizeof expected);
        ck_assert_int_eq(memcmp(l.tokens, expected, sizeof expected), 0);
    }
    finish(&l);
}
END_TEST

/* What was predicted stands beside what was measured, where it was for this prompt. */
START_TEST(predictions_are_compared)
{
    jup_plan_t plan;
    jup_request_use_t request = {0};
    jup_analysis_t analysis = {.n_requests = 1, .requests = &request};
    jup_plan_init(&plan, 2, 2, 1);
    plan.workload.prompt_tokens = 118;
    plan.predicted.ttft_s = 0.3;
    plan.predicted.token_s = 0.01;
    request.prompt_tokens = 117;
    request.new_tokens = 11;
    analysis.decoded_tokens = 10;
    analysis.first_token_s = 0.2;
    analysis.length_s[JUP_PHASE_DECODE] = 0.2;
    for (int fits = 0; fits <= 1; fits++) {
        char *text = NULL;
        size_t bytes;
        FILE *out = open_memstream(&text, &bytes);
        request.prompt_tokens += fits;
        jup_describe_prediction(out, &plan, &analysis);
        fclose(out);
        ck_assert_int_eq(bytes > 0, fits);
        if (fits) {
            ck_assert_ptr_nonnull(strstr(text, "+50.0 %"));
            ck_assert_ptr_nonnull(strstr(text, "-50.0 %"));
        }
        free(text);
    }
    jup_plan_reset(&plan);
}
END_TEST

/* All ranks stop before any work, with one message. */
START_TEST(another_model_on_a_rank_is_refused)
{
    static lived_t l;
    begin(&l);
    l.spoil = 1;
    run(&l, 3);
    for (int rank = 0; rank < 3; rank++)
        ck_assert_int_eq(l.status[rank], JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(l.err.text, "rank 1: "));
    ck_assert_ptr_nonnull(strstr(l.err.text, "is not the same file as on rank 0"));
    ck_assert_int_eq(l.opened, 0);
    ck_assert_int_eq(l.reported, 0);
    finish(&l);
}
END_TEST

/* Turns share the cache; what does not fit begins anew, what never fits is skipped. */
START_TEST(a_conversation)
{
    static lived_t l;
    char *text = NULL, longest[600] = "";
    size_t bytes;
    jup_error_t err;
    begin(&l);
    ck_assert_int_eq(jup_prompts_choose(&l.prompts, l.g, "question-outline-1", NULL, &err), JUP_OK);
    l.conversation = 1;
    l.wishes = (jup_wishes_t){.layers = "2,4", .chunk = 16};
    l.in = tmpfile();
    l.out = tmpfile();
    memset(longest, 'x', sizeof longest - 1);
    fprintf(l.in, "hello\n\n  \nhello world\r\n%s\nhello hello hello\nhello\n/quit\nhello\n",
            longest);
    rewind(l.in);
    run(&l, 2);
    ck_assert_msg(l.status[0] == JUP_OK, "%s", l.err.text);
    ck_assert_int_eq(l.turns, 4);
    ck_assert_int_gt(l.chat.reused, 0);
    text = jup_new(4096, 1);
    rewind(l.out);
    bytes = fread(text, 1, 4095, l.out);
    int lines = 0, spaces = 0;
    for (size_t i = 0; i < bytes; i++) {
        lines += text[i] == '\n';
        spaces += text[i] == ' ';
    }
    ck_assert_int_eq(lines, 4);
    ck_assert_int_eq(spaces, 4 * (ANSWER - 1));
    jup_free(text);
    fclose(l.in);
    fclose(l.out);
    jup_prompts_reset(&l.prompts);
    finish(&l);
}
END_TEST

/* ---- measuring ---------------------------------------------------------------------------------
 */

static void measure(jup_comm_t *comm, void *self)
{
    lived_t *l = self;
    jup_cluster_t cluster;
    jup_error_t err = {.text = ""};
    jup_measure_job_t *job = jup_new(1, sizeof *job);
    if (comm->rank == 0) {
        *job = (jup_measure_job_t){.compute = "naive",
                                   .threads = 1,
                                   .wire = JUP_F16,
                                   .kv_dtype = JUP_F16,
                                   .max_chunk = 32,
                                   .max_prefix = 64,
                                   .seconds = 0.1};
        snprintf(job->model, sizeof job->model, "%s", l->model);
        ck_assert_int_eq(jup_digest(l->g, &job->digest, NULL), JUP_OK);
        job->digest ^= (uint64_t)l->spoil;
    }
    l->status[comm->rank] = jup_measure_cluster(comm, job, &cluster, &err);
    jup_free(job);
    if (comm->rank != 0)
        return;
    l->err = err;
    if (l->status[0] != JUP_OK)
        return;
    ck_assert_int_eq(cluster.n_devices, comm->size);
    ck_assert_int_eq(cluster.n_profiles, comm->size);
    for (int from = 0; from < comm->size; from++) {
        ck_assert_int_eq(cluster.devices[from].profile, from);
        ck_assert_double_gt(cluster.devices[from].budget_bytes, 0);
        for (int to = 0; to < comm->size; to++)
            if (to != from)
                ck_assert_double_gt(jup_cluster_link(&cluster, from, to).bytes_per_s, 0);
    }
    jup_cluster_reset(&cluster);
}

START_TEST(what_is_measured_is_a_cluster)
{
    static lived_t l;
    begin(&l);
    for (int ranks = 1; ranks <= 3; ranks += 2) {
        thread_comm_run(ranks, measure, &l);
        for (int rank = 0; rank < ranks; rank++)
            ck_assert_msg(l.status[rank] == JUP_OK, "%s", l.err.text);
    }
    l.spoil = 1;
    thread_comm_run(2, measure, &l);
    ck_assert_int_eq(l.status[1], JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(l.err.text, "not the same file"));
    finish(&l);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("life");
    unit_add(s, the_same_answer_however_it_is_divided, 120);
    unit_add(s, ranks_that_share_layers_give_the_same_answer, 60);
    unit_add(s, predictions_are_compared, 20);
    unit_add(s, another_model_on_a_rank_is_refused, 60);
    unit_add(s, a_conversation, 60);
    unit_add(s, what_is_measured_is_a_cluster, 120);
    return s;
}

UNIT_MAIN(suite)
