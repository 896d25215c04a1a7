#include "base/clock.h"
#include "base/mem.h"
#include "thread_comm.h"
#include "trace/analyse.h"
#include "trace/gather.h"
#include "trace/intervals.h"
#include "trace_sample.h"
#include "unit.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define NEAR(a, b) ck_assert_double_eq_tol(a, b, 1e-9)

/* ---- the recorder ---------------------------------------------------------------------------- */

START_TEST(recorder_grows_and_keeps_the_context)
{
    size_t blocks = jup_mem_live_blocks(), bytes = jup_mem_live_bytes();
    jup_recorder_t recorder;
    jup_recorder_init(&recorder, 3, JUP_RECORD_ALL);
    recorder.context.step = 9;
    for (int i = 0; i < 20000; i++) {
        jup_recorder_span(&recorder, JUP_SPAN_LAYERS, i, i + 0.5, i, 2, 3);
        jup_recorder_token(&recorder, &(jup_token_record_t){.id = i});
    }
    size_t n_spans, n_tokens;
    void *spans, *tokens;
    jup_error_t err;
    ck_assert_int_eq(jup_store_all(&recorder.spans, &spans, &n_spans, &err), JUP_OK);
    ck_assert_int_eq(jup_store_all(&recorder.tokens, &tokens, &n_tokens, &err), JUP_OK);
    ck_assert_uint_eq(n_spans, 20000);
    ck_assert_uint_eq(n_tokens, 20000);
    ck_assert_uint_gt(recorder.spans.n_spilled, 0);
    ck_assert_uint_le(jup_mem_live_bytes() - bytes, JUP_RECORDER_BYTES);
    for (int i = 0; i < 20000; i++) {
        const jup_span_t *span = (const jup_span_t *)spans + i;
        ck_assert(span->rank == 3 && span->step == 9 && span->chunk == -1 && span->rows == i);
        ck_assert(span->start_s == i && span->end_s == i + 0.5);
        ck_assert_int_eq(((const jup_token_record_t *)tokens)[i].id, i);
    }
    NEAR(recorder.busy_s, 10000);
    jup_recorder_reset(&recorder);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

START_TEST(recorder_that_is_off_keeps_sums_alone)
{
    jup_recorder_t recorder;
    jup_recorder_init(&recorder, 0, JUP_RECORD_SUMS);
    jup_recorder_span(&recorder, JUP_SPAN_HEAD, 1, 3, 1, 0, 0);
    jup_recorder_span(&recorder, JUP_SPAN_WAIT_RECV, 3, 4, 0, 0, 0);
    jup_recorder_span(&recorder, JUP_SPAN_WAIT_SEND, 4, 4.5, 0, 0, 0);
    jup_recorder_span(&recorder, JUP_SPAN_LOAD, 0, 1, 0, 0, 0);
    jup_recorder_token(&recorder, &(jup_token_record_t){.id = 1});
    ck_assert(recorder.spans.n == 0 && recorder.tokens.n == 0);
    NEAR(recorder.busy_s, 2);
    NEAR(recorder.wait_recv_s, 1);
    NEAR(recorder.wait_send_s, 0.5);
    jup_recorder_reset(&recorder);
}
END_TEST

/* ---- matching -------------------------------------------------------------------------------- */

static jup_message_record_t side(int rank, int src, int dst, int kind, double post_s, double done_s,
                                 int64_t bytes)
{
    return (jup_message_record_t){.post_s = post_s,
                                  .done_s = done_s,
                                  .bytes = bytes,
                                  .rank = rank,
                                  .src = src,
                                  .dst = dst,
                                  .kind = kind,
                                  .label = -1};
}

static void match_in_time(const jup_message_record_t *sides, size_t n_sides, jup_message_t **m,
                          size_t *n)
{
    jup_run_t run = {0};
    ck_assert_int_eq(jup_trace_match(sides, n_sides, &run.messages, &run.n_messages, NULL), JUP_OK);
    jup_run_sort(&run);
    *m = run.messages;
    *n = run.n_messages;
}

START_TEST(sides_match_by_stream_and_order)
{
    /* recorded in the order of completion, which need not be that of posting */
    const jup_message_record_t sides[] = {
        side(0, 0, 1, JUP_MSG_STEP, 2.0, 2.1, 20), side(0, 0, 1, JUP_MSG_STEP, 1.0, 2.2, 10),
        side(0, 0, 1, JUP_MSG_SHARE, 0.5, 0.6, 5), side(1, 0, 1, JUP_MSG_STEP, 0.2, 3.0, 20),
        side(1, 0, 1, JUP_MSG_STEP, 0.1, 2.5, 10), side(1, 0, 1, JUP_MSG_SHARE, 0.9, 1.0, 5),
        side(1, 1, 0, JUP_MSG_STEP, 4.0, 4.1, 7),  side(0, 1, 0, JUP_MSG_STEP, 4.5, 4.6, 7),
    };
    jup_message_t *m;
    size_t n;
    match_in_time(sides, 8, &m, &n);
    ck_assert_uint_eq(n, 4);
    ck_assert(m[0].kind == JUP_MSG_SHARE && m[0].bytes == 5);
    NEAR(m[0].start_s, 0.9); /* the receiver was late */
    ck_assert(m[1].bytes == 10 && m[1].post_s == 1.0 && m[1].recv_post_s == 0.1);
    ck_assert(m[1].start_s == 1.0 && m[1].sent_s == 2.2 && m[1].done_s == 2.5);
    ck_assert(m[2].bytes == 20 && m[2].post_s == 2.0 && m[2].done_s == 3.0);
    ck_assert(m[3].src == 1 && m[3].dst == 0 && m[3].start_s == 4.5);
    jup_free(m);
}
END_TEST

START_TEST(a_missing_side_is_not_made_up)
{
    const jup_message_record_t sides[] = {
        side(0, 0, 1, JUP_MSG_STEP, 1, 2, 10), side(0, 0, 1, JUP_MSG_STEP, 3, 4, 20),
        side(1, 0, 1, JUP_MSG_STEP, 0, 2, 10), side(0, 1, 0, JUP_MSG_RESULT, 0, 5, 4)};
    jup_message_t *m;
    size_t n;
    match_in_time(sides, 4, &m, &n);
    ck_assert_uint_eq(n, 3);
    ck_assert(m[0].kind == JUP_MSG_RESULT && isnan(m[0].post_s) && isnan(m[0].start_s));
    ck_assert(m[0].done_s == 5);
    ck_assert(m[1].start_s == 1 && m[1].done_s == 2);
    ck_assert(m[2].post_s == 3 && m[2].sent_s == 4 && isnan(m[2].done_s) && isnan(m[2].start_s));
    jup_free(m);
    ck_assert_int_eq(jup_trace_match(NULL, 0, &m, &n, NULL), JUP_OK);
    ck_assert_uint_eq(n, 0);
    jup_free(m);
}
END_TEST

/* ---- gathering ------------------------------------------------------------------------------- */

START_TEST(one_rank_gathers_itself)
{
    size_t blocks = jup_mem_live_blocks();
    jup_comm_t comm = {.rank = 0, .size = 1};
    jup_recorder_t recorder;
    jup_rank_record_t mine;
    jup_run_t run;
    jup_recorder_init(&recorder, 0, JUP_RECORD_ALL);
    jup_trace_sync_clocks(&comm, &recorder);
    jup_recorder_span(&recorder, JUP_SPAN_LAYERS, 101, 102, 4, 0, 0);
    jup_recorder_span(&recorder, JUP_SPAN_EMBED, 100, 101, 4, 0, 0);
    jup_recorder_token(&recorder, &(jup_token_record_t){.time_s = 102.5, .id = 7});
    jup_rank_record_init(&mine, 0);
    jup_run_init(&run);
    ck_assert_int_eq(jup_trace_gather(&comm, &recorder, &mine, &run, NULL), JUP_OK);
    ck_assert(run.n_ranks == 1 && run.n_spans == 2 && run.n_messages == 0 && run.n_tokens == 1);
    ck_assert_int_eq(run.spans[0].kind, JUP_SPAN_EMBED);
    NEAR(run.spans[0].start_s, 0);
    NEAR(run.spans[1].end_s, 2);
    NEAR(run.tokens[0].time_s, 2.5);
    ck_assert_int_gt(run.ranks[0].peak_resident_bytes, 0);
    ck_assert(run.ranks[0].host[0] != '\0' && !recorder.on);
    jup_run_reset(&run);
    jup_recorder_reset(&recorder);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

enum { RANKS = 3, LAPS = 50 };

/* Each rank computes, then hands a message to the next one, in LAPS laps. */
static void ring(jup_comm_t *comm, void *self)
{
    jup_run_t *run = self;
    jup_recorder_t recorder;
    jup_rank_record_t mine;
    char buffer[LAPS + 1];
    jup_error_t err;
    jup_recorder_init(&recorder, comm->rank, JUP_RECORD_ALL);
    jup_trace_sync_clocks(comm, &recorder);
    jup_recorder_observe(&recorder, comm);
    for (size_t lap = 0; lap < LAPS; lap++) {
        double now_s = jup_clock_now_s();
        jup_recorder_span(&recorder, JUP_SPAN_LAYERS, now_s, now_s, (int32_t)lap, 0, 0);
        if (comm->rank > 0)
            jup_comm_recv(comm, comm->rank - 1, JUP_MSG_STEP, buffer, sizeof buffer);
        if (comm->rank + 1 < RANKS)
            jup_comm_send(comm, comm->rank + 1, JUP_MSG_STEP, buffer, lap + 1);
    }
    jup_rank_record_init(&mine, comm->rank);
    mine.weights_bytes = 1000 + comm->rank;
    ck_assert_int_eq(jup_trace_gather(comm, &recorder, &mine, run, &err), JUP_OK);
    jup_recorder_reset(&recorder);
}

START_TEST(ranks_are_gathered_on_the_first)
{
    jup_run_t run;
    jup_run_init(&run);
    thread_comm_run(RANKS, ring, &run);
    ck_assert_uint_eq(run.n_ranks, RANKS);
    for (int rank = 0; rank < RANKS; rank++)
        ck_assert_int_eq(run.ranks[rank].weights_bytes, 1000 + rank);
    ck_assert_uint_eq(run.n_messages, (RANKS - 1) * LAPS); /* the gather's own are not among them */
    int64_t last_bytes[RANKS] = {0};
    for (size_t i = 0; i < run.n_messages; i++) {
        const jup_message_t *m = &run.messages[i];
        ck_assert(m->dst == m->src + 1 && m->kind == JUP_MSG_STEP);
        ck_assert_int_eq(m->bytes, ++last_bytes[m->src]); /* both sides had the same one */
        ck_assert(m->done_s >= m->post_s && m->start_s >= m->post_s);
        ck_assert(m->start_s >= m->recv_post_s);
    }
    double first_s = INFINITY;
    for (size_t i = 0; i < run.n_spans; i++)
        first_s = fmin(first_s, run.spans[i].start_s);
    NEAR(first_s, 0);
    for (size_t i = 1; i < run.n_spans; i++)
        ck_assert_int_ge(run.spans[i].rank, run.spans[i - 1].rank);
    jup_run_reset(&run);
}
END_TEST

/* ---- long runs ------------------------------------------------------------------------------- */

/* Questions one after the other, each with a prompt in two chunks and five tokens; in ms. */
static void ask_questions(jup_recorder_t *recorder, int n)
{
    enum { TOKENS = 5 };
    double now_s = 1;
    for (int q = 0; q < n; q++) {
        recorder->context.request = q;
        for (int chunk = 0; chunk < 2; chunk++) {
            recorder->context.chunk = chunk;
            jup_recorder_span(recorder, JUP_SPAN_EMBED, now_s, now_s + 0.0001, 7, 0, 0);
            jup_recorder_span(recorder, JUP_SPAN_LAYERS, now_s, now_s + 0.001, 7, 0, 0);
            now_s += 0.001;
        }
        recorder->context.chunk = -1;
        for (int i = 0; i < TOKENS; i++) {
            jup_recorder_token(recorder, &(jup_token_record_t){.time_s = now_s, .request = q});
            jup_recorder_span(recorder, JUP_SPAN_LAYERS, now_s, now_s + 0.001, 1, 0, 0);
            now_s += 0.001 * (1 + q % 3);
        }
    }
}

/* One rank's record of many questions. */
static void record_questions(jup_record_t mode, int n, jup_run_t *run)
{
    jup_comm_t comm = {.rank = 0, .size = 1};
    jup_recorder_t recorder;
    jup_rank_record_t mine;
    jup_error_t err;
    jup_recorder_init(&recorder, 0, mode);
    ask_questions(&recorder, n);
    jup_rank_record_init(&mine, 0);
    jup_run_init(run);
    ck_assert_int_eq(jup_trace_gather(&comm, &recorder, &mine, run, &err), JUP_OK);
    jup_recorder_reset(&recorder);
}

START_TEST(a_trace_holds_all_of_a_long_run)
{
    enum { QUESTIONS = 20000 };
    jup_run_t run;
    record_questions(JUP_RECORD_ALL, QUESTIONS, &run);
    ck_assert_uint_eq(run.n_spans, QUESTIONS * 9);
    ck_assert_uint_eq(run.n_tokens, QUESTIONS * 5);
    ck_assert_int_eq(run.totals.requests, 0);
    for (size_t i = 0; i < run.n_tokens; i++)
        ck_assert_int_eq(run.tokens[i].request, (int32_t)(i / 5));
    jup_run_reset(&run);
}
END_TEST

/* What is told of a long run without a trace is what its trace would tell. */
START_TEST(sums_go_on_where_events_end)
{
    enum { QUESTIONS = 20000 };
    jup_run_t all, beginning;
    jup_analysis_t a, b;
    size_t bytes = jup_mem_live_bytes();
    record_questions(JUP_RECORD_ALL, QUESTIONS, &all);
    record_questions(JUP_RECORD_BEGINNING, QUESTIONS, &beginning);
    ck_assert_uint_lt(beginning.n_spans, all.n_spans / 10);
    ck_assert(beginning.until_s > 1 && beginning.until_s < all.tokens[all.n_tokens - 1].time_s / 5);
    jup_analysis_init(&a, &all);
    jup_analysis_init(&b, &beginning);
    ck_assert_int_eq(beginning.totals.requests, QUESTIONS);
    ck_assert(a.prompt_tokens == 14 * QUESTIONS && b.prompt_tokens == a.prompt_tokens);
    ck_assert(a.new_tokens == 5 * QUESTIONS && b.new_tokens == a.new_tokens);
    NEAR(a.first_token_s, b.first_token_s);
    NEAR(a.first_token_s, 0.002);
    ck_assert_double_eq_tol(a.decode_tokens_per_s, b.decode_tokens_per_s, 1e-6);
    ck_assert_double_eq_tol(a.prefill_tokens_per_s, b.prefill_tokens_per_s, 1e-3);
    ck_assert_double_eq_tol(b.bubble_share[JUP_PHASE_PREFILL], 0, 1e-6);
    ck_assert_double_eq_tol(a.bubble_share[JUP_PHASE_DECODE], b.bubble_share[JUP_PHASE_DECODE],
                            1e-2);
    jup_analysis_reset(&a);
    jup_analysis_reset(&b);
    jup_run_reset(&all);
    jup_run_reset(&beginning);
    ck_assert_uint_eq(jup_mem_live_bytes(), bytes);
}
END_TEST

START_TEST(memory_does_not_grow_with_the_run)
{
    const jup_record_t modes[] = {JUP_RECORD_SUMS, JUP_RECORD_BEGINNING, JUP_RECORD_ALL};
    for (int i = 0; i < 3; i++) {
        jup_recorder_t recorder;
        jup_recorder_init(&recorder, 0, modes[i]);
        ask_questions(&recorder, 3000);
        size_t before = jup_mem_live_bytes();
        ask_questions(&recorder, 10000);
        ck_assert_uint_eq(jup_mem_live_bytes(), before);
        jup_recorder_reset(&recorder);
    }
}
END_TEST

/* The first rank to run out of room ends the record of all. */
static void fill_one(jup_comm_t *comm, void *self)
{
    jup_run_t *run = self;
    jup_recorder_t recorder;
    jup_rank_record_t mine;
    jup_error_t err;
    jup_recorder_init(&recorder, comm->rank, JUP_RECORD_BEGINNING);
    double start_s = jup_clock_now_s();
    for (int i = 0; i < (comm->rank == 1 ? 100000 : 1000); i++) {
        double at_s = start_s + 0.001 * i * (comm->rank == 1 ? 1 : 100);
        jup_recorder_span(&recorder, JUP_SPAN_LAYERS, at_s, at_s, i, 0, 0);
    }
    jup_rank_record_init(&mine, comm->rank);
    ck_assert_int_eq(jup_trace_gather(comm, &recorder, &mine, run, &err), JUP_OK);
    jup_recorder_reset(&recorder);
}

START_TEST(a_record_ends_for_all_ranks_at_once)
{
    jup_run_t run;
    size_t of_rank[RANKS] = {0};
    jup_run_init(&run);
    thread_comm_run(RANKS, fill_one, &run);
    ck_assert(run.until_s > 1 && run.until_s < 99);
    for (size_t i = 0; i < run.n_spans; i++) {
        of_rank[run.spans[i].rank]++;
        ck_assert(run.spans[i].end_s <= run.until_s);
    }
    ck_assert_uint_gt(of_rank[1], 1000);
    ck_assert(of_rank[0] > 10 && of_rank[0] <= of_rank[1] / 100 + 2);
    jup_run_reset(&run);
}
END_TEST

/* Files cannot grow beyond this, as on a disk that is full. */
static void fill_disk(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_full_temporary_disk_is_said)
{
    jup_comm_t comm = {.rank = 0, .size = 1};
    jup_recorder_t recorder;
    jup_rank_record_t mine;
    jup_run_t run;
    jup_error_t err;
    jup_recorder_init(&recorder, 0, JUP_RECORD_ALL);
    fill_disk(1 << 20);
    ask_questions(&recorder, 5000);
    jup_rank_record_init(&mine, 0);
    jup_run_init(&run);
    ck_assert_int_eq(jup_trace_gather(&comm, &recorder, &mine, &run, &err), JUP_EENV);
    ck_assert_ptr_nonnull(strstr(err.text, "TMPDIR"));
    ck_assert_ptr_null(run.spans);
    jup_recorder_reset(&recorder);
}
END_TEST

START_TEST(no_temporary_folder_is_said)
{
    jup_recorder_t recorder;
    void *rows;
    size_t n;
    jup_error_t err;
    setenv("TMPDIR", "/nosuchfolder", 1);
    jup_recorder_init(&recorder, 0, JUP_RECORD_ALL);
    ask_questions(&recorder, 5000);
    ck_assert_int_eq(jup_store_all(&recorder.tokens, &rows, &n, &err), JUP_EENV);
    ck_assert_ptr_nonnull(strstr(err.text, "/nosuchfolder"));
    jup_recorder_reset(&recorder);
}
END_TEST

/* ---- intervals ------------------------------------------------------------------------------- */

START_TEST(intervals_join_and_subtract)
{
    /* in: [0,2] [1,3] [5,6]; out: [2.5,2.75] */
    jup_edge_t edges[] = {{0, 1, 0}, {2, -1, 0}, {1, 1, 0},   {3, -1, 0},
                          {5, 1, 0}, {6, -1, 0}, {2.5, 0, 1}, {2.75, 0, -1}};
    jup_intervals_t set;
    jup_intervals_init(&set, edges, 8);
    NEAR(jup_intervals_covered_s(&set, -1, 10), 3.75);
    NEAR(jup_intervals_covered_s(&set, 2, 3), 0.75);
    NEAR(jup_intervals_covered_s(&set, 2.5, 2.6), 0);
    NEAR(jup_intervals_covered_s(&set, 3, 5), 0);
    NEAR(jup_intervals_covered_s(&set, 5.5, 5.75), 0.25);
    NEAR(jup_intervals_covered_s(&set, 6, 1), 0);
    jup_intervals_reset(&set);
    jup_intervals_init(&set, edges, 0);
    NEAR(jup_intervals_covered_s(&set, -1, 10), 0);
    jup_intervals_reset(&set);
}
END_TEST

/* ---- analysis -------------------------------------------------------------------------------- */

static void check_prefill(const jup_analysis_t *a)
{
    const jup_phase_use_t *first = &a->ranks[0].phase[JUP_PHASE_PREFILL];
    const jup_phase_use_t *second = &a->ranks[1].phase[JUP_PHASE_PREFILL];
    NEAR(first->length_s, 3.6);
    NEAR(first->busy_s, 2);
    NEAR(first->wait_recv_s, 1.5);
    NEAR(first->bubble_share, 1 - 2 / 3.6);
    NEAR(second->busy_s, 2.15); /* the wait within the head is not work */
    NEAR(second->wait_recv_s, 1.25 + 0.1);
    NEAR(second->wait_send_s, 0.1);
    NEAR(a->bubble_share[JUP_PHASE_PREFILL], 1 - (2 + 2.15) / 2 / 3.6);
}

static void check_messages(const jup_analysis_t *a)
{
    const jup_phase_use_t *first = &a->ranks[0].phase[JUP_PHASE_PREFILL];
    const jup_phase_use_t *second = &a->ranks[1].phase[JUP_PHASE_PREFILL];
    NEAR(second->flight_in_s, 0.25 + 0.5);
    NEAR(second->hidden_in_s, 0.5); /* it waited for the first, worked during the second */
    NEAR(first->flight_out_s, 0.75);
    NEAR(first->hidden_out_s, 0.25); /* the other way round */
    NEAR(first->flight_in_s, 0.1);
    NEAR(first->hidden_in_s, 0);
    NEAR(a->hidden_share[JUP_PHASE_PREFILL], 0.5 / 0.85);
    NEAR(a->hidden_share[JUP_PHASE_DECODE], 0);
    NEAR(a->hidden_share_all, 0.5 / 1.05);
    ck_assert_int_eq(a->ranks[0].bytes_out, 2000); /* of which 200 never arrived */
    ck_assert_int_eq(a->ranks[0].house_bytes_out, 999);
    ck_assert_int_eq(a->ranks[1].bytes_out, 32);
    ck_assert_int_eq(a->ranks[1].messages_in, 4);
    ck_assert_int_eq(a->bytes_sent, 2032);
}

START_TEST(analysis_of_the_sample)
{
    size_t blocks = jup_mem_live_blocks();
    jup_run_t run;
    jup_analysis_t a;
    jup_run_init(&run);
    sample_run(&run);
    jup_analysis_init(&a, &run);
    ck_assert_uint_eq(a.n_requests, 1);
    ck_assert_int_eq(a.requests[0].prompt_tokens, 8);
    ck_assert_int_eq(a.requests[0].new_tokens, 2);
    NEAR(a.first_token_s, 3.6);
    NEAR(a.prefill_tokens_per_s, 8 / 3.6);
    NEAR(a.decode_tokens_per_s, 1 / 0.7);
    check_prefill(&a);
    check_messages(&a);
    NEAR(a.ranks[0].phase[JUP_PHASE_DECODE].busy_s, 0.2);
    NEAR(a.ranks[1].phase[JUP_PHASE_DECODE].busy_s, 0.3);
    NEAR(a.ranks[1].kind_s[JUP_SPAN_LAYERS], 2.2);
    NEAR(a.ranks[1].flops, 290);
    ck_assert_int_eq(a.ranks[0].rows, 9);
    NEAR(a.ranks[0].wait_s, 1.5 + 0.5);
    jup_analysis_store(&a, &run);
    NEAR(jup_run_get_number(&run, "time_to_first_token_s", -1), 3.6);
    NEAR(jup_run_get_number(&run, "sent_bytes", -1), 2032);
    jup_analysis_reset(&a);
    jup_run_reset(&run);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

START_TEST(analysis_of_next_to_nothing)
{
    jup_run_t run;
    jup_analysis_t a;
    jup_run_init(&run);
    jup_analysis_init(&a, &run); /* nothing at all */
    NEAR(a.prefill_tokens_per_s, 0);
    jup_analysis_reset(&a);
    sample_run(&run);
    run.n_tokens = 0; /* interrupted before the first token: prefill ends with its spans */
    jup_analysis_init(&a, &run);
    NEAR(a.requests[0].first_token_s, 3.5);
    NEAR(a.length_s[JUP_PHASE_DECODE], 0);
    NEAR(a.ranks[0].phase[JUP_PHASE_DECODE].bubble_share, 0);
    NEAR(a.decode_tokens_per_s, 0);
    jup_analysis_reset(&a);
    jup_run_reset(&run);
}
END_TEST

START_TEST(requests_are_kept_apart)
{
    jup_run_t run;
    jup_analysis_t a;
    jup_run_init(&run);
    sample_run(&run);
    run.spans[1].request = 1; /* the second chunk on rank 0 is another request's prefill */
    run.tokens[1].request = 1;
    jup_analysis_init(&a, &run);
    ck_assert_uint_eq(a.n_requests, 2);
    ck_assert_int_eq(a.requests[0].request, 0);
    NEAR(a.requests[1].start_s, 1);
    NEAR(a.requests[1].first_token_s, 4.3);
    ck_assert_int_eq(a.requests[1].prompt_tokens, 4);
    NEAR(a.first_token_s, (3.6 + 3.3) / 2);
    jup_analysis_reset(&a);
    jup_run_reset(&run);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("trace");
    unit_add(s, recorder_grows_and_keeps_the_context, 20);
    unit_add(s, recorder_that_is_off_keeps_sums_alone, 20);
    unit_add(s, sides_match_by_stream_and_order, 20);
    unit_add(s, a_missing_side_is_not_made_up, 20);
    unit_add(s, one_rank_gathers_itself, 20);
    unit_add(s, ranks_are_gathered_on_the_first, 60);
    unit_add(s, a_trace_holds_all_of_a_long_run, 20);
    unit_add(s, sums_go_on_where_events_end, 20);
    unit_add(s, memory_does_not_grow_with_the_run, 20);
    unit_add(s, a_record_ends_for_all_ranks_at_once, 60);
    unit_add(s, a_full_temporary_disk_is_said, 20);
    unit_add(s, no_temporary_folder_is_said, 20);
    unit_add(s, intervals_join_and_subtract, 20);
    unit_add(s, analysis_of_the_sample, 20);
    unit_add(s, analysis_of_next_to_nothing, 20);
    unit_add(s, requests_are_kept_apart, 20);
    return s;
}

UNIT_MAIN(suite)
