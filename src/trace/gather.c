#include "trace/gather.h"

#include "base/mem.h"
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

static void shift_to_root(jup_recorder_t *recorder, const clock_line_t *line)
{
    for (size_t i = 0; i < recorder->n_spans; i++) {
        recorder->spans[i].start_s = to_root(line, recorder->spans[i].start_s);
        recorder->spans[i].end_s = to_root(line, recorder->spans[i].end_s);
    }
    for (size_t i = 0; i < recorder->n_messages; i++) {
        recorder->messages[i].post_s = to_root(line, recorder->messages[i].post_s);
        recorder->messages[i].done_s = to_root(line, recorder->messages[i].done_s);
    }
    for (size_t i = 0; i < recorder->n_tokens; i++)
        recorder->tokens[i].time_s = to_root(line, recorder->tokens[i].time_s);
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

static void start_at_zero(jup_run_t *run, jup_message_record_t *sides, size_t n_sides)
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
}

/* ---- collecting ------------------------------------------------------------------------------ */

/* All ranks' records on rank 0, in rank order: a new block; NULL elsewhere. */
static void *gather_records(jup_comm_t *comm, const void *mine, size_t n, size_t size,
                            size_t *n_all)
{
    void *all;
    size_t *offsets;
    jup_comm_gather(comm, mine, n * size, &all, &offsets);
    *n_all = offsets ? offsets[comm->size] / size : 0;
    jup_free(offsets);
    return all;
}

void jup_trace_gather(jup_comm_t *comm, jup_recorder_t *recorder, const jup_rank_record_t *mine,
                      jup_run_t *run)
{
    jup_rank_record_t rank = *mine;
    recorder->on = false;
    comm->observer = (jup_comm_observer_t){0};
    clock_line_t line = measure_line(comm, recorder);
    shift_to_root(recorder, &line);
    rank.clock_offset_s = recorder->offset_s;

    jup_run_t all = {0};
    size_t n_sides;
    all.ranks = gather_records(comm, &rank, 1, sizeof rank, &all.n_ranks);
    all.spans =
        gather_records(comm, recorder->spans, recorder->n_spans, sizeof *all.spans, &all.n_spans);
    all.tokens = gather_records(comm, recorder->tokens, recorder->n_tokens, sizeof *all.tokens,
                                &all.n_tokens);
    jup_message_record_t *sides =
        gather_records(comm, recorder->messages, recorder->n_messages, sizeof *sides, &n_sides);
    if (comm->rank != 0)
        return;
    start_at_zero(&all, sides, n_sides);
    jup_trace_match(sides, n_sides, &all.messages, &all.n_messages);
    jup_run_sort(&all);
    jup_free(sides);
    *run = all;
}
