#include "base/mem.h"
#include "trace/report.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_TOKENS = 8, NARROWEST = 16 };

/* A stretch of time drawn in `width` columns. */
typedef struct frame {
    double start_s, end_s;
    int width;
    int32_t request;
} frame_t;

static double column_s(const frame_t *frame)
{
    return (frame->end_s - frame->start_s) / frame->width;
}

/* The character for what a span does; 0: it is not drawn. */
static char mark_of(const jup_span_t *span)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    if (span->kind == JUP_SPAN_WAIT_RECV || span->kind == JUP_SPAN_WAIT_SEND)
        return '-';
    if (!jup_span_kind_is_compute(span->kind))
        return 0;
    if (span->chunk >= 0)
        return digits[span->chunk % 36];
    return span->step >= 0 ? digits[span->step % 10] : '#';
}

static double overlap_s(const jup_span_t *span, double from_s, double to_s)
{
    double start = span->start_s > from_s ? span->start_s : from_s;
    double end = span->end_s < to_s ? span->end_s : to_s;
    return end > start ? end - start : 0;
}

/* What a rank did for most of [from, to]: a mark; ' ': nothing. */
static char dominant(const jup_span_t *spans, size_t n, double from_s, double to_s)
{
    double took_s[128] = {0}, idle_s = to_s - from_s;
    for (size_t i = 0; i < n && spans[i].start_s < to_s; i++) {
        char mark = mark_of(&spans[i]);
        double took = mark ? overlap_s(&spans[i], from_s, to_s) : 0;
        took_s[(unsigned char)mark] += took;
        idle_s -= took;
    }
    int best = ' ';
    took_s[best] = idle_s;
    for (int mark = 1; mark < 128; mark++)
        if (took_s[mark] > took_s[best])
            best = mark;
    return (char)best;
}

/* The rank's spans, which follow each other in a run: by rank, then by start. */
static void draw_rank(FILE *out, const jup_span_t *spans, size_t n, const frame_t *frame,
                      char *line)
{
    size_t first = 0;
    for (int column = 0; column < frame->width; column++) {
        double from_s = frame->start_s + column * column_s(frame);
        while (first < n && spans[first].end_s <= from_s)
            first++;
        line[column] = dominant(spans + first, n - first, from_s, from_s + column_s(frame));
    }
    line[frame->width] = '\0';
    fprintf(out, "|%s|\n", line);
}

static void draw(FILE *out, const jup_run_t *run, const frame_t *frame, const char *title)
{
    char *line = jup_new((size_t)frame->width + 1, 1);
    fprintf(out, "\n%s, %.1f to %.1f ms, a column is %.3f ms\n", title, 1e3 * frame->start_s,
            1e3 * frame->end_s, 1e3 * column_s(frame));
    for (size_t rank = 0, i = 0; rank < run->n_ranks; rank++) {
        size_t end = i;
        while (end < run->n_spans && run->spans[end].rank == (int32_t)rank)
            end++;
        fprintf(out, "rank %-3zu ", rank);
        draw_rank(out, run->spans + i, end - i, frame, line);
        i = end;
    }
    jup_free(line);
}

/* When the n-th token after the first came out; the request's end when there are fewer. */
static double nth_token_s(const jup_run_t *run, const jup_request_use_t *request, int n)
{
    for (size_t i = 0; i < run->n_tokens; i++)
        if (run->tokens[i].request == request->request && n-- == 0)
            return run->tokens[i].time_s;
    return request->end_s;
}

void jup_report_timeline(FILE *out, const jup_run_t *run, const jup_analysis_t *analysis, int width)
{
    if (analysis->n_requests == 0)
        return;
    const jup_request_use_t *request = &analysis->requests[0];
    frame_t frame = {.start_s = request->start_s,
                     .end_s = request->first_token_s,
                     .width = width > NARROWEST ? width : NARROWEST,
                     .request = request->request};
    if (frame.end_s > frame.start_s)
        draw(out, run, &frame, "prefill, by chunk (- waits)");
    frame.start_s = frame.end_s;
    frame.end_s = nth_token_s(run, request, SHOWN_TOKENS);
    if (frame.end_s > frame.start_s)
        draw(out, run, &frame, "first tokens, by step (- waits)");
}
