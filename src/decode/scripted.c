#include "decode/scripted.h"

#include "base/mem.h"
#include "base/rng.h"

#include <string.h>

/* ---- tokens ---------------------------------------------------------------------------------- */

static void seed_at(jup_rng_t *rng, uint64_t seed, int32_t token, int32_t pos)
{
    jup_rng_init(rng,
                 seed * 0x9e3779b97f4a7c15u ^ ((uint64_t)(uint32_t)token << 32 | (uint32_t)pos));
}

int32_t jup_scripted_next(const jup_scripted_t *scripted, int32_t token, int32_t pos)
{
    jup_rng_t rng;
    seed_at(&rng, scripted->seed, token, pos);
    return (int32_t)jup_rng_below(&rng, (uint64_t)scripted->vocab);
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

static void propose(void *self, const jup_draft_context_t *context, jup_guesses_t *guesses)
{
    const jup_scripted_t *scripted = self;
    int32_t pos = context->n - 1, token = context->tokens[pos];
    jup_rng_t luck;
    seed_at(&luck, scripted->seed + 1, token, pos);
    guesses->depth = scripted->depth;
    for (int32_t d = 0; d < scripted->depth; d++) {
        token = jup_scripted_next(scripted, token, pos + d);
        bool right = jup_rng_uniform(&luck) < scripted->accuracy[d];
        guesses->width[d] = 1;
        guesses->token[d][0] = right ? token : (token + 1) % scripted->vocab;
    }
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
}
