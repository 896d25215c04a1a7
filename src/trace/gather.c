#include "trace/gather.h"

#include "base/mem.h"
#include "base/temporary.h"
#include "comm/collect.h"

#include <math.h>

/* ---- one clock ------------------------------------------------------------------------------- */

/* This clock's offset from rank 0's at two moments; straight in between and beyond. */
typedef struct clock_line {
    double at_s, offset_s, slope;
} clock_line_t;

static double to_root(const clock_line_t *line, double time_s)
{
    return time_s - (line->offset_s + line->slope * (time_s - line->at_s));
}

/* Two measurements close together say more about their noise than about the drift. */
static clock_line_t measure_line(jup_comm_t *comm, jup_recorder_t *recorder)
{
    const double shortest_s = 1.0;
    double first_s = recorder->sync_s, first_offset_s = recorder->offset_s;
    jup_trace_sync_clocks(comm, recorder);
    clock_line_t line = {.at_s = recorder->sync_s, .offset_s = recorder->offset_s};
    if (first_s > 0 && line.at_s - first_s > shortest_s)
        line.slope = (line.offset_s - first_offset_s) / (line.at_s - first_s);
    return line;
}

/* This rank's events. */
typedef struct events {
    jup_span_t *spans;
    jup_message_record_t *messages;
    jup_token_record_t *tokens;
    size_t n_spans, n_messages, n_tokens;
} events_t;

static void shift_to_root(events_t *e, const clock_line_t *line)
{
    for (size_t i = 0; i < e->n_spans; i++) {
        e->spans[i].start_s = to_root(line, e->spans[i].start_s);
        e->spans[i].end_s = to_root(line, e->spans[i].end_s);
    }
    for (size_t i = 0; i < e->n_messages; i++) {
        e->messages[i].post_s = to_root(line, e->messages[i].post_s);
        e->messages[i].done_s = to_root(line, e->messages[i].done_s);
    }
    for (size_t i = 0; i < e->n_tokens; i++)
        e->tokens[i].time_s = to_root(line, e->tokens[i].time_s);
}

/* The first span starts the run; without spans the first message, then the first token does. */
static double first_time_s(const jup_run_t *run, const jup_message_record_t *sides, size_t n_sides)
{
    double first_s = INFINITY;
    for (size_t i = 0; i < run->n_spans; i++)
        first_s = fmin(first_s, run->spans[i].start_s);
    for (size_t i = 0; i < n_sides && run->n_spans == 0; i++)
        first_s = fmin(first_s, sides[i].post_s);
    for (size_t i = 0; i < run->n_tokens && run->n_spans == 0 && n_sides == 0; i++)
        first_s = fmin(first_s, run->tokens[i].time_s);
    return isfinite(first_s) ? first_s : 0;
}

/* Returns the run's first moment. */
static double start_at_zero(jup_run_t *run, jup_message_record_t *sides, size_t n_sides)
{
    double zero_s = first_time_s(run, sides, n_sides);
    for (size_t i = 0; i < run->n_spans; i++) {
        run->spans[i].start_s -= zero_s;
        run->spans[i].end_s -= zero_s;
    }
    for (size_t i = 0; i < n_sides; i++) {
        sides[i].post_s -= zero_s;
        sides[i].done_s -= zero_s;
    }
    for (size_t i = 0; i < run->n_tokens; i++)
        run->tokens[i].time_s -= zero_s;
    return zero_s;
}

/* ---- a record that ends early -----------------------------------------------------------------
 */

/* Drops what was not over by then on some rank: from there on not all ranks have recorded. */
static void cut(jup_run_t *run, jup_message_record_t *sides, size_t *n_sides, double until_s)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n_spans; i++)
        if (run->spans[i].end_s <= until_s)
            run->spans[n++] = run->spans[i];
    run->n_spans = n;
    n = 0;
    for (size_t i = 0; i < *n_sides; i++)
        if (sides[i].done_s <= until_s)
            sides[n++] = sides[i];
    *n_sides = n;
    n = 0;
    for (size_t i = 0; i < run->n_tokens; i++)
        if (run->tokens[i].time_s <= until_s)
            run->tokens[n++] = run->tokens[i];
    run->n_tokens = n;
}

static double earliest(const double *times_s, size_t n)
{
    double first_s = INFINITY;
    for (size_t i = 0; i < n; i++)
        first_s = fmin(first_s, times_s[i]);
    return first_s;
}

/* ---- collecting ------------------------------------------------------------------------------ */

static jup_status_t collect_mine(jup_recorder_t *recorder, events_t *e, jup_error_t *err)
{
    void *rows;
    JUP_TRY(jup_store_all(&recorder->spans, &rows, &e->n_spans, err));
    e->spans = rows;
    JUP_TRY(jup_store_all(&recorder->messages, &rows, &e->n_messages, err));
    e->messages = rows;
    JUP_TRY(jup_store_all(&recorder->tokens, &rows, &e->n_tokens, err));
    e->tokens = rows;
    return JUP_OK;
}

/* All ranks' records on rank 0, in rank order: a new block in *all; NULL elsewhere. */
static jup_status_t gather_records(jup_comm_t *comm, const void *mine, size_t n, size_t size,
                                   void **all, size_t *n_all, jup_error_t *err)
{
    size_t *offsets = jup_comm_gather_sizes(comm, n * size);
    jup_status_t status = JUP_OK;
    *all = NULL;
    *n_all = offsets ? offsets[comm->size] / size : 0;
    if (offsets)
        status = jup_temporary_alloc(all, *n_all, size, err);
    status = jup_comm_agree(comm, status, err);
    if (status == JUP_OK)
        jup_comm_gather_bytes(comm, mine, n * size, *all, offsets);
    jup_free(offsets);
    return status;
}

/* Everything but the messages, which come as sides. */
static jup_status_t gather_all(jup_comm_t *comm, const events_t *mine,
                               const jup_rank_record_t *rank, jup_run_t *all,
                               jup_message_record_t **sides, size_t *n_sides, jup_error_t *err)
{
    void *rows;
    JUP_TRY(gather_records(comm, rank, 1, sizeof *rank, &rows, &all->n_ranks, err));
    all->ranks = rows;
    JUP_TRY(gather_records(comm, mine->spans, mine->n_spans, sizeof *mine->spans, &rows,
                           &all->n_spans, err));
    all->spans = rows;
    JUP_TRY(gather_records(comm, mine->tokens, mine->n_tokens, sizeof *mine->tokens, &rows,
                           &all->n_tokens, err));
    all->tokens = rows;
    JUP_TRY(gather_records(comm, mine->messages, mine->n_messages, sizeof *mine->messages, &rows,
                           n_sides, err));
    *sides = rows;
    return JUP_OK;
}

/* On rank 0: one run of what came from everywhere. */
static jup_status_t put_together(jup_run_t *all, jup_message_record_t *sides, size_t n_sides,
                                 double until_s, jup_recorder_t *recorder, jup_error_t *err)
{
    if (isfinite(until_s)) {
        cut(all, sides, &n_sides, until_s);
        jup_totals_close(&recorder->totals);
        all->totals = recorder->totals;
        all->totals.open = NULL;
    }
    double zero_s = start_at_zero(all, sides, n_sides);
    all->until_s = isfinite(until_s) ? until_s - zero_s : 0;
    JUP_TRY(jup_trace_match(sides, n_sides, &all->messages, &all->n_messages, err));
    jup_run_sort(all);
    return JUP_OK;
}

jup_status_t jup_trace_gather(jup_comm_t *comm, jup_recorder_t *recorder,
                              const jup_rank_record_t *mine, jup_run_t *run, jup_error_t *err)
{
    jup_rank_record_t rank = *mine;
    events_t events;
    recorder->on = false;
    comm->observer = (jup_comm_observer_t){0};
    JUP_TRY(jup_comm_agree(comm, collect_mine(recorder, &events, err), err));
    clock_line_t line = measure_line(comm, recorder);
    shift_to_root(&events, &line);
    rank.clock_offset_s = recorder->offset_s;

    double full_s = to_root(&line, recorder->full_s);
    size_t n_full, n_sides = 0;
    void *full = NULL;
    jup_run_t all = {0};
    jup_message_record_t *sides = NULL;
    jup_status_t status = gather_records(comm, &full_s, 1, sizeof full_s, &full, &n_full, err);
    if (status == JUP_OK)
        status = gather_all(comm, &events, &rank, &all, &sides, &n_sides, err);
    if (status == JUP_OK && comm->rank == 0)
        status = put_together(&all, sides, n_sides, earliest(full, n_full), recorder, err);
    status = jup_comm_agree(comm, status, err);
    jup_free(sides);
    jup_free(full);
    if (status == JUP_OK && comm->rank == 0)
        *run = all;
    else
        jup_run_reset(&all);
    return status;
}
