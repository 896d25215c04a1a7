#include "io/merge.h"

#include "base/mem.h"

#include <string.h>

void jup_merger_init(jup_merger_t *m, jup_merge_rule_t rule, void *context)
{
    memset(m, 0, sizeof *m);
    m->rule = rule;
    m->context = context;
}

void jup_merger_reset(jup_merger_t *m)
{
    jup_free(m->symbols);
    jup_free(m->heap);
    memset(m, 0, sizeof *m);
}

/* ---- heap -------------------------------------------------------------------------------- */

static bool before(const jup_merge_candidate_t *a, const jup_merge_candidate_t *b)
{
    return a->priority > b->priority || (a->priority == b->priority && a->left < b->left);
}

static void push(jup_merger_t *m, jup_merge_candidate_t item)
{
    if (m->n_heap == m->cap_heap) {
        m->cap_heap = m->cap_heap ? 2 * m->cap_heap : 64;
        m->heap = jup_resize(m->heap, m->cap_heap, sizeof *m->heap);
    }
    size_t i = m->n_heap++;
    while (i > 0 && before(&item, &m->heap[(i - 1) / 2])) {
        m->heap[i] = m->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    m->heap[i] = item;
}

static jup_merge_candidate_t pop(jup_merger_t *m)
{
    jup_merge_candidate_t top = m->heap[0], last = m->heap[--m->n_heap];
    size_t i = 0;
    for (size_t child = 1; child < m->n_heap; child = 2 * i + 1) {
        if (child + 1 < m->n_heap && before(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!before(&m->heap[child], &last))
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = last;
    return top;
}

/* ---- symbols ----------------------------------------------------------------------------- */

static void add_symbol(jup_merger_t *m, const char *start, size_t length)
{
    if (m->n_symbols == m->cap_symbols) {
        m->cap_symbols = m->cap_symbols ? 2 * m->cap_symbols : 64;
        m->symbols = jup_resize(m->symbols, m->cap_symbols, sizeof *m->symbols);
    }
    int32_t i = (int32_t)m->n_symbols++;
    m->symbols[i] = (jup_merge_symbol_t){start, (uint32_t)length, i - 1, i + 1};
}

static void split_characters(jup_merger_t *m, jup_text_t text)
{
    uint32_t unused;
    m->n_symbols = 0;
    for (size_t at = 0; at < text.length;) {
        int step = jup_utf8_decode(jup_text(text.data + at, text.length - at), &unused);
        size_t length = step > 0 ? (size_t)step : 1;
        add_symbol(m, text.data + at, length);
        at += length;
    }
    m->symbols[m->n_symbols - 1].next = -1;
}

/* Notes the pair that starts at symbol `left`, if there is one and the rule knows it. */
static void consider(jup_merger_t *m, int32_t left)
{
    if (left < 0 || m->symbols[left].next < 0)
        return;
    const jup_merge_symbol_t *a = &m->symbols[left], *b = &m->symbols[a->next];
    double priority;
    if (m->rule(m->context, jup_text(a->start, a->length), jup_text(b->start, b->length),
                &priority))
        push(m, (jup_merge_candidate_t){priority, left, a->next, a->length + b->length});
}

/* A candidate is stale once either of its symbols has grown or gone. */
static bool stands(const jup_merger_t *m, const jup_merge_candidate_t *candidate)
{
    const jup_merge_symbol_t *left = &m->symbols[candidate->left];
    const jup_merge_symbol_t *right = &m->symbols[candidate->right];
    return left->length > 0 && right->length > 0 &&
           left->length + right->length == candidate->length;
}

static void merge(jup_merger_t *m, const jup_merge_candidate_t *candidate)
{
    jup_merge_symbol_t *left = &m->symbols[candidate->left];
    jup_merge_symbol_t *right = &m->symbols[candidate->right];
    left->length += right->length;
    left->next = right->next;
    right->length = 0;
    if (right->next >= 0)
        m->symbols[right->next].previous = candidate->left;
    consider(m, left->previous);
    consider(m, candidate->left);
}

void jup_merger_run(jup_merger_t *m, jup_text_t text)
{
    split_characters(m, text);
    m->n_heap = 0;
    for (size_t i = 0; i < m->n_symbols; i++)
        consider(m, (int32_t)i);
    while (m->n_heap > 0) {
        jup_merge_candidate_t best = pop(m);
        if (stands(m, &best))
            merge(m, &best);
    }
}
