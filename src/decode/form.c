#include "decode/form.h"

#include <string.h>

enum { LOOK_BACK = 96 };            /* tokens: a line of a list is shorter */
static const double FADE = 0.98;    /* weight of an old list's observations after a new one */
static const double WEIGHT = 4;     /* observations that the expectation counts for */
static const double CERTAIN = 0.95; /* chance to begin with that a mark goes on */

void jup_form_chances_init(jup_form_chances_t *chances)
{
    static const double ends[] = {0.01, 0.02, 0.1, 0.3, 0.4}; /* and half of all from there on */
    for (int i = 0; i < JUP_FORM_WORDS; i++) {
        chances->ends_of[i] = WEIGHT;
        chances->ends[i] = WEIGHT * (i < 5 ? ends[i] : 0.5);
    }
    for (int i = 0; i < JUP_FORM_MARK; i++) {
        chances->goes_on_of[i] = WEIGHT;
        chances->goes_on[i] = WEIGHT * CERTAIN;
    }
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool ends_with(const int32_t *tokens, int32_t n, const int32_t *mark, int32_t length)
{
    return n >= length && memcmp(tokens + n - length, mark, (size_t)length * sizeof *tokens) == 0;
}

/* The line that begins where n tokens end; 0: none does. */
static int32_t line_at(const jup_form_t *form, const int32_t *tokens, int32_t n)
{
    for (int32_t k = form->n; k >= 1; k--)
        if (ends_with(tokens, n, form->mark[k], form->length[k]))
            return k;
    return 0;
}

jup_form_place_t jup_form_find(const jup_form_t *form, const int32_t *tokens, int32_t n)
{
    jup_form_place_t place = {0};
    int32_t first = n > LOOK_BACK ? n - LOOK_BACK : 0, from = n;
    while (from > first && (place.number = line_at(form, tokens, from)) == 0)
        from--;
    for (int32_t i = from; i < n; i++)
        place = jup_form_step(form, place, tokens[i]);
    return place;
}

static int32_t mark_token(const jup_form_t *form, jup_form_place_t place)
{
    return place.number < form->n ? form->mark[place.number + 1][place.at] : -1;
}

jup_form_place_t jup_form_step(const jup_form_t *form, jup_form_place_t place, int32_t token)
{
    if (mark_token(form, place) != token) {
        place.at = 0; /* what looked like a mark was none; it may be the beginning of one */
        place.words++;
    }
    if (mark_token(form, place) != token)
        return place;
    place.at++;
    if (place.at == form->length[place.number + 1])
        place = (jup_form_place_t){.number = place.number + 1};
    return place;
}

/* ---- chances --------------------------------------------------------------------------------- */

static int32_t words_of(jup_form_place_t place)
{
    return place.words < JUP_FORM_WORDS ? place.words : JUP_FORM_WORDS - 1;
}

int32_t jup_form_next(const jup_form_t *form, const jup_form_chances_t *chances,
                      jup_form_place_t place, double *chance)
{
    int32_t words = words_of(place), token = mark_token(form, place);
    if (token < 0 || (place.number == 0 && place.at == 0))
        return -1;
    *chance = place.at > 0 ? chances->goes_on[place.at] / chances->goes_on_of[place.at]
                           : chances->ends[words] / chances->ends_of[words];
    return token;
}

static void observe(double *hits, double *trials, bool hit)
{
    *hits = FADE * *hits + hit;
    *trials = FADE * *trials + 1;
}

void jup_form_learn(const jup_form_t *form, jup_form_chances_t *chances, jup_form_place_t place,
                    int32_t token)
{
    int32_t expected = mark_token(form, place), words = words_of(place);
    if (expected < 0 || (place.number == 0 && place.at == 0))
        return;
    if (place.at > 0)
        observe(&chances->goes_on[place.at], &chances->goes_on_of[place.at], token == expected);
    else
        observe(&chances->ends[words], &chances->ends_of[words], token == expected);
}
