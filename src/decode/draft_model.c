/*
 * A draft model (Leviathan et al. 2023; Chen et al. 2023): a small model of the same vocabulary,
 * whole on the first stage, decodes a few tokens greedily. Its cache follows each sequence: what a
 * verdict changed is cut, the rest stays.
 */
#include "base/checked.h"
#include "base/mem.h"
#include "decode/draft.h"
#include "io/model_file.h"
#include "model/forward.h"
#include "model/sampler.h"

#include <string.h>

enum { AHEAD = 4, WIDTH = 3, ROWS = 64, CACHE_TOKENS = 1 << 16 };

/* The tokens of one sequence that are in the cache. */
typedef struct followed {
    int32_t *tokens;
    int32_t n, cap;
} followed_t;

typedef struct drafter {
    jup_gguf_t *gguf;
    jup_config_t config;
    int32_t shared; /* ids below it are tokens of both models; behind it there is padding */
    jup_weights_t weights;
    jup_compute_t compute;
    jup_forward_t forward;
    jup_step_t step;
    followed_t *followed; /* by sequence */
    int32_t n_followed;
} drafter_t;

static followed_t *followed_of(drafter_t *d, int32_t sequence)
{
    if (sequence >= d->n_followed) {
        d->followed = jup_resize(d->followed, (size_t)sequence + 1, sizeof *d->followed);
        memset(d->followed + d->n_followed, 0,
               (size_t)(sequence + 1 - d->n_followed) * sizeof *d->followed);
        d->n_followed = sequence + 1;
    }
    return &d->followed[sequence];
}

static void forget(void *self, int32_t sequence)
{
    drafter_t *d = self;
    followed_of(d, sequence)->n = 0;
    jup_kv_drop(&d->forward.kv, sequence);
}

static void remember(followed_t *f, const int32_t *tokens, int32_t n)
{
    if (f->n + n > f->cap) {
        f->cap = 2 * (f->n + n);
        f->tokens = jup_resize(f->tokens, (size_t)f->cap, sizeof *f->tokens);
    }
    memcpy(f->tokens + f->n, tokens, (size_t)n * sizeof *tokens);
    f->n += n;
}

/* Runs the tokens; logits of the last one. False when the cache is full. */
static bool feed(drafter_t *d, int32_t sequence, const int32_t *tokens, int32_t n)
{
    jup_error_t err;
    followed_t *f = followed_of(d, sequence);
    for (int32_t rows; n > 0; tokens += rows, n -= rows) {
        rows = (int32_t)jup_min_i64(n, ROWS);
        jup_step_begin(&d->step, JUP_STEP_WORK, 0);
        jup_step_add(&d->step, sequence, f->n, tokens, NULL, rows, rows == n);
        if (jup_forward_begin(&d->forward, &d->step, &err) != JUP_OK)
            return false;
        jup_forward_embed(&d->forward, &d->step);
        jup_forward_layers(&d->forward, &d->step);
        jup_forward_head(&d->forward, &d->step);
        remember(f, tokens, rows);
    }
    return true;
}

/* Cuts what the cache has beyond the common beginning; one token at least is left to run. */
static void follow(drafter_t *d, const jup_draft_context_t *c)
{
    followed_t *f = followed_of(d, c->sequence);
    int32_t most = (int32_t)jup_min_i64(f->n, c->n - 1), same = 0;
    while (same < most && f->tokens[same] == c->tokens[same])
        same++;
    f->n = same;
    jup_kv_truncate(&d->forward.kv, c->sequence, same);
}

/* The WIDTH largest logits, largest first; each found one is taken out. */
static void take_best(float *logits, int32_t vocab, jup_guesses_t *g)
{
    int32_t depth = g->depth++;
    g->width[depth] = WIDTH < vocab ? WIDTH : vocab;
    for (int32_t r = 0; r < g->width[depth]; r++) {
        g->token[depth][r] = jup_argmax(logits, vocab, NULL);
        logits[g->token[depth][r]] = -1e30f;
    }
}

static void propose(void *self, const jup_draft_context_t *c, jup_guesses_t *guesses)
{
    drafter_t *d = self;
    guesses->depth = 0;
    if (c->n + AHEAD > d->config.context)
        return;
    follow(d, c);
    int32_t known = followed_of(d, c->sequence)->n;
    for (int32_t i = known; i < c->n; i++)
        if (c->tokens[i] >= d->shared)
            return;
    bool fed = feed(d, c->sequence, c->tokens + known, c->n - known);
    while (fed) {
        take_best(d->forward.logits, d->shared, guesses);
        if (guesses->depth == AHEAD)
            return;
        fed = feed(d, c->sequence, &guesses->token[guesses->depth - 1][0], 1);
    }
    for (int32_t i = 0; i < d->n_followed; i++) /* full: begin anew */
        forget(d, i);
}

static void destroy(void *self)
{
    drafter_t *d = self;
    for (int32_t i = 0; i < d->n_followed; i++)
        jup_free(d->followed[i].tokens);
    jup_free(d->followed);
    jup_step_reset(&d->step);
    jup_forward_reset(&d->forward);
    jup_compute_reset(&d->compute);
    jup_weights_reset(&d->weights);
    jup_gguf_close(d->gguf);
    jup_free(d);
}

/* Padding at the end may differ; the tokens must be the same. */
static jup_status_t check_tokens(drafter_t *d, const jup_gguf_t *model, int32_t vocab,
                                 jup_error_t *err)
{
    const jup_gguf_entry_t *mine, *theirs;
    char draft[80], target[80];
    JUP_TRY(jup_gguf_get_texts(d->gguf, "tokenizer.ggml.tokens", &mine, err));
    JUP_TRY(jup_gguf_get_texts(model, "tokenizer.ggml.tokens", &theirs, err));
    if (!mine || !theirs)
        return jup_fail(err, JUP_EINPUT, "%s: the file holds no vocabulary, so it cannot draft",
                        jup_gguf_path(mine ? model : d->gguf));
    d->shared = (int32_t)jup_min_i64(jup_min_i64(mine->count, theirs->count),
                                     jup_min_i64(d->config.vocab, vocab));
    for (int32_t id = 0; id < d->shared; id++) {
        jup_text_t a = jup_gguf_item_text(mine, id), b = jup_gguf_item_text(theirs, id);
        if (!jup_text_equal(a, b))
            return jup_fail(err, JUP_EINPUT,
                            "%s has another vocabulary than the model (token %d is '%s', there "
                            "'%s'): it cannot draft for it; use a smaller model of the same family",
                            jup_gguf_path(d->gguf), id, jup_text_escape(a, draft, sizeof draft),
                            jup_text_escape(b, target, sizeof target));
    }
    return JUP_OK;
}

static jup_status_t load(drafter_t *d, const char *path, const jup_ops_t *ops, int threads,
                         const jup_gguf_t *model, int32_t vocab, jup_error_t *err)
{
    JUP_TRY(jup_gguf_open(path, &d->gguf, err));
    JUP_TRY(jup_model_file_config(d->gguf, &d->config, err));
    JUP_TRY(check_tokens(d, model, vocab, err));
    jup_shard_t whole = {.first = 0, .last = d->config.layers, .embedding = true, .head = true};
    JUP_TRY(jup_model_file_load(d->gguf, &d->config, &whole, &d->weights, err));
    JUP_TRY(jup_compute_init(&d->compute, ops, threads, err));
    jup_forward_limits_t limits = {.rows = ROWS,
                                   .outputs = 1,
                                   .kv_tokens = CACHE_TOKENS,
                                   .kv_dtype = JUP_F16,
                                   .residual_dtype = JUP_F16};
    return jup_forward_init(&d->forward, &d->config, &d->weights, &d->compute, &limits, err);
}

jup_status_t jup_draft_model_init(jup_draft_t *draft, const char *path, const jup_ops_t *ops,
                                  int threads, const jup_gguf_t *model, int32_t vocab,
                                  jup_error_t *err)
{
    drafter_t *d = jup_new(1, sizeof *d);
    jup_status_t status = load(d, path, ops, threads, model, vocab, err);
    if (status != JUP_OK) {
        destroy(d);
        return status;
    }
    jup_step_init(&d->step, ROWS);
    memset(draft, 0, sizeof *draft);
    draft->name = "model";
    draft->self = d;
    draft->propose = propose;
    draft->forget = forget;
    draft->destroy = destroy;
    jup_accuracy_init(&draft->accuracy, 0.6, 0.95, 20);
    return JUP_OK;
}
