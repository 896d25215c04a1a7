#include "plan/shares.h"

#include "base/mem.h"

#include <math.h>

enum { TRIES = 64, WORK_ROWS = 512 };

/* ---- speeds --------------------------------------------------------------------------------- */

/* A layer's seconds that a smaller share makes fewer. */
static double shared_s(const jup_plan_problem_t *p, int device, double rows, double prefix)
{
    const jup_profile_t *profile = jup_cluster_profile(p->cluster, device);
    double s = jup_cost_layer_s(profile, &p->size, rows, prefix);
    return fmax(s - profile->layer_s, 1e-3 * s);
}

static double speed_of(const jup_plan_problem_t *p, int device, jup_sharing_t sharing)
{
    const jup_workload_t *w = &p->workload;
    if (sharing == JUP_SHARING_EVEN)
        return 1;
    double s = shared_s(p, device, (double)w->prompt_tokens, 0);
    double laps = fmax(0, (double)w->generate_tokens - 1) / w->branches;
    if (sharing == JUP_SHARING_REQUEST && p->objective == JUP_OBJECTIVE_TOTAL)
        s += laps *
             shared_s(p, device, 1, (double)w->prompt_tokens + (double)w->generate_tokens / 2);
    return 1 / s;
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

static jup_status_t share(const jup_plan_problem_t *p, const jup_sharers_t *s,
                          jup_sharing_t sharing, double *speed, jup_part_t *parts, jup_error_t *err)
{
    double *most = speed + s->n, *share = most + s->n;
    bool full = false;
    for (int i = 0; i < s->n; i++)
        speed[i] = speed_of(p, s->device[i], sharing);
    JUP_TRY(in_units(p, speed, s->n, parts, err));
    for (int i = 0; i < s->n && sharing != JUP_SHARING_EVEN; i++) {
        most[i] = most_share(p, s->device[i], s->layers);
        full = full || !fits(p, &parts[i], s->device[i], s->layers);
    }
    if (full && fill_shares(speed, most, s->n, share)) {
        for (int i = 0; i < s->n; i++)
            share[i] = fmax(share[i], 1e-6);
        if (share_by_memory(p, s, share, parts))
            return JUP_OK;
        return in_units(p, speed, s->n, parts, err);
    }
    return JUP_OK;
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
