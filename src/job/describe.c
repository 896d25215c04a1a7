#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "base/mem.h"
#include "job/describe.h"

#include <inttypes.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

/* Members of the plan stand in rank order. */
static void describe_place(jup_rank_record_t *record, const jup_plan_t *plan,
                           const jup_place_t *place)
{
    const jup_plan_member_t *member = &plan->members[place->rank];
    record->stage = place->stage;
    record->member = jup_place_member(place);
    record->heads = member->heads;
    record->ffn = member->ffn;
    snprintf(record->way, sizeof record->way, "%s", jup_way_name(place->way));
}

void jup_describe_rank(jup_rank_record_t *record, int rank, const jup_job_t *job,
                       const jup_session_t *session)
{
    const jup_forward_t *f = &session->forward;
    const jup_stage_t *stage = &session->engine.stage;
    jup_rank_record_init(record, rank);
    if (jup_job_has_stage(job, rank))
        describe_place(record, &job->plan, &session->place);
    if (session->device.name[0])
        snprintf(record->host, sizeof record->host, "%s", session->device.name);
    record->layer_first = session->weights.shard.first;
    record->layer_last = session->weights.shard.last;
    record->threads = session->compute.threads;
    record->weights_bytes = (int64_t)jup_weights_bytes(&session->weights);
    record->kv_bytes = (int64_t)jup_kv_bytes(&f->kv);
    record->buffers_bytes =
        (int64_t)(f->work_bytes + jup_compute_scratch_bytes(&session->compute) +
                  JUP_HOP_WINDOW * (stage->from.buffer_bytes + stage->to.buffer_bytes));
}

/* "64,64,32": as many as fit. */
static void print_list(char *text, size_t bytes, const int32_t *numbers, int32_t n)
{
    size_t at = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < n && at + 16 < bytes; i++)
        at += (size_t)snprintf(text + at, bytes - at, "%s%d", i ? "," : "", numbers[i]);
}

static void describe_model(jup_run_t *run, const jup_job_t *job, const jup_session_t *session)
{
    jup_run_set_meta(run, "model", job->shape ? job->shape : job->model);
    jup_run_set_meta(run, "model_name", session->config.name);
    if (session->gguf) {
        jup_run_set_metaf(run, "model_digest", "%016" PRIx64, job->digest);
        jup_run_set_metaf(run, "model_file_bytes", "%" PRIu64, jup_gguf_file_bytes(session->gguf));
    }
    if (job->cluster)
        jup_run_set_meta(run, "modelled_cluster", job->cluster);
    if (job->shape)
        jup_run_set_meta(run, "weights_type", jup_dtype_info((int)job->weights)->name);
    jup_run_set_meta(run, "compute", job->compute);
    jup_run_set_meta(run, "blas_core", jup_blas_core());
    jup_run_set_meta(run, "wire", jup_dtype_info(job->wire)->name);
    jup_run_set_meta(run, "kv", jup_dtype_info(job->kv_dtype)->name);
}

static void describe_division(jup_run_t *run, const jup_job_t *job)
{
    const jup_plan_t *plan = &job->plan;
    char list[4096], *text;
    size_t bytes;
    print_list(list, sizeof list, plan->chunks, plan->n_chunks);
    jup_run_set_meta(run, "chunks", list);
    if (job->chunk)
        jup_run_set_metaf(run, "chunk", "%d", job->chunk);
    jup_plan_pack(plan, &text, &bytes);
    jup_run_set_plan(run, text);
    jup_free(text);
    if (plan->predicted.ttft_s <= 0)
        return;
    jup_run_set_number(run, "predicted_time_to_first_token_s", plan->predicted.ttft_s);
    jup_run_set_number(run, "predicted_token_s", plan->predicted.token_s);
}

void jup_describe_run(jup_run_t *run, const jup_job_t *job, const jup_session_t *session)
{
    const jup_sampling_t *sampling = &job->engine.stage.sampling;
    jup_run_set_standard_meta(run, PACKAGE_VERSION, NULL);
    jup_run_set_meta(run, "strategy", job->plan.strategy);
    describe_model(run, job, session);
    describe_division(run, job);
    jup_run_set_metaf(run, "prompt_tokens", "%d", job->prompt_tokens);
    jup_run_set_metaf(run, "generate", "%d", job->generate);
    jup_run_set_metaf(run, "temperature", "%g", (double)sampling->temperature);
    jup_run_set_metaf(run, "seed", "%" PRIu64, sampling->seed);
}

/* ---- prediction ------------------------------------------------------------------------------ */

/* Whether the prediction is for what was run. */
static bool is_comparable(const jup_plan_t *plan, const jup_analysis_t *analysis)
{
    return plan->predicted.ttft_s > 0 && analysis->n_requests == 1 &&
           analysis->requests[0].prompt_tokens == plan->workload.prompt_tokens;
}

static double percent(double predicted, double measured)
{
    return measured > 0 ? 100 * (predicted / measured - 1) : 0;
}

static void print_row(FILE *out, const char *name, double predicted_s, double measured_s)
{
    fprintf(out, "  %-24s %10.2f ms %10.2f ms %+8.1f %%\n", name, 1e3 * predicted_s,
            1e3 * measured_s, percent(predicted_s, measured_s));
}

void jup_describe_prediction(FILE *out, const jup_plan_t *plan, const jup_analysis_t *analysis)
{
    char name[100];
    if (!is_comparable(plan, analysis))
        return;
    double tokens = (double)analysis->requests[0].new_tokens - 1;
    fprintf(out, "plan                          predicted      measured\n");
    print_row(out, "time to first token", plan->predicted.ttft_s, analysis->first_token_s);
    if (tokens > 0)
        print_row(out, "a further token", plan->predicted.token_s,
                  analysis->length_s[JUP_PHASE_DECODE] / (double)analysis->decoded_tokens);
    for (int s = 0; s < plan->n_stages && plan->stages[s].at < (int)analysis->n_ranks; s++) {
        if (plan->stages[s].n > 1) /* planned with its members' exchanges, which are waits here */
            continue;
        const jup_phase_use_t *phase = analysis->ranks[plan->stages[s].at].phase;
        snprintf(name, sizeof name, "stage %d prefill, busy", s);
        print_row(out, name, plan->stages[s].prefill_s, phase[JUP_PHASE_PREFILL].busy_s);
        snprintf(name, sizeof name, "stage %d a token, busy", s);
        if (tokens > 0)
            print_row(out, name, plan->stages[s].decode_s, phase[JUP_PHASE_DECODE].busy_s / tokens);
    }
}
