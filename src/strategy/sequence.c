#include "strategy/sequence.h"

#include "base/checked.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

static void make_room(jup_sequence_t *q, int32_t n)
{
    if (n <= q->cap)
        return;
    q->cap = (int32_t)jup_max_i64(n, 2 * (int64_t)q->cap);
    q->tokens = jup_resize(q->tokens, (size_t)q->cap, sizeof *q->tokens);
}

void jup_sequence_assume(jup_sequence_t *q, const int32_t *tokens, int32_t n)
{
    make_room(q, q->known + q->assumed + n);
    for (int32_t i = 0; i < n; i++)
        q->tokens[q->known + q->assumed++] = tokens[i];
}

bool jup_sequence_learn(jup_sequence_t *q, int32_t token)
{
    bool right = q->assumed == 0 || q->tokens[q->known] == token;
    q->assumed = right && q->assumed > 0 ? q->assumed - 1 : 0;
    make_room(q, q->known + 1);
    q->tokens[q->known++] = token;
    return right;
}

void jup_sequence_append(jup_sequence_t *q, const int32_t *tokens, int32_t n)
{
    assert(q->assumed == 0);
    make_room(q, q->known + n);
    memcpy(q->tokens + q->known, tokens, (size_t)n * sizeof *tokens);
    q->known += n;
}

void jup_sequence_chunk(jup_sequence_t *q, const jup_chunks_t *chunks)
{
    int32_t tokens = q->known - q->cached;
    q->ends = jup_resize(q->ends, (size_t)jup_chunks_most(chunks, tokens), sizeof *q->ends);
    q->n_ends = jup_chunks_cut(chunks, tokens, q->ends);
    for (int32_t i = 0; i < q->n_ends; i++)
        q->ends[i] += q->cached;
    q->chunk = 0;
}

int32_t jup_sequence_chunk_end(const jup_sequence_t *q)
{
    return q->chunk < q->n_ends ? q->ends[q->chunk] : q->known;
}

static bool is_beginning(const int32_t *path, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (path[i] != i)
            return false;
    return true;
}

void jup_sequence_settle(jup_sequence_t *q, int32_t slot, int32_t start, const int32_t *path,
                         int32_t n)
{
    assert(q->edit.op == 0 && n <= JUP_GUESS_DEPTH + 1);
    if (!is_beginning(path, n)) {
        q->edit = (jup_edit_t){.op = JUP_EDIT_KEEP, .seq = slot, .a = start, .b = n};
        memcpy(q->keep, path, (size_t)n * sizeof *path);
    } else if (start + n < q->cached) {
        q->edit = (jup_edit_t){.op = JUP_EDIT_TRUNCATE, .seq = slot, .a = start + n};
    }
    q->cached = start + n;
}

void jup_sequence_cut(jup_sequence_t *q, int32_t slot, int32_t length)
{
    assert(length <= q->cached && q->assumed == 0);
    if (length < q->cached) {
        if (q->edit.op == JUP_EDIT_KEEP && length > q->edit.a)
            q->edit.b = length - q->edit.a;
        else
            q->edit = (jup_edit_t){.op = JUP_EDIT_TRUNCATE, .seq = slot, .a = length};
    }
    q->cached = q->known = length;
}

/* ---- measuring the sources ------------------------------------------------------------------- */

void jup_sequence_watch(jup_sequence_t *q, const jup_speculation_t *s, const jup_proposals_t *made)
{
    for (int32_t i = 0; i < s->n_drafts; i++) {
        if (q->watched_at[i] || made->guesses[i].depth == 0)
            continue;
        q->watched_at[i] = q->known;
        q->watched.guesses[i] = made->guesses[i];
    }
}

static bool is_decided(const jup_guesses_t *guesses, const int32_t *came, int32_t n)
{
    for (int32_t d = 0; d < guesses->depth; d++) {
        if (d == n)
            return false;
        bool found = false;
        for (int32_t r = 0; r < guesses->width[d] && !found; r++)
            found = guesses->token[d][r] == came[d];
        if (!found)
            return true;
    }
    return true;
}

void jup_sequence_compare(jup_sequence_t *q, jup_speculation_t *s, bool all)
{
    for (int32_t i = 0; i < s->n_drafts; i++) {
        if (!q->watched_at[i])
            continue;
        const int32_t *came = q->tokens + q->watched_at[i];
        int32_t n = q->known - q->watched_at[i];
        if (!all && !is_decided(&q->watched.guesses[i], came, n))
            continue;
        jup_accuracy_observe(&s->drafts[i].accuracy, &q->watched.guesses[i], came, n);
        q->watched_at[i] = 0;
    }
}

void jup_sequence_reset(jup_sequence_t *q)
{
    jup_free(q->tokens);
    jup_free(q->ends);
    memset(q, 0, sizeof *q);
    q->handle = q->parent = q->fork_from = q->child = q->supersedes = -1;
}
