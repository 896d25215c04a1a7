/**
 * The output head of a group whose members have its rows in parts: each makes the logits of its
 * part of the vocabulary, and the leader gets what its judgement can depend on: of every row the
 * best few and their values; all, where sampling needs all. What the leader does not get is -inf
 * to it, so that whoever reads the logits need not know. Exact: picks, probabilities and margins
 * are those of all logits.
 */
#ifndef JUP_STRATEGY_SHARED_HEAD_H
#define JUP_STRATEGY_SHARED_HEAD_H

#include "model/forward.h"
#include "model/part.h"
#include "model/sampler.h"
#include "strategy/group.h"

typedef struct jup_shared_head {
    jup_group_t *group;
    int32_t vocab;
    int32_t best;           /* logits that travel of each row; 0: all */
    int32_t *first;         /* (n + 1) member m's vocabulary is first[m] .. first[m + 1] */
    float *logits;          /* (outputs, vocab), the leader's; NULL elsewhere */
    char *out;              /* a member's message */
    char **in;              /* (n) the leader's, by member */
    size_t *bytes;          /* (n) of a row of each member */
    jup_pending_t *pending; /* (n); a member's first is its send */
} jup_shared_head_t;

/**
 * How many of the largest logits decide what a verifier with these settings does; 0: all of them.
 * The margin needs two; a penalty can take back as many as it looks at.
 */
int32_t jup_shared_head_best(const jup_sampling_t *sampling, bool typical);

/** group and parts (n) as on all members; outputs: rows with logits of a step at most. */
jup_status_t jup_shared_head_init(jup_shared_head_t *head, jup_group_t *group,
                                  const jup_part_t *parts, int32_t vocab, int32_t outputs,
                                  int32_t best, jup_error_t *err);
void jup_shared_head_reset(jup_shared_head_t *head);

/**
 * After the layers, on every member with the same step (the same rows want logits): the leader
 * returns the logits (outputs, vocab), which it may change; the others return NULL when theirs are
 * on their way.
 */
float *jup_shared_head_work(jup_shared_head_t *head, jup_forward_t *f, const jup_step_t *step,
                            int32_t *outputs);

/** Waits for all sends. */
void jup_shared_head_flush(jup_shared_head_t *head);

#endif
