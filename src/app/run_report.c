#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "app/run_report.h"

#include "app/run_plan.h"
#include "base/log.h"
#include "base/mem.h"
#include "trace/analyse.h"
#include "trace/report.h"
#include "trace/run_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void jup_run_report_rank(jup_rank_record_t *record, int rank, const jup_session_t *session,
                         const jup_pipeline_t *pipeline)
{
    const jup_forward_t *f = &session->forward;
    jup_rank_record_init(record, rank);
    if (session->device.name[0])
        snprintf(record->host, sizeof record->host, "%s", session->device.name);
    record->layer_first = session->weights.shard.first;
    record->layer_last = session->weights.shard.last;
    record->threads = session->compute.threads;
    record->weights_bytes = (int64_t)session->weights.mapped_bytes;
    record->kv_bytes = (int64_t)jup_kv_bytes(&f->kv);
    record->buffers_bytes =
        (int64_t)(f->work_bytes + jup_compute_scratch_bytes(&session->compute) +
                  JUP_HOP_WINDOW * (pipeline->from.buffer_bytes + pipeline->to.buffer_bytes));
}

/* "64,64,32": as many as fit. */
static void print_list(char *text, size_t bytes, const int32_t *numbers, int32_t n)
{
    size_t at = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < n && at + 16 < bytes; i++)
        at += (size_t)snprintf(text + at, bytes - at, "%s%d", i ? "," : "", numbers[i]);
}

static void describe(jup_run_t *run, const jup_run_setup_t *setup, const jup_job_t *job,
                     const jup_config_t *config, const jup_answer_t *answer)
{
    const jup_run_options_t *o = &setup->options;
    char list[4096];
    jup_run_set_standard_meta(run, PACKAGE_VERSION, NULL);
    jup_run_set_meta(run, "command", "run");
    jup_run_set_meta(run, "strategy", "jupiter");
    jup_run_set_meta(run, "model", job->shape[0] ? job->shape : job->model);
    jup_run_set_meta(run, "model_name", config->name);
    if (setup->gguf) {
        jup_run_set_metaf(run, "model_digest", "%016" PRIx64, job->model_digest);
        jup_run_set_metaf(run, "model_file_bytes", "%" PRIu64, jup_gguf_file_bytes(setup->gguf));
    }
    if (job->cluster[0])
        jup_run_set_meta(run, "modelled_cluster", job->cluster);
    if (job->shape[0])
        jup_run_set_meta(run, "weights_type", jup_dtype_info((int)job->weights)->name);
    jup_run_set_meta(run, "compute", job->compute);
    jup_run_set_meta(run, "blas_core", jup_blas_core());
    jup_run_set_meta(run, "wire", jup_dtype_info(job->wire)->name);
    jup_run_set_meta(run, "kv", jup_dtype_info(job->kv_dtype)->name);
    jup_run_set_metaf(run, "prompt_tokens", "%d", job->request.prompt_tokens);
    jup_run_set_metaf(run, "generate", "%d", job->request.generate);
    jup_run_set_metaf(run, "temperature", "%g", (double)o->temperature);
    jup_run_set_metaf(run, "seed", "%lld", o->seed);
    print_list(list, sizeof list, job->chunks, job->request.n_chunks);
    jup_run_set_meta(run, "chunks", list);
    jup_run_set_meta(run, "ended_by", jup_answer_end_name(answer->end));
}

static json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_rank(const jup_rank_record_t *rank, const jup_rank_use_t *use)
{
    return json_pack(
        "{s:i, s:s, s:[i,i], s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "rank", rank->rank, "host",
        rank->host, "layers", rank->layer_first, rank->layer_last - 1, "threads", rank->threads,
        "busy_s", json_number(use->busy_s), "wait_s", json_number(use->wait_s), "bytes_sent",
        (json_int_t)use->bytes_out, "peak_resident_bytes", (json_int_t)rank->peak_resident_bytes,
        "weights_bytes", (json_int_t)rank->weights_bytes, "kv_bytes", (json_int_t)rank->kv_bytes,
        "buffers_bytes", (json_int_t)rank->buffers_bytes);
}

static void print_json(const jup_run_t *run, const jup_analysis_t *analysis,
                       const jup_answer_t *answer)
{
    json_t *tokens = json_array(), *ranks = json_array(), *summary = json_object();
    for (int i = 0; i < answer->n_tokens; i++)
        json_array_append_new(tokens, json_integer(answer->tokens[i]));
    for (size_t r = 0; r < run->n_ranks; r++)
        json_array_append_new(ranks, json_rank(&run->ranks[r], &analysis->ranks[r]));
    for (size_t i = 0; i < run->n_summary; i++)
        json_object_set_new(summary, run->summary[i].key, json_number(run->summary[i].value));
    json_t *text = json_stringn(answer->text, answer->length);
    json_t *all = json_pack(
        "{s:o, s:o, s:s, s:s, s:s, s:o, s:o}", "text", text ? text : json_null(), "tokens", tokens,
        "ended_by", jup_answer_end_name(answer->end), "model", jup_run_get_meta(run, "model"),
        "clock", jup_run_get_meta(run, "clock"), "summary", summary, "ranks", ranks);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(all);
}

jup_status_t jup_run_report(jup_run_t *run, const jup_run_setup_t *setup, const jup_job_t *job,
                            const jup_config_t *config, const jup_answer_t *answer,
                            jup_error_t *err)
{
    const jup_run_options_t *o = &setup->options;
    jup_analysis_t analysis;
    jup_status_t status = JUP_OK;
    describe(run, setup, job, config, answer);
    jup_analysis_init(&analysis, run);
    jup_analysis_store(&analysis, run);
    jup_run_plan_store(setup, run);
    if (o->json)
        print_json(run, &analysis, answer);
    else if (!o->quiet) {
        jup_report_summary(stderr, run, &analysis);
        jup_run_plan_report(stderr, setup, &analysis);
    }
    if (o->trace)
        status = jup_run_file_write(o->trace, run, err);
    if (o->trace && status == JUP_OK && !o->quiet)
        jup_info("trace: %s (jupiter trace summary %s)", o->trace, o->trace);
    jup_analysis_reset(&analysis);
    return status;
}
