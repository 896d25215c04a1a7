/** What `jupiter run`, `jupiter chat` and their likes have in common: the options, and one life of
 * a run. */
#ifndef JUP_APP_RUN_H
#define JUP_APP_RUN_H

#include "app/setup.h"
#include "job/life.h"

/** A way of speaking; plain functions over its own state. */
typedef struct jup_run_way {
    size_t bytes; /* of the state, zeroed at first */
    void *user;   /* rank 0's: becomes setup->user */
    /** The speaker over `self`; the setup outlives it. */
    jup_speaker_t (*speaker)(void *self, jup_setup_t *setup);
    void (*reset)(void *self);
} jup_run_way_t;

/** Parses, prepares, lives and reports; returns the exit code. Every rank calls it alike. */
int jup_run_command(int argc, const char **argv, const jup_run_way_t *way);

/** Likewise with a comm that is there already; says what went wrong. */
jup_status_t jup_run_once(jup_comm_t *comm, int argc, const char **argv, const jup_run_way_t *way,
                          jup_error_t *err);

/** For a speaker's report: the record's analysis, summary or JSON as the options say. */
void jup_run_store(jup_run_t *record, jup_analysis_t *analysis, const char *command);
void jup_run_print(const jup_run_t *record, const jup_analysis_t *analysis, const jup_plan_t *plan);

#endif
