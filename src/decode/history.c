#include "decode/history.h"

#include "base/checked.h"
#include "base/mem.h"

#include <string.h>

void jup_history_init(jup_history_t *history)
{
    memset(history, 0, sizeof *history);
}

void jup_history_reset(jup_history_t *history)
{
    for (int32_t i = 0; i < history->n; i++) {
        jup_free(history->pasts[i].tokens);
        jup_free(history->pasts[i].mixes);
    }
    jup_free(history->pasts);
    memset(history, 0, sizeof *history);
}

jup_past_t *jup_history_of(jup_history_t *history, int32_t sequence)
{
    if (sequence >= history->n) {
        int32_t n = sequence + 1;
        history->pasts = jup_resize(history->pasts, (size_t)n, sizeof *history->pasts);
        for (int32_t i = history->n; i < n; i++)
            history->pasts[i] = (jup_past_t){.due = -1};
        history->n = n;
    }
    return &history->pasts[sequence];
}

/* The finaliser of splitmix64 (Steele et al. 2014) over both. */
uint64_t jup_history_mix(uint64_t mix, int32_t token)
{
    uint64_t z = mix * 0x9e3779b97f4a7c15u + (uint64_t)(uint32_t)token + 0x632be59bd9b4e019u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void make_room(jup_past_t *past, int32_t n)
{
    if (n <= past->cap)
        return;
    past->cap = (int32_t)jup_max_i64(2 * (int64_t)past->cap, jup_max_i64(n, 256));
    past->tokens = jup_resize(past->tokens, (size_t)past->cap, sizeof *past->tokens);
    past->mixes = jup_resize(past->mixes, (size_t)past->cap, sizeof *past->mixes);
}

static void fork_past(jup_history_t *history, int32_t to, int32_t from, int32_t n)
{
    jup_history_of(history, to > from ? to : from);
    jup_past_t *copy = &history->pasts[to], *past = &history->pasts[from];
    make_room(copy, n);
    copy->n = n;
    copy->due = -1;
    if (!n)
        return;
    memcpy(copy->tokens, past->tokens, (size_t)n * sizeof *copy->tokens);
    memcpy(copy->mixes, past->mixes, (size_t)n * sizeof *copy->mixes);
}

static void keep_some(jup_past_t *past, int32_t from, const int32_t *keep, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        past->tokens[from + i] = past->tokens[from + keep[i]];
        past->mixes[from + i] = past->mixes[from + keep[i]];
    }
    past->n = from + n;
}

void jup_history_edit(jup_history_t *history, const jup_step_t *step)
{
    const int32_t *keep = step->keep;
    for (int32_t i = 0; i < step->n_edits; i++) {
        const jup_edit_t *edit = &step->edits[i];
        jup_past_t *past = jup_history_of(history, edit->seq);
        switch ((jup_edit_op_t)edit->op) {
        case JUP_EDIT_FORK:
            fork_past(history, edit->seq, edit->a, edit->b);
            break;
        case JUP_EDIT_TRUNCATE:
            past->n = (int32_t)jup_min_i64(past->n, edit->a);
            break;
        case JUP_EDIT_KEEP:
            keep_some(past, edit->a, keep, edit->b);
            keep += edit->b;
            break;
        case JUP_EDIT_DROP:
            past->n = 0;
            past->due = -1;
            past->picks = false;
            break;
        case JUP_EDIT_REPORT:
            break;
        case JUP_EDIT_PICK:
            past->picks = jup_step_read_pick(edit, keep, &past->picking);
            keep += edit->b;
            break;
        }
    }
}

void jup_history_add(jup_history_t *history, const jup_segment_t *segment, const int32_t *tokens,
                     const int32_t *parents)
{
    jup_past_t *past = jup_history_of(history, segment->seq);
    int32_t start = past->n;
    make_room(past, start + segment->rows);
    for (int32_t i = 0; i < segment->rows; i++) {
        int32_t before = parents[i] < 0 ? start - 1 : start + parents[i];
        past->tokens[start + i] = tokens[i];
        past->mixes[start + i] = jup_history_mix(before < 0 ? 0 : past->mixes[before], tokens[i]);
    }
    past->n = start + segment->rows;
}
