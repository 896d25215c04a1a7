/**
 * How often a draft source is right, measured on line: the probability that the candidate of rank r
 * for the token at depth d is the model's own, given that the tokens before it were among the
 * candidates too. Old observations fade, so that the figures follow the text.
 */
#ifndef JUP_DECODE_ACCURACY_H
#define JUP_DECODE_ACCURACY_H

#include "base/status.h"
#include "decode/guesses.h"

typedef struct jup_accuracy {
    double hits[JUP_GUESS_DEPTH][JUP_GUESS_WIDTH];
    double trials[JUP_GUESS_DEPTH];
    double fade; /* weight of an old observation after a new one; 1: never fades */
} jup_accuracy_t;

/**
 * Starts from an expectation worth `weight` observations: the first candidate is right with
 * probability first * decline^depth, each further one half as often as the one before.
 */
void jup_accuracy_init(jup_accuracy_t *a, double first, double decline, double weight);

/** Compares guesses with the n tokens that came. */
void jup_accuracy_observe(jup_accuracy_t *a, const jup_guesses_t *guesses, const int32_t *came,
                          int32_t n);

double jup_accuracy_of(const jup_accuracy_t *a, int32_t depth, int32_t rank);

/**
 * Reads accuracies measured earlier: one line per depth, the ranks' probabilities with spaces
 * between them; '#' begins a comment. They count as `weight` observations.
 */
jup_status_t jup_accuracy_read(jup_accuracy_t *a, const char *path, double weight,
                               jup_error_t *err);

#endif
