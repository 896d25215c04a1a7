#include "job/life.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/launcher.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "comm/collect.h"
#include "job/describe.h"
#include "job/division.h"
#include "strategy/measure.h"
#include "trace/gather.h"
#include "trace/run_file.h"

#include <stdio.h>
#include <string.h>

/* For whoever has to say which one is lost. */
static void name_devices(const jup_comm_t *comm, const jup_plan_t *plan)
{
    if (jup_division_is_by_hand(plan))
        return; /* they have no names */
    for (int m = 0; m < plan->n_members; m++) {
        jup_watch_name(comm->watch, plan->members[m].device, plan->members[m].name);
        if (comm->rank == 0)
            jup_launcher_tell_device(plan->members[m].device, plan->members[m].name);
    }
}

void jup_life_init(jup_life_t *life, jup_comm_t *comm, const jup_job_t *job)
{
    memset(life, 0, sizeof *life);
    life->comm = comm;
    life->job = *job;
    life->job.engine.scheduler.chunks.lengths = life->job.plan.chunks;
    jup_recorder_init(&life->recorder, comm->rank,
                      job->record ? JUP_RECORD_ALL : JUP_RECORD_BEGINNING);
    jup_recorder_observe(&life->recorder, comm);
    life->pipe = jup_comm_narrow(comm, job->plan.n_members);
    jup_log_configure((jup_log_level_t)job->log_level, comm->rank);
    name_devices(comm, &job->plan);
}

void jup_life_reset(jup_life_t *life)
{
    jup_watch_set_last_words(life->comm->watch, NULL, NULL);
    jup_free(life->ranks);
    jup_session_reset(&life->session);
    jup_recorder_reset(&life->recorder);
    jup_job_reset(&life->job);
    memset(life, 0, sizeof *life);
}

static bool is_first(const jup_life_t *life)
{
    return life->comm->rank == 0;
}

static bool has_stage(const jup_life_t *life)
{
    return jup_job_has_stage(&life->job, life->comm->rank);
}

static jup_status_t load(jup_life_t *life, const jup_speaker_t *speaker, jup_error_t *err)
{
    double start_s = jup_clock_now_s();
    jup_progress_t progress = {0};
    jup_status_t status = JUP_OK;
    if (is_first(life))
        jup_progress_show(&progress, "loading", 0, 1);
    if (has_stage(life))
        status = jup_session_open(&life->session, &life->job, &life->pipe, &life->recorder,
                                  speaker ? &speaker->sink : NULL, err);
    status = jup_comm_agree(life->comm, status, err);
    jup_progress_clear(&progress);
    jup_recorder_span(&life->recorder, JUP_SPAN_LOAD, start_s, jup_clock_now_s(), 0, 0,
                      (double)jup_weights_bytes(&life->session.weights));
    return status;
}

/* Every rank as it is now, for the report of a run that loses one. */
static void introduce(jup_life_t *life)
{
    jup_rank_record_t mine;
    void *all;
    size_t *offsets;
    jup_describe_rank(&mine, life->comm->rank, &life->job, &life->session);
    jup_comm_gather(life->comm, &mine, sizeof mine, &all, &offsets);
    life->ranks = all;
    jup_free(offsets);
}

static void meet(jup_life_t *life)
{
    if (has_stage(life))
        jup_session_meet(&life->session, &life->pipe);
    jup_trace_sync_clocks(life->comm, &life->recorder);
    introduce(life);
}

static jup_status_t open_outputs(jup_life_t *life, const jup_speaker_t *speaker, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    if (is_first(life) && speaker->open)
        status = speaker->open(speaker->self, life, err);
    return jup_comm_agree(life->comm, status, err);
}

static jup_status_t speak(jup_life_t *life, const jup_speaker_t *speaker, jup_error_t *err)
{
    jup_engine_t *engine = &life->session.engine;
    if (life->job.measure)
        jup_engine_measure(engine, life->job.fit_window);
    jup_status_t status = speaker->work(speaker->self, life, err);
    jup_engine_stop(engine);
    return status;
}

static jup_status_t work(jup_life_t *life, const jup_speaker_t *speaker, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    if (is_first(life))
        status = speak(life, speaker, err);
    else if (has_stage(life))
        jup_engine_serve(&life->session.engine);
    return jup_comm_agree(life->comm, status, err);
}

static jup_status_t report_on_first(jup_life_t *life, const jup_speaker_t *speaker,
                                    jup_run_t *record, jup_error_t *err)
{
    jup_describe_run(record, &life->job, &life->session);
    life->reported = true;
    jup_status_t status = speaker->report(speaker->self, life, record, err);
    if (!life->trace)
        return status;
    jup_error_t lost; /* a trace is worth keeping also where an answer could not be told */
    jup_status_t written = jup_run_file_write(life->trace, record, status ? &lost : err);
    if (written == JUP_OK && !life->quiet)
        jup_info("trace: %s (jupiter trace summary %s)", life->trace, life->trace);
    return status == JUP_OK ? written : status;
}

/* A wish to stop was granted: rank 0's exit code says that, and so do all. */
static jup_status_t say_stopped(const jup_speaker_t *speaker, jup_status_t status, jup_error_t *err)
{
    int number = jup_interrupt_signal();
    if (status != JUP_OK || number == 0 || !speaker || speaker->stops)
        return status;
    return jup_fail(err, (jup_status_t)(128 + number), "stopped by signal %d", number);
}

static jup_status_t report(jup_life_t *life, const jup_speaker_t *speaker, jup_error_t *err)
{
    jup_rank_record_t mine;
    jup_run_t record;
    jup_status_t status = JUP_OK;
    jup_run_init(&record);
    jup_describe_rank(&mine, life->comm->rank, &life->job, &life->session);
    status = jup_trace_gather(life->comm, &life->recorder, &mine, &record, err);
    if (status == JUP_OK && is_first(life))
        status = report_on_first(life, speaker, &record, err);
    jup_run_reset(&record);
    return jup_comm_agree(life->comm, say_stopped(speaker, status, err), err);
}

/* ---- when a rank is lost --------------------------------------------------------------------- */

/* What this rank alone has recorded; the others' places are known from the beginning. */
static jup_status_t report_alone(jup_life_t *life, jup_error_t *err)
{
    jup_run_t record;
    jup_comm_t alone = jup_comm_narrow(life->comm, 1);
    jup_run_init(&record);
    jup_status_t status = jup_trace_gather(&alone, &life->recorder, &life->ranks[0], &record, err);
    if (status == JUP_OK) {
        jup_free(record.ranks);
        record.ranks = life->ranks;
        record.n_ranks = (size_t)life->comm->size;
        life->ranks = NULL;
        status = report_on_first(life, life->speaker, &record, err);
    }
    jup_run_reset(&record);
    return status;
}

static void say_last_words(void *self)
{
    jup_life_t *life = self;
    jup_error_t err;
    char kept[600] = "nothing";
    bool reports = !life->reported;
    life->lost = true;
    if (life->speaker->cut)
        life->speaker->cut(life->speaker->self, life, kept, sizeof kept);
    jup_status_t status = reports ? report_alone(life, &err) : JUP_OK;
    if (status != JUP_OK)
        fprintf(stderr, "jupiter: %s\n", err.text);
    bool traced = reports && life->trace && status == JUP_OK;
    fprintf(stderr, "kept: %s%s%s; missing: what was still to come%s\n", kept,
            traced ? ", rank 0's trace in " : "", traced ? life->trace : "",
            traced ? ", the other ranks' traces" : "");
}

/* From here on there is something to keep. */
static void begin_to_keep(jup_life_t *life, const jup_speaker_t *speaker)
{
    if (is_first(life)) {
        life->speaker = speaker;
        jup_watch_set_last_words(life->comm->watch, say_last_words, life);
        jup_interrupt_say(speaker->stops
                              ? speaker->stops
                              : "jupiter: stopping at the next token; what came so far is kept\n");
    }
    jup_watch_enter(life->comm->watch, JUP_WATCH_WORKING);
    jup_interrupt_catch();
    if (is_first(life))
        jup_launcher_tell_here();
}

jup_status_t jup_life_run(jup_life_t *life, const jup_speaker_t *speaker, jup_error_t *err)
{
    JUP_TRY(load(life, speaker, err));
    JUP_TRY(open_outputs(life, speaker, err));
    meet(life);
    begin_to_keep(life, speaker);
    JUP_TRY(work(life, speaker, err));
    return report(life, speaker, err);
}
