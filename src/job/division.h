/**
 * Who holds which layers and how prompts are cut: by hand, as a file of slices says, or by a plan,
 * made for a cluster, for the ranks as they are measured, or read from a file. What comes out is
 * always a plan (plan/plan.h): it is what runs, and what the run file says has run.
 */
#ifndef JUP_JOB_DIVISION_H
#define JUP_JOB_DIVISION_H

#include "io/gguf.h"
#include "job/job.h"
#include "strategy/strategies.h"

/** What the user says of it. Texts stay the caller's; NULL, 0: not given. */
typedef struct jup_wishes {
    const char *layers, *chunks; /* "8,8,6,10" */
    int32_t chunk;
    const char *plan;     /* a file */
    const char *cluster;  /* devices to plan for, one a rank */
    const char *strategy; /* by name; NULL: jupiter, or for measured ranks the quickest */
    bool automatic;       /* measure the ranks, unless there is a cluster to plan for */
    bool quiet;
    int32_t branches; /* answers that will be decoded at the same time */
    int32_t outline;  /* tokens that come before them, one after the other */
    int32_t points;   /* tokens of all branches; 0: of the only answer, as the job says */
    bool guesses;     /* about as good as trained heads */
} jup_wishes_t;

/**
 * Fills in the job's plan and chunk; the job's model, computing, prompt_tokens (>= 1) and generate
 * are there. Rank 0's arguments count: gguf is NULL with a shape. Collective.
 */
jup_status_t jup_division_make(jup_comm_t *comm, const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                               const jup_config_t *config, jup_job_t *job, jup_error_t *err);

/** Rank 0 alone: the same where nothing has to be measured. */
jup_status_t jup_division_by_hand(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                  const jup_config_t *config, int ranks, jup_job_t *job,
                                  jup_error_t *err);
jup_status_t jup_division_by_plan(const jup_wishes_t *wishes, const jup_gguf_t *gguf,
                                  const jup_config_t *config, int ranks, jup_job_t *job,
                                  jup_error_t *err);

/** A strategy by name, NULL: the default. JUP_EINPUT for another name, with the known ones. */
jup_status_t jup_division_strategy(const char *name, const jup_strategy_t **strategy,
                                   jup_error_t *err);

/** first_layer (ranks + 1): the first ranks take one layer more when it does not come out even. */
void jup_division_layers_evenly(int32_t layers, int32_t ranks, int32_t *first_layer);

/** Numbers in a list like "8,8,6,10". */
int32_t jup_division_count(const char *list);

/** Those numbers, each in [least, most]; a new block, *n of them. */
jup_status_t jup_division_numbers(const char *option, const char *text, int32_t least, int32_t most,
                                  int32_t **numbers, int32_t *n, jup_error_t *err);

/** The same from "--layers 8,8,6,10". */
jup_status_t jup_division_layers_as_told(const char *list, int32_t layers, int32_t ranks,
                                         int32_t *first_layer, jup_error_t *err);

/**
 * A chunk length without knowledge of the devices: about two chunks per stage, so that the pipe
 * fills, but not so short that matrix products starve, nor so long that buffers grow.
 */
int32_t jup_division_default_chunk(int32_t tokens, int32_t ranks);

/** Whether nobody has named the plan's devices: by options, or evenly, not for a cluster. */
bool jup_division_is_by_hand(const jup_plan_t *plan);

#endif
