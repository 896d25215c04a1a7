#include "comm/exchange.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *jup_exchange_name(jup_exchange_t exchange)
{
    static const char *const names[JUP_EXCHANGES] = {"auto", "ring", "direct", "whole"};
    return (unsigned)exchange < JUP_EXCHANGES ? names[exchange] : "?";
}

int jup_exchange_by_name(const char *name)
{
    for (int e = 0; e < JUP_EXCHANGES; e++)
        if (strcmp(name, jup_exchange_name((jup_exchange_t)e)) == 0)
            return e;
    return -1;
}

/* Until the last of n - 1 messages of `bytes`, one to each other member, has arrived. */
static double to_all_s(const jup_exchange_link_t *link, int n, double bytes)
{
    return link->latency_s + (n - 2) * link->serial_s + (n - 1) * bytes / link->bytes_per_s;
}

double jup_exchange_s(jup_exchange_t exchange, const jup_exchange_link_t *link, int n, double bytes)
{
    if (n < 2)
        return 0;
    switch (exchange) {
    case JUP_EXCHANGE_RING:
        return 2 * (n - 1) * (link->latency_s + bytes / n / link->bytes_per_s);
    case JUP_EXCHANGE_DIRECT:
        return 2 * to_all_s(link, n, bytes / n);
    case JUP_EXCHANGE_WHOLE:
        return to_all_s(link, n, bytes);
    default:
        return jup_exchange_s(jup_exchange_choose(link, n, bytes), link, n, bytes);
    }
}

jup_exchange_t jup_exchange_in_blocks(const jup_exchange_link_t *link, int n)
{
    return n > 2 && link->serial_s < link->latency_s ? JUP_EXCHANGE_DIRECT : JUP_EXCHANGE_RING;
}

jup_exchange_t jup_exchange_choose(const jup_exchange_link_t *link, int n, double bytes)
{
    return bytes < jup_exchange_whole_bytes(link, n) ? JUP_EXCHANGE_WHOLE
                                                     : jup_exchange_in_blocks(link, n);
}

/* Sent whole, a vector needs n / 2 times the bytes and saves latencies. */
double jup_exchange_whole_bytes(const jup_exchange_link_t *link, int n)
{
    double saved_s = jup_exchange_s(jup_exchange_in_blocks(link, n), link, n, 0) -
                     jup_exchange_s(JUP_EXCHANGE_WHOLE, link, n, 0);
    double more_bytes = (n - 1) * (1 - 2.0 / n); /* of each one of the vector */
    if (n < 2 || saved_s <= 0)
        return 0;
    return more_bytes > 0 ? saved_s * link->bytes_per_s / more_bytes : HUGE_VAL;
}

void jup_exchange_describe(const jup_exchange_link_t *link, int n, char *text, size_t size)
{
    const char *in_blocks = jup_exchange_name(jup_exchange_in_blocks(link, n));
    double whole = jup_exchange_whole_bytes(link, n);
    if (n < 2)
        snprintf(text, size, "none");
    else if (whole <= 0)
        snprintf(text, size, "%s", in_blocks);
    else if (whole == HUGE_VAL)
        snprintf(text, size, "whole");
    else
        snprintf(text, size, "whole below %.1f kB, else %s", whole * 1e-3, in_blocks);
}
