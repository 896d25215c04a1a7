/* Plans for people: tables and the prefill as text. */
#include "base/mem.h"
#include "plan/plan.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 72, LISTED_CHUNKS = 24 };

static void print_head(const jup_plan_t *plan, FILE *out)
{
    const jup_workload_t *w = &plan->workload;
    fprintf(out, "%s %s, %d layers, on %s\n", plan->model, plan->type, plan->layers, plan->cluster);
    fprintf(out, "prompt %lld, generate %lld, context %lld tokens", (long long)w->prompt_tokens,
            (long long)w->generate_tokens, (long long)w->context_tokens);
    if (w->branches > 1)
        fprintf(out, ", %d branches", w->branches);
    fprintf(out, "; objective %s%s\n\n", jup_objective_name(plan->objective),
            plan->proven ? " (proven best)" : "");
}

static void print_stages(const jup_plan_t *plan, FILE *out)
{
    fprintf(out, "%-5s %-12s %9s %6s %9s %8s %8s %8s %9s %9s\n", "stage", "device", "layers",
            "count", "memory GB", "of", "weights", "KV", "prefill s", "token ms");
    for (int s = 0; s < plan->n_stages; s++) {
        const jup_plan_stage_t *g = &plan->stages[s];
        char layers[24];
        snprintf(layers, sizeof layers, "%d-%d", g->first, g->last - 1);
        fprintf(out, "%-5d %-12.12s %9s %6d %9.2f %8.2f %8.2f %8.2f %9.3f %9.2f\n", s, g->name,
                layers, g->last - g->first, jup_stage_memory_bytes(g->memory) / 1e9,
                g->budget_bytes / 1e9, g->memory.weight_bytes / 1e9, g->memory.kv_bytes / 1e9,
                g->prefill_s, 1e3 * g->decode_s);
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

/* ---- the prefill as text ------------------------------------------------------------------------
 */

static char chunk_mark(int chunk)
{
    static const char marks[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return marks[(size_t)chunk % (sizeof marks - 1)];
}

/* A stage's share of its busy time for chunk i, by tokens and prefix: for the picture alone. */
static double share(const jup_plan_t *plan, int i)
{
    return (double)plan->chunks[i] / (double)plan->workload.prompt_tokens;
}

static void draw(char *line, double start, double end, double total, char mark)
{
    int from = (int)(start / total * WIDTH), to = (int)(end / total * WIDTH);
    for (int x = from; x <= to && x < WIDTH; x++)
        if (x < to || line[x] == '.')
            line[x] = mark;
}

static void print_timeline(const jup_plan_t *plan, FILE *out)
{
    int S = plan->n_stages;
    double *busy_until = jup_new((size_t)S, sizeof *busy_until);
    double *sent_until = jup_new((size_t)S, sizeof *sent_until);
    char *lines = jup_new((size_t)S, WIDTH + 1);
    double total = plan->predicted.ttft_s;
    memset(lines, '.', (size_t)S * (WIDTH + 1));
    for (int i = 0; i < plan->n_chunks; i++) {
        double at = 0;
        for (int s = 0; s < S; s++) {
            const jup_plan_stage_t *g = &plan->stages[s];
            double start = fmax(at, busy_until[s]);
            busy_until[s] = start + share(plan, i) * g->prefill_s;
            draw(lines + s * (WIDTH + 1), start, busy_until[s], total, chunk_mark(i));
            sent_until[s] = fmax(busy_until[s], sent_until[s]) + g->send_s / plan->n_chunks;
            at = sent_until[s];
        }
    }
    fprintf(out, "\nprefill, about %.0f ms a column, chunks 0, 1, 2, ...\n", 1e3 * total / WIDTH);
    for (int s = 0; s < S; s++)
        fprintf(out, "%4d |%.*s|\n", s, WIDTH, lines + s * (WIDTH + 1));
    jup_free(lines);
    jup_free(sent_until);
    jup_free(busy_until);
}

void jup_plan_print(const jup_plan_t *plan, FILE *out)
{
    print_head(plan, out);
    print_stages(plan, out);
    print_chunks(plan, out);
    print_predicted(plan, out);
    if (plan->predicted.ttft_s > 0)
        print_timeline(plan, out);
}
