/* Plans for people: tables. */
#include "plan/plan.h"

#include <stdio.h>

enum { LISTED_CHUNKS = 24 };

static void print_head(const jup_plan_t *plan, FILE *out)
{
    const jup_workload_t *w = &plan->workload;
    fprintf(out, "%s %s, %d layers, on %s: %s\n", plan->model, plan->type, plan->layers,
            plan->cluster, plan->strategy);
    fprintf(out, "prompt %lld, generate %lld, context %lld tokens", (long long)w->prompt_tokens,
            (long long)w->generate_tokens, (long long)w->context_tokens);
    if (w->branches > 1)
        fprintf(out, ", %d branches", w->branches);
    if (w->serial_tokens > 0)
        fprintf(out, " after an outline of %lld", (long long)w->serial_tokens);
    if (w->tokens_per_lap > 1)
        fprintf(out, ", %.3g tokens a lap of %d rows", w->tokens_per_lap, jup_workload_lap_rows(w));
    fprintf(out, "; objective %s%s\n\n", jup_objective_name(plan->objective),
            plan->proven ? " (proven best)" : "");
}

static void print_member(const jup_plan_member_t *m, FILE *out)
{
    fprintf(out, " %9.2f %8.2f %8.2f %8.2f", jup_stage_memory_bytes(m->memory) / 1e9,
            m->budget_bytes / 1e9, m->memory.weight_bytes / 1e9, m->memory.kv_bytes / 1e9);
}

static void print_stages(const jup_plan_t *plan, FILE *out)
{
    fprintf(out, "%-5s %-12s %9s %6s %9s %8s %8s %8s %9s %9s\n", "stage", "device", "layers",
            "count", "memory GB", "of", "weights", "KV", "prefill s", "token ms");
    for (int s = 0; s < plan->n_stages; s++) {
        const jup_plan_stage_t *g = &plan->stages[s];
        char layers[24];
        snprintf(layers, sizeof layers, "%d-%d", g->first, g->last - 1);
        fprintf(out, "%-5d %-12.12s %9s %6d", s, jup_plan_leader(plan, s)->name, layers,
                g->last - g->first);
        print_member(jup_plan_leader(plan, s), out);
        fprintf(out, " %9.3f %9.2f\n", g->prefill_s, 1e3 * g->decode_s);
        for (int m = 1; m < g->n; m++) {
            fprintf(out, "%-5s %-12.12s %9s %6s", "", jup_plan_member(plan, s, m)->name, "", "");
            print_member(jup_plan_member(plan, s, m), out);
            fprintf(out, "\n");
        }
    }
}

static void print_list(const jup_plan_t *plan, int s, bool heads, FILE *out)
{
    for (int m = 0; m < plan->stages[s].n; m++) {
        const jup_plan_member_t *member = jup_plan_member(plan, s, m);
        fprintf(out, "%s%d", m ? "," : "", heads ? member->heads : member->ffn);
    }
}

/* How the groups, if there are any, share their layers. */
static void print_ways(const jup_plan_t *plan, FILE *out)
{
    if (plan->n_members == plan->n_stages)
        return;
    fprintf(out, "\n");
    for (int s = 0; s < plan->n_stages; s++) {
        const jup_plan_stage_t *stage = &plan->stages[s];
        fprintf(out, "stage %d: %s", s, jup_way_name(stage->way));
        if (jup_way_splits(stage->way)) {
            fprintf(out, ", heads ");
            print_list(plan, s, true, out);
            fprintf(out, ", FFN blocks ");
            print_list(plan, s, false, out);
        }
        fprintf(out, "\n");
    }
}

static void print_chunks(const jup_plan_t *plan, FILE *out)
{
    fprintf(out, "\nchunks (%d):", plan->n_chunks);
    for (int i = 0; i < plan->n_chunks && i < LISTED_CHUNKS; i++)
        fprintf(out, " %d", plan->chunks[i]);
    if (plan->n_chunks > LISTED_CHUNKS)
        fprintf(out, " ... %d", plan->chunks[plan->n_chunks - 1]);
    fprintf(out, "\n");
}

static void print_predicted(const jup_plan_t *plan, FILE *out)
{
    const jup_prediction_t *p = &plan->predicted;
    fprintf(out, "\ntime to first token %.3f s, bubbles %.1f %%\n", p->ttft_s, 100 * p->bubble);
    fprintf(out, "per further token   %.1f ms; all of them %.3f s; in all %.3f s\n",
            1e3 * p->token_s, p->decode_s, p->total_s);
}

void jup_plan_print(const jup_plan_t *plan, FILE *out)
{
    print_head(plan, out);
    print_stages(plan, out);
    print_ways(plan, out);
    print_chunks(plan, out);
    print_predicted(plan, out);
}
