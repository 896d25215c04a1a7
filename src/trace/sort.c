#include "trace/run.h"

#include <math.h>
#include <stdlib.h>

static int compare_double(double a, double b)
{
    return (a > b) - (a < b);
}

static int span_by_rank_and_start(const void *a, const void *b)
{
    const jup_span_t *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->start_s != y->start_s)
        return compare_double(x->start_s, y->start_s);
    return compare_double(y->end_s, x->end_s); /* the outer one of nested spans first */
}

static int token_by_time(const void *a, const void *b)
{
    const jup_token_record_t *x = a, *y = b;
    return compare_double(x->time_s, y->time_s);
}

/* When it began to move; or when the one side that is known was ready. */
static double known_time_s(const jup_message_t *message)
{
    if (!isnan(message->start_s))
        return message->start_s;
    return isnan(message->post_s) ? message->recv_post_s : message->post_s;
}

static int message_by_time(const void *a, const void *b)
{
    const jup_message_t *x = a, *y = b;
    if (known_time_s(x) != known_time_s(y))
        return compare_double(known_time_s(x), known_time_s(y));
    return x->src != y->src ? (x->src < y->src ? -1 : 1) : compare_double(x->label, y->label);
}

static void sort(void *rows, size_t n, size_t size, int (*order)(const void *a, const void *b))
{
    if (n > 1)
        qsort(rows, n, size, order);
}

void jup_run_sort(jup_run_t *run)
{
    sort(run->spans, run->n_spans, sizeof *run->spans, span_by_rank_and_start);
    sort(run->messages, run->n_messages, sizeof *run->messages, message_by_time);
    sort(run->tokens, run->n_tokens, sizeof *run->tokens, token_by_time);
}
