#include "app/bench_report.h"

#include "base/clock.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

jup_spread_t jup_spread_of(double *values, int32_t n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return (jup_spread_t){.least = values[0],
                          .median = (values[(n - 1) / 2] + values[n / 2]) / 2,
                          .most = values[n - 1]};
}

/* Of the rates, or of the peer's, or of the ratios of neighbours, which are not touched. */
static jup_spread_t spread(const jup_bench_row_t *row, bool ours, bool theirs)
{
    double *values = jup_new((size_t)row->n, sizeof *values);
    for (int32_t i = 0; i < row->n; i++)
        values[i] = (ours ? row->rates[i] : 1) / (ours && theirs ? row->peers[i] : 1);
    for (int32_t i = 0; i < row->n && !ours; i++)
        values[i] = row->peers[i];
    jup_spread_t s = jup_spread_of(values, row->n);
    jup_free(values);
    return s;
}

static const char *test_of(const jup_bench_row_t *row)
{
    return row->decodes ? "decode" : "prefill";
}

static void write_markdown(FILE *out, const jup_bench_t *b)
{
    fprintf(
        out,
        "| strategy | ranks | threads | chunk | test | tokens | tokens/s | lowest | highest |%s\n",
        b->peer ? " peer | ratio | lowest | highest |" : "");
    fprintf(out, "|---|--:|--:|--:|---|--:|--:|--:|--:|%s\n", b->peer ? "--:|--:|--:|--:|" : "");
    for (int32_t i = 0; i < b->n_rows; i++) {
        const jup_bench_row_t *row = &b->rows[i];
        jup_spread_t s = spread(row, true, false);
        fprintf(out, "| %s | %d | %d | ", row->strategy, row->ranks, row->threads);
        fprintf(out, row->chunk ? "%d" : "-", row->chunk);
        fprintf(out, " | %s | %d | %.2f | %.2f | %.2f |", test_of(row), row->tokens, s.median,
                s.least, s.most);
        if (b->peer) {
            jup_spread_t ratio = spread(row, true, true);
            fprintf(out, " %.2f | %.2f | %.2f | %.2f |", spread(row, false, true).median,
                    ratio.median, ratio.least, ratio.most);
        }
        fputc('\n', out);
    }
    fprintf(out, "\n%s; %d repeats after %d to warm up; median, lowest, highest; %s clock\n",
            b->model, b->repeats, b->warm_up, jup_clock_kind());
}

static void write_csv(FILE *out, const jup_bench_t *b)
{
    fprintf(
        out,
        "model,strategy,ranks,threads,chunk,test,tokens,repeats,tokens_per_s,lowest,highest%s\n",
        b->peer ? ",peer_tokens_per_s,ratio,ratio_lowest,ratio_highest" : "");
    for (int32_t i = 0; i < b->n_rows; i++) {
        const jup_bench_row_t *row = &b->rows[i];
        jup_spread_t s = spread(row, true, false);
        fputc('"', out);
        for (const char *c = b->model; *c; c++)
            fprintf(out, *c == '"' ? "\"\"" : "%c", *c);
        fprintf(out, "\",%s,%d,%d,%d,%s,%d,%d,%.6g,%.6g,%.6g", row->strategy, row->ranks,
                row->threads, row->chunk, test_of(row), row->tokens, row->n, s.median, s.least,
                s.most);
        if (b->peer) {
            jup_spread_t ratio = spread(row, true, true);
            fprintf(out, ",%.6g,%.6g,%.6g,%.6g", spread(row, false, true).median, ratio.median,
                    ratio.least, ratio.most);
        }
        fputc('\n', out);
    }
}

static json_t *json_numbers(const double *values, int32_t n)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < n; i++)
        json_array_append_new(list, json_real(values[i]));
    return list;
}

static void put_spread(json_t *row, const char *key, jup_spread_t s)
{
    json_object_set_new(
        row, key,
        json_pack("{s:f, s:f, s:f}", "median", s.median, "lowest", s.least, "highest", s.most));
}

static json_t *json_row(const jup_bench_row_t *row)
{
    json_t *json = json_pack("{s:s, s:i, s:i, s:i, s:s, s:i}", "strategy", row->strategy, "ranks",
                             row->ranks, "threads", row->threads, "chunk", row->chunk, "test",
                             test_of(row), "tokens", row->tokens);
    put_spread(json, "tokens_per_s", spread(row, true, false));
    json_object_set_new(json, "samples", json_numbers(row->rates, row->n));
    if (row->peers) {
        put_spread(json, "peer_tokens_per_s", spread(row, false, true));
        put_spread(json, "ratio", spread(row, true, true));
        json_object_set_new(json, "peer_samples", json_numbers(row->peers, row->n));
    }
    return json;
}

static void write_json(FILE *out, const jup_bench_t *b)
{
    json_t *rows = json_array();
    for (int32_t i = 0; i < b->n_rows; i++)
        json_array_append_new(rows, json_row(&b->rows[i]));
    json_t *all =
        json_pack("{s:s, s:s, s:i, s:i, s:o}", "model", b->model, "clock", jup_clock_kind(),
                  "repeats", b->repeats, "warm_up", b->warm_up, "rows", rows);
    json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', out);
    json_decref(all);
}

static const struct {
    const char *name;
    void (*write)(FILE *out, const jup_bench_t *bench);
} formats[] = {{"md", write_markdown}, {"csv", write_csv}, {"json", write_json}};

enum { FORMATS = sizeof formats / sizeof formats[0] };

bool jup_bench_knows(const char *format)
{
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].name, format) == 0)
            return true;
    return false;
}

void jup_bench_report(FILE *out, const char *format, const jup_bench_t *bench)
{
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].name, format) == 0)
            formats[i].write(out, bench);
}
