/**
 * The reply to one question: its sequences and what they have brought so far.
 *
 *   plain     one branch
 *   outline   a trunk (question and outline), then a branch per point, shown and joined in order
 */
#ifndef JUP_ASK_REPLY_H
#define JUP_ASK_REPLY_H

#include "ask/show.h"
#include "ask/source.h"

/** One sequence: the outline, a point, or a plain answer. */
typedef struct jup_branch {
    int32_t handle; /* of its sequence; -1: none */
    int32_t number; /* 0: outline or plain answer, else the point's place */
    jup_prompt_t prompt;
    jup_answer_t answer;
    jup_shown_t shown;
    bool begun, ended;
    int32_t known, kept; /* tokens from a journal, and in it (ask/keep.h) */
    int32_t reused;      /* tokens of the prompt that were in the cache */
    double begin_s, first_s, end_s;
} jup_branch_t;

typedef struct jup_reply {
    int32_t question;
    bool wants_outline, has_outline;
    const char *reason; /* why (not) */
    char *problem;      /* why it could not be asked; NULL: it could */
    bool done, cut;     /* cut: before its end */
    jup_branch_t trunk, plain;
    jup_outline_t outline;
    jup_branch_t *points; /* (JUP_OUTLINE_POINTS) the outline's; NULL: there is none so far */
    int32_t showing;      /* the point whose text is being shown */
    bool heading_shown;
    char *text; /* the whole answer, once done */
    double begin_s, end_s;
} jup_reply_t;

void jup_reply_init(jup_reply_t *reply, int32_t question);
void jup_reply_reset(jup_reply_t *reply);

/** The reply has an outline, or more points of it than before. */
void jup_reply_branch_out(jup_reply_t *reply, const jup_outline_t *outline);

/** The branch of a sequence, or NULL. */
jup_branch_t *jup_reply_branch_of(jup_reply_t *reply, int32_t handle);

/** Whether an outline and all that it asked for are there. */
bool jup_reply_outline_ended(const jup_reply_t *reply);

/** No tokens will come: every branch that is under way ends for this reason. */
void jup_reply_cut(jup_reply_t *reply, jup_answer_end_t end, double now_s);

/** Why there is no more of the answer; of points: why the first one that broke off did. */
jup_answer_end_t jup_reply_end(const jup_reply_t *reply);

/** The whole answer, as it is shown: a new text. */
char *jup_reply_join(const jup_reply_t *reply);

/** Shows what is new, in order; a line end once it is done. */
void jup_reply_show(jup_reply_t *reply, jup_show_t *show);

/** Tokens that the model wrote, outline included. */
int32_t jup_reply_tokens(const jup_reply_t *reply);

/** Those of them that an earlier run had found out. */
int32_t jup_reply_known(const jup_reply_t *reply);

/** Seconds until the first word that belongs to the answer. */
double jup_reply_first_s(const jup_reply_t *reply);

#endif
