#include "plan/infeasible.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_EXTRA = 1024, NAMED = 4 };

/* ---- does it fit? --------------------------------------------------------------------------- */

/* Layers that a budget holds beside the embedding, the head and one row. */
static int most_layers(const jup_plan_problem_t *p, double budget, bool embedding, bool head)
{
    double base =
        jup_stage_memory_bytes(jup_cost_memory(&p->size, &p->workload, 0, embedding, head, 1));
    double each = p->size.layer.weight_bytes +
                  jup_cost_memory(&p->size, &p->workload, 1, false, false, 1).kv_bytes;
    double most = floor((budget - base) / each * (1 + 1e-12));
    return (int)fmax(-1, fmin(most, p->size.layers));
}

static int positive(int n)
{
    return n > 0 ? n : 0;
}

/* Layers lost by giving device d the embedding or the head, too; huge when it has no room. */
static int lost(const jup_plan_problem_t *p, double budget, bool head)
{
    int with = most_layers(p, budget, !head, head);
    return with < 1 ? 1 << 24 : positive(most_layers(p, budget, false, false)) - with;
}

/* The two least losses of one kind, and whose the least is. */
typedef struct losses {
    int least, second, who;
} losses_t;

static void add_loss(losses_t *l, int loss, int who)
{
    if (loss < l->least) {
        l->second = l->least;
        l->least = loss;
        l->who = who;
    } else if (loss < l->second) {
        l->second = loss;
    }
}

static int least_of(int a, int b)
{
    return a < b ? a : b;
}

/* The most layers that the devices hold together; extra: devices of that budget more. */
static int64_t capacity(const jup_plan_problem_t *p, int extra, double extra_budget)
{
    const jup_cluster_t *c = p->cluster;
    losses_t first = {1 << 24, 1 << 24, -1}, last = first;
    int64_t sum = 0, alone = 0;
    for (int d = 0; d < c->n_devices + extra; d++) {
        double budget = d < c->n_devices ? c->devices[d].budget_bytes : extra_budget;
        int whole = most_layers(p, budget, true, true);
        alone = whole > alone ? whole : alone;
        sum += positive(most_layers(p, budget, false, false));
        add_loss(&first, lost(p, budget, false), d);
        add_loss(&last, lost(p, budget, true), d);
    }
    int ends = first.who != last.who
                   ? first.least + last.least
                   : least_of(first.least + last.second, first.second + last.least);
    int64_t together = sum - ends;
    return together > alone ? together : alone;
}

bool jup_feasible(const jup_plan_problem_t *problem)
{
    return capacity(problem, 0, 0) >= problem->size.layers;
}

/* ---- what would fit ------------------------------------------------------------------------- */

static void add(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    if (used + 3 >= size)
        return;
    if (used)
        used += (size_t)snprintf(text + used, size - used, ", or ");
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

/* The same problem with weights of a type, its bytes scaled by bits per element. */
static jup_plan_problem_t with_type(const jup_plan_problem_t *problem, const jup_dtype_info_t *type)
{
    jup_plan_problem_t p = *problem;
    double elems = p.size.layer.flops_per_row / 2;
    double now = p.size.layer.weight_bytes / elems;
    double then = (double)type->block_bytes / type->block_elems;
    p.size.layer.weight_bytes *= then / now;
    p.size.embedding_bytes *= then / now;
    p.size.head_bytes *= then / now;
    return p;
}

static void advise_type(const jup_plan_problem_t *problem, char *text, size_t size)
{
    static const char *const names[] = {"F16", "Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K"};
    double now = problem->size.layer.weight_bytes / (problem->size.layer.flops_per_row / 2);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const jup_dtype_info_t *type = jup_dtype_by_name(names[i]);
        if ((double)type->block_bytes / type->block_elems >= 0.99 * now)
            continue;
        jup_plan_problem_t p = with_type(problem, type);
        if (jup_feasible(&p)) {
            add(text, size, "weights as %s", names[i]);
            return;
        }
    }
}

static void advise_context(const jup_plan_problem_t *problem, char *text, size_t size)
{
    const jup_workload_t *w = &problem->workload;
    int64_t low = 1, high = w->context_tokens;
    jup_plan_problem_t p = *problem;
    p.workload.context_tokens = low;
    if (!jup_feasible(&p))
        return;
    while (high - low > 1) {
        p.workload.context_tokens = (low + high) / 2;
        if (jup_feasible(&p))
            low = p.workload.context_tokens;
        else
            high = p.workload.context_tokens;
    }
    if (low >= w->prompt_tokens + w->generate_tokens)
        add(text, size, "a context of %lld tokens", (long long)low);
    else
        add(text, size, "a context of %lld tokens (a shorter prompt or answer)", (long long)low);
}

static void advise_devices(const jup_plan_problem_t *problem, char *text, size_t size)
{
    const jup_cluster_t *c = problem->cluster;
    int largest = 0;
    for (int d = 1; d < c->n_devices; d++)
        if (c->devices[d].budget_bytes > c->devices[largest].budget_bytes)
            largest = d;
    for (int n = 1; n <= MOST_EXTRA; n += 1 + n / 16) {
        if (capacity(problem, n, c->devices[largest].budget_bytes) < problem->size.layers)
            continue;
        add(text, size, "%d more device%s like %s", n, n > 1 ? "s" : "", c->devices[largest].name);
        return;
    }
}

void jup_infeasible_advice(const jup_plan_problem_t *problem, char *text, size_t size)
{
    char options[400] = "";
    if (jup_feasible(problem)) {
        snprintf(text, size, "another split of the layers would fit: let 'jupiter plan' make one");
        return;
    }
    advise_type(problem, options, sizeof options);
    advise_context(problem, options, sizeof options);
    advise_devices(problem, options, sizeof options);
    if (options[0])
        snprintf(text, size, "what would fit: %s", options);
    else
        snprintf(text, size, "no other type, context or number of such devices would fit");
}

/* ---- the report ----------------------------------------------------------------------------- */

/* "nx-0 holds 12 layers, ...": the first few devices. */
static void name_devices(const jup_plan_problem_t *p, char *text, size_t size)
{
    const jup_cluster_t *c = p->cluster;
    size_t used = 0;
    for (int d = 0; d < c->n_devices && d < NAMED && used < size; d++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s %d", d ? ", " : "", c->devices[d].name,
                             positive(most_layers(p, c->devices[d].budget_bytes, false, false)));
    if (c->n_devices > NAMED && used < size)
        snprintf(text + used, size - used, ", ...");
}

jup_status_t jup_infeasible_report(const jup_plan_problem_t *p, jup_error_t *err)
{
    char devices[200] = "", advice[500];
    const jup_cluster_t *c = p->cluster;
    double offered = 0, base = 0;
    for (int d = 0; d < c->n_devices; d++) {
        offered += c->devices[d].budget_bytes;
        base += jup_cost_memory(&p->size, &p->workload, 0, false, false, 1).work_bytes;
    }
    jup_stage_memory_t all = jup_cost_memory(&p->size, &p->workload, p->size.layers, true, true, 1);
    double need = all.weight_bytes + all.kv_bytes + base;
    name_devices(p, devices, sizeof devices);
    jup_infeasible_advice(p, advice, sizeof advice);
    if (jup_feasible(p))
        return jup_fail(err, JUP_EINPUT,
                        "no split of %d layers over the devices in this order, or with chunks of "
                        "these lengths, fits their memory (layers by device: %s)",
                        p->size.layers, devices);
    int64_t holds = capacity(p, 0, 0);
    return jup_fail(err, JUP_EINPUT,
                    "%s %s does not fit the cluster: with %lld tokens of context it needs %.2f GB "
                    "(%.2f weights, %.2f KV cache, %.2f work space), the devices offer %.2f GB, "
                    "enough for %lld of %d layers (by device: %s); %s",
                    p->size.name, p->size.type, (long long)p->workload.context_tokens, need / 1e9,
                    all.weight_bytes / 1e9, all.kv_bytes / 1e9, base / 1e9, offered / 1e9,
                    (long long)(holds > 0 ? holds : 0), p->size.layers, devices, advice);
}
