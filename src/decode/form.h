/**
 * What the form of a numbered list makes certain: a line ends, and the next number and its mark
 * follow ("\n3."). When a title ends is less certain, but after a few words it does. The tokens of
 * a form are candidates of the trees that other sources grow (decode/tree.h), verified as all are.
 */
#ifndef JUP_DECODE_FORM_H
#define JUP_DECODE_FORM_H

#include <stdbool.h>
#include <stdint.h>

enum {
    JUP_FORM_NUMBERS = 16, /* lines of a list */
    JUP_FORM_MARK = 6,     /* tokens of a mark */
    JUP_FORM_WORDS = 12,   /* tokens of a title that are told apart */
};

/** Plain data. mark[k] is what ends a line and begins line k: the tokens of "\n3.". */
typedef struct jup_form {
    int32_t n; /* marks 1..n are known; 0: no form */
    int32_t length[JUP_FORM_NUMBERS + 1];
    int32_t mark[JUP_FORM_NUMBERS + 1][JUP_FORM_MARK];
} jup_form_t;

/** How often what the form has next came, in titles of so many tokens and within marks. */
typedef struct jup_form_chances {
    double ends[JUP_FORM_WORDS], ends_of[JUP_FORM_WORDS];
    double goes_on[JUP_FORM_MARK], goes_on_of[JUP_FORM_MARK];
} jup_form_chances_t;

/** Where a text stands in the list. */
typedef struct jup_form_place {
    int32_t number; /* of the line, 0: before the first */
    int32_t at;     /* tokens of the next mark that have come */
    int32_t words;  /* tokens of the title that have come */
} jup_form_place_t;

/** Titles of three to five words are expected, as outlines are asked for; a few lists change that.
 */
void jup_form_chances_init(jup_form_chances_t *chances);

/** The place behind n tokens; lists are looked for in the last of them. */
jup_form_place_t jup_form_find(const jup_form_t *form, const int32_t *tokens, int32_t n);

/** The place one token further. */
jup_form_place_t jup_form_step(const jup_form_t *form, jup_form_place_t place, int32_t token);

/** The token that the form has next, and how likely it comes; -1: none. */
int32_t jup_form_next(const jup_form_t *form, const jup_form_chances_t *chances,
                      jup_form_place_t place, double *chance);

/** This token came at the place. */
void jup_form_learn(const jup_form_t *form, jup_form_chances_t *chances, jup_form_place_t place,
                    int32_t token);

#endif
