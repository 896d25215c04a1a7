/**
 * Rank 0's side of answering questions with the engine: which prompts go in, what becomes of the
 * tokens that come out. As many questions are open at a time as the job says; each is
 *
 *   plain     one sequence
 *   outline   a trunk (question and outline), then one branch per point, all sharing the trunk's
 *             cache; no usable outline: a plain answer, which shares the question's. Early points
 *             begin once it is sure that there is an outline and their line has ended: each goes on
 *             behind that line, whatever the steps were, so its tokens depend on none of them.
 */
#ifndef JUP_ASK_ASKING_H
#define JUP_ASK_ASKING_H

#include "ask/keep.h"
#include "base/progress.h"
#include "strategy/engine.h"

typedef struct jup_asking_options {
    jup_answer_rules_t rules;
    int32_t context;   /* positions that the model knows */
    int32_t parallel;  /* questions at a time */
    bool quiet;        /* no word about outlines that were of no use */
    bool shows;        /* the only question's answer is shown as it comes */
    bool early_points; /* a point begins once its line is written, while the outline goes on */
    bool at_start;     /* the answers continue no text (jup_answer_init()) */
    jup_keep_t *keep;  /* what becomes known is kept there, and goes on from there; NULL: not */
} jup_asking_options_t;

/** What all replies that are over came to. */
typedef struct jup_asking_totals {
    int32_t replies, failed, cut;
    int64_t tokens, outlines, points, fallbacks;
    int64_t known;    /* of the tokens: found out by earlier runs */
    int32_t finished; /* questions that those had answered; no replies */
    double begin_s, end_s;
} jup_asking_totals_t;

typedef struct jup_asking {
    jup_asking_options_t options;
    jup_source_t source;
    jup_engine_t *engine;
    jup_show_t *show;
    jup_progress_t progress;
    jup_reply_t **open; /* (options.parallel); NULL: a free place */
    int32_t next, n_open;
    jup_reply_t *only; /* where there is one question: its reply, once it is done */
    jup_asking_totals_t totals;
    jup_error_t err; /* of the first question that could not be asked */
    bool interrupted;
    bool goes_on; /* what is under way is finished also when somebody interrupts */
    /** Called between steps, with what is open as it is then; may cancel. NULL: nobody wants to. */
    void (*between)(void *self, struct jup_asking *asking);
    bool unwanted; /* set when done() can no longer keep replies: none are worth making */
    /** Told of every reply that is done, which goes away after it. NULL: nobody wants to know. */
    void (*done)(void *self, jup_reply_t *reply);
    void *done_self; /* between()'s, too */
} jup_asking_t;

/** The sink to give to jup_engine_init(). */
jup_scheduler_sink_t jup_asking_sink(jup_asking_t *asking);

/** What the source and the options name outlives it, as do engine and show (where it is shown). */
void jup_asking_init(jup_asking_t *asking, const jup_asking_options_t *options,
                     const jup_source_t *source, jup_engine_t *engine, jup_show_t *show);
void jup_asking_reset(jup_asking_t *asking);

/**
 * Answers all questions, or as many as come before an interruption. With a keep, questions that
 * earlier runs have finished are not asked, and what is cut is not done: the next run goes on. A
 * question that cannot be asked has a reply with its problem; the first one's message comes back
 * once all others are answered.
 */
jup_status_t jup_asking_run(jup_asking_t *asking, jup_error_t *err);

/** Questions with a whole answer, or a problem, so far; those of earlier runs included. */
int32_t jup_asking_answered(const jup_asking_t *asking);

/** Ends an open reply as it is; it is done with that. */
void jup_asking_cancel(jup_asking_t *asking, jup_reply_t *reply);

/** What is under way ends as it is, as after an interruption; the engine need not work any more. */
void jup_asking_cut(jup_asking_t *asking);

#endif
