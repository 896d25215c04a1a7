#include "brute.h"

#include <math.h>

double brute_between(jup_rng_t *rng, double low, double high)
{
    return low * pow(high / low, jup_rng_uniform(rng));
}

double brute_value_s(const jup_plan_t *plan)
{
    return plan->objective == JUP_OBJECTIVE_TOTAL ? plan->predicted.total_s
                                                  : plan->predicted.ttft_s;
}

double brute_slowest_s(const brute_t *b)
{
    double slowest = 0;
    int rows = (int)b->p->workload.prompt_tokens;
    for (int s = 0; s < b->S; s++)
        slowest = fmax(slowest, b->units->busy_s(b, s, rows, 0, true, false));
    return slowest;
}

/* ---- a schedule ----------------------------------------------------------------------------- */

static double hop_s(const brute_t *b, int s, double bytes)
{
    if (b->S == 1)
        return 0;
    int from = b->units->device(b, b->unit[s]);
    int to = b->units->device(b, b->unit[s + 1 < b->S ? s + 1 : 0]);
    return jup_link_s(jup_cluster_link(b->p->cluster, from, to), bytes);
}

static double makespan_s(const brute_t *b)
{
    double done[BRUTE_MOST] = {0}, sent[BRUTE_MOST] = {0};
    int prefix = 0;
    for (int k = 0; k < b->K; k++) {
        int rows = b->chunks[k];
        double at = 0;
        for (int s = 0; s < b->S; s++) {
            done[s] =
                fmax(at, done[s]) + b->units->busy_s(b, s, rows, prefix, k == b->K - 1, false);
            sent[s] =
                fmax(done[s], sent[s]) + hop_s(b, s, jup_cost_message_bytes(&b->p->size, rows));
            at = sent[s];
        }
        prefix += rows;
    }
    return done[b->S - 1] + hop_s(b, b->S - 1, jup_cost_result_bytes());
}

/* A step of so many rows through all stages and back, and its slowest part. */
static double lap_s(const brute_t *b, int rows, double *slowest)
{
    const jup_workload_t *w = &b->p->workload;
    double lap = 0, context = (double)w->prompt_tokens + (double)w->generate_tokens / 2;
    *slowest = 0;
    for (int s = 0; s < b->S; s++) {
        double busy = b->units->busy_s(b, s, rows, context, true, true);
        double send = hop_s(b, s,
                            s + 1 < b->S ? jup_cost_message_bytes(&b->p->size, rows)
                                         : jup_cost_result_bytes());
        double without_rests = busy + (rows == 1 ? b->units->rest_s(b, s) : 0);
        double most = b->units->rest_most_s(b, s);
        if (most > 0 && without_rests - most > busy)
            busy = without_rests - most;
        lap += busy + send;
        *slowest = fmax(*slowest, fmax(without_rests, send));
    }
    return fmax(lap, *slowest);
}

/* An outline's laps follow each other; then the branches go round in any number of steps. */
static double decode_s(const brute_t *b)
{
    const jup_workload_t *w = &b->p->workload;
    int rows = w->lap_rows ? w->lap_rows : 1;
    double per_lap = w->tokens_per_lap > 0 ? w->tokens_per_lap : 1, slowest, round = 1e30;
    double serial = (double)w->serial_tokens, all = (double)w->generate_tokens;
    for (int steps = 1; steps <= w->branches; steps++) {
        int each = (w->branches + steps - 1) / steps;
        double lap = lap_s(b, each * rows, &slowest);
        round = fmin(round, fmax(lap, steps * slowest));
    }
    double branch_laps = fmax(0, all - fmax(serial, 1)) / per_lap / w->branches;
    return fmax(0, serial - 1) / per_lap * lap_s(b, rows, &slowest) + branch_laps * round;
}

/* ---- all plans ------------------------------------------------------------------------------ */

static void cut(brute_t *b, int left, int longest)
{
    if (left == 0) {
        if (b->units->fits(b, longest))
            b->best_s = fmin(b->best_s, b->fixed_s + makespan_s(b));
        return;
    }
    for (int n = 1; n <= left; n++) {
        if (b->p->min_chunk > n && n < left)
            continue;
        b->chunks[b->K++] = n;
        cut(b, left - n, n > longest ? n : longest);
        b->K--;
    }
}

void brute_cut(brute_t *b)
{
    b->K = 0;
    b->fixed_s = b->p->objective == JUP_OBJECTIVE_TOTAL ? decode_s(b) : 0;
    cut(b, (int)b->p->workload.prompt_tokens, 0);
}

void brute_share(brute_t *b, int layers)
{
    for (int u = 0; u < b->n; u++) {
        if (b->used[u] || b->barred[u])
            continue;
        if (b->p->first_stays && b->S == 0 && b->units->device(b, u) != 0)
            continue;
        b->used[u] = true;
        b->unit[b->S++] = u;
        for (int n = 1; n <= layers; n++) {
            b->layers[b->S - 1] = n;
            if (n < layers)
                brute_share(b, layers - n);
            else
                brute_cut(b);
        }
        b->S--;
        b->used[u] = false;
    }
}
