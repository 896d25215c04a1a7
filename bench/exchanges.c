/*
 * What summing a vector over all ranks takes, by each exchange, through MPI as the program uses it,
 * beside what comm/exchange.h says of it from the links: whether latencies of messages sent at the
 * same time overlap (serial ms: by how much each further one is later), and which exchange pays.
 * Medians, since ranks may share processors. Every sum is checked.
 *
 *   mpirun -n 4 bench/exchanges [rounds]
 */
#include "base/clock.h"
#include "base/mem.h"
#include "cluster/fit.h"
#include "comm/collect.h"
#include "strategy/ring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZES = 7, LARGEST = 512 << 10, MOST_ROUNDS = 10000, MOST_RANKS = 16 };

static const size_t sizes[SIZES] = {1 << 10,  4 << 10,  8 << 10, 16 << 10,
                                    32 << 10, 64 << 10, LARGEST};

typedef struct bench {
    jup_comm_t comm;
    jup_ring_t ring;
    int rounds;
    float *y;
    double *times_s; /* (rounds) */
} bench_t;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(bench_t *b)
{
    qsort(b->times_s, (size_t)b->rounds, sizeof *b->times_s, compare);
    return b->times_s[b->rounds / 2];
}

/* All ranks begin at about the same time. */
static void meet(bench_t *b)
{
    jup_comm_agree(&b->comm, JUP_OK, NULL);
}

/* Small whole numbers, which half precision adds without rounding. */
static float summand(int rank, int64_t i)
{
    return (float)((rank + 1) * (i % 13 - 6));
}

static void check_sum(bench_t *b, int64_t elems)
{
    for (int64_t i = 0; i < elems; i++) {
        int n = b->ring.n;
        float sum = (float)(n * (n + 1) / 2 * (i % 13 - 6));
        if (b->y[i] != sum)
            jup_die(JUP_EENV, "rank %d: element %lld of %lld is %g instead of %g", b->comm.rank,
                    (long long)i, (long long)elems, (double)b->y[i], (double)sum);
    }
}

static double all_reduce_s(bench_t *b, jup_exchange_t exchange, size_t bytes)
{
    int64_t elems = (int64_t)bytes / 2, at[MOST_RANKS + 1];
    b->ring.exchange = exchange;
    for (int m = 0; m <= b->ring.n; m++)
        at[m] = elems * m / b->ring.n;
    meet(b);
    for (int round = -2; round < b->rounds; round++) {
        for (int64_t i = 0; i < elems; i++)
            b->y[i] = summand(b->comm.rank, i);
        double start_s = jup_clock_now_s();
        jup_ring_all_reduce(&b->ring, b->y, at);
        if (round >= 0)
            b->times_s[round] = jup_clock_now_s() - start_s;
        check_sum(b, elems);
    }
    jup_ring_flush(&b->ring);
    return median(b);
}

/* Half of a round trip: rank 0 to the first `others` ranks at once, and from them back. */
static double one_way_s(bench_t *b, int others, size_t bytes)
{
    jup_pending_t *in = jup_new(2 * (size_t)b->comm.size, sizeof *in), *out = in + b->comm.size;
    char *room = (char *)b->ring.in;
    meet(b);
    for (int round = -2; round < b->rounds; round++) {
        double start_s = jup_clock_now_s();
        if (b->comm.rank == 0) {
            for (int r = 1; r <= others; r++) {
                jup_comm_begin_recv(&b->comm, r, JUP_MSG_PING, -1, room + (r - 1) * (int64_t)bytes,
                                    bytes, &in[r]);
                jup_comm_begin_send(&b->comm, r, JUP_MSG_PING, -1, b->ring.out, bytes, &out[r]);
            }
            for (int r = 1; r <= others; r++) {
                jup_comm_end(&b->comm, &in[r]);
                jup_comm_end(&b->comm, &out[r]);
            }
        } else if (b->comm.rank <= others) {
            jup_comm_recv(&b->comm, 0, JUP_MSG_PING, room, bytes);
            jup_comm_send(&b->comm, 0, JUP_MSG_PING, room, bytes);
        }
        if (round >= 0)
            b->times_s[round] = 0.5 * (jup_clock_now_s() - start_s);
    }
    jup_free(in);
    return median(b);
}

static jup_exchange_link_t measure_link(bench_t *b)
{
    double bytes[3] = {64, 32 << 10, 128 << 10}, seconds[3], error;
    jup_exchange_link_t link = {0};
    for (int i = 0; i < 3; i++)
        seconds[i] = one_way_s(b, 1, (size_t)bytes[i]);
    jup_fit_link(bytes, seconds, 3, &link.latency_s, &link.bytes_per_s, &error);
    double all_s = one_way_s(b, b->comm.size - 1, 64);
    link.serial_s = b->comm.size > 2 ? fmax(0, (all_s - seconds[0]) / (b->comm.size - 2)) : 0;
    jup_comm_share_fixed(&b->comm, &link, sizeof link);
    return link;
}

static void print_sizes(bench_t *b)
{
    for (int i = 0; i < SIZES; i++) {
        double bytes = (double)sizes[i];
        double measured_s[JUP_EXCHANGES];
        for (jup_exchange_t e = JUP_EXCHANGE_RING; e < JUP_EXCHANGES; e++)
            measured_s[e] = all_reduce_s(b, e, sizes[i]);
        if (b->comm.rank != 0)
            continue;
        printf("%4zu KiB", sizes[i] / 1024);
        for (jup_exchange_t e = JUP_EXCHANGE_RING; e < JUP_EXCHANGES; e++)
            printf("  %8.3f (%8.3f)", measured_s[e] * 1e3,
                   jup_exchange_s(e, &b->ring.link, b->ring.n, bytes) * 1e3);
        printf("  %s\n", jup_exchange_name(jup_exchange_choose(JUP_EXCHANGE_AUTO, &b->ring.link,
                                                               b->ring.n, bytes)));
    }
}

static void measure(bench_t *b)
{
    b->ring.link = measure_link(b);
    if (b->comm.rank == 0) {
        char text[80];
        jup_exchange_describe(JUP_EXCHANGE_AUTO, &b->ring.link, b->ring.n, text, sizeof text);
        printf("%d ranks (%s clock): latency %.3f ms, serial %.3f ms, %.0f Mbit/s: %s\n", b->ring.n,
               jup_clock_kind(), b->ring.link.latency_s * 1e3, b->ring.link.serial_s * 1e3,
               b->ring.link.bytes_per_s * 8e-6, text);
        printf("%8s  %19s  %19s  %19s  chosen\n", "bytes", "ring ms (expected)", "direct", "whole");
    }
    print_sizes(b);
}

int main(int argc, char **argv)
{
    bench_t b = {.rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 200};
    jup_error_t err;
    int members[MOST_RANKS];
    if (jup_comm_open_mpi(&b.comm, "bench/exchanges", 0, &err) != JUP_OK)
        jup_die(err.code, "%s", err.text);
    if (b.comm.size < 2 || b.comm.size > MOST_RANKS || b.rounds < 1 || b.rounds > MOST_ROUNDS)
        jup_die(JUP_EINPUT, "2 to %d ranks, 1 to %d rounds", MOST_RANKS, MOST_ROUNDS);
    for (int r = 0; r < b.comm.size; r++)
        members[r] = r;
    if (jup_ring_init(&b.ring, &b.comm, members, b.comm.size, b.comm.rank, JUP_F16, b.comm.size,
                      LARGEST / 2, &err) != JUP_OK)
        jup_die(err.code, "%s", err.text);
    b.y = jup_new(LARGEST / 2, sizeof *b.y);
    b.times_s = jup_new((size_t)b.rounds, sizeof *b.times_s);
    measure(&b);
    jup_free(b.y);
    jup_free(b.times_s);
    jup_ring_reset(&b.ring);
    jup_comm_close(&b.comm);
    return 0;
}
