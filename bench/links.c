/*
 * What the links really give, measured through MPI as the program uses it: one-way time of messages
 * of several sizes between all pairs of ranks (or neighbours, beyond 8 ranks), and the latency and
 * bandwidth that fit them.
 *
 *   mpirun -n 4 bench/links [--lines]
 */
#include "base/clock.h"
#include "base/mem.h"
#include "cluster/fit.h"
#include "comm/collect.h"

#include <stdio.h>
#include <string.h>

enum { SIZES = 7, LARGEST = 2 << 20, ALL_PAIRS = 8, QUICKEST_OF = 5 };

static const size_t sizes[SIZES] = {64, 1 << 10, 8 << 10, 32 << 10, 256 << 10, 1 << 20, LARGEST};

typedef struct measured {
    double one_way_s[SIZES];
    double latency_s, bytes_per_s, error;
} measured_t;

static double round_trip(jup_comm_t *comm, int peer, char *block, size_t bytes)
{
    double start_s = jup_clock_now_s();
    jup_comm_send(comm, peer, JUP_MSG_PING, block, bytes);
    jup_comm_recv(comm, peer, JUP_MSG_PING, block, bytes);
    return jup_clock_now_s() - start_s;
}

/* The side that asks; half of the quickest round trip counts. The first trip warms up. */
static void ask(jup_comm_t *comm, int peer, char *block, measured_t *m)
{
    for (int i = 0; i < SIZES; i++) {
        double best_s = 0;
        for (int trip = 0; trip <= QUICKEST_OF; trip++) {
            double trip_s = round_trip(comm, peer, block, sizes[i]);
            if (trip > 0 && (trip == 1 || trip_s < best_s))
                best_s = trip_s;
        }
        m->one_way_s[i] = 0.5 * best_s;
    }
    double bytes[SIZES];
    for (int i = 0; i < SIZES; i++)
        bytes[i] = (double)sizes[i];
    jup_fit_link(bytes, m->one_way_s, SIZES, &m->latency_s, &m->bytes_per_s, &m->error);
}

static void answer(jup_comm_t *comm, int peer, char *block)
{
    for (int trip = 0; trip < SIZES * (QUICKEST_OF + 1); trip++) {
        size_t bytes = jup_comm_recv(comm, peer, JUP_MSG_PING, block, LARGEST);
        jup_comm_send(comm, peer, JUP_MSG_PING, block, bytes);
    }
}

static void print_heading(bool lines)
{
    if (lines)
        return;
    printf("one-way times through MPI (%s clock): half of the quickest of %d round trips\n",
           jup_clock_kind(), QUICKEST_OF);
    printf("%9s %10s %9s %8s   ms for", "ranks", "latency ms", "Mbit/s", "fit +-");
    for (int i = 0; i < SIZES; i++)
        printf(sizes[i] < 1024 ? " %7zu B" : " %5zu KiB",
               sizes[i] < 1024 ? sizes[i] : sizes[i] / 1024);
    printf("\n");
}

static void print_measured(bool lines, int from, int to, const measured_t *m)
{
    if (lines) {
        printf("link\t%d\t%d\t%.9g\t%.9g\n", from, to, m->bytes_per_s * 8e-6, m->latency_s * 1e3);
        return;
    }
    printf("%3d - %3d %10.3f %9.1f %7.1f%%         ", from, to, m->latency_s * 1e3,
           m->bytes_per_s * 8e-6, m->error * 100);
    for (int i = 0; i < SIZES; i++)
        printf(" %9.3f", m->one_way_s[i] * 1e3);
    printf("\n");
}

/* One pair after the other, so that none disturbs another; rank 0 hears of each and prints. */
static void measure_pair(jup_comm_t *comm, int from, int to, char *block, bool lines)
{
    measured_t m = {0};
    if (comm->rank == from)
        ask(comm, to, block, &m);
    else if (comm->rank == to)
        answer(comm, from, block);
    if (from != 0 && comm->rank == from)
        jup_comm_send(comm, 0, JUP_MSG_GATHER, &m, sizeof m);
    if (from != 0 && comm->rank == 0)
        jup_comm_recv(comm, from, JUP_MSG_GATHER, &m, sizeof m);
    if (comm->rank == 0)
        print_measured(lines, from, to, &m);
    jup_comm_agree(comm, JUP_OK, NULL); /* a barrier */
}

int main(int argc, char **argv)
{
    jup_comm_t comm;
    jup_error_t err;
    bool lines = argc > 1 && strcmp(argv[1], "--lines") == 0;
    if (jup_comm_open_mpi(&comm, "bench/links", 0, &err) != JUP_OK)
        jup_die(err.code, "%s", err.text);
    char *block = jup_new(LARGEST, 1);
    if (comm.rank == 0)
        print_heading(lines);
    for (int from = 0; from < comm.size; from++)
        for (int to = from + 1; to < comm.size; to++)
            if (comm.size <= ALL_PAIRS || to == from + 1)
                measure_pair(&comm, from, to, block, lines);
    jup_free(block);
    jup_comm_close(&comm);
    return 0;
}
