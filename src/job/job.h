/**
 * What every rank has to know of a run. Rank 0 derives it once, from the user's options and the
 * model; all ranks get the same one and leave it alone from then on.
 */
#ifndef JUP_JOB_JOB_H
#define JUP_JOB_JOB_H

#include "comm/comm.h"
#include "comm/exchange.h"
#include "decode/form.h"
#include "model/part.h"
#include "plan/plan.h"
#include "strategy/engine.h"

enum { JUP_MAX_RANKS = 1024 };

/** Where guesses at the tokens to come are taken from (decode/draft.h). */
typedef struct jup_guessing {
    int32_t lookup, medusa, model; /* sources in use */
    char *heads, *draft;           /* files of medusa and model */
    char *accuracy;                /* of the heads, measured earlier; NULL: none */
    int32_t nodes;                 /* of a tree; 0: as measured to be best */
    int32_t chain;                 /* no forks */
    int32_t no_cancel;             /* nobody is told what proved wrong */
    jup_form_t form;               /* of outlines; n 0: not in use */
} jup_guessing_t;

typedef struct jup_job {
    /* the model */
    char *model;         /* a file's path; NULL: the shape below */
    uint64_t digest;     /* all ranks must see the same file */
    char *shape;         /* a well-known model's, a phantom; NULL: the file above */
    jup_dtype_t weights; /* type of the shape's */
    /* how it is computed */
    char *compute;
    char *cluster;   /* whose device a phantom's rank is; NULL: no phantom */
    int32_t threads; /* 0: all that the process may use */
    jup_dtype_t wire, kv_dtype;
    jup_exchange_t exchange; /* of sums among ranks that share layers; AUTO: by their links */
    int32_t every_row;       /* of the last layer: also those that nobody wants */
    int32_t log_level;
    int32_t record;           /* what happens is kept, for a trace */
    jup_part_blocks_t blocks; /* at which shares of layers are cut */
    /* the division that runs: its members are the ranks in order, further ranks are idle */
    jup_plan_t plan;
    int32_t chunk; /* > 0: prompts of any length are cut into chunks of so many tokens */
    /* the work */
    int32_t prompt_tokens, generate; /* of the longest prompt; of an answer at most */
    int32_t longest;                 /* sequence: both together, or a conversation's context */
    int32_t parallel;                /* questions at a time */
    jup_guessing_t guessing;
    int32_t measure;    /* what a lap costs by its rows, before the work begins */
    int32_t fit_window; /* ... and how many steps in the air that asks for */
    jup_engine_options_t engine;
} jup_job_t;

void jup_job_reset(jup_job_t *job);

/**
 * Every rank gets rank 0's job. Collective. JUP_EENV when a rank cannot read it: it runs another
 * version of the program.
 */
jup_status_t jup_job_share(jup_comm_t *comm, jup_job_t *job, jup_error_t *err);

/** The job as bytes (for jup_free()), and back. */
void jup_job_pack(const jup_job_t *job, void **data, size_t *bytes);
jup_status_t jup_job_unpack(jup_job_t *job, const void *data, size_t bytes, jup_error_t *err);

/** Numbers the ranks in the order of the plan's members; idle ones come last. Collective. */
void jup_job_number_ranks(const jup_job_t *job, jup_comm_t *comm);

/** A well-known model's configuration. JUP_EINPUT, naming the known ones, when it is unknown. */
jup_status_t jup_job_shape(const char *name, jup_config_t *config, jup_error_t *err);

/** Whether the rank works in a stage. */
bool jup_job_has_stage(const jup_job_t *job, int rank);

/** Whether guesses are made at all. */
bool jup_job_speculates(const jup_job_t *job);

/** Nodes of a tree of guesses at most, the root included; 1 without guesses. */
int32_t jup_job_nodes(const jup_job_t *job);

#endif
