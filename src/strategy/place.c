#include "strategy/place.h"

#include "base/mem.h"

#include <string.h>

void jup_place_init(jup_place_t *place, int rank, int stages, const int *at)
{
    *place = (jup_place_t){.rank = rank, .stages = stages};
    place->at = jup_new((size_t)stages + 1, sizeof *place->at);
    memcpy(place->at, at, ((size_t)stages + 1) * sizeof *at);
    while (place->stage + 1 < stages && rank >= at[place->stage + 1])
        place->stage++;
}

void jup_place_init_pipeline(jup_place_t *place, int rank, int ranks)
{
    *place = (jup_place_t){.rank = rank, .stages = ranks, .stage = rank};
    place->at = jup_new((size_t)ranks + 1, sizeof *place->at);
    for (int s = 0; s <= ranks; s++)
        place->at[s] = s;
}

void jup_place_reset(jup_place_t *place)
{
    jup_free(place->at);
    jup_free(place->speed);
    jup_free(place->vocab);
    *place = (jup_place_t){0};
}
