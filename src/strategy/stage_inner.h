/** What the stage's files share. */
#ifndef JUP_STRATEGY_STAGE_INNER_H
#define JUP_STRATEGY_STAGE_INNER_H

#include "strategy/stage.h"

static inline bool jup_stage_shares_head(const jup_stage_t *stage)
{
    return jup_place_is_last(stage->place) && stage->place->vocab;
}

/** Moves messages; returns whether the rows of the step being worked on are still wanted. */
bool jup_stage_move_messages(void *self);

/** What a member does with the step that its leader told; from_tokens: its rows are the tokens'
 * embeddings, else they came with it. */
void jup_stage_work_along(jup_stage_t *stage, bool from_tokens);

/** This rank's logits of the step, which must be numbers; returns their rows. */
int32_t jup_stage_run_head(jup_stage_t *stage);

/** The last stage's leader, before the layers: takes the step in, leaves out what is stale; wanted
 * (segments) becomes the rows on which a verdict is due. */
void jup_stage_begin_judging(jup_stage_t *stage, int32_t *wanted);

/** And after them: logits, verdicts, guesses; tells the first stage. */
void jup_stage_judge(jup_stage_t *stage, const int32_t *wanted);

#endif
