/* jupiter run: rank 0 reads the user's wishes, all ranks answer the prompt together. */
#include "app/ask_run.h"
#include "app/commands.h"
#include "app/run_report.h"
#include "app/run_setup.h"
#include "ask/answer.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "comm/collect.h"
#include "io/npy.h"
#include "strategy/pipeline.h"
#include "trace/gather.h"

#include <string.h>

typedef struct run {
    jup_comm_t comm;
    jup_comm_t pipe;       /* the ranks that have a stage */
    jup_run_setup_t setup; /* rank 0: options, tokenizer, prompt */
    jup_job_t job;
    jup_session_t session;
    jup_recorder_t recorder;
    jup_pipeline_t pipeline;
    jup_pipeline_times_t times;
    jup_answer_t answer; /* rank 0 */
    jup_npy_t logits;    /* rank 0 */
    jup_progress_t progress;
} run_t;

/* ---- what the first stage does with results ---------------------------------------------------
 */

static bool on_token(void *self, int32_t token, float margin)
{
    run_t *run = self;
    (void)margin;
    jup_progress_clear(&run->progress);
    return jup_answer_token(&run->answer, token);
}

static void on_logits(void *self, const float *logits, int32_t rows)
{
    run_t *run = self;
    jup_npy_add(&run->logits, logits, rows);
}

static void on_progress(void *self, int32_t done, int32_t all)
{
    run_t *run = self;
    jup_progress_show(&run->progress, "prefill", done, all);
}

static bool on_interrupted(void *self)
{
    run_t *run = self;
    if (jup_interrupted())
        run->answer.end = JUP_END_INTERRUPTED;
    return jup_interrupted();
}

/* ---- the phases of a run ----------------------------------------------------------------------
 */

static void show_loading(run_t *run, int done)
{
    if (run->comm.rank == 0)
        jup_progress_show(&run->progress, "loading", done, 3);
}

static bool has_stage(const run_t *run)
{
    return jup_job_has_stage(&run->job, run->comm.rank);
}

static jup_status_t load_stage(run_t *run, jup_error_t *err)
{
    show_loading(run, 0);
    JUP_TRY(jup_session_open(&run->session, &run->job, run->comm.rank, err));
    show_loading(run, 1);
    JUP_TRY(jup_pipeline_init(&run->pipeline, &run->pipe, &run->session.forward, &run->recorder,
                              &run->job.request, run->job.wire, err));
    show_loading(run, 2);
    return JUP_OK;
}

static jup_status_t load(run_t *run, jup_error_t *err)
{
    double start_s = jup_clock_now_s();
    jup_status_t status = has_stage(run) ? load_stage(run, err) : JUP_OK;
    status = jup_comm_agree(&run->comm, status, err);
    jup_progress_clear(&run->progress);
    jup_recorder_span(&run->recorder, JUP_SPAN_LOAD, start_s, jup_clock_now_s(), 0, 0,
                      (double)run->session.weights.mapped_bytes);
    return status;
}

static jup_status_t open_outputs(run_t *run, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    if (run->comm.rank == 0) {
        const jup_run_options_t *o = &run->setup.options;
        jup_answer_init(&run->answer, run->setup.tokenizer, run->setup.prompt_is_empty,
                        o->json ? NULL : stdout, o->print_tokens, o->ignore_eos, o->stops);
        if (o->logits)
            status = jup_npy_open(&run->logits, o->logits, run->session.config.vocab, err);
    }
    return jup_comm_agree(&run->comm, status, err);
}

static void answer(run_t *run)
{
    const jup_sink_t sink = {.self = run,
                             .token = on_token,
                             .logits = on_logits,
                             .progress = on_progress,
                             .interrupted = on_interrupted};
    bool first = run->comm.rank == 0;
    jup_interrupt_catch();
    jup_pipeline_run(&run->pipeline, first ? run->setup.prompt.ids : NULL, first ? &sink : NULL,
                     &run->times);
    if (first) {
        jup_progress_clear(&run->progress);
        jup_answer_finish(&run->answer);
    }
}

static jup_status_t report(run_t *run, jup_error_t *err)
{
    jup_rank_record_t mine;
    jup_run_t record;
    jup_run_init(&record);
    jup_run_report_rank(&mine, run->comm.rank, &run->session, &run->pipeline);
    jup_trace_gather(&run->comm, &run->recorder, &mine, &record);
    jup_status_t status = JUP_OK;
    if (run->comm.rank == 0) {
        status = jup_npy_close(&run->logits, err);
        if (status == JUP_OK)
            status = jup_run_report(&record, &run->setup, &run->job, &run->session.config,
                                    &run->answer, err);
    }
    jup_run_reset(&record);
    return jup_comm_agree(&run->comm, status, err);
}

static jup_status_t run_all(run_t *run, jup_error_t *err)
{
    if (run->job.ask.on)
        return jup_ask_run(&run->comm, &run->setup, &run->job, &run->session, &run->recorder, err);
    JUP_TRY(load(run, err));
    JUP_TRY(open_outputs(run, err));
    jup_trace_sync_clocks(&run->comm, &run->recorder);
    if (has_stage(run))
        answer(run);
    return report(run, err);
}

static void reset(run_t *run)
{
    jup_pipeline_reset(&run->pipeline);
    jup_session_reset(&run->session);
    if (run->comm.rank == 0) {
        if (run->answer.text)
            jup_answer_reset(&run->answer);
        jup_run_setup_reset(&run->setup);
    }
    jup_recorder_reset(&run->recorder);
    jup_job_reset(&run->job);
}

int jup_cmd_run(int argc, const char **argv)
{
    run_t *run = jup_new(1, sizeof *run);
    jup_error_t err;
    jup_comm_open_mpi(&run->comm, NULL, NULL);

    bool help = false;
    jup_status_t status =
        jup_run_prepare(&run->comm, argc, argv, &run->setup, &run->job, &help, &err);
    if (status == JUP_OK && !help) {
        jup_recorder_init(&run->recorder, run->comm.rank, true);
        jup_recorder_observe(&run->recorder, &run->comm);
        run->pipe = jup_comm_narrow(&run->comm, run->job.stages);
        jup_log_configure((jup_log_level_t)run->job.log_level, run->comm.rank);
        status = run_all(run, &err);
    }
    if (status != JUP_OK && run->comm.rank == 0)
        jup_report(&err);
    jup_comm_t comm = run->comm;
    reset(run);
    jup_comm_close(&comm);
    jup_free(run);
    return (int)status;
}
