#include "plan/shares.h"

#include "base/mem.h"

#include <math.h>

enum { TRIES = 64, WORK_ROWS = 512, MANY_SHARERS = 16 };

/* ---- speeds --------------------------------------------------------------------------------- */

/* A layer's seconds that a smaller share makes fewer. */
static double shared_s(const jup_plan_problem_t *p, int device, double rows, double prefix)
{
    const jup_profile_t *profile = jup_cluster_profile(p->cluster, device);
    double s = jup_cost_layer_s(profile, &p->size, rows, prefix);
    return fmax(s - profile->layer_s, 1e-3 * s);
}

/* What of the request decides: of a prefill and of all laps. */
typedef struct weights {
    double prefill, laps;
} weights_t;

static weights_t request_of(const jup_plan_problem_t *p)
{
    const jup_workload_t *w = &p->workload;
    double laps = jup_workload_laps(w);
    return (weights_t){.prefill = 1, .laps = p->objective == JUP_OBJECTIVE_TOTAL ? laps : 0};
}

static double context_of(const jup_plan_problem_t *p)
{
    return (double)p->workload.prompt_tokens + (double)p->workload.generate_tokens / 2;
}

static void set_speeds(const jup_plan_problem_t *p, const jup_sharers_t *s, weights_t w,
                       double *speed)
{
    double prompt = (double)p->workload.prompt_tokens;
    for (int i = 0; i < s->n; i++)
        speed[i] = 1 / (w.prefill * shared_s(p, s->device[i], prompt, 0) +
                        w.laps * shared_s(p, s->device[i], 1, context_of(p)));
}

/* ---- memory --------------------------------------------------------------------------------- */

static int64_t work_rows(const jup_plan_problem_t *p)
{
    int64_t prompt = p->workload.prompt_tokens;
    return prompt < WORK_ROWS ? prompt : WORK_ROWS;
}

/* The largest share of `layers` that a device has memory for. */
static double most_share(const jup_plan_problem_t *p, int device, int layers)
{
    jup_stage_memory_t none = jup_cost_memory(&p->size, &p->workload, 0, true, false, work_rows(p));
    jup_stage_memory_t all =
        jup_cost_memory(&p->size, &p->workload, layers, true, true, work_rows(p));
    double room = p->cluster->devices[device].budget_bytes - jup_stage_memory_bytes(none);
    return room / (jup_stage_memory_bytes(all) - jup_stage_memory_bytes(none));
}

/* Shares in proportion to speed where memory allows that; false when all together hold too little.
 */
static bool fill_shares(const double *speed, const double *most, int n, double *share)
{
    double left = 1, speeds = 0;
    for (int i = 0; i < n; i++) {
        share[i] = -1; /* not settled */
        speeds += speed[i];
    }
    for (bool full = true; full;) {
        full = false;
        for (int i = 0; i < n; i++) {
            if (share[i] >= 0 || left * speed[i] / speeds <= most[i])
                continue;
            share[i] = fmax(0, most[i]);
            left -= share[i];
            speeds -= speed[i];
            full = true;
            break;
        }
    }
    bool any = false;
    for (int i = 0; i < n; i++)
        if (share[i] < 0) {
            share[i] = left * speed[i] / speeds;
            any = true;
        }
    return any || left <= 0;
}

/* ---- whole heads and blocks ----------------------------------------------------------------- */

static jup_status_t in_units(const jup_plan_problem_t *p, const double *share, int n,
                             jup_part_t *parts, jup_error_t *err)
{
    return jup_part_share(&p->size.config, p->size.blocks, share, n, parts, err);
}

static bool fits(const jup_plan_problem_t *p, const jup_part_t *part, int device, int layers)
{
    jup_model_size_t size;
    jup_model_size_part(&size, &p->size, part);
    return jup_stage_memory_bytes(
               jup_cost_memory(&size, &p->workload, layers, true, true, work_rows(p))) <=
           p->cluster->devices[device].budget_bytes;
}

/* Whole units come to a little more than the share; where that is too much, a little less is
 * asked. False: it does not fit in any way. */
static bool share_by_memory(const jup_plan_problem_t *p, const jup_sharers_t *s, double *share,
                            jup_part_t *parts)
{
    for (int try = 0; try < TRIES; try++) {
        bool all = true;
        if (in_units(p, share, s->n, parts, NULL) != JUP_OK)
            return false;
        for (int i = 0; i < s->n; i++)
            if (!fits(p, &parts[i], s->device[i], s->layers)) {
                share[i] *= 0.96;
                all = false;
            }
        if (all)
            return true;
    }
    return false;
}

/* ---- which speeds --------------------------------------------------------------------------- */

/* Seconds of a layer of the group for the request, without its messages. */
static double request_s(const jup_plan_problem_t *p, const jup_sharers_t *s,
                        const jup_part_t *parts)
{
    double prefill = 0, lap = 0, prompt = (double)p->workload.prompt_tokens;
    for (int i = 0; i < s->n; i++) {
        const jup_profile_t *profile = jup_cluster_profile(p->cluster, s->device[i]);
        jup_model_size_t size;
        jup_model_size_part(&size, &p->size, &parts[i]);
        prefill = fmax(prefill, jup_cost_layer_s(profile, &size, prompt, 0));
        lap = fmax(lap, jup_cost_layer_s(profile, &size, 1, context_of(p)));
    }
    return prefill + request_of(p).laps * lap;
}

static bool are_alike(const jup_plan_problem_t *p, const jup_sharers_t *s)
{
    for (int i = 1; i < s->n; i++)
        if (p->cluster->devices[s->device[i]].profile != p->cluster->devices[s->device[0]].profile)
            return false;
    return true;
}

/*
 * A device may be quick at a prompt and slow at a token, and of either the slowest member counts:
 * speeds for both, for the prompt and for a token are tried, and what is best for the request kept.
 */
static jup_status_t share_for_request(const jup_plan_problem_t *p, const jup_sharers_t *s,
                                      double *speed, jup_part_t *parts, jup_error_t *err)
{
    const weights_t tried[] = {request_of(p), {.prefill = 1}, {.laps = 1}};
    int n = tried[0].laps == 0 || are_alike(p, s) || s->n > MANY_SHARERS ? 1 : 3, best = 0;
    double best_s = INFINITY;
    for (int i = 0; i < n; i++) {
        set_speeds(p, s, tried[i], speed);
        JUP_TRY(in_units(p, speed, s->n, parts, err));
        double now_s = n > 1 ? request_s(p, s, parts) : 0;
        if (now_s < best_s) {
            best_s = now_s;
            best = i;
        }
    }
    set_speeds(p, s, tried[best], speed);
    return in_units(p, speed, s->n, parts, err);
}

static jup_status_t share_by_speed(const jup_plan_problem_t *p, const jup_sharers_t *s,
                                   jup_sharing_t sharing, double *speed, jup_part_t *parts,
                                   jup_error_t *err)
{
    if (sharing == JUP_SHARING_REQUEST)
        return share_for_request(p, s, speed, parts, err);
    for (int i = 0; i < s->n; i++)
        speed[i] = 1;
    if (sharing == JUP_SHARING_PREFILL)
        set_speeds(p, s, (weights_t){.prefill = 1}, speed);
    return in_units(p, speed, s->n, parts, err);
}

static jup_status_t share(const jup_plan_problem_t *p, const jup_sharers_t *s,
                          jup_sharing_t sharing, double *speed, jup_part_t *parts, jup_error_t *err)
{
    double *most = speed + s->n, *share = most + s->n;
    bool full = false;
    JUP_TRY(share_by_speed(p, s, sharing, speed, parts, err));
    for (int i = 0; i < s->n && sharing != JUP_SHARING_EVEN; i++) {
        most[i] = most_share(p, s->device[i], s->layers);
        full = full || !fits(p, &parts[i], s->device[i], s->layers);
    }
    if (!full || !fill_shares(speed, most, s->n, share))
        return JUP_OK;
    for (int i = 0; i < s->n; i++)
        share[i] = fmax(share[i], 1e-6);
    return share_by_memory(p, s, share, parts) ? JUP_OK : in_units(p, speed, s->n, parts, err);
}

jup_status_t jup_plan_share(const jup_plan_problem_t *p, const jup_sharers_t *s,
                            jup_sharing_t sharing, int *heads, int *ffn, jup_error_t *err)
{
    jup_part_t *parts = jup_new((size_t)s->n, sizeof *parts);
    double *room = jup_new(3 * (size_t)s->n, sizeof *room);
    int unit = jup_part_ffn_unit(p->size.blocks);
    jup_status_t status = share(p, s, sharing, room, parts, err);
    for (int i = 0; i < s->n && status == JUP_OK; i++) {
        heads[i] = parts[i].head_last - parts[i].head_first;
        ffn[i] = (parts[i].ffn_last - parts[i].ffn_first + unit - 1) / unit;
    }
    jup_free(room);
    jup_free(parts);
    return status;
}
