#include "job/measure_links.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cluster/fit.h"
#include "comm/collect.h"

#include <math.h>
#include <string.h>

enum { SIZES = 6, LARGEST = 1 << 20, ALL_PAIRS = 8, TRIPS = 7, USED_TO = 32 };

static const size_t sizes[SIZES] = {64, 1 << 10, 8 << 10, 64 << 10, 256 << 10, LARGEST};

typedef struct fitted {
    jup_link_t link;
    double error;
} fitted_t;

/* What this rank's messages took, over all its links. */
typedef struct taken {
    double cpu_s[SIZES];      /* of the processor, of all messages of a size */
    double quickest_s[SIZES]; /* a message's, one way */
    int messages;             /* of each size */
} taken_t;

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

static void ask(jup_comm_t *comm, int peer, char *block, fitted_t *f, taken_t *taken)
{
    double bytes[SIZES], seconds[SIZES];
    for (int i = 0; i < SIZES; i++) {
        double start_s = jup_clock_cpu_s();
        bytes[i] = (double)sizes[i];
        seconds[i] = one_way_s(comm, peer, block, sizes[i]);
        taken->cpu_s[i] += jup_clock_cpu_s() - start_s;
        taken->quickest_s[i] = seconds[i];
    }
    jup_comm_send(comm, peer, JUP_MSG_PING, seconds, sizeof seconds);
    jup_fit_link(bytes, seconds, SIZES, &f->link.latency_s, &f->link.bytes_per_s, &f->error);
}

static void answer(jup_comm_t *comm, int peer, char *block, taken_t *taken)
{
    for (int i = 0; i < SIZES; i++) {
        double start_s = jup_clock_cpu_s();
        for (int trip = 0; trip < TRIPS; trip++) {
            size_t bytes = jup_comm_recv(comm, peer, JUP_MSG_PING, block, LARGEST);
            jup_comm_send(comm, peer, JUP_MSG_PING, block, bytes);
        }
        taken->cpu_s[i] += jup_clock_cpu_s() - start_s;
    }
    jup_comm_recv(comm, peer, JUP_MSG_PING, taken->quickest_s, sizeof taken->quickest_s);
}

/* The first message between two ranks makes their connection. */
static void meet(jup_comm_t *comm, int peer, char *block)
{
    jup_comm_send(comm, peer, JUP_MSG_PING, block, 1);
    jup_comm_recv(comm, peer, JUP_MSG_PING, block, 1);
}

static fitted_t measure_pair(jup_comm_t *comm, int a, int b, char *block, taken_t *taken)
{
    fitted_t f = {.link = {0, 0}};
    if (comm->rank == a || comm->rank == b)
        meet(comm, comm->rank == a ? b : a, block);
    if (comm->rank == a)
        ask(comm, b, block, &f, taken);
    else if (comm->rank == b)
        answer(comm, a, block, taken);
    taken->messages += comm->rank == a || comm->rank == b ? 2 * TRIPS : 0;
    if (a != 0 && comm->rank == a)
        jup_comm_send(comm, 0, JUP_MSG_GATHER, &f, sizeof f);
    if (a != 0 && comm->rank == 0)
        jup_comm_recv(comm, a, JUP_MSG_GATHER, &f, sizeof f);
    jup_comm_agree(comm, JUP_OK, NULL); /* the next pair waits */
    return f;
}

/* ---- the processors' part ---------------------------------------------------------------------
 */

static jup_message_cost_t cost_of(const taken_t *taken)
{
    double bytes[SIZES], seconds[SIZES], rate, error;
    jup_message_cost_t cost = {0};
    for (int i = 0; i < SIZES; i++) {
        double each = taken->messages ? taken->cpu_s[i] / taken->messages : 0;
        bytes[i] = (double)sizes[i];
        seconds[i] = fmin(each, taken->quickest_s[i] / 2);
        if (seconds[i] <= 0)
            return cost; /* one rank alone, or simulated time */
    }
    jup_fit_link(bytes, seconds, SIZES, &cost.message_s, &rate, &error);
    cost.byte_s = 1 / rate;
    return cost;
}

/* Takes the two processors' part out of the links' latency. */
static void take_out(jup_comm_t *comm, const jup_message_cost_t *mine, jup_link_t *links)
{
    jup_message_cost_t *all = NULL;
    size_t *offsets;
    jup_comm_gather(comm, mine, sizeof *mine, (void **)&all, &offsets);
    for (int a = 0; all && a < comm->size; a++)
        for (int b = 0; b < comm->size; b++) {
            jup_link_t *link = &links[a * comm->size + b];
            link->latency_s = fmax(0, link->latency_s - all[a].message_s - all[b].message_s);
        }
    jup_free(all);
    jup_free(offsets);
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

/* Ranks that have just started do not know yet how their waits end (comm/sleeper.h): they poll, and
 * that would count as the messages' processor time. */
static void get_used_to_waiting(jup_comm_t *comm)
{
    for (int i = 0; i < USED_TO; i++)
        jup_comm_agree(comm, JUP_OK, NULL);
}

double jup_measure_links(jup_comm_t *comm, jup_link_t *links, jup_message_cost_t *mine)
{
    taken_t taken = {0};
    char *block = jup_new(LARGEST, 1);
    double error = 0;
    int n = 0, size = comm->size;
    memset(links, 0, (size_t)(size * size) * sizeof *links);
    get_used_to_waiting(comm);
    for (int a = 0; a < size; a++)
        for (int b = a + 1; b < size; b++) {
            if (!is_measured(comm, a, b))
                continue;
            fitted_t f = measure_pair(comm, a, b, block, &taken);
            links[a * size + b] = links[b * size + a] = f.link;
            error += f.error;
            n++;
        }
    if (comm->rank == 0)
        fill_gaps(comm, links);
    *mine = cost_of(&taken);
    take_out(comm, mine, links);
    jup_free(block);
    return n ? error / n : 0;
}
