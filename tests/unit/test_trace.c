#include "base/clock.h"
#include "base/mem.h"
#include "thread_comm.h"
#include "trace/analyse.h"
#include "trace/gather.h"
#include "trace/intervals.h"
#include "trace_sample.h"
#include "unit.h"

#include <math.h>
#include <string.h>

#define NEAR(a, b) ck_assert_double_eq_tol(a, b, 1e-9)

/* ---- the recorder ---------------------------------------------------------------------------- */

START_TEST(recorder_grows_and_keeps_the_context)
{
    size_t blocks = jup_mem_live_blocks();
    jup_recorder_t recorder;
    jup_recorder_init(&recorder, 3, true);
    recorder.context.step = 9;
    for (int i = 0; i < 20000; i++) {
        jup_recorder_span(&recorder, JUP_SPAN_LAYERS, i, i + 0.5, i, 2, 3);
        jup_recorder_token(&recorder, &(jup_token_record_t){.id = i});
    }
    ck_assert_uint_eq(recorder.n_spans, 20000);
    ck_assert_uint_eq(recorder.n_tokens, 20000);
    for (int i = 0; i < 20000; i++) {
        const jup_span_t *span = &recorder.spans[i];
        ck_assert(span->rank == 3 && span->step == 9 && span->chunk == -1 && span->rows == i);
        ck_assert(span->start_s == i && span->end_s == i + 0.5);
        ck_assert_int_eq(recorder.tokens[i].id, i);
    }
    NEAR(recorder.busy_s, 10000);
    jup_recorder_reset(&recorder);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

START_TEST(recorder_that_is_off_keeps_sums_alone)
{
    jup_recorder_t recorder;
    jup_recorder_init(&recorder, 0, false);
    jup_recorder_span(&recorder, JUP_SPAN_HEAD, 1, 3, 1, 0, 0);
    jup_recorder_span(&recorder, JUP_SPAN_WAIT_RECV, 3, 4, 0, 0, 0);
    jup_recorder_span(&recorder, JUP_SPAN_WAIT_SEND, 4, 4.5, 0, 0, 0);
    jup_recorder_span(&recorder, JUP_SPAN_LOAD, 0, 1, 0, 0, 0);
    jup_recorder_token(&recorder, &(jup_token_record_t){.id = 1});
    ck_assert(recorder.n_spans == 0 && recorder.n_tokens == 0);
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
    jup_trace_match(sides, n_sides, &run.messages, &run.n_messages);
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
    jup_trace_match(NULL, 0, &m, &n);
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
    jup_recorder_init(&recorder, 0, true);
    jup_trace_sync_clocks(&comm, &recorder);
    jup_recorder_span(&recorder, JUP_SPAN_LAYERS, 101, 102, 4, 0, 0);
    jup_recorder_span(&recorder, JUP_SPAN_EMBED, 100, 101, 4, 0, 0);
    jup_recorder_token(&recorder, &(jup_token_record_t){.time_s = 102.5, .id = 7});
    jup_rank_record_init(&mine, 0);
    jup_run_init(&run);
    jup_trace_gather(&comm, &recorder, &mine, &run);
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
    jup_recorder_init(&recorder, comm->rank, true);
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
    jup_trace_gather(comm, &recorder, &mine, run);
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
    unit_add(s, intervals_join_and_subtract, 20);
    unit_add(s, analysis_of_the_sample, 20);
    unit_add(s, analysis_of_next_to_nothing, 20);
    unit_add(s, requests_are_kept_apart, 20);
    return s;
}

UNIT_MAIN(suite)
