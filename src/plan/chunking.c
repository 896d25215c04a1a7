#include "plan/chunking.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

/* ---- candidates ----------------------------------------------------------------------------- */

/* Keeps `candidate` in `best` when it is quicker; returns the best time. */
static double keep(const jup_instance_t *in, const jup_pipe_t *pipe, const jup_cut_t *candidate,
                   jup_cut_t *best, double best_s)
{
    double s = jup_schedule_ttft_s(pipe, candidate, in->n_classes, best_s);
    if (!(s < best_s))
        return best_s;
    jup_cut_copy(best, candidate, in);
    return s;
}

double jup_chunk_uniform(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                         jup_cut_t *best, jup_cut_t *scratch)
{
    int32_t prompt = (int32_t)in->problem->workload.prompt_tokens;
    double best_s = INFINITY;
    for (int32_t rows = in->min_chunk; rows <= most_rows && rows <= prompt; rows++) {
        int chunks = (prompt + rows - 1) / rows;
        if (chunks > JUP_CUT_CHUNKS)
            continue;
        jup_cut_by_length(scratch, in, rows);
        best_s = keep(in, pipe, scratch, best, best_s);
    }
    return best_s;
}

static double equal_chunks(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                           jup_meter_t *meter, jup_cut_t *best, jup_cut_t *scratch)
{
    int64_t prompt = in->problem->workload.prompt_tokens;
    double best_s = INFINITY;
    for (int n = 1; n <= JUP_CUT_CHUNKS && n <= prompt && (n == 1 || meter->left > 0);
         n += 1 + n / 8) {
        if ((prompt + n - 1) / n > most_rows)
            continue;
        if (prompt / n < in->min_chunk && n > 1)
            break;
        jup_cut_in_equal(scratch, in, n);
        best_s = keep(in, pipe, scratch, best, best_s);
        jup_meter_spend(meter, (double)n * pipe->n);
        if (n > 16 && !(jup_schedule_ttft_s(pipe, scratch, in->n_classes, INFINITY) < 2 * best_s))
            break;
    }
    return best_s;
}

/* ---- the bounded bottleneck ----------------------------------------------------------------- */

/* Stages that differ in what they take, so that equal ones are looked at once. */
static int distinct_stages(const jup_pipe_t *pipe, int *stages)
{
    int n = 0;
    for (int s = 0; s < pipe->n; s++) {
        int i = 0;
        if (s > 0 && s < pipe->n - 1)
            for (; i < n; i++)
                if (pipe->stage[stages[i]].class == pipe->stage[s].class &&
                    pipe->stage[stages[i]].layers >= pipe->stage[s].layers &&
                    pipe->stage[stages[i]].latency_s >= pipe->stage[s].latency_s &&
                    pipe->stage[stages[i]].byte_s >= pipe->stage[s].byte_s)
                    break;
        if (i == n || s == 0 || s == pipe->n - 1)
            stages[n++] = s;
    }
    return n;
}

static inline double larger(double a, double b)
{
    return a > b ? a : b;
}

/* slow[i, j]: the slowest stage or link for the chunk between positions i and j. */
static void fill_slowest(const jup_instance_t *in, const jup_pipe_t *pipe, double *slow)
{
    int stages[JUP_MAX_LAYERS], n = distinct_stages(pipe, stages), G = in->n_positions;
    const double base = jup_cost_message_bytes(&in->problem->size, 0);
    const double row = jup_cost_message_bytes(&in->problem->size, 1) - base;
    memset(slow, 0, sizeof *slow * (size_t)G * ((size_t)G + 1) / 2);
    for (int d = 0; d < n; d++) {
        const jup_stage_cost_t *s = &pipe->stage[stages[d]];
        const double *layer_s = in->classes[s->class].layer_s;
        bool sends = stages[d] < pipe->n - 1;
        double *out = slow;
        for (int i = 0; i < G; i++)
            for (int j = i + 1; j <= G; j++, out++, layer_s++) {
                double rows = in->position[j] - in->position[i];
                double busy = s->step_s + s->chunk_layers * *layer_s + s->row_s * rows;
                double send = sends ? s->latency_s + s->byte_s * (base + row * rows) : 0;
                *out = larger(*out, larger(busy, send));
            }
    }
}

/* f(j) = min { f(i) + slow(i, j) } over chunks within the bound; from[] tells the way. */
static bool bounded(const jup_instance_t *in, const double *slow, double bound_s, int32_t most_rows,
                    double *f, int *from)
{
    int G = in->n_positions;
    f[0] = 0;
    for (int j = 1; j <= G; j++)
        f[j] = INFINITY;
    for (int i = 0; i < G; i++) {
        if (isinf(f[i]))
            continue;
        const double *t = slow + (int64_t)i * G - (int64_t)i * (i - 1) / 2;
        for (int j = i + 1; j <= G; j++, t++) {
            int32_t rows = in->position[j] - in->position[i];
            if (rows < in->min_chunk && j < G)
                continue;
            if (rows > most_rows || *t > bound_s)
                break;
            if (f[i] + *t < f[j]) {
                f[j] = f[i] + *t;
                from[j] = i;
            }
        }
    }
    return !isinf(f[G]);
}

static void follow(const jup_instance_t *in, const int *from, jup_cut_t *cut)
{
    int n = 0;
    for (int j = in->n_positions; j > 0; j = from[j])
        n++;
    cut->n = n;
    for (int j = in->n_positions; j > 0; j = from[j])
        jup_cut_set_grid(cut, in, --n, from[j], j);
}

static double bounded_cuts(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                           jup_meter_t *meter, jup_cut_t *best, jup_cut_t *scratch, double best_s)
{
    int G = in->n_positions;
    double *slow = jup_new((size_t)G * ((size_t)G + 1) / 2, sizeof *slow);
    double *f = jup_new((size_t)G + 1, sizeof *f);
    int *from = jup_new((size_t)G + 1, sizeof *from);
    fill_slowest(in, pipe, slow);
    jup_meter_spend(meter, (double)G * G / 2);
    for (int length = 1; length <= G; length += 1 + length / 4) {
        int at = G - length; /* the last chunk of this length: the most expensive one */
        double bound = slow[(int64_t)at * G - (int64_t)at * (at - 1) / 2 + length - 1];
        if (!bounded(in, slow, bound, most_rows, f, from))
            continue;
        follow(in, from, scratch);
        best_s = keep(in, pipe, scratch, best, best_s);
        jup_meter_spend(meter, (double)G * length / 2 + (double)scratch->n * pipe->n);
    }
    jup_free(from);
    jup_free(f);
    jup_free(slow);
    return best_s;
}

double jup_chunk_search(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                        jup_meter_t *meter, jup_cut_t *best, jup_cut_t *scratch)
{
    double s = equal_chunks(in, pipe, most_rows, meter, best, scratch);
    s = bounded_cuts(in, pipe, most_rows, meter, best, scratch, s);
    if (isinf(s))
        return s;
    return jup_chunk_refine(in, pipe, most_rows, meter, best, s);
}

/* ---- refining ------------------------------------------------------------------------------- */

typedef struct refinement {
    const jup_instance_t *in;
    const jup_pipe_t *pipe;
    int32_t most_rows;
    jup_meter_t *meter;
    jup_cut_t *cut;
    double now_s;
} refinement_t;

static bool helps(refinement_t *r)
{
    jup_meter_spend(r->meter, (double)r->cut->n * r->pipe->n);
    double s = jup_schedule_ttft_s(r->pipe, r->cut, r->in->n_classes, r->now_s * (1 - 1e-9));
    if (isinf(s))
        return false;
    r->now_s = s;
    return true;
}

static bool fits(const refinement_t *r, int32_t rows)
{
    return rows >= r->in->min_chunk && rows <= r->most_rows;
}

/* Gives `delta` tokens of chunk k + 1 to chunk k (or back), if that helps. */
static bool move(refinement_t *r, int k, int32_t at, int32_t delta)
{
    jup_cut_t *cut = r->cut;
    int32_t a = cut->rows[k], b = cut->rows[k + 1];
    if (!fits(r, a + delta) || !fits(r, b - delta))
        return false;
    jup_cut_set(cut, r->in, k, a + delta, at);
    jup_cut_set(cut, r->in, k + 1, b - delta, at + a + delta);
    if (helps(r))
        return true;
    jup_cut_set(cut, r->in, k, a, at);
    jup_cut_set(cut, r->in, k + 1, b, at + a);
    return false;
}

/* Shifts chunks [k, n) by `by` places, times and all. */
static void make_room(refinement_t *r, int k, int by)
{
    jup_cut_t *cut = r->cut;
    size_t classes = (size_t)r->in->n_classes, n = (size_t)(cut->n - k);
    memmove(cut->rows + k + by, cut->rows + k, n * sizeof *cut->rows);
    memmove(cut->bytes + k + by, cut->bytes + k, n * sizeof *cut->bytes);
    memmove(cut->layer_s + (size_t)(k + by) * classes, cut->layer_s + (size_t)k * classes,
            n * classes * sizeof *cut->layer_s);
    cut->n += by;
}

static bool merge(refinement_t *r, int k, int32_t at)
{
    jup_cut_t *cut = r->cut;
    int32_t a = cut->rows[k], b = cut->rows[k + 1];
    if (!fits(r, a + b))
        return false;
    make_room(r, k + 1, -1);
    jup_cut_set(cut, r->in, k, a + b, at);
    if (helps(r))
        return true;
    make_room(r, k, 1);
    jup_cut_set(cut, r->in, k, a, at);
    jup_cut_set(cut, r->in, k + 1, b, at + a);
    return false;
}

static bool split(refinement_t *r, int k, int32_t at)
{
    jup_cut_t *cut = r->cut;
    int32_t whole = cut->rows[k], half = (whole + 1) / 2;
    if (whole < 2 || cut->n >= JUP_CUT_CHUNKS || !fits(r, half) || !fits(r, whole - half))
        return false;
    make_room(r, k, 1);
    jup_cut_set(cut, r->in, k, half, at);
    jup_cut_set(cut, r->in, k + 1, whole - half, at + half);
    if (helps(r))
        return true;
    make_room(r, k + 1, -1);
    jup_cut_set(cut, r->in, k, whole, at);
    return false;
}

static bool sweep(refinement_t *r, int32_t step)
{
    bool any = false;
    int32_t at = 0;
    for (int k = 0; k < r->cut->n && r->meter->left > 0; k++) {
        if (k + 1 < r->cut->n) {
            any = move(r, k, at, step) || move(r, k, at, -step) || any;
            any = (k + 1 < r->cut->n && merge(r, k, at)) || any;
        }
        any = split(r, k, at) || any;
        at += r->cut->rows[k];
    }
    return any;
}

double jup_chunk_refine(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                        jup_meter_t *meter, jup_cut_t *cut, double now_s)
{
    refinement_t r = {in, pipe, most_rows, meter, cut, now_s};
    int32_t step = (int32_t)(in->problem->workload.prompt_tokens / (4 * cut->n));
    for (step = step > 0 ? step : 1; step > 0 && meter->left > 0;)
        if (!sweep(&r, step))
            step /= 2;
    return r.now_s;
}
