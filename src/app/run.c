#include "app/run.h"

#include "app/commands.h"
#include "base/mem.h"
#include "job/describe.h"
#include "trace/report.h"

typedef struct run {
    jup_comm_t *comm;
    jup_setup_t setup; /* rank 0's */
    jup_job_t job;
    jup_life_t life;
    void *state; /* of the way; rank 0's */
} run_t;

static jup_status_t live(run_t *run, const jup_run_way_t *way, jup_error_t *err)
{
    jup_speaker_t speaker;
    bool first = run->comm->rank == 0;
    jup_life_init(&run->life, run->comm, &run->job);
    if (first) {
        run->state = jup_new(1, way->bytes);
        speaker = way->speaker(run->state, &run->setup);
        run->life.trace = run->setup.options.trace;
        run->life.quiet = run->setup.options.quiet;
    }
    jup_status_t status = jup_life_run(&run->life, first ? &speaker : NULL, err);
    if (first)
        way->reset(run->state);
    jup_life_reset(&run->life);
    run->comm->observer = (jup_comm_observer_t){0}; /* it was the life's */
    return status;
}

jup_status_t jup_run_once(jup_comm_t *comm, int argc, const char **argv, const jup_run_way_t *way,
                          jup_error_t *err)
{
    run_t *run = jup_new(1, sizeof *run);
    bool help = false;
    run->comm = comm;
    run->setup.user = way->user;
    jup_status_t status = jup_setup_prepare(comm, argc, argv, &run->setup, &run->job, &help, err);
    if (status == JUP_OK && !help)
        status = live(run, way, err);
    else
        jup_job_reset(&run->job);
    jup_setup_reset(&run->setup);
    jup_free(run->state);
    jup_free(run);
    return status;
}

int jup_run_command(int argc, const char **argv, const jup_run_way_t *way)
{
    jup_comm_t comm;
    jup_error_t err;
    jup_status_t status = jup_comm_open_mpi(&comm, argv[0], jup_options_watch_s(argc, argv), &err);
    if (status == JUP_OK)
        status = jup_run_once(&comm, argc, argv, way, &err);
    if (status != JUP_OK && comm.rank == 0)
        jup_report(&err);
    jup_comm_close(&comm);
    return (int)status;
}

void jup_run_store(jup_run_t *record, jup_analysis_t *analysis, const char *command)
{
    jup_run_set_meta(record, "command", command);
    jup_analysis_init(analysis, record);
    jup_analysis_store(analysis, record);
}

void jup_run_print(const jup_run_t *record, const jup_analysis_t *analysis, const jup_plan_t *plan)
{
    jup_report_summary(stderr, record, analysis);
    jup_describe_prediction(stderr, plan, analysis);
}
