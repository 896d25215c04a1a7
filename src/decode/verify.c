#include "decode/verify.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

void jup_verifier_init(jup_verifier_t *v, const jup_sampling_t *sampling,
                       const jup_typical_t *typical, int32_t vocab)
{
    memset(v, 0, sizeof *v);
    v->picking.sampling = *sampling;
    v->recent = sampling->repeat_last;
    jup_sampler_init(&v->sampler, sampling, vocab);
    jup_history_init(&v->history);
    if (typical)
        v->typical = *typical;
}

void jup_verifier_reset(jup_verifier_t *v)
{
    jup_sampler_reset(&v->sampler);
    jup_history_reset(&v->history);
    jup_free(v->raw);
    memset(v, 0, sizeof *v);
}

static bool is_stale(const jup_past_t *past, const jup_segment_t *segment, int32_t first_token)
{
    return segment->assumed && (past->n != past->due_at || past->due != first_token);
}

void jup_verifier_begin(jup_verifier_t *v, const jup_step_t *step, bool *stale)
{
    int32_t row = 0;
    jup_history_edit(&v->history, step);
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        const jup_past_t *past = jup_history_of(&v->history, segment->seq);
        stale[s] = is_stale(past, segment, step->tokens[row]);
        jup_history_add(&v->history, segment, step->tokens + row, step->parents + row);
        row += segment->rows;
    }
}

/* A segment being judged: its rows are the last ones of the past. */
typedef struct bench {
    const jup_segment_t *segment;
    const int32_t *tokens, *parents; /* (rows) */
    const jup_past_t *past;
    int32_t start; /* of the rows in the past */
    int32_t first; /* row whose logits come first */
    float *logits;
    const double *log_sums; /* may be NULL */
    int32_t vocab;
    const jup_picking_t *picking;
} bench_t;

/* Tells the sampler of the tokens up to and with a row, and seeds its draw. */
static void set_context(jup_sampler_t *sampler, const bench_t *b, int32_t row)
{
    int32_t most = sampler->recent ? sampler->params.repeat_last : 0, n = 0;
    for (int32_t r = row; r >= 0 && n < most; r = b->parents[r])
        sampler->recent[n++] = b->tokens[r];
    for (int32_t i = b->start - 1; i >= 0 && n < most; i--)
        sampler->recent[n++] = b->past->tokens[i];
    sampler->n_recent = n;
    jup_rng_init(&sampler->rng, sampler->params.seed ^ b->past->mixes[b->start + row]);
}

static float *logits_of(const bench_t *b, int32_t row)
{
    return b->logits + (int64_t)(row - b->first) * b->vocab;
}

/* Before anything is changed. */
static void keep_raw(jup_verifier_t *v, const float *logits, int32_t vocab)
{
    if (!v->raw)
        v->raw = jup_new((size_t)vocab, sizeof *v->raw);
    memcpy(v->raw, logits, (size_t)vocab * sizeof *logits);
}

/* Of the token that was picked after a row, or accepted there. */
static void tell(const jup_verifier_t *v, const bench_t *b, int32_t row, int32_t token,
                 jup_verdict_t *verdict)
{
    const float *raw = v->raw;
    double log_sum = b->log_sums ? b->log_sums[row - b->first] : jup_log_sum(raw, b->vocab);
    jup_likely_find(&verdict->likely[verdict->told++], raw, b->vocab, log_sum, token,
                    b->picking->likely);
}

static int32_t pick_after(jup_verifier_t *v, const bench_t *b, int32_t row, jup_verdict_t *verdict)
{
    float *logits = logits_of(b, row);
    set_context(&v->sampler, b, row);
    jup_argmax(logits, b->vocab, &verdict->margin);
    if (b->picking->told)
        keep_raw(v, logits, b->vocab);
    int32_t token = jup_sampler_pick(&v->sampler, logits);
    if (b->picking->told)
        tell(v, b, row, token, verdict);
    return token;
}

static int32_t child_with(const bench_t *b, int32_t row, int32_t token)
{
    for (int32_t i = row + 1; i < b->segment->rows; i++)
        if (b->parents[i] == row && b->tokens[i] == token)
            return i;
    return -1;
}

static void walk_exactly(jup_verifier_t *v, const bench_t *b, jup_verdict_t *verdict)
{
    verdict->n_path = 0;
    for (int32_t row = b->first; row >= 0; row = child_with(b, row, verdict->token)) {
        verdict->path[verdict->n_path++] = row - b->first;
        verdict->token = pick_after(v, b, row, verdict);
        if (verdict->n_path > JUP_GUESS_DEPTH)
            return;
    }
}

/* ---- typical acceptance ---------------------------------------------------------------------- */

/* log(sum e^x) and the entropy of the softmax of logits / temperature. */
static double entropy_of(const float *logits, int32_t n, double temperature, double *log_sum)
{
    /* not fmax() of quotients: GCC 12 for aarch64 ends with an internal error over that loop */
    float top = -INFINITY;
    for (int32_t i = 0; i < n; i++)
        top = logits[i] > top ? logits[i] : top;
    double largest = (double)top / temperature, sum = 0, weighted = 0;
    for (int32_t i = 0; i < n; i++) {
        double x = (double)logits[i] / temperature - largest;
        sum += exp(x);
        weighted += x * exp(x);
    }
    *log_sum = largest + log(sum);
    return log(sum) - weighted / sum;
}

static bool is_typical(const jup_verifier_t *v, const bench_t *b, int32_t row, int32_t token)
{
    double log_sum, temperature = (double)v->sampler.params.temperature;
    temperature = temperature > 0 ? temperature : 1;
    const float *logits = logits_of(b, row);
    double entropy = entropy_of(logits, b->vocab, temperature, &log_sum);
    double p = exp((double)logits[token] / temperature - log_sum);
    double least = (double)v->typical.delta * exp(-entropy);
    return p > fmin((double)v->typical.epsilon, least);
}

static void walk_typically(jup_verifier_t *v, const bench_t *b, jup_verdict_t *verdict)
{
    bool accepted[JUP_TREE_NODES] = {true};
    int32_t depth[JUP_TREE_NODES] = {0}, deepest = 0;
    int32_t rows = b->segment->rows < JUP_TREE_NODES ? b->segment->rows : JUP_TREE_NODES;
    if (b->first > 0)
        rows = 1;
    for (int32_t i = 1; i < rows; i++) {
        int32_t parent = b->parents[i];
        accepted[i] = parent >= 0 && accepted[parent] && is_typical(v, b, parent, b->tokens[i]);
        depth[i] = parent >= 0 ? depth[parent] + 1 : 0;
        if (accepted[i] && depth[i] > depth[deepest])
            deepest = i;
    }
    verdict->n_path = depth[deepest] + 1;
    for (int32_t i = verdict->n_path - 1, row = deepest; i >= 0; i--, row = b->parents[row])
        verdict->path[i] = row;
    for (int32_t i = 1; i < verdict->n_path && b->picking->told; i++) {
        keep_raw(v, logits_of(b, verdict->path[i - 1]), b->vocab);
        tell(v, b, verdict->path[i - 1], b->tokens[verdict->path[i]], verdict);
    }
    verdict->token = pick_after(v, b, b->first + deepest, verdict);
}

/* ---------------------------------------------------------------------------------------------- */

bool jup_verifier_can_judge(const float *logits, int64_t n)
{
    const uint32_t sign = 0x80000000u, infinity = 0x7f800000u;
    uint32_t largest = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, logits + i, sizeof bits);
        bits &= ~sign;
        largest = bits > largest ? bits : largest;
    }
    return largest < infinity;
}

void jup_verifier_judge(jup_verifier_t *v, const jup_step_t *step, int32_t segment, int32_t row,
                        float *logits, const double *log_sums, jup_verdict_t *verdict)
{
    const jup_segment_t *s = &step->segments[segment];
    jup_past_t *past = jup_history_of(&v->history, s->seq);
    bench_t b = {.segment = s,
                 .tokens = step->tokens + row,
                 .parents = step->parents + row,
                 .past = past,
                 .start = past->n - s->rows,
                 .first = s->rows - s->judged,
                 .logits = logits,
                 .log_sums = log_sums,
                 .vocab = v->sampler.vocab,
                 .picking = past->picks ? &past->picking : &v->picking};
    memset(verdict, 0, sizeof *verdict);
    verdict->sequence = s->seq;
    v->sampler.params = b.picking->sampling;
    if (v->sampler.params.repeat_last > v->recent)
        v->sampler.params.repeat_last = v->recent;
    if (v->typical.epsilon > 0)
        walk_typically(v, &b, verdict);
    else
        walk_exactly(v, &b, verdict);
    past->due_at = b.start + b.first + verdict->n_path;
    past->due = verdict->token;
}
