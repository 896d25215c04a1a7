#include "decode/heads.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

jup_status_t jup_heads_init(jup_heads_t *heads, jup_compute_t *compute, int64_t dim, int64_t vocab,
                            int32_t rows, jup_error_t *err)
{
    void *mixed, *logits;
    memset(heads, 0, sizeof *heads);
    heads->compute = compute;
    heads->dim = dim;
    heads->vocab = vocab;
    heads->rows = rows;
    heads->width = JUP_GUESS_WIDTH;
    JUP_TRY(jup_alloc(&mixed, (size_t)(rows * dim), sizeof(float), "draft heads", err));
    heads->mixed = mixed;
    JUP_TRY(jup_alloc(&logits, (size_t)(rows * vocab), sizeof(float), "draft heads", err));
    heads->logits = logits;
    return JUP_OK;
}

void jup_heads_reset(jup_heads_t *heads)
{
    for (int32_t i = 0; i < heads->n_owned; i++)
        jup_free(heads->owned[i]);
    jup_free(heads->mixed);
    jup_free(heads->logits);
    memset(heads, 0, sizeof *heads);
}

/* The `width` largest logits' indices, largest first; ties go to the smaller index. */
static void largest(const float *logits, int32_t n, int32_t width, int32_t *ids)
{
    int32_t found = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t at = found;
        while (at > 0 && logits[i] > logits[ids[at - 1]])
            at--;
        if (at >= width)
            continue;
        found += found < width;
        memmove(ids + at + 1, ids + at, (size_t)(found - at - 1) * sizeof *ids);
        ids[at] = i;
    }
}

/* mixed = x + silu(mixed) */
static void activate(float *mixed, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        mixed[i] = x[i] + mixed[i] / (1.0f + expf(-mixed[i]));
}

void jup_heads_guess(jup_heads_t *heads, const float *hidden, int32_t rows, jup_guesses_t *guesses)
{
    const jup_ops_t *ops = heads->compute->ops;
    assert(rows <= heads->rows);
    for (int32_t i = 0; i < heads->n; i++) {
        const jup_head_t *head = &heads->head[i];
        ops->linear(heads->compute, &head->hidden, 1, hidden, rows, &heads->mixed);
        activate(heads->mixed, hidden, rows * heads->dim);
        ops->linear(heads->compute, &head->output, 1, heads->mixed, rows, &heads->logits);
        for (int32_t r = 0; r < rows; r++) {
            guesses[r].depth = i + 1;
            guesses[r].width[i] = heads->width;
            largest(heads->logits + r * heads->vocab, (int32_t)heads->vocab, heads->width,
                    guesses[r].token[i]);
        }
    }
}
