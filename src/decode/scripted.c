#include "decode/scripted.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"

#include <string.h>

/* ---- tokens ---------------------------------------------------------------------------------- */

static void seed_at(jup_rng_t *rng, uint64_t seed, int32_t token, int32_t pos)
{
    jup_rng_init(rng,
                 seed * 0x9e3779b97f4a7c15u ^ ((uint64_t)(uint32_t)token << 32 | (uint32_t)pos));
}

/* The last tokens of the vocabulary are a list's: three a mark, and some for each place in a title,
 * of which one is drawn. */
enum {
    MARKS = JUP_SCRIPTED_MARK * JUP_FORM_NUMBERS,
    CHOICES = 4,
    LIST = MARKS + JUP_FORM_NUMBERS * JUP_SCRIPTED_TITLE * CHOICES
};

static int32_t first_of_list(const jup_scripted_t *scripted)
{
    return scripted->n_titles > 0 ? scripted->vocab - LIST : scripted->vocab;
}

int32_t jup_scripted_mark(const jup_scripted_t *scripted, int32_t number, int32_t at)
{
    return first_of_list(scripted) + JUP_SCRIPTED_MARK * (number - 1) + at;
}

/* The list's token after the one of this number in it; -1: the list is over. */
static int32_t next_in_list(const jup_scripted_t *scripted, int32_t in_list, int32_t choice)
{
    int32_t line = in_list / JUP_SCRIPTED_MARK, word = 0;
    if (in_list < MARKS && in_list % JUP_SCRIPTED_MARK < JUP_SCRIPTED_MARK - 1)
        return first_of_list(scripted) + in_list + 1;
    if (in_list >= MARKS) {
        line = (in_list - MARKS) / CHOICES / JUP_SCRIPTED_TITLE;
        word = (in_list - MARKS) / CHOICES % JUP_SCRIPTED_TITLE + 1;
    }
    if (word < scripted->titles[line])
        return first_of_list(scripted) + MARKS + (line * JUP_SCRIPTED_TITLE + word) * CHOICES +
               choice;
    return line + 1 < scripted->n_titles ? jup_scripted_mark(scripted, line + 2, 0) : -1;
}

int32_t jup_scripted_next(const jup_scripted_t *scripted, int32_t token, int32_t pos)
{
    jup_rng_t rng;
    int32_t first = first_of_list(scripted), next = -1;
    seed_at(&rng, scripted->seed, token, pos);
    if (token >= first)
        next = next_in_list(scripted, token - first, (int32_t)jup_rng_below(&rng, CHOICES));
    return next >= 0 ? next : (int32_t)jup_rng_below(&rng, (uint64_t)first);
}

int32_t jup_scripted_list_tokens(const jup_scripted_t *scripted)
{
    int32_t n = JUP_SCRIPTED_MARK * (scripted->n_titles - 1);
    for (int32_t i = 0; i < scripted->n_titles; i++)
        n += scripted->titles[i];
    return n;
}

void jup_scripted_form(const jup_scripted_t *scripted, jup_form_t *form)
{
    memset(form, 0, sizeof *form);
    form->n = scripted->n_titles;
    for (int32_t k = 1; k <= form->n; k++) {
        form->length[k] = JUP_SCRIPTED_MARK;
        for (int32_t i = 0; i < JUP_SCRIPTED_MARK; i++)
            form->mark[k][i] = jup_scripted_mark(scripted, k, i);
    }
}

static void put(const jup_scripted_t *scripted, const jup_step_t *step, float *logits, float value)
{
    int32_t *pos = jup_new((size_t)step->rows, sizeof *pos), row = 0;
    jup_step_positions(step, pos);
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        row += segment->rows;
        for (int32_t i = row - segment->outputs; i < row; i++, logits += scripted->vocab)
            logits[jup_scripted_next(scripted, step->tokens[i], pos[i])] = value;
    }
    jup_free(pos);
}

void jup_scripted_write(const jup_scripted_t *scripted, const jup_step_t *step, float *logits)
{
    put(scripted, step, logits, 1);
}

void jup_scripted_erase(const jup_scripted_t *scripted, const jup_step_t *step, float *logits)
{
    put(scripted, step, logits, 0);
}

/* ---- guesses --------------------------------------------------------------------------------- */

/* The candidates of one depth: the right token is the one that luck says, if any. */
static void guess(const jup_scripted_t *scripted, int32_t depth, int32_t right, double luck,
                  jup_guesses_t *guesses)
{
    int32_t width = scripted->width[depth] > 0 ? scripted->width[depth] : 1;
    guesses->width[depth] = width;
    for (int32_t r = 0; r < width; r++) {
        double chance = scripted->accuracy[depth][r];
        bool hit = luck >= 0 && luck < chance;
        guesses->token[depth][r] = hit ? right : (right + 1 + r) % scripted->vocab;
        luck = hit ? -1 : luck - chance;
    }
}

static void propose(void *self, const jup_draft_context_t *context, jup_guesses_t *guesses)
{
    const jup_scripted_t *scripted = self;
    int32_t pos = context->n - 1, token = context->tokens[pos];
    jup_rng_t luck;
    seed_at(&luck, scripted->seed + 1, token, pos);
    guesses->depth = scripted->depth;
    for (int32_t d = 0; d < scripted->depth; d++) {
        token = jup_scripted_next(scripted, token, pos + d);
        guess(scripted, d, token, jup_rng_uniform(&luck), guesses);
    }
    if (scripted->draft_s > 0)
        jup_clock_charge(scripted->draft_s * scripted->depth);
}

static void destroy(void *self)
{
    jup_free(self);
}

void jup_draft_scripted_init(jup_draft_t *draft, const jup_scripted_t *scripted)
{
    jup_scripted_t *own = jup_new(1, sizeof *own);
    *own = *scripted;
    memset(draft, 0, sizeof *draft);
    draft->name = "script";
    draft->self = own;
    draft->propose = propose;
    draft->destroy = destroy;
    jup_accuracy_init(&draft->accuracy, 0.5, 0.8, 10);
    for (int32_t d = 0; d < scripted->depth && scripted->width[0] > 1; d++)
        for (int32_t r = 0; r < JUP_GUESS_WIDTH; r++)
            draft->accuracy.hits[d][r] = scripted->accuracy[d][r] * draft->accuracy.trials[d];
}
