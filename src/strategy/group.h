/**
 * The ranks of one stage, its members, who share its layers. The first of them leads: it has the
 * step and tells the others, who then do as it does until the layers are through; all end with the
 * same activations, bit for bit. Whether a step is still wanted the leader decides before it tells
 * anyone: inside the layers nobody can leave, since the others would wait for its messages.
 */
#ifndef JUP_STRATEGY_GROUP_H
#define JUP_STRATEGY_GROUP_H

#include "model/step.h"
#include "strategy/held.h"
#include "strategy/ring.h"

enum { JUP_GROUP_WINDOW = 2 }; /* steps told and not yet heard */

typedef struct jup_group_options {
    const int *members; /* (n) ranks of the comm, the leader first; the same on all */
    int n;
    jup_dtype_t wire;         /* JUP_F16 or JUP_F32 */
    int32_t rows;             /* of a step at most */
    int64_t dim, kv_dim;      /* of a row of activations, of the whole model's K */
    const double *speed;      /* (n) members' speeds, any unit, or NULL: alike */
    jup_exchange_link_t link; /* of the slowest pair */
    jup_exchange_t exchange;  /* AUTO: by the link */
    int original_every;       /* DeTransformer: one layer of so many is original; 0: 2 */
} jup_group_options_t;

typedef struct jup_group {
    jup_comm_t *comm;
    int n, me; /* members, and which of them this rank is; 0 leads */
    int64_t dim;
    double *speed;      /* (n) summing to 1 */
    int original_every; /* DeTransformer's N */
    jup_ring_t ring;
    int64_t *row; /* (n + 1) rows row[m] .. row[m + 1] are member m's, as last divided */
    int64_t *at;  /* (n + 1) the same, or another division, in elements */
    jup_held_t held;
    bool together; /* all hold what the rows of the step told attend to, and there are enough */
    /* steps told */
    size_t buffer_bytes;
    char *buffers[JUP_GROUP_WINDOW];          /* other members than the leader: one */
    jup_pending_t *pending[JUP_GROUP_WINDOW]; /* (n) each */
    uint32_t told, heard; /* the leader's sends; the others' receives, begun and read */
} jup_group_t;

/** comm stays with the caller. On every member alike. */
jup_status_t jup_group_init(jup_group_t *group, jup_comm_t *comm,
                            const jup_group_options_t *options, jup_error_t *err);
void jup_group_reset(jup_group_t *group);

/* ---- the step -------------------------------------------------------------------------------- */

/**
 * The leader, of every step, whether or not it has rows: begins telling all others the step with
 * its activations x (step->rows, dim), which are rounded in place to what the others will have; x
 * NULL: without, as everyone has the tokens' embeddings. A stop is told so too, and is the last.
 */
void jup_group_tell(jup_group_t *group, const jup_step_t *step, float *x);

/** The others: wait for the next step; true when x (step->rows, dim) came with it. */
bool jup_group_hear(jup_group_t *group, jup_step_t *step, float *x);

/** Everyone, after the stop: waits until what was sent has arrived. */
void jup_group_flush(jup_group_t *group);

/* ---- sums ------------------------------------------------------------------------------------ */

/** Zeroes what is not this member's share of x (rows, dim), so that all members' sum is x. */
void jup_group_keep_share(jup_group_t *group, float *x, int64_t rows);

/** x (rows, dim) = the sum of all members' x: an all-reduce. */
void jup_group_sum(jup_group_t *group, float *x, int64_t rows);

/* ---- rows ------------------------------------------------------------------------------------ */

/** Consecutive rows of a step. */
typedef struct jup_rows {
    int64_t at, n;
} jup_rows_t;

/**
 * Divides rows among the members, evenly or by their speeds, at least one each (rows >= n);
 * returns this member's.
 */
jup_rows_t jup_group_divide(jup_group_t *group, int64_t rows, bool by_speed);

/** The rows that turn t of an all-gather sends, and those that turn t of a reduce-scatter does:
 * all, once, as t runs from 0 to n - 1. */
jup_rows_t jup_group_gather_rows(const jup_group_t *group, int t);
jup_rows_t jup_group_reduce_rows(const jup_group_t *group, int t);

/** The division in elements of rows of `width`, for the ring; valid until the next. */
const int64_t *jup_group_blocks(jup_group_t *group, int64_t width);

/** Zeroes the rows of x (rows, dim) that are not this member's, so that all members' sum is x. */
void jup_group_keep_rows(jup_group_t *group, float *x);

/** Everyone gets all members' rows of x (rows, width) as divided. */
void jup_group_gather(jup_group_t *group, float *x, int64_t width);

#endif
