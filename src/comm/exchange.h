/**
 * How the members of a group sum vectors of which each has a part, and how long that takes. Pure
 * arithmetic: the exchanges themselves are strategy/ring's, the planner asks here for their price.
 */
#ifndef JUP_COMM_EXCHANGE_H
#define JUP_COMM_EXCHANGE_H

#include <stddef.h>

typedef enum jup_exchange {
    JUP_EXCHANGE_AUTO,   /* the quickest for the links and the bytes */
    JUP_EXCHANGE_RING,   /* blocks from neighbour to neighbour: 2 (n - 1) messages in a row */
    JUP_EXCHANGE_DIRECT, /* each block straight to the member that sums it, the sum straight to all:
                            the same bytes, two messages in a row */
    JUP_EXCHANGE_WHOLE,  /* everything to everyone, who all sum in rank order: one message in a
                            row, n / 2 times the bytes */
    JUP_EXCHANGES
} jup_exchange_t;

/** Vectors of so many bytes (128 rows of 4096 halves) and more go in blocks where there are more
 * than two members, whatever is asked for: everyone would need room for n - 1 of them. */
enum { JUP_EXCHANGE_LONG = 1 << 20 };

/** The links between the members: those of the slowest pair. */
typedef struct jup_exchange_link {
    double latency_s; /* of one message of no bytes */
    double serial_s;  /* by which each further message sent at the same time arrives later, besides
                         its bytes; 0: latencies overlap; latency_s: not at all */
    double bytes_per_s; /* out of one member, and into one */
} jup_exchange_link_t;

/** "auto", "ring", "direct", "whole". */
const char *jup_exchange_name(jup_exchange_t exchange);

/** By name; -1 for another one. */
int jup_exchange_by_name(const char *name);

/** What is done where `wish` is asked for: the quickest for AUTO; of equals the ring, which needs
 * the fewest connections; blocks for WHOLE where the vector is long. Never AUTO. */
jup_exchange_t jup_exchange_choose(jup_exchange_t wish, const jup_exchange_link_t *link, int n,
                                   double bytes);

/** The same for what always goes in blocks: RING, or DIRECT where latencies do not add up. */
jup_exchange_t jup_exchange_in_blocks(jup_exchange_t wish, const jup_exchange_link_t *link, int n);

/**
 * Seconds in which n members sum vectors of `bytes` (an all-reduce). Ring and direct send
 * 2 (n - 1) / n of the bytes per member, as Patarasu and Yuan (2009) show to be the least.
 */
double jup_exchange_s(jup_exchange_t wish, const jup_exchange_link_t *link, int n, double bytes);

/** Below which bytes a vector is sent whole; 0: none is, HUGE_VAL: all are. */
double jup_exchange_whole_bytes(jup_exchange_t wish, const jup_exchange_link_t *link, int n);

/** What is chosen, in words: "whole below 25.0 kB, else direct". */
void jup_exchange_describe(jup_exchange_t wish, const jup_exchange_link_t *link, int n, char *text,
                           size_t size);

#endif
