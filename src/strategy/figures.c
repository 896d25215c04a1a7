#include "strategy/figures.h"

/* Nodes (root included) of the tree that was used most, and the mean. */
static int32_t usual_tree(const jup_speculation_t *s, double *mean)
{
    int64_t laps = 0, nodes = 0;
    int32_t usual = 1;
    for (int32_t n = 1; n <= JUP_TREE_NODES; n++) {
        laps += s->trees[n];
        nodes += s->trees[n] * n;
        usual = s->trees[n] > s->trees[usual] ? n : usual;
    }
    *mean = laps ? (double)nodes / (double)laps : 1;
    return usual;
}

static int64_t all_laps(const jup_speculation_t *s)
{
    int64_t laps = 0;
    for (int32_t n = 1; n <= JUP_TREE_NODES; n++)
        laps += s->trees[n];
    return laps;
}

void jup_figures_store(const jup_engine_t *engine, jup_run_t *run)
{
    const jup_scheduler_t *s = &engine->scheduler;
    const jup_speculation_t *spec = s->speculation;
    double mean;
    jup_run_set_number(run, "branches_alive_at_most", s->peak_live);
    jup_run_set_number(run, "steps_in_flight_at_most", s->peak_air);
    jup_run_set_number(run, "steps", (double)s->steps);
    jup_run_set_number(run, "segments", (double)s->segments);
    jup_run_set_number(run, "segments_ahead", (double)s->ahead);
    jup_run_set_number(run, "segments_cancelled", (double)s->cancelled);
    jup_run_set_number(run, "segments_stale", (double)s->stale);
    jup_run_set_number(run, "kv_pages_at_most", engine->stage.forward->kv.peak_pages);
    jup_run_set_number(run, "laps", (double)all_laps(spec));
    jup_run_set_number(run, "tree_nodes_usual", usual_tree(spec, &mean));
    jup_run_set_number(run, "tree_nodes_mean", mean);
    for (int32_t i = 0; i < spec->n_drafts; i++) {
        const jup_draft_t *d = &spec->drafts[i];
        char key[64];
        snprintf(key, sizeof key, "draft_%s_laps", d->name);
        jup_run_set_number(run, key, (double)d->laps);
        snprintf(key, sizeof key, "draft_%s_tokens_per_lap", d->name);
        jup_run_set_number(run, key, d->laps ? 1 + (double)d->accepted / (double)d->laps : 0);
        snprintf(key, sizeof key, "draft_%s_predicted_per_lap", d->name);
        jup_run_set_number(run, key, d->laps ? d->predicted / (double)d->laps : 0);
    }
}

static void print_draft(FILE *out, const jup_draft_t *d)
{
    if (!d->laps) {
        fprintf(out, "  %-8s never used\n", d->name);
        return;
    }
    fprintf(out, "  %-8s %6lld laps, %5.2f tokens a lap (predicted %.2f); right:", d->name,
            (long long)d->laps, 1 + (double)d->accepted / (double)d->laps,
            d->predicted / (double)d->laps);
    for (int32_t depth = 0; depth < 4; depth++)
        fprintf(out, " %.2f", jup_accuracy_of(&d->accuracy, depth, 0));
    fputc('\n', out);
}

static void print_cost(FILE *out, const char *what, const jup_lap_cost_t *cost)
{
    fprintf(out, "  %s", what);
    for (int32_t rows = 1; rows <= 32; rows *= 2)
        fprintf(out, "%s %d: %.2f", rows > 1 ? "," : "", rows, cost->seconds[rows] * 1e3);
    fputc('\n', out);
}

void jup_figures_print(FILE *out, const jup_engine_t *engine)
{
    const jup_scheduler_t *s = &engine->scheduler;
    const jup_speculation_t *spec = s->speculation;
    double mean;
    int32_t usual = usual_tree(spec, &mean);
    fprintf(out,
            "in flight: %d steps of %d, %d branches at most; %lld steps with %lld segments, %lld "
            "ahead of a verdict, %lld of those in vain, %lld cancelled on their way\n",
            s->peak_air, s->options.window, s->peak_live, (long long)s->steps,
            (long long)s->segments, (long long)s->ahead, (long long)s->stale,
            (long long)s->cancelled);
    if (spec->n_drafts == 0)
        return;
    fprintf(out, "speculation: tree of %d nodes mostly, %.1f on average%s\n", usual, mean,
            engine->stage.options.typical.epsilon > 0
                ? "; typical acceptance: APPROXIMATE, answers may differ"
                : "");
    for (int32_t i = 0; i < spec->n_drafts; i++)
        print_draft(out, &spec->drafts[i]);
    if (!spec->costs_known)
        return;
    print_cost(out, "measured ms of a lap by rows,", &spec->lap);
    print_cost(out, "between laps, pipe full,     ", &spec->period);
}
