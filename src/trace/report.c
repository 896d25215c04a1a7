#include "trace/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static double percent(double share)
{
    return 100 * share;
}

/* "1.23 GiB" in at most 9 characters. */
static const char *bytes_text(int64_t bytes, char text[16])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    while (value >= 999.5 && unit < 4) {
        value /= 1024;
        unit++;
    }
    int decimals = unit == 0 || value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2;
    snprintf(text, 16, "%.*f %s", decimals, value, units[unit]);
    return text;
}

static const char *seconds_text(double seconds, char text[16])
{
    if (seconds >= 10)
        snprintf(text, 16, "%.1f s", seconds);
    else if (seconds >= 1)
        snprintf(text, 16, "%.2f s", seconds);
    else
        snprintf(text, 16, "%.1f ms", 1e3 * seconds);
    return text;
}

static void print_world(FILE *out, const jup_run_t *run)
{
    const char *clock = jup_run_get_meta(run, "clock"), *world = jup_run_get_meta(run, "world");
    fprintf(out, "%zu rank%s, %s clock", run->n_ranks, run->n_ranks == 1 ? "" : "s",
            clock ? clock : "unknown");
    if (world)
        fprintf(out, " (%s)", world);
    fprintf(out, "\n");
}

static void print_speeds(FILE *out, const jup_analysis_t *a)
{
    char text[16];
    fprintf(out, "time to first token  %s\n", seconds_text(a->first_token_s, text));
    fprintf(out, "prefill              %.1f tokens/s (%" PRId64 " tokens in %s)\n",
            a->prefill_tokens_per_s, a->prompt_tokens,
            seconds_text(a->length_s[JUP_PHASE_PREFILL], text));
    if (a->decode_tokens_per_s > 0)
        fprintf(out, "decode               %.1f tokens/s (%" PRId64 " tokens in %s)\n",
                a->decode_tokens_per_s, a->decoded_tokens,
                seconds_text(a->length_s[JUP_PHASE_DECODE], text));
    if (a->n_ranks > 1) {
        fprintf(out, "bubble               prefill %.0f %%, decode %.0f %%\n",
                percent(a->bubble_share[JUP_PHASE_PREFILL]),
                percent(a->bubble_share[JUP_PHASE_DECODE]));
        fprintf(out, "communication        %s sent, %.0f %% of its time hidden in prefill\n",
                bytes_text(a->bytes_sent, text), percent(a->hidden_share[JUP_PHASE_PREFILL]));
    }
}

static void print_layers(const jup_rank_record_t *rank, char text[32])
{
    if (rank->layer_last <= rank->layer_first)
        snprintf(text, 32, "-");
    else
        snprintf(text, 32, "%d-%d", rank->layer_first, rank->layer_last - 1);
}

/* The share of the time messages to this rank flew in which it computed; "-": none flew. */
static void print_hidden(const jup_rank_use_t *use, char text[16])
{
    const jup_phase_use_t *sum = &use->sum;
    if (sum->flight_in_s > 0)
        snprintf(text, 16, "%.0f %%",
                 percent(jup_hidden_share(sum->hidden_in_s, sum->flight_in_s)));
    else
        snprintf(text, 16, "-");
}

static bool has_groups(const jup_run_t *run)
{
    for (size_t i = 0; i < run->n_ranks; i++)
        if (run->ranks[i].member > 0)
            return true;
    return false;
}

/* "1.0 tensor": the leader of the second stage, whose members share layers so. */
static void print_place(FILE *out, const jup_rank_record_t *rank)
{
    char place[16 + JUP_WAY_BYTES];
    snprintf(place, sizeof place, "%d.%d %s", rank->stage, rank->member, rank->way);
    fprintf(out, "  %-17s", place);
}

static void print_rank(FILE *out, const jup_rank_record_t *rank, const jup_rank_use_t *use,
                       bool groups)
{
    char layers[32], busy[16], wait[16], hidden[16], sent[16], peak[16], weights[16], kv[16];
    print_layers(rank, layers);
    print_hidden(use, hidden);
    fprintf(out, "%4d", rank->rank);
    if (groups)
        print_place(out, rank);
    fprintf(out, "  %-16.16s %8s %9s %9s %8s %10s %10s %10s %10s\n", rank->host, layers,
            seconds_text(use->busy_s, busy), seconds_text(use->wait_s, wait), hidden,
            bytes_text(use->bytes_out, sent), bytes_text(rank->peak_resident_bytes, peak),
            bytes_text(rank->weights_bytes, weights), bytes_text(rank->kv_bytes, kv));
}

void jup_report_summary(FILE *out, const jup_run_t *run, const jup_analysis_t *analysis)
{
    print_world(out, run);
    print_speeds(out, analysis);
    if (run->until_s > 0)
        fprintf(out, "(below: of the first %.1f s; a --trace has all of it)\n", run->until_s);
    bool groups = has_groups(run);
    fprintf(out, "%4s%s  %-16s %8s %9s %9s %8s %10s %10s %10s %10s\n", "rank",
            groups ? "  stage.member     " : "", "host", "layers", "busy", "waiting", "hidden",
            "sent", "peak mem", "weights", "kv cache");
    size_t idle = 0;
    for (size_t i = 0; i < run->n_ranks; i++) {
        bool works = run->ranks[i].layer_last > run->ranks[i].layer_first;
        idle += !works;
        if (works)
            print_rank(out, &run->ranks[i], &analysis->ranks[i], groups);
    }
    if (idle)
        fprintf(out, "%zu idle rank%s without layers\n", idle, idle == 1 ? "" : "s");
}

void jup_report_meta(FILE *out, const jup_run_t *run)
{
    for (size_t i = 0; i < run->n_meta; i++)
        fprintf(out, "%-20s %s\n", run->meta[i].key, run->meta[i].value);
}
