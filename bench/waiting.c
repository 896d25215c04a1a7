/*
 * What waiting costs: laps of a small message through all ranks, each of which computes for a while
 * before it passes it on, where ranks wait as the program does (short polling, then sleeping) and
 * where they poll all the time. Both take turns. Per lap: its time, and each rank's processor time
 * beyond what it computed.
 *
 *   mpirun -n 2 bench/waiting [ROUNDS]
 *   tools/emulate run 4xnx@1000mbps,0.3ms --cpu 40,40,40,40 -- bench/waiting
 */
#include "base/clock.h"
#include "base/mem.h"
#include "comm/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAPS = 40, MOST_ROUNDS = 100, BYTES = 4096 };

static const double work_ms[] = {0, 0.2, 1, 5};

enum { WORKS = sizeof work_ms / sizeof work_ms[0] };

typedef struct taken {
    double lap_s[MOST_ROUNDS], waiting_s[MOST_ROUNDS]; /* a lap; of the processor */
} taken_t;

static void compute(double seconds)
{
    double end_s = jup_clock_cpu_s() + seconds;
    while (seconds > 0 && jup_clock_cpu_s() < end_s)
        ;
}

static void wait_for(jup_comm_t *comm, jup_pending_t *message, bool polls)
{
    while (polls && message->active)
        jup_comm_progress(comm);
    jup_comm_end(comm, message);
}

static void lap(jup_comm_t *comm, char *block, double work_s, bool polls)
{
    int next = (comm->rank + 1) % comm->size, before = (comm->rank + comm->size - 1) % comm->size;
    jup_pending_t in, out;
    jup_comm_begin_recv(comm, before, JUP_MSG_PING, 0, block, BYTES, &in);
    if (comm->rank > 0)
        wait_for(comm, &in, polls);
    compute(work_s);
    jup_comm_begin_send(comm, next, JUP_MSG_PING, 0, block + BYTES, BYTES, &out);
    wait_for(comm, &out, polls);
    if (comm->rank == 0)
        wait_for(comm, &in, polls);
}

static void laps(jup_comm_t *comm, char *block, double work_s, bool polls, double *lap_s,
                 double *waiting_s)
{
    jup_comm_agree(comm, JUP_OK, NULL); /* a barrier */
    double start_s = jup_clock_now_s(), start_cpu_s = jup_clock_cpu_s();
    for (int i = 0; i < LAPS; i++)
        lap(comm, block, work_s, polls);
    *lap_s = (jup_clock_now_s() - start_s) / LAPS;
    *waiting_s = (jup_clock_cpu_s() - start_cpu_s) / LAPS - work_s;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_size);
    return values[n / 2];
}

/* Median over the rounds, of the rank that waits most; rank 0 has all. */
static double most_waiting(jup_comm_t *comm, taken_t *taken, int rounds)
{
    double most = median(taken->waiting_s, rounds), other;
    for (int rank = 1; rank < comm->size; rank++) {
        if (comm->rank == rank)
            jup_comm_send(comm, 0, JUP_MSG_GATHER, &most, sizeof most);
        if (comm->rank != 0)
            continue;
        jup_comm_recv(comm, rank, JUP_MSG_GATHER, &other, sizeof other);
        most = other > most ? other : most;
    }
    return most;
}

static void measure(jup_comm_t *comm, char *block, double work, int rounds)
{
    taken_t taken[2];
    double waiting_s[2];
    for (int round = -1; round < rounds; round++) /* the first one warms up */
        for (int polls = 0; polls <= 1; polls++) {
            int at = round < 0 ? 0 : round;
            laps(comm, block, work * 1e-3, polls, &taken[polls].lap_s[at],
                 &taken[polls].waiting_s[at]);
        }
    for (int polls = 0; polls <= 1; polls++)
        waiting_s[polls] = most_waiting(comm, &taken[polls], rounds);
    double sleeping_s = median(taken[0].lap_s, rounds), polling_s = median(taken[1].lap_s, rounds);
    if (comm->rank == 0)
        printf("%8.1f %12.3f %12.3f %8.3f %16.3f %12.3f\n", work, sleeping_s * 1e3, polling_s * 1e3,
               sleeping_s / polling_s, waiting_s[0] * 1e3, waiting_s[1] * 1e3);
}

int main(int argc, char **argv)
{
    jup_comm_t comm;
    jup_error_t err;
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 9;
    if (jup_comm_open_mpi(&comm, "bench/waiting", 0, &err) != JUP_OK)
        jup_die(err.code, "%s", err.text);
    if (comm.size < 2 || rounds < 1 || rounds > MOST_ROUNDS)
        jup_die(JUP_EINPUT, "2 ranks or more, 1 to %d rounds", MOST_ROUNDS);
    char *block = jup_new(2, BYTES);
    if (comm.rank == 0)
        printf("%d ranks, %d laps of %d bytes, medians of %d rounds\n%8s %12s %12s %8s %16s %12s\n"
               "%8s %12s %12s %8s %16s %12s\n",
               comm.size, LAPS, BYTES, rounds, "work", "lap, ms", "lap, ms", "ratio",
               "waiting, CPU ms", "CPU ms", "ms", "sleeping", "polling", "", "sleeping", "polling");
    for (int w = 0; w < WORKS; w++)
        measure(&comm, block, work_ms[w], rounds);
    jup_free(block);
    jup_comm_close(&comm);
    return 0;
}
