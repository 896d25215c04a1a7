/* What ends a rank's pause, and when it trusts its sockets to end them. */
#include "comm/muster.h"
#include "comm/sleeper.h"
#include "unit.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct pair {
    int near, far;
} pair_t;

/* Two ends of a TCP connection. */
static pair_t connect_pair(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&at, &size), 0);
    ck_assert_int_eq(listen(listening, 1), 0);
    pair_t pair = {.far = socket(AF_INET, SOCK_STREAM, 0)};
    ck_assert_int_eq(connect(pair.far, (struct sockaddr *)&at, sizeof at), 0);
    pair.near = accept(listening, NULL, NULL);
    ck_assert_int_ge(pair.near, 0);
    close(listening);
    return pair;
}

static void close_pair(pair_t pair)
{
    close(pair.near);
    close(pair.far);
}

/* A message that a socket announces, and that is read then. */
static void announced(jup_sleeper_t *sleeper, pair_t pair)
{
    char byte = 1;
    jup_sleeper_begin(sleeper);
    ck_assert_int_eq(write(pair.far, &byte, 1), 1);
    jup_sleeper_pause(sleeper, 0.01, false);
    ck_assert_int_eq(sleeper->last, JUP_SLEPT_HEARD);
    ck_assert_int_eq(read(pair.near, &byte, 1), 1);
    jup_sleeper_end(sleeper, 0.01, true);
}

/* A message that comes through memory during a pause. */
static void unannounced(jup_sleeper_t *sleeper)
{
    jup_sleeper_begin(sleeper);
    jup_sleeper_pause(sleeper, 0.001, false);
    ck_assert_int_ne(sleeper->last, JUP_SLEPT_HEARD);
    jup_sleeper_end(sleeper, 0.001, true);
}

/* Messages that sockets announce until the next is waited for with a long pause. */
static int until_trust(jup_sleeper_t *sleeper, pair_t pair)
{
    for (int n = 0;; n++) {
        announced(sleeper, pair);
        if (sleeper->long_pause)
            return n;
    }
}

START_TEST(a_young_wait_polls)
{
    jup_sleeper_t sleeper = {0};
    jup_sleeper_begin(&sleeper);
    jup_sleeper_pause(&sleeper, 1e-6, false);
    ck_assert_int_eq(sleeper.last, JUP_SLEPT_NOT);
}
END_TEST

START_TEST(without_sockets_a_pause_is_a_pause)
{
    jup_sleeper_t sleeper = {0};
    jup_sleeper_begin(&sleeper);
    jup_sleeper_pause(&sleeper, 0.01, false);
    ck_assert_int_eq(sleeper.last, JUP_SLEPT_DEAF);
    ck_assert_int_eq(sleeper.n, 0);
}
END_TEST

START_TEST(a_message_ends_a_pause)
{
    jup_sleeper_t sleeper = {0};
    pair_t pair = connect_pair();
    announced(&sleeper, pair);
    ck_assert_int_eq(sleeper.n, 2); /* both ends are this process's */
    close_pair(pair);
}
END_TEST

START_TEST(trust_is_earned_and_grows_slower_after_a_disappointment)
{
    jup_sleeper_t sleeper = {0};
    pair_t pair = connect_pair();
    int first = until_trust(&sleeper, pair);
    ck_assert_int_ge(first, 4);
    unannounced(&sleeper);
    ck_assert_int_eq(sleeper.announced, 0);
    ck_assert_int_eq(until_trust(&sleeper, pair), 2 * first);
    close_pair(pair);
}
END_TEST

/* By chance a wait ends as a pause does; but each time it takes twice as many to stay trusted. */
START_TEST(after_many_announcements_one_disappointment_is_forgiven)
{
    jup_sleeper_t sleeper = {0};
    pair_t pair = connect_pair();
    int first = until_trust(&sleeper, pair);
    for (int i = 0; i < 3 * first; i++)
        announced(&sleeper, pair);
    unannounced(&sleeper);
    ck_assert_int_eq(sleeper.doubts, 1);
    ck_assert_int_eq(until_trust(&sleeper, pair), 0);
    unannounced(&sleeper);
    ck_assert_int_eq(sleeper.announced, 0);
    close_pair(pair);
}
END_TEST

START_TEST(messages_through_memory_earn_none)
{
    jup_sleeper_t sleeper = {0};
    pair_t pair = connect_pair();
    for (int i = 0; i < 40; i++) {
        announced(&sleeper, pair);
        unannounced(&sleeper);
        ck_assert_int_le(sleeper.announced, 1);
    }
    ck_assert_int_eq(sleeper.doubts, 0);
    close_pair(pair);
}
END_TEST

/* The wait for a message that comes through memory after so long. */
static void through_memory(jup_sleeper_t *sleeper, double waited_s)
{
    jup_sleeper_begin(sleeper);
    jup_sleeper_pause(sleeper, waited_s, false);
    jup_sleeper_end(sleeper, waited_s, true);
}

static jup_slept_t pause_after(jup_sleeper_t *sleeper, double waited_s)
{
    jup_sleeper_begin(sleeper);
    jup_sleeper_pause(sleeper, waited_s, false);
    return sleeper->last;
}

START_TEST(a_message_through_memory_is_polled_for_when_it_is_due)
{
    jup_sleeper_t sleeper = {.spare = true};
    for (int i = 0; i < 49; i++)
        through_memory(&sleeper, 0.004);
    double start_s = jup_clock_now_s();
    ck_assert_int_eq(pause_after(&sleeper, 0), JUP_SLEPT_DEAF);
    ck_assert_double_ge(jup_clock_now_s() - start_s, 0.003);
    ck_assert_int_eq(pause_after(&sleeper, 0.00395), JUP_SLEPT_NOT);
    ck_assert_int_eq(pause_after(&sleeper, 0.008), JUP_SLEPT_DEAF); /* it is late: who knows */
    jup_sleeper_begin(&sleeper); /* a message of its own may have to be moved on */
    jup_sleeper_pause(&sleeper, 0.00395, true);
    ck_assert_int_eq(sleeper.last, JUP_SLEPT_DEAF);
    sleeper.spare = false;
    ck_assert_int_eq(pause_after(&sleeper, 0.00395), JUP_SLEPT_DEAF);
}
END_TEST

/* The same, found without a pause. */
static void after(jup_sleeper_t *sleeper, double waited_s)
{
    jup_sleeper_begin(sleeper);
    jup_sleeper_end(sleeper, waited_s, true);
}

START_TEST(one_odd_wait_changes_nothing_and_a_few_do)
{
    jup_sleeper_t sleeper = {.spare = true};
    for (int i = 0; i < 40; i++)
        after(&sleeper, 0.004);
    after(&sleeper, 0.02);
    ck_assert_int_eq(pause_after(&sleeper, 0.00395), JUP_SLEPT_NOT);
    ck_assert_int_eq(pause_after(&sleeper, 0.0019), JUP_SLEPT_DEAF);
    for (int i = 0; i < 7; i++)
        after(&sleeper, 0.002);
    ck_assert_int_eq(pause_after(&sleeper, 0.0019), JUP_SLEPT_NOT);
    ck_assert_int_eq(pause_after(&sleeper, 0.00395), JUP_SLEPT_DEAF);
}
END_TEST

START_TEST(nothing_is_due_where_waits_differ_or_sockets_announce)
{
    jup_sleeper_t sleeper = {.spare = true};
    for (int i = 0; i < 49; i++)
        through_memory(&sleeper, i % 2 ? 0.001 : 0.004);
    ck_assert_int_eq(pause_after(&sleeper, 0.004), JUP_SLEPT_DEAF);

    sleeper = (jup_sleeper_t){.spare = true};
    for (int i = 0; i < 49; i++)
        through_memory(&sleeper, 0.004);
    pair_t pair = connect_pair();
    sleeper.listed_s = 0; /* looked up anew */
    announced(&sleeper, pair);
    ck_assert_int_eq(sleeper.silent, 0);
    ck_assert_int_eq(pause_after(&sleeper, 0.004), JUP_SLEPT_OUT);
    close_pair(pair);
}
END_TEST

START_TEST(while_sending_pauses_stay_short)
{
    jup_sleeper_t sleeper = {0};
    pair_t pair = connect_pair();
    until_trust(&sleeper, pair);
    jup_sleeper_begin(&sleeper);
    jup_sleeper_pause(&sleeper, 0.001, true);
    ck_assert_int_eq(sleeper.last, JUP_SLEPT_OUT);
    jup_sleeper_end(&sleeper, 0.001, false);
    ck_assert_int_eq(sleeper.doubts, 0);
    close_pair(pair);
}
END_TEST

/* Nobody here reads it: a foreign socket must not make a rank run round and round. */
START_TEST(a_socket_that_nobody_reads_does_not_keep_it_awake)
{
    jup_sleeper_t sleeper = {0};
    pair_t pair = connect_pair();
    ck_assert_int_eq(write(pair.far, "x", 1), 1);
    int deaf = 0;
    jup_sleeper_begin(&sleeper);
    for (int i = 0; i < 50; i++) {
        jup_sleeper_pause(&sleeper, 0.0001, false);
        deaf += sleeper.last == JUP_SLEPT_DEAF;
    }
    ck_assert_int_ge(deaf, 5);
    close_pair(pair);
}
END_TEST

/* Open MPI binds each of two ranks to one processor, of two. */
START_TEST(bound_ranks_have_processors)
{
    cpu_set_t all, one;
    char more[16];
    int n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t i = 0; CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    unsetenv("OMPI_MCA_orte_bound_at_launch");
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "1", 1);
    ck_assert(jup_muster_has_processors());
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "2", 1);
    ck_assert(!jup_muster_has_processors()); /* both on this one */
    setenv("OMPI_MCA_orte_bound_at_launch", "1", 1);
    ck_assert(jup_muster_has_processors() == (n >= 2));
    snprintf(more, sizeof more, "%d", n + 1);
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", more, 1);
    ck_assert(!jup_muster_has_processors());
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("sleeper");
    unit_add(s, a_young_wait_polls, 10);
    unit_add(s, without_sockets_a_pause_is_a_pause, 10);
    unit_add(s, a_message_ends_a_pause, 10);
    unit_add(s, trust_is_earned_and_grows_slower_after_a_disappointment, 10);
    unit_add(s, after_many_announcements_one_disappointment_is_forgiven, 10);
    unit_add(s, messages_through_memory_earn_none, 10);
    unit_add(s, a_message_through_memory_is_polled_for_when_it_is_due, 10);
    unit_add(s, one_odd_wait_changes_nothing_and_a_few_do, 10);
    unit_add(s, nothing_is_due_where_waits_differ_or_sockets_announce, 10);
    unit_add(s, while_sending_pauses_stay_short, 10);
    unit_add(s, a_socket_that_nobody_reads_does_not_keep_it_awake, 10);
    unit_add(s, bound_ranks_have_processors, 10);
    return s;
}

UNIT_MAIN(suite)
