/**
 * Reading an outline: the numbered points that a model wrote, whatever else it wrote around them.
 *
 *   "3. Title", "3) Title", "3: Title", "(3) Title", "**3. Title**", "3\u3001Title"   a point
 *   "- Title", "* Title", or the same number again   a point, where numbers alone give fewer than
 * two deeper indented, or "3.1 ...", "a) ..."            nested: belongs to the point above, left
 * out
 *
 * Repeated numbers and repeated titles count once; missing numbers are no harm; what comes after
 * max_points is left out. Fewer than two points make no outline.
 */
#ifndef JUP_ASK_OUTLINE_H
#define JUP_ASK_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JUP_OUTLINE_POINTS = 64, JUP_OUTLINE_TITLE = 160 };

typedef struct jup_outline_point {
    int32_t number; /* as written; else counted from 1 */
    char title[JUP_OUTLINE_TITLE];
} jup_outline_point_t;

typedef struct jup_outline {
    jup_outline_point_t points[JUP_OUTLINE_POINTS];
    int32_t n;
    int32_t repeated, missing, nested, left_out; /* what was odd about it */
    bool bullets;
} jup_outline_t;

/** max_points in [2, JUP_OUTLINE_POINTS]. Returns whether it is an outline. */
bool jup_outline_parse(jup_outline_t *outline, const char *text, size_t length, int32_t max_points);

/**
 * Of a text that ends with a line and goes on: the numbered points so far, two at least, so that
 * what is to come can only add to them. Returns whether there are so many.
 */
bool jup_outline_begun(jup_outline_t *outline, const char *text, size_t length, int32_t max_points);

/** Why it is none: "the outline is empty", "it holds no list", "it has a single point". */
const char *jup_outline_problem(const jup_outline_t *outline, const char *text, size_t length);

#endif
