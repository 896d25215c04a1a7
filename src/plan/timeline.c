/* The predicted prefill as text and as a picture. */
#include "base/mem.h"
#include "base/output.h"
#include "plan/planner.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 72, LEFT = 90, WIDTH = 900, ROW = 26, TOP = 34 };

static size_t span_count(const jup_plan_t *plan)
{
    return (size_t)plan->n_chunks * (size_t)(2 * plan->n_stages - 1);
}

static jup_status_t spans_of(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                             jup_plan_span_t **spans, double *end_s, jup_error_t *err)
{
    *spans = jup_new(span_count(plan), sizeof **spans);
    jup_status_t status = jup_plan_spans(problem, plan, *spans, err);
    if (status != JUP_OK) {
        jup_free(*spans);
        return status;
    }
    *end_s = (*spans)[span_count(plan) - 1].end_s;
    return JUP_OK;
}

/* ---- text ----------------------------------------------------------------------------------- */

static char chunk_mark(int chunk)
{
    static const char marks[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return marks[(size_t)chunk % (sizeof marks - 1)];
}

static void mark(char *line, const jup_plan_span_t *span, double end_s)
{
    int from = (int)(span->start_s / end_s * COLUMNS), to = (int)(span->end_s / end_s * COLUMNS);
    for (int x = from; x <= to && x < COLUMNS; x++)
        if (x < to || line[x] == '.')
            line[x] = chunk_mark(span->chunk);
}

jup_status_t jup_plan_print_timeline(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                                     FILE *out, jup_error_t *err)
{
    jup_plan_span_t *spans;
    double end_s;
    JUP_TRY(spans_of(problem, plan, &spans, &end_s, err));
    size_t stages = (size_t)plan->n_stages;
    char *lines = jup_new(stages, COLUMNS);
    memset(lines, '.', stages * COLUMNS);
    for (size_t i = 0; i < span_count(plan); i++)
        if (!spans[i].link)
            mark(lines + spans[i].stage * COLUMNS, &spans[i], end_s);
    fprintf(out, "\nprefill, %.3g ms a column, chunks 0 1 2 ...\n", 1e3 * end_s / COLUMNS);
    for (size_t s = 0; s < stages; s++)
        fprintf(out, "%4zu |%.*s|\n", s, COLUMNS, lines + s * COLUMNS);
    jup_free(lines);
    jup_free(spans);
    return JUP_OK;
}

/* ---- picture -------------------------------------------------------------------------------- */

static void svg_text(FILE *out, double x, double y, const char *anchor, const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            fputc(*text, out);
    }
    fputs("</text>\n", out);
}

static void svg_head(FILE *out, const jup_plan_t *plan, double end_s)
{
    char title[400];
    int height = TOP + ROW * plan->n_stages + 40;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            LEFT + WIDTH + 20, height);
    snprintf(title, sizeof title,
             "%s %s on %s: predicted prefill of %lld tokens, first token after %.3g s", plan->model,
             plan->type, plan->cluster, (long long)plan->workload.prompt_tokens,
             plan->predicted.ttft_s);
    svg_text(out, LEFT, 18, "start", title);
    for (int s = 0; s < plan->n_stages; s++) {
        char name[JUP_CLUSTER_NAME + 16];
        jup_plan_stage_name(plan, s, name, sizeof name);
        svg_text(out, LEFT - 6, TOP + ROW * s + 15, "end", name);
    }
    for (int i = 0; i <= 8; i++) {
        char text[32];
        double x = LEFT + WIDTH * i / 8.0, y = TOP + ROW * plan->n_stages;
        snprintf(text, sizeof text, "%.3g s", end_s * i / 8);
        fprintf(out, "<path d=\"M%.1f %d V%.1f\" stroke=\"#ccc\"/>\n", x, TOP, y);
        svg_text(out, x, y + 16, "middle", text);
    }
}

/* Compute as a block in the colour of its chunk; a message as a thin bar below it. */
static void svg_span(FILE *out, const jup_plan_span_t *span, double end_s)
{
    double x = LEFT + WIDTH * span->start_s / end_s;
    double width = WIDTH * (span->end_s - span->start_s) / end_s;
    double y = TOP + ROW * span->stage + (span->link ? 20 : 2);
    int hue = span->chunk * 47 % 360;
    fprintf(out,
            "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" fill=\"hsl(%d,%d%%,%d%%)\">"
            "<title>%s chunk %d: %.4g to %.4g s</title></rect>\n",
            x, y, width, span->link ? 3 : 17, hue, span->link ? 25 : 65, span->link ? 45 : 62,
            span->link ? "message of" : "compute", span->chunk, span->start_s, span->end_s);
}

jup_status_t jup_plan_draw(const jup_plan_problem_t *problem, const jup_plan_t *plan,
                           const char *path, jup_error_t *err)
{
    jup_plan_span_t *spans;
    double end_s;
    jup_output_t out;
    JUP_TRY(spans_of(problem, plan, &spans, &end_s, err));
    jup_status_t status = jup_output_open(&out, path, err);
    if (status == JUP_OK) {
        svg_head(out.file, plan, end_s);
        for (size_t i = 0; i < span_count(plan); i++)
            svg_span(out.file, &spans[i], end_s);
        fputs("</svg>\n", out.file);
        status = jup_output_close(&out, err);
    }
    jup_free(spans);
    return status;
}
