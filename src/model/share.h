/**
 * Dividing units among members of different speeds so that the slowest one's seconds are the least
 * possible; every member gets at least one unit. Plain arithmetic, exact.
 */
#ifndef JUP_MODEL_SHARE_H
#define JUP_MODEL_SHARE_H

/** counts (n), summing to `units` >= n: the largest counts[i] / speed[i] is the least possible. */
void jup_share_units(int units, const double *speed, int n, int *counts);

/** What units [first, last) cost the member that has them. */
typedef double (*jup_share_cost_t)(const void *self, int first, int last);

/**
 * The same where the cost depends on which units they are: member i gets counts[i] units after
 * those of member i - 1. Of the divisions whose largest cost / speed is least, the one with the
 * least sum of cost^2 / speed. O(n units^2).
 */
void jup_share_ranges(jup_share_cost_t cost, const void *self, int units, const double *speed,
                      int n, int *counts);

#endif
