#include "trace/totals.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void jup_totals_init(jup_totals_t *totals)
{
    memset(totals, 0, sizeof *totals);
    totals->open = jup_new(JUP_TOTALS_OPEN, sizeof *totals->open);
}

void jup_totals_reset(jup_totals_t *totals)
{
    jup_free(totals->open);
    memset(totals, 0, sizeof *totals);
}

/* The newest are looked at first: those are the ones under way. */
static jup_request_sum_t *find(const jup_totals_t *totals, int32_t request)
{
    for (size_t i = totals->n_open; i-- > 0;)
        if (totals->open[i].request == request)
            return &totals->open[i];
    return NULL;
}

static void close_one(jup_totals_t *t, const jup_request_sum_t *sum)
{
    t->requests++;
    t->prompt_tokens += sum->prompt_tokens;
    t->new_tokens += sum->new_tokens;
    t->decoded_tokens += sum->new_tokens > 1 ? sum->new_tokens - 1 : 0;
    t->prefill_s += sum->first_s - sum->start_s;
    t->decode_s += sum->last_s - sum->first_s;
}

static int by_last(const void *a, const void *b)
{
    const jup_request_sum_t *x = a, *y = b;
    return (x->last_s > y->last_s) - (x->last_s < y->last_s);
}

static int by_start(const void *a, const void *b)
{
    const jup_request_sum_t *x = a, *y = b;
    return (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

/* The half that has rested longest. */
static void make_room(jup_totals_t *totals)
{
    size_t done = totals->n_open / 2, left = totals->n_open - done;
    qsort(totals->open, totals->n_open, sizeof *totals->open, by_last);
    for (size_t i = 0; i < done; i++)
        close_one(totals, &totals->open[i]);
    memmove(totals->open, totals->open + done, left * sizeof *totals->open);
    qsort(totals->open, left, sizeof *totals->open, by_start);
    totals->n_open = left;
}

void jup_totals_prefill(jup_totals_t *totals, int32_t request, double start_s, double end_s,
                        int64_t rows)
{
    jup_request_sum_t *sum = find(totals, request);
    if (!sum) {
        if (totals->n_open == JUP_TOTALS_OPEN)
            make_room(totals);
        sum = &totals->open[totals->n_open++];
        *sum = (jup_request_sum_t){
            .request = request, .start_s = start_s, .first_s = end_s, .last_s = end_s};
    }
    sum->start_s = fmin(sum->start_s, start_s);
    sum->prompt_tokens += rows;
    if (sum->new_tokens > 0)
        return;
    sum->first_s = sum->last_s = fmax(sum->first_s, end_s);
}

void jup_totals_token(jup_totals_t *totals, int32_t request, double time_s)
{
    jup_request_sum_t *sum = find(totals, request);
    if (!sum)
        return;
    if (sum->new_tokens++ == 0)
        sum->first_s = fmax(sum->start_s, time_s);
    sum->last_s = fmax(sum->first_s, time_s);
}

void jup_totals_close(jup_totals_t *totals)
{
    for (size_t i = 0; i < totals->n_open; i++)
        close_one(totals, &totals->open[i]);
    totals->n_open = 0;
}
