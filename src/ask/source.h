/**
 * What is asked: the prompts of each question, and how to read the outline that comes. Texts
 * (ask/texts.h) or, for phantoms, lengths (ask/lengths.h): who asks them (ask/asking.h) cannot
 * tell.
 */
#ifndef JUP_ASK_SOURCE_H
#define JUP_ASK_SOURCE_H

#include "ask/answer.h"
#include "ask/outline.h"
#include "model/sampler.h"

/** What goes in, and how much may come out. */
typedef struct jup_prompt {
    jup_tokens_t tokens;
    int32_t generate;     /* tokens of the answer at most */
    int32_t child_tokens; /* of a trunk: what its first branch adds to it, at most */
    bool list;            /* the answer is a numbered list */
    int32_t next_number;  /* of a point: it ends where this one would begin; 0: it does not */
    bool spare;           /* its cache may be shared with others, also after its end */
    bool unguessed;       /* nothing is guessed ahead, whatever the job has */
    const jup_picking_t *picking; /* a way of its own, which outlives it; NULL: as all */
} jup_prompt_t;

/** Questions are numbered from 0. Functions fill in an empty prompt. */
typedef struct jup_source {
    void *self;
    int32_t questions; /* all of them; 0: they come as they come: */
    /** The next one, with a number that none has had; false: there is none now. */
    bool (*next)(void *self, int32_t *question);
    /** How an answer is read; NULL: all alike. */
    const jup_answer_rules_t *(*rules)(void *self, int32_t question);
    /** Whether to begin with an outline; *why is a literal. */
    bool (*wants_outline)(void *self, int32_t question, const char **why);
    jup_status_t (*plain)(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err);
    jup_status_t (*outline)(void *self, int32_t question, jup_prompt_t *prompt, jup_error_t *err);
    /**
     * From the trunk's answer; false, with the reason (a literal), when it is of no use. Not whole:
     * the points that are sure where a line of it has just ended; false at any other time.
     */
    bool (*read_outline)(void *self, int32_t question, const jup_answer_t *trunk, bool whole,
                         jup_outline_t *outline, const char **why_not);
    /** A point's prompt goes on where the trunk (its prompt, and its answer so far) ends. */
    jup_status_t (*point)(void *self, int32_t question, const jup_prompt_t *trunk,
                          const jup_answer_t *answer, const jup_outline_t *outline, int32_t point,
                          jup_prompt_t *prompt, jup_error_t *err);
} jup_source_t;

static inline void jup_prompt_reset(jup_prompt_t *prompt)
{
    jup_tokens_reset(&prompt->tokens);
    *prompt = (jup_prompt_t){0};
}

/** Appends ids (n). */
static inline void jup_prompt_add(jup_prompt_t *prompt, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        jup_tokens_add(&prompt->tokens, ids[i]);
}

#endif
