#include "trace/analyse.h"

#include "base/mem.h"
#include "trace/intervals.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* When one rank was computing (and not waiting in the midst of it), and when it waited. */
typedef struct activity {
    jup_intervals_t busy, wait_recv, wait_send;
} activity_t;

/* A stretch of a phase: of one request. */
typedef struct window {
    int phase;
    double start_s, end_s;
} window_t;

const char *jup_phase_name(int phase)
{
    return phase == JUP_PHASE_PREFILL ? "prefill" : "decode";
}

bool jup_message_kind_is_work(int kind)
{
    return kind != JUP_MSG_VERDICT && kind != JUP_MSG_SHARE && kind != JUP_MSG_GATHER &&
           kind != JUP_MSG_PING && kind != JUP_MSG_VITALS;
}

double jup_hidden_share(double hidden_s, double flight_s)
{
    return flight_s > 0 ? hidden_s / flight_s : 0;
}

/* ---- activities ------------------------------------------------------------------------------ */

static bool is_wait(int kind)
{
    return kind == JUP_SPAN_WAIT_RECV || kind == JUP_SPAN_WAIT_SEND;
}

/* Edges of the rank's spans of a kind; for JUP_SPAN_LAYERS: of all that compute, less the waits. */
static size_t take_edges(const jup_run_t *run, int32_t rank, int wanted, jup_edge_t *edges)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n_spans; i++) {
        const jup_span_t *span = &run->spans[i];
        if (span->rank != rank)
            continue;
        bool busy = wanted == JUP_SPAN_LAYERS;
        int in = busy ? jup_span_kind_is_compute(span->kind) : span->kind == wanted;
        int out = busy && is_wait(span->kind);
        if (!in && !out)
            continue;
        edges[n++] = (jup_edge_t){.time_s = span->start_s, .in = in, .out = out};
        edges[n++] = (jup_edge_t){.time_s = span->end_s, .in = -in, .out = -out};
    }
    return n;
}

static void activity_init(activity_t *activity, const jup_run_t *run, int32_t rank,
                          jup_edge_t *edges)
{
    size_t n = take_edges(run, rank, JUP_SPAN_LAYERS, edges);
    jup_intervals_init(&activity->busy, edges, n);
    n = take_edges(run, rank, JUP_SPAN_WAIT_RECV, edges);
    jup_intervals_init(&activity->wait_recv, edges, n);
    n = take_edges(run, rank, JUP_SPAN_WAIT_SEND, edges);
    jup_intervals_init(&activity->wait_send, edges, n);
}

static void activity_reset(activity_t *activity)
{
    jup_intervals_reset(&activity->busy);
    jup_intervals_reset(&activity->wait_recv);
    jup_intervals_reset(&activity->wait_send);
}

/* ---- phases ---------------------------------------------------------------------------------- */

static window_t window_of(const jup_request_use_t *request, int phase)
{
    if (phase == JUP_PHASE_PREFILL)
        return (window_t){phase, request->start_s, request->first_token_s};
    return (window_t){phase, request->first_token_s, request->end_s};
}

static void use_window(jup_rank_use_t *use, const activity_t *activity, window_t w)
{
    jup_phase_use_t *phase = &use->phase[w.phase];
    phase->length_s += w.end_s - w.start_s;
    phase->busy_s += jup_intervals_covered_s(&activity->busy, w.start_s, w.end_s);
    phase->wait_recv_s += jup_intervals_covered_s(&activity->wait_recv, w.start_s, w.end_s);
    phase->wait_send_s += jup_intervals_covered_s(&activity->wait_send, w.start_s, w.end_s);
}

/* ends_s[i]: the latest end of requests 0 to i, which are in the order of their start. */
static double *latest_ends(const jup_analysis_t *analysis)
{
    double *ends_s = jup_new(analysis->n_requests, sizeof *ends_s);
    for (size_t i = 0; i < analysis->n_requests; i++) {
        ends_s[i] = analysis->requests[i].end_s;
        if (i > 0 && ends_s[i - 1] > ends_s[i])
            ends_s[i] = ends_s[i - 1];
    }
    return ends_s;
}

/* The phase of the earliest request that is under way, -1 outside of all of them. */
static int phase_at(const jup_analysis_t *analysis, const double *ends_s, double time_s)
{
    size_t low = 0, high = analysis->n_requests;
    while (low < high) { /* the first that ends later: all before it are over */
        size_t middle = low + (high - low) / 2;
        if (ends_s[middle] > time_s)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == analysis->n_requests || analysis->requests[low].start_s > time_s)
        return -1;
    return time_s < analysis->requests[low].first_token_s ? JUP_PHASE_PREFILL : JUP_PHASE_DECODE;
}

/* ---- messages -------------------------------------------------------------------------------- */

static void count_bytes(jup_analysis_t *analysis, const jup_message_t *message)
{
    jup_rank_use_t *src = &analysis->ranks[message->src], *dst = &analysis->ranks[message->dst];
    if (!jup_message_kind_is_work(message->kind)) {
        src->house_bytes_out += message->bytes;
        return;
    }
    src->bytes_out += message->bytes;
    src->messages_out++;
    dst->bytes_in += message->bytes;
    dst->messages_in++;
    analysis->bytes_sent += message->bytes;
}

static void count_flight(jup_analysis_t *analysis, const activity_t *activities,
                         const double *ends_s, const jup_message_t *message)
{
    double start_s = message->start_s, end_s = message->done_s;
    if (!jup_message_kind_is_work(message->kind) || !(end_s > start_s))
        return; /* not matched, or of no length on clocks of this precision */
    int phase = phase_at(analysis, ends_s, start_s);
    if (phase < 0)
        return;
    jup_phase_use_t *in = &analysis->ranks[message->dst].phase[phase];
    jup_phase_use_t *out = &analysis->ranks[message->src].phase[phase];
    in->flight_in_s += end_s - start_s;
    in->hidden_in_s += jup_intervals_covered_s(&activities[message->dst].busy, start_s, end_s);
    out->flight_out_s += end_s - start_s;
    out->hidden_out_s += jup_intervals_covered_s(&activities[message->src].busy, start_s, end_s);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void count_spans(jup_analysis_t *analysis, const jup_run_t *run)
{
    for (size_t i = 0; i < run->n_spans; i++) {
        const jup_span_t *span = &run->spans[i];
        jup_rank_use_t *use = &analysis->ranks[span->rank];
        if (span->kind < 0 || span->kind >= JUP_SPAN_KINDS)
            continue;
        use->kind_s[span->kind] += span->end_s - span->start_s;
        if (!jup_span_kind_is_compute(span->kind))
            continue;
        use->flops += span->flops;
        use->bytes += span->bytes;
        use->rows += span->kind == JUP_SPAN_LAYERS ? span->rows : 0;
    }
}

static void add_phase(jup_phase_use_t *sum, const jup_phase_use_t *phase)
{
    sum->length_s += phase->length_s;
    sum->busy_s += phase->busy_s;
    sum->wait_recv_s += phase->wait_recv_s;
    sum->wait_send_s += phase->wait_send_s;
    sum->flight_in_s += phase->flight_in_s;
    sum->hidden_in_s += phase->hidden_in_s;
    sum->flight_out_s += phase->flight_out_s;
    sum->hidden_out_s += phase->hidden_out_s;
}

static void set_bubble(jup_phase_use_t *phase)
{
    phase->bubble_share = phase->length_s > 0 ? 1 - phase->busy_s / phase->length_s : 0;
}

static void sum_rank(jup_rank_use_t *use)
{
    for (int phase = 0; phase < JUP_PHASES; phase++) {
        set_bubble(&use->phase[phase]);
        add_phase(&use->sum, &use->phase[phase]);
    }
    set_bubble(&use->sum);
    use->busy_s = use->sum.busy_s;
    use->wait_s = use->sum.wait_recv_s + use->sum.wait_send_s;
}

static void sum_phase(jup_analysis_t *analysis, int phase)
{
    double bubble = 0, flight_s = 0, hidden_s = 0;
    int working = 0;
    for (size_t i = 0; i < analysis->n_ranks; i++) {
        const jup_rank_use_t *use = &analysis->ranks[i];
        flight_s += use->phase[phase].flight_in_s;
        hidden_s += use->phase[phase].hidden_in_s;
        if (use->rows == 0)
            continue;
        bubble += use->phase[phase].bubble_share;
        working++;
    }
    analysis->bubble_share[phase] = working ? bubble / working : 0;
    analysis->hidden_share[phase] = jup_hidden_share(hidden_s, flight_s);
}

static void sum_hidden(jup_analysis_t *analysis)
{
    double flight_s = 0, hidden_s = 0;
    for (size_t i = 0; i < analysis->n_ranks; i++) {
        flight_s += analysis->ranks[i].sum.flight_in_s;
        hidden_s += analysis->ranks[i].sum.hidden_in_s;
    }
    analysis->hidden_share_all = jup_hidden_share(hidden_s, flight_s);
}

static jup_totals_t add_up(const jup_analysis_t *analysis)
{
    jup_totals_t t = {.requests = (int64_t)analysis->n_requests};
    for (size_t i = 0; i < analysis->n_requests; i++) {
        const jup_request_use_t *request = &analysis->requests[i];
        t.prefill_s += request->first_token_s - request->start_s;
        t.decode_s += request->end_s - request->first_token_s;
        t.prompt_tokens += request->prompt_tokens;
        t.new_tokens += request->new_tokens;
        t.decoded_tokens += request->new_tokens > 1 ? request->new_tokens - 1 : 0;
    }
    return t;
}

/* Of the whole run, even where its events end earlier. */
static void sum_requests(jup_analysis_t *analysis, const jup_run_t *run)
{
    const jup_totals_t t = run->until_s > 0 ? run->totals : add_up(analysis);
    analysis->length_s[JUP_PHASE_PREFILL] = t.prefill_s;
    analysis->length_s[JUP_PHASE_DECODE] = t.decode_s;
    analysis->prompt_tokens = t.prompt_tokens;
    analysis->new_tokens = t.new_tokens;
    analysis->decoded_tokens = t.decoded_tokens;
    if (t.requests)
        analysis->first_token_s = t.prefill_s / (double)t.requests;
    if (t.prefill_s > 0)
        analysis->prefill_tokens_per_s = (double)t.prompt_tokens / t.prefill_s;
    if (t.decode_s > 0)
        analysis->decode_tokens_per_s = (double)t.decoded_tokens / t.decode_s;
}

static void use_phases(jup_analysis_t *analysis, const activity_t *activities)
{
    for (size_t i = 0; i < analysis->n_requests; i++)
        for (int phase = 0; phase < JUP_PHASES; phase++)
            for (size_t rank = 0; rank < analysis->n_ranks; rank++)
                use_window(&analysis->ranks[rank], &activities[rank],
                           window_of(&analysis->requests[i], phase));
}

static activity_t *activities_new(const jup_run_t *run)
{
    activity_t *activities = jup_new(run->n_ranks, sizeof *activities);
    jup_edge_t *edges = jup_new(2 * run->n_spans, sizeof *edges);
    for (size_t rank = 0; rank < run->n_ranks; rank++)
        activity_init(&activities[rank], run, (int32_t)rank, edges);
    jup_free(edges);
    return activities;
}

static void activities_destroy(activity_t *activities, size_t n)
{
    for (size_t i = 0; i < n; i++)
        activity_reset(&activities[i]);
    jup_free(activities);
}

void jup_analysis_init(jup_analysis_t *analysis, const jup_run_t *run)
{
    memset(analysis, 0, sizeof *analysis);
    analysis->n_ranks = run->n_ranks;
    analysis->ranks = jup_new(run->n_ranks, sizeof *analysis->ranks);
    jup_analysis_find_requests(analysis, run);
    count_spans(analysis, run);

    activity_t *activities = activities_new(run);
    double *ends_s = latest_ends(analysis);
    use_phases(analysis, activities);
    for (size_t i = 0; i < run->n_messages; i++) {
        count_bytes(analysis, &run->messages[i]);
        count_flight(analysis, activities, ends_s, &run->messages[i]);
    }
    jup_free(ends_s);
    activities_destroy(activities, run->n_ranks);

    for (size_t i = 0; i < analysis->n_ranks; i++)
        sum_rank(&analysis->ranks[i]);
    for (int phase = 0; phase < JUP_PHASES; phase++)
        sum_phase(analysis, phase);
    sum_hidden(analysis);
    sum_requests(analysis, run);
}

void jup_analysis_reset(jup_analysis_t *analysis)
{
    jup_free(analysis->ranks);
    jup_free(analysis->requests);
    memset(analysis, 0, sizeof *analysis);
}

static void store_phase(const jup_analysis_t *analysis, jup_run_t *run, int phase)
{
    const char *name = jup_phase_name(phase);
    char key[64];
    snprintf(key, sizeof key, "%s_s", name);
    jup_run_set_number(run, key, analysis->length_s[phase]);
    snprintf(key, sizeof key, "%s_bubble_share", name);
    jup_run_set_number(run, key, analysis->bubble_share[phase]);
    snprintf(key, sizeof key, "%s_hidden_share", name);
    jup_run_set_number(run, key, analysis->hidden_share[phase]);
}

void jup_analysis_store(const jup_analysis_t *analysis, jup_run_t *run)
{
    jup_run_set_number(run, "time_to_first_token_s", analysis->first_token_s);
    jup_run_set_number(run, "prefill_tokens_per_s", analysis->prefill_tokens_per_s);
    jup_run_set_number(run, "decode_tokens_per_s", analysis->decode_tokens_per_s);
    jup_run_set_number(run, "prompt_tokens", (double)analysis->prompt_tokens);
    jup_run_set_number(run, "new_tokens", (double)analysis->new_tokens);
    for (int phase = 0; phase < JUP_PHASES; phase++)
        store_phase(analysis, run, phase);
    jup_run_set_number(run, "hidden_share", analysis->hidden_share_all);
    jup_run_set_number(run, "sent_bytes", (double)analysis->bytes_sent);
    if (run->until_s > 0) /* shares and bytes are of the run until then */
        jup_run_set_number(run, "events_until_s", run->until_s);
}
