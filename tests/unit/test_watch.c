/* What the watch makes of what it hears: who is gone, silent, cut off; who is not. Then two watches
   in one process, over real connections. */
#include "base/clock.h"
#include "base/mem.h"
#include "comm/muster.h"
#include "comm/watch.h"
#include "comm/watch_judge.h"
#include "unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANKS = 4 };

static const double limit_s = 30;

static jup_watch_record_t beat_of(int rank, int waits_for, uint32_t finished)
{
    jup_watch_record_t beat = {.kind = JUP_WATCH_BEAT, .rank = rank};
    beat.waits_for = waits_for;
    beat.finished = finished;
    return beat;
}

static void note_traffic(jup_watch_record_t *beat, int peer, uint32_t sent, uint32_t got)
{
    beat->traffic[beat->n++] = (jup_watch_traffic_t){peer, sent, got};
}

/* All say hello at 0 and beat until `until_s`, waiting for the rank before them; finished moves. */
static void live(jup_watch_table_t *t, double until_s)
{
    for (int r = 0; r < RANKS; r++) {
        jup_watch_record_t hello = {.kind = JUP_WATCH_HELLO, .rank = r};
        snprintf(hello.host, sizeof hello.host, "board%d", r);
        jup_watch_table_hear(t, &hello, 0);
    }
    for (double now_s = 1; now_s <= until_s; now_s++)
        for (int r = 0; r < RANKS; r++) {
            jup_watch_record_t beat = beat_of(r, (r + RANKS - 1) % RANKS, (uint32_t)now_s);
            jup_watch_table_hear(t, &beat, now_s);
        }
}

static bool judge(const jup_watch_table_t *t, double now_s, char *text, size_t size)
{
    text[0] = '\0';
    return jup_watch_judge_silent(t, now_s, limit_s, text, size) ||
           jup_watch_judge_stuck(t, now_s, limit_s, text, size);
}

START_TEST(who_is_silent_is_named)
{
    char text[JUP_WATCH_TEXT];
    jup_watch_table_t t;
    jup_watch_table_init(&t, RANKS, 0);
    live(&t, 100);
    snprintf(t.ranks[2].device, JUP_WATCH_NAME, "nx-2");
    for (double now_s = 101; now_s <= 131; now_s++) {
        ck_assert(!judge(&t, now_s - 1, text, sizeof text));
        for (int r = 0; r < RANKS; r += r == 1 ? 2 : 1) { /* all but rank 2 */
            jup_watch_record_t beat = beat_of(r, -1, 0);
            jup_watch_table_hear(&t, &beat, now_s);
        }
    }
    ck_assert(judge(&t, 130.5, text, sizeof text));
    ck_assert_ptr_nonnull(
        strstr(text, "rank 2 (device nx-2, host board2) has not answered for 30 s"));
    ck_assert_ptr_null(strstr(text, "rank 1"));
    /* one that was silent for less is heard again, and well */
    jup_watch_record_t beat = beat_of(2, -1, 0);
    jup_watch_table_hear(&t, &beat, 131);
    ck_assert(!judge(&t, 131, text, sizeof text));
    /* nobody is blamed for the time in which the watch itself stood still */
    jup_watch_table_forgive(&t, 500);
    ck_assert(!judge(&t, 501, text, sizeof text));
    jup_watch_table_reset(&t);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(who_is_gone_is_named_unless_it_has_said_goodbye)
{
    char text[JUP_WATCH_TEXT];
    jup_watch_table_t t;
    jup_watch_table_init(&t, RANKS, 0);
    live(&t, 3);
    ck_assert(!jup_watch_judge_gone(&t, text, sizeof text));
    t.ranks[1].gone = t.ranks[3].gone = true;
    ck_assert(jup_watch_judge_gone(&t, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "rank 1 (host board1) and rank 3 (host board3) are gone"));
    /* nor is one that is through, or gone, called silent */
    jup_watch_record_t bye = {.kind = JUP_WATCH_BYE, .rank = 2};
    jup_watch_table_hear(&t, &bye, 4);
    jup_watch_record_t beat = beat_of(0, -1, 7);
    jup_watch_table_hear(&t, &beat, 90);
    ck_assert(!jup_watch_judge_silent(&t, 90, limit_s, text, sizeof text));
    jup_watch_table_reset(&t);
}
END_TEST

/* Beats of all ranks at 200 s, as they have been since 100 s. Rank r waits for r - 1; rank
   `computes` does not wait. */
static void stand_still(jup_watch_table_t *t, int computes, int cut)
{
    for (double now_s = 100; now_s <= 200; now_s += 1)
        for (int r = 0; r < RANKS; r++) {
            int before = (r + RANKS - 1) % RANKS, after = (r + 1) % RANKS;
            jup_watch_record_t beat = beat_of(r, r == computes ? -1 : before, 9999);
            note_traffic(&beat, before, 0, r == cut ? 56 : 57);
            note_traffic(&beat, after, 57, 0);
            jup_watch_table_hear(t, &beat, now_s);
        }
}

START_TEST(a_link_that_loses_what_was_sent_is_named)
{
    char text[JUP_WATCH_TEXT], expected[100];
    for (int cut = 0; cut < RANKS; cut++) {
        jup_watch_table_t t;
        jup_watch_table_init(&t, RANKS, 0);
        live(&t, 99);
        stand_still(&t, -1, cut);
        ck_assert(judge(&t, 200, text, sizeof text));
        snprintf(expected, sizeof expected, "rank %d (host board%d) has waited for rank %d (", cut,
                 cut, (cut + RANKS - 1) % RANKS);
        ck_assert_ptr_nonnull(strstr(text, expected));
        jup_watch_table_reset(&t);
    }
}
END_TEST

/* A long computation, a user who has not typed yet: not waiting for others is enough. */
START_TEST(who_computes_is_not_stuck)
{
    char text[JUP_WATCH_TEXT];
    for (int computes = 0; computes < RANKS; computes++) {
        jup_watch_table_t t;
        jup_watch_table_init(&t, RANKS, 0);
        live(&t, 99);
        stand_still(&t, computes, -1);
        ck_assert(!judge(&t, 200, text, sizeof text));
        jup_watch_table_reset(&t);
    }
}
END_TEST

/* Where no rank has lost a message, a wait is still named; who never reported is the one. */
START_TEST(who_never_reported_is_named_when_all_wait)
{
    char text[JUP_WATCH_TEXT];
    jup_watch_table_t t;
    jup_watch_table_init(&t, 2, 0);
    for (double now_s = 1; now_s < 29; now_s++) {
        jup_watch_record_t beat = beat_of(0, 1, 3);
        jup_watch_table_hear(&t, &beat, now_s);
        ck_assert(!judge(&t, now_s, text, sizeof text));
    }
    jup_watch_record_t beat = beat_of(0, 1, 3);
    jup_watch_table_hear(&t, &beat, 40);
    ck_assert(judge(&t, 40, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "rank 0 has waited for rank 1 for 30 s"));
    ck_assert_ptr_nonnull(strstr(text, "frozen"));
    jup_watch_table_reset(&t);
}
END_TEST

/* Only while the ranks are brought together. */
START_TEST(who_has_not_come_is_named)
{
    char text[JUP_WATCH_TEXT];
    jup_watch_table_t t;
    jup_watch_table_init(&t, RANKS, 0);
    jup_watch_record_t hello = {.kind = JUP_WATCH_HELLO, .rank = 2};
    jup_watch_table_hear(&t, &hello, 1);
    ck_assert(!jup_watch_judge_absent(&t, 30, limit_s, text, sizeof text));
    ck_assert(jup_watch_judge_absent(&t, 31, limit_s, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "rank 1 and rank 3 have not come within 30 s"));
    jup_watch_table_reset(&t);
}
END_TEST

/* ---- connections ------------------------------------------------------------------------------
 */

typedef struct pair {
    jup_watch_door_t door;
    jup_watch_wire_t in, out;
} pair_t;

static void connect_pair(pair_t *p, int *listening)
{
    *listening = jup_watch_listen(&p->door);
    ck_assert_int_ge(*listening, 0);
    ck_assert(jup_watch_connect(&p->door, 2000, &p->out));
    for (int i = 0; i < 200 && !jup_watch_accept(*listening, &p->in); i++)
        jup_clock_pause(0.01);
    ck_assert_int_ge(p->in.fd, 0);
}

/* Records arrive whole and in order, also those that had to wait; then the end is seen. */
START_TEST(records_arrive_until_the_other_side_is_gone)
{
    enum { MANY = 20000 };
    pair_t p;
    int listening, got = 0, sent = 0;
    jup_watch_record_t record;
    connect_pair(&p, &listening);
    for (int i = 0; i < 100 * MANY && got < MANY; i++) {
        size_t before = p.out.n_out;
        record = beat_of(0, -1, (uint32_t)sent);
        if (sent < MANY && before + sizeof record <= sizeof p.out.out) {
            jup_watch_send(&p.out, &record);
            sent++;
        }
        jup_watch_flush(&p.out);
        while ((i % 3000 == 2999 || sent == MANY) && jup_watch_receive(&p.in, &record))
            ck_assert_uint_eq(record.finished, (uint32_t)got++);
    }
    ck_assert_int_eq(got, MANY);
    ck_assert(!jup_watch_receive(&p.in, &record));
    ck_assert(!p.in.closed);
    jup_watch_wire_close(&p.out);
    for (int i = 0; i < 200 && !p.in.closed; i++) {
        jup_clock_pause(0.01);
        ck_assert(!jup_watch_receive(&p.in, &record));
    }
    ck_assert(p.in.closed);
    jup_watch_wire_close(&p.in);
    close(listening);
}
END_TEST

/* Rank 0 in a process of its own, whose main thread waits in a wait of ours until it is ended. */
static int be_root(int to_child, double limit, double run_s)
{
    jup_watch_door_t door;
    jup_watch_t *w = jup_watch_open(2, limit, &door);
    if (write(to_child, &door, sizeof door) != sizeof door)
        return 99;
    for (double start_s = jup_clock_now_s(); jup_clock_now_s() - start_s < run_s;) {
        jup_watch_look(w);
        jup_clock_pause(0.01);
    }
    jup_watch_close(w);
    return 0;
}

static int code_of_root(int root) /* or of another */
{
    int status;
    ck_assert_int_eq(waitpid(root, &status, 0), root);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* how: 0: a goodbye; 1: gone without a word; 2: another connection that is not of the job */
static int run_pair(int how)
{
    int pipes[2];
    jup_watch_door_t door;
    ck_assert_int_eq(pipe(pipes), 0);
    pid_t root = fork();
    if (root == 0)
        _exit(be_root(pipes[1], limit_s, how == 1 ? 60 : 2));
    ck_assert_int_eq(read(pipes[0], &door, sizeof door), sizeof door);
    jup_watch_wire_t wire;
    jup_watch_record_t hello = {.kind = JUP_WATCH_HELLO, .rank = 1, .secret = door.secret};
    ck_assert(jup_watch_connect(&door, 2000, &wire));
    hello.secret += how == 2;
    jup_watch_send(&wire, &hello);
    jup_clock_pause(0.3);
    hello.kind = JUP_WATCH_BYE;
    if (how == 0)
        jup_watch_send(&wire, &hello);
    jup_watch_wire_close(&wire);
    close(pipes[0]);
    close(pipes[1]);
    return code_of_root(root);
}

/* ---- before MPI is there ---------------------------------------------------------------------
 */

START_TEST(a_launcher_names_a_door)
{
    static const char *const none[] = {NULL,        "",      "20000",    "0 1 h",
                                       "70000 1 h", "x 1 h", "20000 q h"};
    jup_watch_door_t door;
    ck_assert(jup_watch_door_read("20123 00ff00000000001a nx-0 10.1.0.1 fe80::1 10.2.0.1 ", &door));
    ck_assert_uint_eq(door.port, htons(20123));
    ck_assert_uint_eq(door.secret, 0xff00000000001a);
    ck_assert_str_eq(door.host, "nx-0");
    ck_assert_int_eq(door.n, 3);
    ck_assert_uint_eq(door.address[1], htonl(0x0a020001));
    ck_assert_uint_eq(door.address[2], htonl(INADDR_LOOPBACK));
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ck_assert(!jup_watch_door_read(none[i], &door));
}
END_TEST

static void ck_host(int rank, const char *expected)
{
    char host[20] = "before";
    ck_assert_int_eq(jup_muster_host(rank, host, sizeof host), expected != NULL);
    ck_assert_str_eq(host, expected ? expected : "");
}

START_TEST(a_launcher_names_hosts)
{
    char here[20] = "";
    gethostname(here, sizeof here - 1);
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    ck_host(1, NULL);
    setenv("JUPITER_HOSTS", "nx-0 nx-0 10.1.0.3", 1);
    ck_host(1, "nx-0");
    ck_host(2, "10.1.0.3");
    ck_host(3, NULL);
    setenv("JUPITER_HOSTS", "a-host-of-a-very-long-name", 1);
    ck_host(3, "a-host-of-a-very-lo");
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4", 1); /* all are here, whoever started them */
    ck_host(3, here);
    unsetenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("JUPITER_HOSTS");
}
END_TEST

/* A process whose main thread is where nothing reaches it, for a while; then its code is 0. */
static pid_t begin_early(int rank, double limit)
{
    pid_t process = fork();
    if (process != 0)
        return process;
    jup_watch_t *w = jup_watch_open_early(rank, 2, limit);
    jup_clock_pause(w ? 5 : 0);
    jup_watch_gathered(w);
    jup_watch_close(w);
    _exit(w ? 0 : 99);
}

static void name_door(const char *host)
{
    char here[JUP_WATCH_NAME] = "", text[200];
    gethostname(here, sizeof here - 1);
    snprintf(text, sizeof text, "%d abc %s", 20000 + (int)getpid() % 12000, host ? host : here);
    setenv("JUPITER_DOOR", text, 1);
}

/* Both come; one does not; one goes; rank 0 is not where the launcher is. */
START_TEST(ranks_are_watched_before_mpi_is_there)
{
    name_door(NULL);
    pid_t other = begin_early(1, 30);
    jup_clock_pause(0.2);
    pid_t root = begin_early(0, 30);
    ck_assert_int_eq(code_of_root(root), 0);
    ck_assert_int_eq(code_of_root(other), 0);
    ck_assert_int_eq(code_of_root(begin_early(0, 1)), JUP_EENV);
    root = begin_early(0, 30);
    other = begin_early(1, 30);
    jup_clock_pause(1);
    kill(other, SIGKILL);
    ck_assert_int_eq(code_of_root(root), JUP_EENV);
    ck_assert_int_eq(waitpid(other, NULL, 0), other);
    name_door("elsewhere");
    ck_assert_int_eq(code_of_root(begin_early(0, 30)), 99);
    unsetenv("JUPITER_DOOR");
    ck_assert_int_eq(code_of_root(begin_early(1, 30)), 99);
}
END_TEST

/* Another job's rank 0 has the port: it closes whatever comes. Later the right one is there. */
START_TEST(a_door_that_is_anothers_is_knocked_at_again)
{
    jup_watch_door_t door;
    jup_watch_wire_t wire;
    name_door(NULL);
    ck_assert(jup_watch_door_read(getenv("JUPITER_DOOR"), &door));
    pid_t other = begin_early(1, 30); /* has none of the sockets here */
    int listening = jup_watch_listen_at(&door), closed = 0;
    ck_assert_int_ge(listening, 0);
    for (double start_s = jup_clock_now_s(); closed < 3;) {
        ck_assert(jup_clock_now_s() - start_s < 20);
        struct pollfd fd = {.fd = listening, .events = POLLIN};
        poll(&fd, 1, 100);
        if (jup_watch_accept(listening, &wire)) {
            jup_watch_wire_close(&wire);
            closed++;
        }
    }
    close(listening);
    pid_t root = begin_early(0, 30);
    ck_assert_int_eq(code_of_root(other), 0);
    ck_assert_int_eq(code_of_root(root), 0);
    unsetenv("JUPITER_DOOR");
}
END_TEST

static int be_rank_1(const jup_watch_door_t *door)
{
    jup_watch_t *w = jup_watch_join(1, 2, limit_s, door);
    jup_clock_pause(0.5);
    jup_watch_close(w);
    return 0;
}

/* Rank 1 is through; rank 0 is not yet, or is frozen. */
START_TEST(who_leaves_waits_for_rank_0)
{
    for (int frozen = 0; frozen < 2; frozen++) {
        int pipes[2], status;
        jup_watch_door_t door;
        ck_assert_int_eq(pipe(pipes), 0);
        pid_t root = fork();
        if (root == 0)
            _exit(be_root(pipes[1], 5, 4));
        ck_assert_int_eq(read(pipes[0], &door, sizeof door), sizeof door);
        pid_t other = fork();
        if (other == 0)
            _exit(be_rank_1(&door));
        jup_clock_pause(1.5);
        if (frozen)
            kill(root, SIGSTOP);
        ck_assert_int_eq(waitpid(other, &status, WNOHANG), 0);
        ck_assert_int_eq(code_of_root(other), frozen ? JUP_EENV : 0);
        kill(root, frozen ? SIGKILL : SIGCONT);
        ck_assert_int_eq(waitpid(root, &status, 0), root);
        ck_assert_int_eq(status, frozen ? SIGKILL : 0);
        close(pipes[0]);
        close(pipes[1]);
    }
}
END_TEST

START_TEST(a_lost_rank_ends_rank_0_and_a_stranger_does_not)
{
    ck_assert_int_eq(run_pair(0), 0);
    ck_assert_int_eq(run_pair(1), JUP_EENV);
    ck_assert_int_eq(run_pair(2), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("watch");
    unit_add(s, who_is_silent_is_named, 20);
    unit_add(s, who_is_gone_is_named_unless_it_has_said_goodbye, 20);
    unit_add(s, a_link_that_loses_what_was_sent_is_named, 20);
    unit_add(s, who_computes_is_not_stuck, 20);
    unit_add(s, who_never_reported_is_named_when_all_wait, 20);
    unit_add(s, who_has_not_come_is_named, 20);
    unit_add(s, a_launcher_names_a_door, 20);
    unit_add(s, a_launcher_names_hosts, 20);
    unit_add(s, ranks_are_watched_before_mpi_is_there, 120);
    unit_add(s, records_arrive_until_the_other_side_is_gone, 60);
    unit_add(s, a_door_that_is_anothers_is_knocked_at_again, 60);
    unit_add(s, who_leaves_waits_for_rank_0, 60);
    unit_add(s, a_lost_rank_ends_rank_0_and_a_stranger_does_not, 60);
    return s;
}

UNIT_MAIN(suite)
