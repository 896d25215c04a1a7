/**
 * The last stage's memory of the tokens in its cache: the same edits applied to lists of ids. From
 * it come the context of a repetition penalty and the seed of each draw: a draw depends on the seed
 * and on the tokens before it alone, so speculation, batching and other answers do not change it.
 */
#ifndef JUP_DECODE_HISTORY_H
#define JUP_DECODE_HISTORY_H

#include "model/step.h"

typedef struct jup_past {
    int32_t *tokens;
    uint64_t *mixes; /* of the tokens up to and with this one */
    int32_t n, cap;
    int32_t due_at, due; /* the token that was picked for place `due_at`; -1: none */
    bool picks;          /* its tokens are picked in a way of their own: */
    jup_picking_t picking;
} jup_past_t;

typedef struct jup_history {
    jup_past_t *pasts; /* by sequence */
    int32_t n;
} jup_history_t;

void jup_history_init(jup_history_t *history);
void jup_history_reset(jup_history_t *history);

/** Applies a step's edits. */
void jup_history_edit(jup_history_t *history, const jup_step_t *step);

/** Adds a segment's rows (tokens and parents are its own). */
void jup_history_add(jup_history_t *history, const jup_segment_t *segment, const int32_t *tokens,
                     const int32_t *parents);

jup_past_t *jup_history_of(jup_history_t *history, int32_t sequence);

/** A number made of a number and the next token. */
uint64_t jup_history_mix(uint64_t mix, int32_t token);

#endif
