/**
 * A step: what every stage does with one batch of rows. It is made by the first stage and travels
 * ahead of the activations in the same message, so that one message a hop carries everything and
 * all stages apply the same edits to their caches in the same order.
 */
#ifndef JUP_MODEL_STEP_H
#define JUP_MODEL_STEP_H

#include "model/sampler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JUP_STEP_MAX_SEGMENTS = 64, JUP_STEP_MAX_EDITS = 128 };

typedef enum jup_step_kind {
    JUP_STEP_WORK = 1,
    JUP_STEP_STOP,      /* the job ends: no rows, nothing answered */
    JUP_STEP_CANCELLED, /* as WORK, but its guesses proved wrong: its rows take their places in the
                           caches, nothing is computed and no activations travel */
} jup_step_kind_t;

typedef enum jup_edit_op {
    JUP_EDIT_FORK = 1, /* seq shares the first `b` tokens of sequence `a` */
    JUP_EDIT_TRUNCATE, /* seq keeps its first `a` tokens */
    JUP_EDIT_KEEP,     /* of seq's tokens from `a` on, the next `b` indices of the step's list */
    JUP_EDIT_DROP,     /* seq is forgotten */
    JUP_EDIT_REPORT,   /* no change: every rank tells rank 0 how it is (strategy/vitals.h) */
    JUP_EDIT_PICK,     /* seq's tokens are picked as the next `b` words of the step's list say */
} jup_edit_op_t;

/** A change to the caches, applied before the step's rows. */
typedef struct jup_edit {
    int32_t op, seq, a, b;
} jup_edit_t;

/** Consecutive rows of one sequence. */
typedef struct jup_segment {
    int32_t seq;
    int32_t rows;
    int32_t pos;     /* of the first row (of a tree: of its roots) */
    int32_t outputs; /* how many of its last rows get logits */
    int32_t judged;  /* how many of these are candidates, on which a verdict comes back */
    int32_t tree;    /* its rows form a candidate tree, see `parents` */
    int32_t assumed; /* its first token is a guess too: the segment before it may prove it wrong */
    int32_t request, branch; /* whose rows they are, for the trace */
    int32_t guess;           /* draft heads shall guess what follows */
    int32_t chunk;           /* 1 + the number of the prompt's chunk; 0: decoding */
} jup_segment_t;

typedef struct jup_step {
    int32_t kind, id;
    int32_t n_segments, n_edits, n_keep;
    int32_t rows, max_rows;
    jup_segment_t segments[JUP_STEP_MAX_SEGMENTS];
    jup_edit_t edits[JUP_STEP_MAX_EDITS];
    int32_t *tokens;  /* (rows) */
    int32_t *parents; /* (rows), row within the segment, before its children; -1: a root */
    int32_t *keep;    /* (n_keep) for JUP_EDIT_KEEP and _PICK, one edit's after the other's */
} jup_step_t;

void jup_step_init(jup_step_t *step, int32_t max_rows);
void jup_step_reset(jup_step_t *step);

/** Empties the step and gives it a kind and a number. */
void jup_step_begin(jup_step_t *step, jup_step_kind_t kind, int32_t id);

/**
 * Adds a segment (of request 0, branch 0), all of whose outputs are judged; tokens (rows); parents
 * (rows) or NULL for a chain.
 */
void jup_step_add(jup_step_t *step, int32_t seq, int32_t pos, const int32_t *tokens,
                  const int32_t *parents, int32_t rows, int32_t outputs);

/** Adds an edit, for which there is room; keep (b) for JUP_EDIT_KEEP and _PICK. */
void jup_step_edit(jup_step_t *step, jup_edit_t edit, const int32_t *keep);
bool jup_step_edit_fits(const jup_step_t *step, const jup_edit_t *edit);
int32_t jup_step_words_left(const jup_step_t *step);

/** Words of the step's list that belong to an edit. */
static inline int32_t jup_edit_words(const jup_edit_t *edit)
{
    return edit->op == JUP_EDIT_KEEP || edit->op == JUP_EDIT_PICK ? edit->b : 0;
}

/** The edit that tells how seq's tokens are picked; and what it tells, read from its words. */
enum { JUP_PICK_WORDS = sizeof(jup_picking_t) / sizeof(int32_t) };
void jup_step_edit_pick(jup_step_t *step, int32_t seq, const jup_picking_t *picking);
bool jup_step_read_pick(const jup_edit_t *edit, const int32_t *words, jup_picking_t *picking);

/** Rows that get logits. */
int32_t jup_step_outputs(const jup_step_t *step);

/** Segments on which a verdict comes back. */
int32_t jup_step_verdicts(const jup_step_t *step);

/** Positions of all rows, in step order; pos (rows). */
void jup_step_positions(const jup_step_t *step, int32_t *pos);

/** Bytes of a packed step of one segment without edits; and of this very step. */
size_t jup_step_plain_bytes(int32_t rows);
size_t jup_step_bytes(const jup_step_t *step);

/** The most bytes a step of max_rows rows can take. */
size_t jup_step_max_bytes(int32_t max_rows);

/** Writes jup_step_bytes() bytes; returns the end. */
char *jup_step_pack(const jup_step_t *step, char *out);

/** Reads a packed step of at most `bytes`; returns the end, or NULL when it does not make sense. */
const char *jup_step_unpack(jup_step_t *step, const char *in, size_t bytes);

#endif
