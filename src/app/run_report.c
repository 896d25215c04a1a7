#include "app/run_report.h"

#include "ask/logprobs.h"
#include "ask/results.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_rank(const jup_rank_record_t *rank, const jup_rank_use_t *use)
{
    return json_pack(
        "{s:i, s:i, s:i, s:s, s:i, s:i, s:s, s:[i,i], s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:I}",
        "rank", rank->rank, "stage", rank->stage, "member", rank->member, "way", rank->way, "heads",
        rank->heads, "ffn", rank->ffn, "host", rank->host, "layers", rank->layer_first,
        rank->layer_last - 1, "threads", rank->threads, "busy_s", json_number(use->busy_s),
        "wait_s", json_number(use->wait_s), "bytes_sent", (json_int_t)use->bytes_out,
        "peak_resident_bytes", (json_int_t)rank->peak_resident_bytes, "weights_bytes",
        (json_int_t)rank->weights_bytes, "kv_bytes", (json_int_t)rank->kv_bytes, "buffers_bytes",
        (json_int_t)rank->buffers_bytes);
}

static json_t *json_ranks(const jup_run_t *run, const jup_analysis_t *analysis)
{
    json_t *ranks = json_array();
    for (size_t r = 0; r < run->n_ranks; r++)
        json_array_append_new(ranks, json_rank(&run->ranks[r], &analysis->ranks[r]));
    return ranks;
}

static json_t *json_summary(const jup_run_t *run)
{
    json_t *summary = json_object();
    for (size_t i = 0; i < run->n_summary; i++)
        json_object_set_new(summary, run->summary[i].key, json_number(run->summary[i].value));
    return summary;
}

void jup_run_report_json(const jup_run_t *run, const jup_analysis_t *analysis,
                         const jup_reply_t *only)
{
    const jup_answer_t *plain = only && !only->has_outline ? &only->plain.answer : NULL;
    json_t *ids = json_array(), *whole = json_string(only ? only->text : "");
    for (int i = 0; plain && i < plain->n_tokens; i++)
        json_array_append_new(ids, json_integer(plain->tokens[i]));
    json_t *all = json_pack(
        "{s:o, s:o, s:s, s:s, s:s, s:o, s:o}", "text", whole ? whole : json_null(), "tokens", ids,
        "ended_by", jup_answer_end_name(only ? jup_reply_end(only) : JUP_END_LENGTH), "model",
        jup_run_get_meta(run, "model"), "clock", jup_run_get_meta(run, "clock"), "summary",
        json_summary(run), "ranks", json_ranks(run, analysis));
    if (plain && plain->n_likely > 0)
        json_object_set_new(all, "logprobs", jup_logprobs_json(plain, 0, plain->n_likely));
    if (only && only->has_outline)
        jup_results_add_branches(all, only);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(all);
}
