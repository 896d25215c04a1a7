/**
 * The last stage's judgement of a segment: which of its candidates are what the model itself picks,
 * and the token after them.
 *
 * Exact rule, greedy and sampled alike: pick a token from the model's distribution after a node; a
 * child that holds it is accepted and the walk goes on from there, else the pick ends the lap. For
 * candidates that are given, not drawn, this is speculative sampling (Leviathan et al. 2023; q is
 * then 1 at the candidate: it is accepted with p, and else comes a draw from the rest): what comes
 * out is distributed as without speculation. With draws seeded by the tokens before them it is even
 * the same text.
 *
 * Typical acceptance (Cai et al. 2024) takes any candidate with p > min(epsilon, delta e^-H), the
 * longest such path. It is approximate: it changes the distribution.
 */
#ifndef JUP_DECODE_VERIFY_H
#define JUP_DECODE_VERIFY_H

#include "decode/guesses.h"
#include "decode/history.h"
#include "decode/likely.h"
#include "decode/tree.h"
#include "model/sampler.h"

typedef struct jup_typical {
    float epsilon; /* 0: exact rule; 0.09 in the paper */
    float delta;   /* 0.3 */
} jup_typical_t;

typedef struct jup_verifier {
    jup_picking_t picking; /* of sequences that have no way of their own */
    jup_sampler_t sampler;
    int32_t recent; /* tokens that a penalty may look at, at most */
    float *raw;     /* (vocab) a row before it is changed, where log probabilities are told */
    jup_history_t history;
    jup_typical_t typical;
} jup_verifier_t;

/** What the last stage found out about one segment. Plain data: it travels to the first stage. */
typedef struct jup_verdict {
    int32_t sequence;
    int32_t n_path; /* rows that came true, the first one included; 0: the segment was stale */
    int32_t path[JUP_GUESS_DEPTH + 1]; /* rows within the segment's last `judged` */
    int32_t token;                     /* what comes after them */
    float margin;                      /* its logit's lead over the second */
    jup_guesses_t guesses;             /* of the heads, for what comes after that token */
    int32_t told; /* n_path, where log probabilities are told: of the path's further tokens, */
    jup_likely_t likely[JUP_GUESS_DEPTH + 1]; /* (told) then of `token`; else 0 */
} jup_verdict_t;

/** Packed for the wire: room for one, and writing and reading; NULL when it makes no sense. */
enum {
    JUP_VERDICT_WORDS =
        7 + JUP_GUESS_DEPTH + 1 + JUP_GUESS_DEPTH * (1 + JUP_GUESS_WIDTH), /* at most, and */
    JUP_VERDICT_TOLD_WORDS = (JUP_GUESS_DEPTH + 1) * JUP_LIKELY_WORDS, /* so many more if told */
};
int32_t *jup_verdict_pack(const jup_verdict_t *verdict, int32_t *out);
const int32_t *jup_verdict_unpack(jup_verdict_t *verdict, const int32_t *in, const int32_t *end);

void jup_verifier_init(jup_verifier_t *v, const jup_sampling_t *sampling,
                       const jup_typical_t *typical, int32_t vocab);
void jup_verifier_reset(jup_verifier_t *v);

/**
 * Takes a step into the history; before its segments are judged. stale[s] tells which assumed
 * segments turned out wrong before they arrived, and need no logits.
 */
void jup_verifier_begin(jup_verifier_t *v, const jup_step_t *step, bool *stale);

/** Whether all n logits are finite; others cannot be judged. */
bool jup_verifier_can_judge(const float *logits, int64_t n);

/**
 * Judges the segment whose rows begin at `row` of the step; logits (judged, vocab) are those of its
 * candidates and may be changed. log_sums (judged): of all logits, where those of the likeliest
 * alone are here; NULL: all are.
 */
void jup_verifier_judge(jup_verifier_t *v, const jup_step_t *step, int32_t segment, int32_t row,
                        float *logits, const double *log_sums, jup_verdict_t *verdict);

#endif
