#include "job/measure_links.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cluster/fit.h"
#include "comm/collect.h"

#include <string.h>

enum { SIZES = 6, LARGEST = 1 << 20, ALL_PAIRS = 8, TRIPS = 7 };

static const size_t sizes[SIZES] = {64, 1 << 10, 8 << 10, 64 << 10, 256 << 10, LARGEST};

typedef struct fitted {
    jup_link_t link;
    double error;
} fitted_t;

static double round_trip_s(jup_comm_t *comm, int peer, char *block, size_t bytes)
{
    double start_s = jup_clock_now_s();
    jup_comm_send(comm, peer, JUP_MSG_PING, block, bytes);
    jup_comm_recv(comm, peer, JUP_MSG_PING, block, bytes);
    return jup_clock_now_s() - start_s;
}

/* Half of the quickest round trip: what the link does when nobody else has the processor. */
static double one_way_s(jup_comm_t *comm, int peer, char *block, size_t bytes)
{
    double quickest = round_trip_s(comm, peer, block, bytes);
    for (int i = 1; i < TRIPS; i++) {
        double trip = round_trip_s(comm, peer, block, bytes);
        quickest = trip < quickest ? trip : quickest;
    }
    return quickest / 2;
}

static void ask(jup_comm_t *comm, int peer, char *block, fitted_t *f)
{
    double bytes[SIZES], seconds[SIZES];
    for (int i = 0; i < SIZES; i++) {
        bytes[i] = (double)sizes[i];
        seconds[i] = one_way_s(comm, peer, block, sizes[i]);
    }
    jup_fit_link(bytes, seconds, SIZES, &f->link.latency_s, &f->link.bytes_per_s, &f->error);
}

static void answer(jup_comm_t *comm, int peer, char *block)
{
    for (int i = 0; i < SIZES * TRIPS; i++) {
        size_t bytes = jup_comm_recv(comm, peer, JUP_MSG_PING, block, LARGEST);
        jup_comm_send(comm, peer, JUP_MSG_PING, block, bytes);
    }
}

static fitted_t measure_pair(jup_comm_t *comm, int a, int b, char *block)
{
    fitted_t f = {.link = {0, 0}};
    if (comm->rank == a)
        ask(comm, b, block, &f);
    else if (comm->rank == b)
        answer(comm, a, block);
    if (a != 0 && comm->rank == a)
        jup_comm_send(comm, 0, JUP_MSG_GATHER, &f, sizeof f);
    if (a != 0 && comm->rank == 0)
        jup_comm_recv(comm, a, JUP_MSG_GATHER, &f, sizeof f);
    jup_comm_agree(comm, JUP_OK, NULL); /* the next pair waits */
    return f;
}

static bool is_measured(const jup_comm_t *comm, int a, int b)
{
    return comm->size <= ALL_PAIRS || b == a + 1 || (a == 0 && b == comm->size - 1);
}

/* Pairs that were not measured get the mean of those that were. */
static void fill_gaps(const jup_comm_t *comm, jup_link_t *links)
{
    jup_link_t mean = {0, 0};
    int n = 0, size = comm->size;
    for (int i = 0; i < size * size; i++)
        if (links[i].bytes_per_s > 0) {
            mean.latency_s += links[i].latency_s;
            mean.bytes_per_s += links[i].bytes_per_s;
            n++;
        }
    for (int i = 0; n && i < size * size; i++)
        if (links[i].bytes_per_s <= 0)
            links[i] = (jup_link_t){mean.latency_s / n, mean.bytes_per_s / n};
}

double jup_measure_links(jup_comm_t *comm, jup_link_t *links)
{
    char *block = jup_new(LARGEST, 1);
    double error = 0;
    int n = 0, size = comm->size;
    memset(links, 0, (size_t)(size * size) * sizeof *links);
    for (int a = 0; a < size; a++)
        for (int b = a + 1; b < size; b++) {
            if (!is_measured(comm, a, b))
                continue;
            fitted_t f = measure_pair(comm, a, b, block);
            links[a * size + b] = links[b * size + a] = f.link;
            error += f.error;
            n++;
        }
    if (comm->rank == 0)
        fill_gaps(comm, links);
    jup_free(block);
    return n ? error / n : 0;
}
