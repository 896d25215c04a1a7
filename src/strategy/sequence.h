/**
 * One sequence as the first stage sees it: its tokens, how many of them are in the caches, and
 * which segments of it are in the air. Tokens are known (prompt, or picked by the model) or assumed
 * (guesses that are being verified and on which further segments may already build).
 */
#ifndef JUP_STRATEGY_SEQUENCE_H
#define JUP_STRATEGY_SEQUENCE_H

#include "decode/speculation.h"
#include "decode/verify.h"
#include "model/step.h"
#include "strategy/chunks.h"

typedef enum jup_sequence_state {
    JUP_SEQUENCE_FREE,
    JUP_SEQUENCE_WAITING, /* for room in the cache */
    JUP_SEQUENCE_LIVE,
    JUP_SEQUENCE_HELD,    /* ended; its cache stays for forks and further turns */
    JUP_SEQUENCE_CLOSING, /* ended and dropped; segments of it are still in the air */
} jup_sequence_state_t;

typedef struct jup_sequence {
    jup_sequence_state_t state;
    int32_t handle;          /* for its owner, never used twice */
    int32_t request, branch; /* for the trace */
    int32_t *tokens;         /* (known + assumed) */
    int32_t known, assumed, cap;
    int32_t prompt, generate, generated;
    int32_t *ends; /* (n_ends) where the chunks of what is to be computed of the prompt end */
    int32_t n_ends, chunk;       /* the next one */
    int32_t cached;              /* tokens in the caches once all issued steps are done */
    int32_t in_air, in_air_live; /* segments that await a verdict; those of this epoch */
    int32_t epoch;               /* counts the times that assumptions turned out wrong */
    double reach;                /* chance that all assumed tokens are right */
    bool extendable;             /* its newest segment is a chain: more can be assumed behind it */
    bool list;                   /* a numbered list is being written */
    bool hold;
    bool spare, plain;  /* as its spec says (scheduler.h) */
    int32_t reused;     /* tokens of its prompt found in the cache */
    int32_t supersedes; /* handle of a spare one that it has all of, once it has forked; or -1 */
    int64_t turn;       /* when it became ready; the smallest goes first */
    int32_t parent;     /* handle of the sequence whose beginning it may share, or -1 */
    int32_t fork_from;  /* slot that its first segment forks from, or -1 */
    int64_t pages, child_pages; /* promised to it; and set aside for its first child */
    int64_t allowed;            /* pages of its own that it may use: those, or its parent's */
    int32_t child;              /* handle of the child that uses them, or -1 */
    jup_edit_t edit;            /* for its next segment; op 0: none */
    int32_t keep[JUP_GUESS_DEPTH + 1];
    bool picks; /* its next segment tells in which way of its own its tokens are picked: */
    jup_picking_t picking;
    jup_guesses_t at_hand; /* the heads' guesses for what follows the known tokens */
    bool has_guesses;
    jup_proposals_t watched;        /* proposals being compared with what comes */
    int32_t watched_at[JUP_DRAFTS]; /* known tokens when they were made; 0: nothing watched */
} jup_sequence_t;

/** Whether rows of it can go into a step now. */
static inline bool jup_sequence_is_ready(const jup_sequence_t *q)
{
    return q->state == JUP_SEQUENCE_LIVE && q->cached < q->known;
}

/** Adds assumed tokens behind all others. */
void jup_sequence_assume(jup_sequence_t *q, const int32_t *tokens, int32_t n);

/**
 * A token became known. Returns false when something else had been assumed in its place; the
 * assumptions are gone then.
 */
bool jup_sequence_learn(jup_sequence_t *q, int32_t token);

/** Appends known tokens (a further prompt). */
void jup_sequence_append(jup_sequence_t *q, const int32_t *tokens, int32_t n);

/** Cuts what is not cached of the known tokens into chunks. */
void jup_sequence_chunk(jup_sequence_t *q, const jup_chunks_t *chunks);

/** Where the next chunk ends; behind the last one: at the newest known token. */
int32_t jup_sequence_chunk_end(const jup_sequence_t *q);

/**
 * From now on the cache shall hold `length` tokens: rows path[] (n, counted from `start`) stay of
 * those from `start` on. Notes the edit that the next segment carries.
 */
void jup_sequence_settle(jup_sequence_t *q, int32_t slot, int32_t start, const int32_t *path,
                         int32_t n);

/** Cuts the cache (and the known tokens) to `length`, changing the edit that waits. */
void jup_sequence_cut(jup_sequence_t *q, int32_t slot, int32_t length);

/** Watches proposals made for the known tokens; compares those that are decided (all: at the end).
 */
void jup_sequence_watch(jup_sequence_t *q, const jup_speculation_t *s, const jup_proposals_t *made);
void jup_sequence_compare(jup_sequence_t *q, jup_speculation_t *s, bool all);

void jup_sequence_reset(jup_sequence_t *q);

#endif
