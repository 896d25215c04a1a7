/**
 * One run, from loading to the report, on every rank:
 *
 *   load -> open outputs -> clocks -> work -> agree -> report
 *
 * A wish to stop (base/interrupt.h) ends the work in order, and the status says so: JUP_STOPPED or
 * JUP_TERMINATED. When a rank is lost (comm/watch.h), the first stage cuts its work short, reports
 * what it knows by itself, and the process ends.
 *
 * The first stage's side of it (what is asked, where answers go) is a speaker: `run`, `chat` and
 * whoever else asks the model differ in that alone.
 */
#ifndef JUP_JOB_LIFE_H
#define JUP_JOB_LIFE_H

#include "job/session.h"
#include "trace/analyse.h"

struct jup_speaker;

typedef struct jup_life {
    jup_comm_t *comm; /* all ranks */
    jup_comm_t pipe;  /* those that have a stage */
    jup_job_t job;
    jup_session_t session;
    jup_recorder_t recorder;
    const char *trace; /* file to write; rank 0; NULL: none */
    bool quiet;        /* rank 0 */
    /* rank 0, from the work on: */
    const struct jup_speaker *speaker;
    jup_rank_record_t *ranks; /* (comm->size) as they were when the work began */
    bool lost;                /* a rank is: what is reported is this rank's part */
    bool reported;
} jup_life_t;

/** Rank 0's side; self is handed to all functions. */
typedef struct jup_speaker {
    void *self;
    jup_scheduler_sink_t sink;
    /** Opens what the answers go to, before any work; may be NULL. */
    jup_status_t (*open)(void *self, jup_life_t *life, jup_error_t *err);
    /** What is said at once when a signal asks to stop; NULL: that it stops at the next token.
     * Where it is given, a signal is the usual end: the status is JUP_OK. */
    const char *stops;
    /** The work is cut short where it is: what came so far is kept, which `kept` says in words. */
    void (*cut)(void *self, jup_life_t *life, char *kept, size_t size);
    /** Asks everything; the engine is there, the other stages serve. */
    jup_status_t (*work)(void *self, jup_life_t *life, jup_error_t *err);
    /** Adds to the record, and tells people or programs, once all is over. */
    jup_status_t (*report)(void *self, jup_life_t *life, jup_run_t *record, jup_error_t *err);
} jup_speaker_t;

/** comm and the job (which becomes the life's) are there. */
void jup_life_init(jup_life_t *life, jup_comm_t *comm, const jup_job_t *job);
void jup_life_reset(jup_life_t *life);

/** Lives it. speaker: rank 0's, NULL elsewhere. Collective. */
jup_status_t jup_life_run(jup_life_t *life, const jup_speaker_t *speaker, jup_error_t *err);

#endif
