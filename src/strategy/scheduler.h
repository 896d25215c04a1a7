/**
 * Which rows go into the next step: the first stage's book-keeping of all sequences (answers,
 * branches of an outline, other requests), without any communication.
 *
 *  - At most `window` steps are in the air, that is, on their way to a verdict, at least as many as
 *    there are stages; ready sequences are spread over the free places, so that with more sequences
 *    than places each step is a batch, and with fewer every stage still works on another one.
 *  - A prompt goes through in its chunks, each whole in one step. Chunks before the last await no
 *    verdict: as many follow each other as the pipe takes.
 *  - The sequence that has been ready longest goes first: none starves. Of one sequence at most one
 *    segment is in a step, and its segments go out in order.
 *  - Places that no ready sequence fills take segments that build on guesses still being verified
 *    (pipelined speculation: FlowSpec, PipeInfer). Where a verdict proves them wrong, the
 * sequence's epoch moves on, what comes back of the old one is ignored, and the next segment's edit
 * cuts the caches.
 *  - A sequence is admitted when the pages that it may need at most are there; what it leaves
 *    behind is dropped by the next step.
 *  - A spare sequence looks for its parent itself when it is admitted: whichever has the longest
 *    common beginning. It is promised pages as if it shared none, so that its parent may go at any
 *    time; after its end its cache stays for others until room is needed, least recently used
 *    first, or until a longer one has all of it.
 */
#ifndef JUP_STRATEGY_SCHEDULER_H
#define JUP_STRATEGY_SCHEDULER_H

#include "model/kv.h"
#include "strategy/sequence.h"

enum { JUP_MAX_SEQUENCES = 1024, JUP_MAX_SPARE = 64 /* ended ones */ };

typedef struct jup_scheduler_options {
    int32_t window;      /* steps in the air at most */
    int32_t rows;        /* of a step at most */
    int32_t outputs;     /* rows with logits of a step at most; 0: as many as rows */
    jup_chunks_t chunks; /* how prompts are cut; the lengths are the caller's */
    int32_t segments;    /* of a step at most; 0: as many as fit */
    int64_t kv_tokens;
    bool ahead;     /* whether to build on guesses that are still being verified */
    bool no_cancel; /* what builds on wrong ones is computed to its end all the same */
    bool logits;    /* every row of a prompt gets logits */
} jup_scheduler_options_t;

typedef struct jup_sequence_spec {
    int32_t request, branch;
    const int32_t *prompt; /* (n_prompt) all of it, copied */
    int32_t n_prompt;
    int32_t generate;     /* at most so many tokens; 0: the prompt goes in, nothing comes out */
    int32_t parent;       /* handle of a sequence whose beginning it may share; -1: none */
    bool list;            /* a numbered list will be written */
    bool hold;            /* keep its cache after its end, until released */
    int32_t child_tokens; /* its first child shall not have to wait for room of so many tokens */
    bool spare;           /* it shares what it finds, and its cache is for others after its end */
    bool plain;           /* nothing is guessed */
    const jup_picking_t *picking; /* a way of its own, copied; NULL: as all */
} jup_sequence_spec_t;

typedef struct jup_scheduler_sink {
    void *self;
    /** The sequence's next token; accepted_by: 0, or 1 + draft source. False ends the sequence. May
     * submit and release. */
    bool (*token)(void *self, int32_t handle, int32_t token, int32_t accepted_by);
    /** What the model thought of the token that token() brings next, where that is told. May be
     * NULL. */
    void (*likely)(void *self, int32_t handle, const jup_likely_t *likely);
    /** No more tokens will come. May submit and release. */
    void (*ended)(void *self, int32_t handle);
} jup_scheduler_sink_t;

/* A segment in the air: a verdict on it will come. */
typedef struct jup_flight {
    int32_t slot, epoch;
    int32_t start;  /* index of the token in the first row that is judged */
    bool ahead;     /* it builds on guesses that were not verified when it left */
    int32_t source; /* of the tree; -1: none */
    jup_tree_t tree;
} jup_flight_t;

typedef struct jup_step_in_air {
    int32_t id, n;
    bool cancelled;        /* jup_scheduler_cancel() named it */
    jup_flight_t *flights; /* (n), owned */
} jup_step_in_air_t;

typedef struct jup_scheduler {
    jup_scheduler_options_t options;
    jup_speculation_t *speculation; /* the caller's */
    const jup_kv_t *kv; /* the first stage's cache, which is as all others will be; may be NULL */
    jup_scheduler_sink_t sink;
    jup_sequence_t **slots; /* (n_slots) by KV sequence number */
    int32_t n_slots;
    jup_step_in_air_t *air; /* (window) ring, oldest first */
    int32_t air_first, air_n;
    int32_t next_step, next_handle;
    bool report; /* the next step asks all ranks how they are */
    int64_t turn;
    int64_t pages, pages_promised;
    /* figures */
    int32_t peak_live, peak_air;
    int64_t steps, segments, stale, ahead, cancelled;
    int64_t prompt_tokens, reused_tokens; /* of spare sequences; those of them found in the cache */
} jup_scheduler_t;

void jup_scheduler_init(jup_scheduler_t *s, const jup_scheduler_options_t *options,
                        jup_speculation_t *speculation, const jup_scheduler_sink_t *sink);
void jup_scheduler_reset(jup_scheduler_t *s);

/**
 * Tokens of room in the cache for a sequence of so many tokens, in whole pages: one page more for
 * what it shares with others, one for the candidates (nodes; 1: none). Where a tree lies over the
 * end of a page, the slots of its dropped nodes there stay empty: half a tree a page at most is
 * allowed for; who needs more goes on without trees.
 */
int64_t jup_scheduler_room(int64_t tokens, int32_t nodes, bool chain);

/** Changes the number of steps in the air at most; none is in the air. */
void jup_scheduler_set_window(jup_scheduler_t *s, int32_t window);

/** A new sequence; JUP_EINPUT when it could never fit into the cache. */
jup_status_t jup_scheduler_submit(jup_scheduler_t *s, const jup_sequence_spec_t *spec,
                                  int32_t *handle, jup_error_t *err);

/**
 * A held sequence goes on with a longer prompt; what its cache has of the prompt's beginning stays,
 * the rest of the cache is cut.
 */
jup_status_t jup_scheduler_continue(jup_scheduler_t *s, int32_t handle, const int32_t *prompt,
                                    int32_t n_prompt, int32_t generate, jup_error_t *err);

/** Ends a sequence, whatever its state; its pages become free. */
void jup_scheduler_release(jup_scheduler_t *s, int32_t handle);

/** The sequence's tokens that are known. */
const int32_t *jup_scheduler_tokens(const jup_scheduler_t *s, int32_t handle, int32_t *n);

/** How many of its tokens are cached, or on their way there; 0: no such sequence. */
int32_t jup_scheduler_cached(const jup_scheduler_t *s, int32_t handle);

/** How many of its prompt's tokens it found in the cache. */
int32_t jup_scheduler_reused(const jup_scheduler_t *s, int32_t handle);

/** Fills the next step; false when there is nothing to send now. */
bool jup_scheduler_next(jup_scheduler_t *s, jup_step_t *step);

/** Fills a step that carries only edits that are left over; false when there are none. */
bool jup_scheduler_flush(jup_scheduler_t *s, jup_step_t *step);

/** The verdicts (n) on the oldest step in the air, in its order. */
void jup_scheduler_take(jup_scheduler_t *s, int32_t step, const jup_verdict_t *verdicts, int32_t n);

/** Whether the step that was filled last builds on guesses that were not verified then. */
bool jup_scheduler_is_ahead(const jup_scheduler_t *s);

/**
 * Steps in the air that build on guesses which have proved wrong, each named once; ids (window),
 * ascending. Returns how many.
 */
int32_t jup_scheduler_cancel(jup_scheduler_t *s, int32_t *ids);

/**
 * Ends the sequence that waits longest, without an answer: for when nothing is in the air and held
 * sequences keep what it needs. False when none waits.
 */
bool jup_scheduler_give_up(jup_scheduler_t *s);

/** Whether any sequence waits or lives. */
bool jup_scheduler_is_busy(const jup_scheduler_t *s);

#endif
