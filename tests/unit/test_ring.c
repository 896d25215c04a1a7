/* Sums and rows among the members of a group, over the record transport and over threads: against a
   naive sum, with equal bits on all members, the bytes of the closed forms, and in any order of
   turns. */
#include "base/mem.h"
#include "base/rng.h"
#include "comm/record.h"
#include "strategy/ring.h"
#include "thread_comm.h"
#include "unit.h"

#include <math.h>
#include <string.h>

enum { MAX_MEMBERS = 8, OUTSIDERS = 2, MAX_ROWS = 200, DIM = 12, MAX_ELEMS = MAX_ROWS * DIM };

typedef struct setup {
    int n, members[MAX_MEMBERS];
    jup_dtype_t wire;
    jup_exchange_t exchange;
    int64_t elems, at[MAX_MEMBERS + 1];
    int rounds;
    bool gather_only;
    float in[MAX_MEMBERS][MAX_ELEMS], out[MAX_MEMBERS][MAX_ELEMS];
    uint64_t sent_bytes[MAX_MEMBERS], sent_messages[MAX_MEMBERS];
} setup_t;

/* Some of the ranks, in any order. */
static void choose_members(setup_t *s, jup_rng_t *rng)
{
    int ranks[MAX_MEMBERS + OUTSIDERS], all = s->n + OUTSIDERS;
    for (int i = 0; i < all; i++)
        ranks[i] = i;
    for (int i = 0; i < s->n; i++) {
        int j = i + (int)jup_rng_below(rng, (uint64_t)(all - i));
        s->members[i] = ranks[j];
        ranks[j] = ranks[i];
    }
}

static setup_t *new_setup(int n, int64_t elems, jup_dtype_t wire, jup_exchange_t exchange,
                          uint64_t seed)
{
    setup_t *s = jup_new(1, sizeof *s);
    jup_rng_t rng;
    jup_rng_init(&rng, seed);
    *s = (setup_t){.n = n, .wire = wire, .exchange = exchange, .elems = elems, .rounds = 1};
    choose_members(s, &rng);
    for (int m = 0; m <= n; m++)
        s->at[m] = elems * m / n;
    for (int m = 0; m < n; m++)
        for (int64_t i = 0; i < elems; i++)
            s->in[m][i] = (float)jup_rng_normal(&rng);
    return s;
}

static int member_of(const setup_t *s, int rank)
{
    for (int m = 0; m < s->n; m++)
        if (s->members[m] == rank)
            return m;
    return -1;
}

static void live(jup_comm_t *comm, void *self)
{
    setup_t *s = self;
    jup_ring_t ring;
    jup_error_t err;
    int me = member_of(s, comm->rank);
    if (me < 0)
        return;
    ck_assert_int_eq(jup_ring_init(&ring, comm, s->members, s->n, me, s->wire, MAX_ROWS, DIM, &err),
                     JUP_OK);
    ring.exchange = s->exchange;
    for (int round = 0; round < s->rounds; round++) {
        memcpy(s->out[me], s->in[me], sizeof s->in[me]);
        if (s->gather_only)
            jup_ring_all_gather(&ring, s->out[me], s->at);
        else
            jup_ring_all_reduce(&ring, s->out[me], s->at);
    }
    jup_ring_flush(&ring);
    s->sent_bytes[me] = comm->sent_bytes;
    s->sent_messages[me] = comm->sent_messages;
    jup_ring_reset(&ring);
}

static void run(setup_t *s, uint64_t seed, bool rendezvous)
{
    jup_record_log_t log;
    jup_record_options_t how = {.seed = seed, .rendezvous = rendezvous};
    jup_record_run(s->n + OUTSIDERS, &how, live, s, &log);
    ck_assert_uint_eq(log.unmatched_receives, 0);
    for (size_t i = 0; i < log.n; i++)
        ck_assert_int_ge(log.messages[i].received, 0);
    jup_record_log_reset(&log);
}

static size_t width(const setup_t *s)
{
    return jup_dtype_bytes(s->wire, 1);
}

static void check_sums(const setup_t *s)
{
    double rounding = s->wire == JUP_F16 ? 0x1p-11 : 0x1p-22;
    for (int64_t i = 0; i < s->elems; i++) {
        double sum = 0, size = 0;
        for (int m = 0; m < s->n; m++) {
            sum += (double)s->in[m][i];
            size += fabs((double)s->in[m][i]);
        }
        /* a partial sum is rounded at most once a member, and the whole once more */
        double allowed = s->n > 1 ? size * rounding * (s->n + 1) : 0;
        ck_assert_double_le(fabs((double)s->out[0][i] - sum), allowed);
    }
    for (int m = 1; m < s->n; m++)
        ck_assert_mem_eq(s->out[m], s->out[0], (size_t)s->elems * sizeof(float));
}

static int64_t block(const setup_t *s, int m)
{
    return s->at[m % s->n + 1] - s->at[m % s->n];
}

/* All but the own block go to be summed; of sums, a ring passes on all but its neighbour's, and a
   member that tells all others itself sends its own n - 1 times. */
static void check_bytes(const setup_t *s)
{
    double all = 0;
    for (int m = 0; m < s->n && s->n > 1; m++) {
        int64_t reduce = s->elems - block(s, m), gather = s->elems - block(s, m + 1);
        if (s->exchange == JUP_EXCHANGE_DIRECT)
            gather = (s->n - 1) * block(s, m);
        if (s->exchange == JUP_EXCHANGE_WHOLE) {
            reduce = (s->n - 1) * s->elems;
            gather = 0;
        }
        ck_assert_uint_eq(s->sent_bytes[m], (uint64_t)(reduce + gather) * width(s));
        all += (double)s->sent_bytes[m];
    }
    double vector = (double)s->elems * (double)width(s);
    if (s->exchange != JUP_EXCHANGE_WHOLE)
        ck_assert_double_eq(all, 2.0 * (s->n - 1) * vector); /* 2 (P - 1) / P of it each */
    for (int m = 0; m < s->n; m++) {
        uint64_t phases = s->exchange == JUP_EXCHANGE_WHOLE ? 1 : 2;
        ck_assert_uint_eq(s->sent_messages[m], phases * (uint64_t)(s->n - 1));
    }
}

static const int64_t sizes[] = {1, 3, 12, 97, 108, 100 * DIM, MAX_ELEMS};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

START_TEST(sums_equal_a_naive_sum_with_the_bytes_of_the_closed_form)
{
    for (jup_exchange_t e = JUP_EXCHANGE_RING; e < JUP_EXCHANGES; e++)
        for (int n = 1; n <= MAX_MEMBERS; n++)
            for (int i = 0; i < 2 * SIZES; i++) {
                setup_t *s = new_setup(n, sizes[i / 2], i % 2 ? JUP_F16 : JUP_F32, e, 7);
                run(s, 0, false);
                check_sums(s);
                check_bytes(s);
                jup_free(s);
            }
}
END_TEST

START_TEST(a_member_of_an_even_division_sends_exactly_two_nths_of_the_others)
{
    for (int n = 1; n <= MAX_MEMBERS; n++)
        for (jup_exchange_t e = JUP_EXCHANGE_RING; e <= JUP_EXCHANGE_DIRECT; e++) {
            setup_t *s = new_setup(n, 24 * n, JUP_F16, e, 3);
            if (s->elems <= MAX_ELEMS)
                run(s, 0, true);
            for (int m = 0; m < n && s->elems <= MAX_ELEMS; m++)
                ck_assert_uint_eq(s->sent_bytes[m],
                                  2 * (uint64_t)(n - 1) * (uint64_t)s->elems * 2 / (uint64_t)n);
            jup_free(s);
        }
}
END_TEST

START_TEST(any_order_of_turns_gives_the_same_bits_and_no_deadlock)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        int n = 2 + (int)(seed % 7);
        jup_exchange_t e = JUP_EXCHANGE_RING + (jup_exchange_t)(seed % 3);
        setup_t *s = new_setup(n, 45, seed % 2 ? JUP_F16 : JUP_F32, e, seed);
        s->rounds = 3;
        run(s, 0, false);
        float first[MAX_ELEMS];
        memcpy(first, s->out[0], sizeof first);
        for (uint64_t again = 0; again < 4; again++) {
            memset(s->out, 0, sizeof s->out);
            run(s, seed * 100 + again, again % 2);
            check_sums(s);
            ck_assert_mem_eq(first, s->out[0], (size_t)s->elems * sizeof *first);
        }
        jup_free(s);
    }
}
END_TEST

START_TEST(threads_sum_as_turns_do)
{
    for (int i = 0; i < 12; i++) {
        setup_t *s = new_setup(2 + i % 4, 200, i % 2 ? JUP_F16 : JUP_F32,
                               JUP_EXCHANGE_RING + (jup_exchange_t)(i % 3), 40 + (uint64_t)i);
        run(s, 0, false);
        float expected[MAX_ELEMS];
        memcpy(expected, s->out[0], sizeof expected);
        s->rounds = 20;
        memset(s->out, 0, sizeof s->out);
        thread_comm_run(s->n + OUTSIDERS, live, s);
        check_sums(s);
        ck_assert_mem_eq(expected, s->out[0], (size_t)s->elems * sizeof *expected);
        jup_free(s);
    }
}
END_TEST

/* Blocks of any size, none at all included, as rows that speeds divide. */
START_TEST(rows_of_uneven_blocks_arrive_everywhere)
{
    for (int i = 0; i < 40; i++) {
        int n = 1 + i % 6;
        setup_t *s = new_setup(n, 150, i % 2 ? JUP_F16 : JUP_F32,
                               JUP_EXCHANGE_RING + (jup_exchange_t)(i / 2 % 2), 90 + (uint64_t)i);
        for (int m = 1; m < n; m++)
            s->at[m] = s->at[m - 1] + (150 - s->at[m - 1]) * (m % 3) / 4;
        s->gather_only = true;
        run(s, (uint64_t)i, i % 3);
        for (int m = 0; m < n; m++)
            for (int64_t j = s->at[m]; j < s->at[m + 1]; j++) {
                float sent = s->in[m][j];
                if (s->wire == JUP_F16 && n > 1)
                    sent = jup_half_to_float(jup_float_to_half(sent));
                for (int other = 0; other < n; other++)
                    ck_assert_float_eq(s->out[other][j], sent);
            }
        jup_free(s);
    }
}
END_TEST

START_TEST(what_is_beyond_half_precision_is_scaled)
{
    for (jup_exchange_t e = JUP_EXCHANGE_RING; e < JUP_EXCHANGES; e++)
        for (int n = 2; n <= 4; n++) {
            setup_t *s = new_setup(n, 10, JUP_F16, e, 5);
            s->in[0][0] = 1e6f;
            s->in[1][0] = -7e4f;
            s->in[0][9] = NAN;
            run(s, (uint64_t)n, n % 2);
            float sum = 0;
            for (int m = 0; m < n; m++)
                sum += s->in[m][0];
            for (int m = 0; m < n; m++) {
                ck_assert_float_eq_tol(s->out[m][0], sum, sum / 500);
                ck_assert(isnan(s->out[m][9]));
                ck_assert_mem_eq(s->out[m], s->out[0], 9 * sizeof(float));
            }
            jup_free(s);
        }
}
END_TEST

/* ---- which exchange -----------------------------------------------------------------------------
 */

START_TEST(the_exchange_chosen_is_the_quickest_and_said_so)
{
    const double latencies[] = {0, 1e-5, 3e-4, 5e-3}, rates[] = {1e7, 1.25e8, 5e9};
    for (int i = 0; i < 4 * 3 * 3; i++) {
        jup_exchange_link_t link = {latencies[i % 4], latencies[i % 4] * (i / 12) / 2,
                                    rates[i / 4 % 3]};
        for (int n = 2; n <= 9; n++)
            for (double bytes = 16; bytes < 1e8; bytes *= 3) {
                jup_exchange_t chosen = jup_exchange_choose(JUP_EXCHANGE_AUTO, &link, n, bytes);
                double best_s = jup_exchange_s(JUP_EXCHANGE_AUTO, &link, n, bytes);
                ck_assert_int_ne(chosen, JUP_EXCHANGE_AUTO);
                for (jup_exchange_t e = JUP_EXCHANGE_RING; e < JUP_EXCHANGES; e++)
                    ck_assert_double_le(best_s, jup_exchange_s(e, &link, n, bytes) * (1 + 1e-12));
                ck_assert_int_eq(chosen == JUP_EXCHANGE_WHOLE,
                                 bytes < jup_exchange_whole_bytes(JUP_EXCHANGE_AUTO, &link, n));
            }
    }
}
END_TEST

START_TEST(prices_are_those_worked_out_by_hand)
{
    char text[80];
    jup_exchange_link_t link = {.latency_s = 0.3e-3, .bytes_per_s = 125e6};
    ck_assert_double_eq_tol(jup_exchange_s(JUP_EXCHANGE_RING, &link, 4, 400e3), 6 * 1.1e-3, 1e-9);
    ck_assert_double_eq_tol(jup_exchange_s(JUP_EXCHANGE_DIRECT, &link, 4, 400e3), 2 * 2.7e-3, 1e-9);
    ck_assert_double_eq_tol(jup_exchange_s(JUP_EXCHANGE_WHOLE, &link, 4, 400e3), 9.9e-3, 1e-9);
    ck_assert_double_eq(jup_exchange_s(JUP_EXCHANGE_RING, &link, 1, 400e3), 0);
    jup_exchange_describe(JUP_EXCHANGE_AUTO, &link, 4, text,
                          sizeof text); /* L B n / ((n - 1) (n - 2)) */
    ck_assert_str_eq(text, "whole below 25.0 kB, else direct");
    link.serial_s = link.latency_s; /* latencies add up */
    jup_exchange_describe(JUP_EXCHANGE_AUTO, &link, 4, text, sizeof text);
    ck_assert_str_eq(text, "whole below 75.0 kB, else ring");
    jup_exchange_describe(JUP_EXCHANGE_AUTO, &link, 2, text, sizeof text);
    ck_assert_str_eq(text, "whole");
    link.latency_s = link.serial_s = 0;
    jup_exchange_describe(JUP_EXCHANGE_AUTO, &link, 4, text, sizeof text);
    ck_assert_str_eq(text, "ring");
    jup_exchange_describe(JUP_EXCHANGE_AUTO, &link, 1, text, sizeof text);
    ck_assert_str_eq(text, "none");
    for (int e = 0; e < JUP_EXCHANGES; e++)
        ck_assert_int_eq(jup_exchange_by_name(jup_exchange_name((jup_exchange_t)e)), e);
    ck_assert_int_eq(jup_exchange_by_name("star"), -1);
}
END_TEST

START_TEST(long_vectors_are_priced_and_described_as_they_go)
{
    char text[80];
    jup_exchange_link_t link = {.latency_s = 1, .serial_s = 1, .bytes_per_s = 1e9};
    const double longest = JUP_EXCHANGE_LONG - 1, too_long = JUP_EXCHANGE_LONG;
    for (jup_exchange_t wish = JUP_EXCHANGE_AUTO; wish < JUP_EXCHANGES; wish++) {
        bool in_blocks = wish == JUP_EXCHANGE_RING || wish == JUP_EXCHANGE_DIRECT;
        jup_exchange_t blocks = wish == JUP_EXCHANGE_AUTO    ? JUP_EXCHANGE_RING
                                : wish == JUP_EXCHANGE_WHOLE ? JUP_EXCHANGE_DIRECT
                                                             : wish;
        ck_assert_int_eq(jup_exchange_choose(wish, &link, 3, longest),
                         in_blocks ? wish : JUP_EXCHANGE_WHOLE);
        ck_assert_int_eq(jup_exchange_choose(wish, &link, 3, too_long), blocks);
        ck_assert_int_eq(jup_exchange_choose(wish, &link, 2, too_long),
                         in_blocks ? wish : JUP_EXCHANGE_WHOLE);
        ck_assert_double_eq(jup_exchange_s(wish, &link, 3, too_long),
                            jup_exchange_s(blocks, &link, 3, too_long));
    }
    jup_exchange_describe(JUP_EXCHANGE_WHOLE, &link, 3, text, sizeof text);
    ck_assert_str_eq(text, "whole below 1048.6 kB, else direct, as asked for");
    jup_exchange_describe(JUP_EXCHANGE_RING, &link, 3, text, sizeof text);
    ck_assert_str_eq(text, "ring, as asked for");
}
END_TEST

START_TEST(without_figures_of_the_link_nothing_is_gained_by_more_bytes)
{
    setup_t *s = new_setup(4, 12, JUP_F32, JUP_EXCHANGE_AUTO, 9);
    run(s, 0, false);
    ck_assert_uint_eq(s->sent_messages[0], 6);
    jup_free(s);
}
END_TEST

enum { LONG_ELEMS = JUP_EXCHANGE_LONG / 2, LONG_ROWS = 3 * LONG_ELEMS / DIM };

typedef struct long_vector {
    int64_t elems;
    uint64_t messages; /* of rank 0 */
} long_vector_t;

/* Halves of 1, 2 and 3: all sums are 6, on all members. */
static void sum_long_vector(jup_comm_t *comm, void *self)
{
    long_vector_t *v = self;
    jup_ring_t ring;
    jup_error_t err;
    const int members[] = {0, 1, 2};
    const int64_t at[] = {0, v->elems / 3, v->elems / 2, v->elems};
    float *y = jup_new((size_t)v->elems, sizeof *y);
    for (int64_t i = 0; i < v->elems; i++)
        y[i] = (float)(1 + comm->rank);
    ck_assert_int_eq(
        jup_ring_init(&ring, comm, members, 3, comm->rank, JUP_F16, LONG_ROWS, DIM, &err), JUP_OK);
    ring.exchange = JUP_EXCHANGE_WHOLE;
    jup_ring_all_reduce(&ring, y, at);
    jup_ring_flush(&ring);
    for (int64_t i = 0; i < v->elems; i++)
        ck_assert_msg(y[i] == 6, "%lld is %g", (long long)i, (double)y[i]);
    if (comm->rank == 0)
        v->messages = comm->sent_messages;
    jup_ring_reset(&ring);
    jup_free(y);
}

/* However many rows there is room for: a vector goes the same way in every run. */
START_TEST(long_vectors_go_in_blocks)
{
    const int64_t elems[] = {LONG_ELEMS - 1, LONG_ELEMS, 2 * LONG_ELEMS};
    for (int i = 0; i < 3; i++) {
        jup_record_log_t log;
        jup_record_options_t how = {.seed = 0};
        long_vector_t v = {.elems = elems[i]};
        jup_record_run(3, &how, sum_long_vector, &v, &log);
        ck_assert_uint_eq(v.messages, elems[i] < LONG_ELEMS ? 2 : 4);
        jup_record_log_reset(&log);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("ring");
    unit_add(all, sums_equal_a_naive_sum_with_the_bytes_of_the_closed_form, 60);
    unit_add(all, a_member_of_an_even_division_sends_exactly_two_nths_of_the_others, 60);
    unit_add(all, any_order_of_turns_gives_the_same_bits_and_no_deadlock, 60);
    unit_add(all, threads_sum_as_turns_do, 60);
    unit_add(all, rows_of_uneven_blocks_arrive_everywhere, 60);
    unit_add(all, what_is_beyond_half_precision_is_scaled, 60);
    unit_add(all, the_exchange_chosen_is_the_quickest_and_said_so, 60);
    unit_add(all, prices_are_those_worked_out_by_hand, 60);
    unit_add(all, long_vectors_are_priced_and_described_as_they_go, 10);
    unit_add(all, without_figures_of_the_link_nothing_is_gained_by_more_bytes, 10);
    unit_add(all, long_vectors_go_in_blocks, 60);
    return all;
}
UNIT_MAIN(suite)
