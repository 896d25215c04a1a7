/**
 * The joint search over layouts and cuts. Internal to the planners.
 *
 *  1. The even split with its best uniform cut and its best cut: what every answer must beat.
 *  2. Layouts of least sum under a cap on the slowest stage (plan/layering.h), for several chunk
 *     counts, caps and group orders; the most promising ones get a cut of their own.
 *  3. Local search in turns: layers between stages, groups exchanged, left out, taken in; cut
 * anew.
 *  4. Exhaustive search with bounds over every order, subset, layout and cut, metered: where it
 *     ends in time, the answer is the best one on the grid ("proven"), however it was found.
 *
 * Time: 2. O(chunk counts * caps * orders * (D L + S * chunks)); 3. and 4. by their meters, about
 * 6000 * D * G and 2 * 10^6 schedule cells times the effort. Memory O(D L + classes * G^2).
 */
#ifndef JUP_PLAN_SEARCH_H
#define JUP_PLAN_SEARCH_H

#include "plan/chunking.h"
#include "plan/layering.h"

typedef struct jup_search {
    const jup_instance_t *in;
    jup_meter_t meter;
    jup_layout_t layout; /* the best so far */
    jup_cut_t cut;
    double value_s; /* of it, or the one to beat while it is empty (n = 0); infinite: any */
    bool sketch;    /* look at fewer chunk counts and caps, and at no uniform cuts */
    bool proven;
    jup_pipe_t pipe; /* of the layout being tried */
    jup_cut_t trial, scratch;
} jup_search_t;

void jup_search_init(jup_search_t *x, const jup_instance_t *in, double effort);
void jup_search_reset(jup_search_t *x);

/** Steps 1 to 4; the layout stays empty when nothing fits, or is better than value_s was. */
void jup_search_run(jup_search_t *x);

/** Takes layout and cut when they are better than the best; true when they were. */
bool jup_search_offer(jup_search_t *x, const jup_layout_t *layout, const jup_cut_t *cut);

/** Changes `layout` while that helps with this cut (value *now_s); true when anything changed. */
bool jup_search_move_layers(jup_search_t *x, jup_layout_t *layout, const jup_cut_t *cut,
                            double *now_s);

/** Step 4; sets proven. */
void jup_search_exhaust(jup_search_t *x, jup_meter_t *meter);

#endif
