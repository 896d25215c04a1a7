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

jup_exchange_t jup_exchange_in_blocks(jup_exchange_t wish, const jup_exchange_link_t *link, int n)
{
    if (wish == JUP_EXCHANGE_AUTO)
        return n > 2 && link->serial_s < link->latency_s ? JUP_EXCHANGE_DIRECT : JUP_EXCHANGE_RING;
    return wish == JUP_EXCHANGE_RING ? JUP_EXCHANGE_RING : JUP_EXCHANGE_DIRECT;
}

/* `exchange` is not AUTO. */
static double seconds(jup_exchange_t exchange, const jup_exchange_link_t *link, int n, double bytes)
{
    if (exchange == JUP_EXCHANGE_RING)
        return 2 * (n - 1) * (link->latency_s + bytes / n / link->bytes_per_s);
    if (exchange == JUP_EXCHANGE_DIRECT)
        return 2 * to_all_s(link, n, bytes / n);
    return to_all_s(link, n, bytes);
}

/* Sent whole, a vector needs n / 2 times the bytes and saves latencies. */
static double best_whole_bytes(const jup_exchange_link_t *link, int n)
{
    jup_exchange_t in_blocks = jup_exchange_in_blocks(JUP_EXCHANGE_AUTO, link, n);
    double saved_s = seconds(in_blocks, link, n, 0) - seconds(JUP_EXCHANGE_WHOLE, link, n, 0);
    double more_bytes = (n - 1) * (1 - 2.0 / n); /* of each one of the vector */
    /* not a number where nothing is known of the link */
    if (!(saved_s > 0))
        return 0;
    return more_bytes > 0 ? saved_s * link->bytes_per_s / more_bytes : HUGE_VAL;
}

double jup_exchange_whole_bytes(jup_exchange_t wish, const jup_exchange_link_t *link, int n)
{
    double most = n > 2 ? JUP_EXCHANGE_LONG : HUGE_VAL;
    if (n < 2 || wish == JUP_EXCHANGE_RING || wish == JUP_EXCHANGE_DIRECT)
        return 0;
    return wish == JUP_EXCHANGE_WHOLE ? most : fmin(best_whole_bytes(link, n), most);
}

jup_exchange_t jup_exchange_choose(jup_exchange_t wish, const jup_exchange_link_t *link, int n,
                                   double bytes)
{
    return bytes < jup_exchange_whole_bytes(wish, link, n) ? JUP_EXCHANGE_WHOLE
                                                           : jup_exchange_in_blocks(wish, link, n);
}

double jup_exchange_s(jup_exchange_t wish, const jup_exchange_link_t *link, int n, double bytes)
{
    return n < 2 ? 0 : seconds(jup_exchange_choose(wish, link, n, bytes), link, n, bytes);
}

void jup_exchange_describe(jup_exchange_t wish, const jup_exchange_link_t *link, int n, char *text,
                           size_t size)
{
    const char *in_blocks = jup_exchange_name(jup_exchange_in_blocks(wish, link, n));
    const char *asked_for = wish == JUP_EXCHANGE_AUTO ? "" : ", as asked for";
    double whole = jup_exchange_whole_bytes(wish, link, n);
    if (n < 2)
        snprintf(text, size, "none");
    else if (whole <= 0)
        snprintf(text, size, "%s%s", in_blocks, asked_for);
    else if (whole == HUGE_VAL)
        snprintf(text, size, "whole%s", asked_for);
    else
        snprintf(text, size, "whole below %.1f kB, else %s%s", whole * 1e-3, in_blocks, asked_for);
}
