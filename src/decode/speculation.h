/**
 * All draft sources of a run, and the choice among them: of the trees that the sources' guesses
 * give, the one with the most expected tokens per second. Where a list is being written, what its
 * form makes certain joins the guesses of each source.
 */
#ifndef JUP_DECODE_SPECULATION_H
#define JUP_DECODE_SPECULATION_H

#include "decode/draft.h"
#include "decode/tree.h"

enum { JUP_DRAFTS = 5 };

typedef struct jup_speculation {
    jup_draft_t drafts[JUP_DRAFTS]; /* owned */
    int32_t n_drafts;
    int32_t nodes;   /* of a tree at most, the root included */
    bool chain;      /* no forks */
    bool exact;      /* always `nodes` of them, if the source has as many */
    jup_form_t form; /* of lists; none: n is 0 */
    jup_form_chances_t chances;
    bool costs_known;
    jup_lap_cost_t lap;    /* of one sequence alone: a step through all stages and back */
    jup_lap_cost_t period; /* between two steps when the pipe is full */
    /* the heads of the last stage cost time in every lap, so they rest while they do not pay */
    bool has_heads;
    double bare_lap, bare_period; /* a lap of one row without heads, relative to one with them */
    double heads_worth;           /* tokens per second with them against without, a running mean */
    int32_t heads_rest;           /* laps until they are tried again */
    int32_t heads_pause;          /* how many that was; twice as many where the trial failed, too */
    int32_t heads_laps;           /* they were tried since they rested last */
    int64_t trees[JUP_TREE_NODES + 1]; /* how many had so many nodes */
} jup_speculation_t;

/** No sources yet, the largest trees, free nodes. */
void jup_speculation_init(jup_speculation_t *s);
void jup_speculation_reset(jup_speculation_t *s);

/** What a proposal may take. */
typedef struct jup_room {
    int32_t rows;      /* of the segment, at most */
    int32_t depth;     /* tokens ahead, at most */
    int32_t alike;     /* segments in the step */
    bool pipe_is_full; /* other sequences keep the other stages busy */
    bool chain;
} jup_room_t;

/** What every source had to say, for measuring them later. */
typedef struct jup_proposals {
    jup_guesses_t guesses[JUP_DRAFTS]; /* by source */
} jup_proposals_t;

/**
 * A tree below the context's newest token; returns its source, -1 when the root stays alone.
 * proposals may be NULL.
 */
int32_t jup_speculation_propose(jup_speculation_t *s, const jup_draft_context_t *context,
                                const jup_room_t *room, jup_tree_t *tree,
                                jup_proposals_t *proposals);

/**
 * Steps in which so many sequences go round quickest, one to `most`: fewer steps of more rows each
 * read weights less often, more of them keep more stages busy. As measured; `most` where it is not.
 */
int32_t jup_speculation_steps(const jup_speculation_t *s, int32_t sequences, int32_t most);

/** Whether the heads shall guess in the lap that is being made. */
bool jup_speculation_wants_guesses(jup_speculation_t *s);

/** A lap of a source's tree is over: the nodes that came true, the root not counted. */
void jup_speculation_count(jup_speculation_t *s, int32_t source, const jup_tree_t *tree,
                           int32_t accepted);

/** A token came behind n others, which are a list so far. */
void jup_speculation_learn_list(jup_speculation_t *s, const int32_t *tokens, int32_t n,
                                int32_t token);

void jup_speculation_forget(jup_speculation_t *s, int32_t sequence);

#endif
