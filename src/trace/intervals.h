/** A set of moments as disjoint intervals: how much of a stretch of time does it cover? */
#ifndef JUP_TRACE_INTERVALS_H
#define JUP_TRACE_INTERVALS_H

#include <stddef.h>

typedef struct jup_intervals {
    double *start_s, *end_s; /* (n) ascending, disjoint */
    double *before_s;        /* (n) total length of those before */
    size_t n;
} jup_intervals_t;

/** An edge of a span: it begins or ends to count, for (in) or against (out) the set. */
typedef struct jup_edge {
    double time_s;
    int in, out; /* +1, 0, -1 */
} jup_edge_t;

/** The moments that are in some `in` span and in no `out` span; sorts the edges. */
void jup_intervals_init(jup_intervals_t *set, jup_edge_t *edges, size_t n_edges);
void jup_intervals_reset(jup_intervals_t *set);

/** Seconds of [from_s, to_s] that are in the set; 0 when to_s <= from_s. */
double jup_intervals_covered_s(const jup_intervals_t *set, double from_s, double to_s);

#endif
