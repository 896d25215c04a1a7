#include "decode/script.h"

#include "base/checked.h"
#include "base/mem.h"
#include "base/rng.h"

#include <string.h>

/* ---- lengths --------------------------------------------------------------------------------- */

int32_t jup_script_longest_prompt(const jup_script_t *script)
{
    int64_t longest = 0;
    for (int32_t i = 0; i < script->n; i++)
        longest = jup_max_i64(longest, script->requests[i].prompt);
    return (int32_t)longest;
}

int32_t jup_script_longest_sequence(const jup_script_t *script)
{
    int64_t longest = 0;
    for (int32_t i = 0; i < script->n; i++) {
        const jup_script_request_t *r = &script->requests[i];
        int64_t point = 0;
        for (int32_t p = 0; p < r->n_points; p++)
            point = jup_max_i64(point, r->points[p]);
        longest =
            jup_max_i64(longest, (int64_t)r->prompt + r->answer + r->outline + r->heading + point);
    }
    return (int32_t)longest;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static void seed_at(jup_rng_t *rng, uint64_t seed, int32_t token, int32_t pos)
{
    jup_rng_init(rng,
                 seed * 0x9e3779b97f4a7c15u ^ ((uint64_t)(uint32_t)token << 32 | (uint32_t)pos));
}

int32_t jup_script_next(const jup_script_model_t *model, int32_t token, int32_t pos)
{
    jup_rng_t rng;
    seed_at(&rng, model->seed, token, pos);
    return (int32_t)jup_rng_below(&rng, (uint64_t)model->vocab);
}

static void put(const jup_script_model_t *model, const jup_step_t *step, float *logits, float value)
{
    int32_t *pos = jup_new((size_t)step->rows, sizeof *pos), row = 0;
    jup_step_positions(step, pos);
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        row += segment->rows;
        for (int32_t i = row - segment->outputs; i < row; i++, logits += model->vocab)
            logits[jup_script_next(model, step->tokens[i], pos[i])] = value;
    }
    jup_free(pos);
}

void jup_script_write(const jup_script_model_t *model, const jup_step_t *step, float *logits)
{
    put(model, step, logits, 1);
}

void jup_script_erase(const jup_script_model_t *model, const jup_step_t *step, float *logits)
{
    put(model, step, logits, 0);
}

/* ---- guesses --------------------------------------------------------------------------------- */

static void propose(void *self, const jup_draft_context_t *context, jup_guesses_t *guesses)
{
    const jup_script_model_t *model = self;
    int32_t pos = context->n - 1, token = context->tokens[pos];
    jup_rng_t luck;
    seed_at(&luck, model->seed + 1, token, pos);
    guesses->depth = model->depth;
    for (int32_t d = 0; d < model->depth; d++) {
        token = jup_script_next(model, token, pos + d);
        bool right = jup_rng_uniform(&luck) < model->accuracy[d];
        guesses->width[d] = 1;
        guesses->token[d][0] = right ? token : (token + 1) % model->vocab;
    }
}

static void destroy(void *self)
{
    jup_free(self);
}

void jup_draft_script_init(jup_draft_t *draft, const jup_script_model_t *model)
{
    jup_script_model_t *own = jup_new(1, sizeof *own);
    *own = *model;
    memset(draft, 0, sizeof *draft);
    draft->name = "script";
    draft->self = own;
    draft->propose = propose;
    draft->destroy = destroy;
    jup_accuracy_init(&draft->accuracy, 0.5, 0.8, 10);
}
