#include "strategy/held.h"

#include "base/checked.h"
#include "base/mem.h"

#include <string.h>

void jup_held_reset(jup_held_t *held)
{
    jup_free(held->tokens);
    memset(held, 0, sizeof *held);
}

static int32_t *of(jup_held_t *held, int32_t seq)
{
    if (seq >= held->cap) {
        held->cap = 2 * seq + 16;
        held->tokens = jup_resize(held->tokens, (size_t)held->cap, sizeof *held->tokens);
    }
    for (; held->n <= seq; held->n++)
        held->tokens[held->n] = 0;
    return &held->tokens[seq];
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static void apply(jup_held_t *held, const jup_edit_t *edit)
{
    int32_t tokens = *of(held, edit->seq);
    switch ((jup_edit_op_t)edit->op) {
    case JUP_EDIT_FORK:
        tokens = least(*of(held, edit->a), edit->b);
        break;
    case JUP_EDIT_TRUNCATE:
    case JUP_EDIT_KEEP: /* what follows was computed as a tree: alone */
        tokens = least(tokens, edit->a);
        break;
    case JUP_EDIT_DROP:
        tokens = 0;
        break;
    case JUP_EDIT_REPORT:
    case JUP_EDIT_PICK:
        break;
    }
    *of(held, edit->seq) = tokens;
}

/* Segments of one sequence follow each other: what one adds the next may stand on. */
static bool takes_all(jup_held_t *held, const jup_step_t *step)
{
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        int32_t *tokens = of(held, segment->seq);
        if (segment->tree || segment->pos > *tokens)
            return false;
        *tokens = segment->pos + segment->rows;
    }
    return true;
}

static void take_back(jup_held_t *held, const jup_step_t *step)
{
    for (int32_t s = 0; s < step->n_segments; s++) {
        int32_t *tokens = of(held, step->segments[s].seq);
        *tokens = least(*tokens, step->segments[s].pos);
    }
}

bool jup_held_take(jup_held_t *held, const jup_step_t *step, bool share)
{
    for (int32_t i = 0; i < step->n_edits; i++)
        apply(held, &step->edits[i]);
    bool together = share && step->kind == JUP_STEP_WORK && takes_all(held, step);
    if (!together)
        take_back(held, step);
    return together;
}
