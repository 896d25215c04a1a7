/**
 * Where a rank works, and with whom. The ranks of the pipe stand in the order of its stages; each
 * stage is a group of consecutive ranks, its members, the first of which leads: steps go from
 * leader to leader, verdicts from the last leader to the first, and inside a stage the leader tells
 * the others (strategy/group.h).
 *
 * Example: at = {0, 2, 3}: ranks 0 and 1 share the layers of stage 0, rank 2 is stage 1.
 */
#ifndef JUP_STRATEGY_PLACE_H
#define JUP_STRATEGY_PLACE_H

#include "comm/exchange.h"
#include "plan/way.h"

#include <stdbool.h>

typedef struct jup_place {
    int rank, stages, stage;
    int *at; /* (stages + 1) stage s is ranks [at[s], at[s + 1]), owned */
    /* of this rank's stage: */
    jup_way_t way; /* how its members share layers */
    double *speed; /* (members) their speeds, any unit; owned; NULL: alike */
    int *vocab;    /* (members + 1) member m computes rows [vocab[m], vocab[m + 1]) of the
                      output head; owned; NULL: the leader computes all of it */
    jup_exchange_link_t link; /* of its slowest pair */
} jup_place_t;

/** at (stages + 1) is copied; every member works alike, alone where a stage has one. */
void jup_place_init(jup_place_t *place, int rank, int stages, const int *at);
void jup_place_reset(jup_place_t *place);

/** A stage for each of `ranks`. */
void jup_place_init_pipeline(jup_place_t *place, int rank, int ranks);

static inline int jup_place_leader(const jup_place_t *place, int stage)
{
    return place->at[stage];
}

static inline bool jup_place_leads(const jup_place_t *place)
{
    return place->rank == place->at[place->stage];
}

/** Members of this rank's stage, and which of them it is. */
static inline int jup_place_members(const jup_place_t *place)
{
    return place->at[place->stage + 1] - place->at[place->stage];
}

static inline int jup_place_member(const jup_place_t *place)
{
    return place->rank - place->at[place->stage];
}

static inline bool jup_place_is_first(const jup_place_t *place)
{
    return place->stage == 0;
}

static inline bool jup_place_is_last(const jup_place_t *place)
{
    return place->stage == place->stages - 1;
}

#endif
