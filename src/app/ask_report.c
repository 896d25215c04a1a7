#include "app/ask_report.h"

#include "base/checked.h"
#include "base/mem.h"

#include <jansson.h>
#include <string.h>

/* ---- results ----------------------------------------------------------------------------------
 */

static json_t *json_text(const char *text)
{
    json_t *json = json_string(text ? text : "");
    return json ? json : json_null();
}

static json_t *json_part(const jup_answer_part_t *part)
{
    json_t *tokens = json_array();
    for (int i = 0; i < part->answer.n_tokens; i++)
        json_array_append_new(tokens, json_integer(part->answer.tokens[i]));
    return json_pack("{s:o, s:o, s:s, s:f, s:f}", "text", json_text(part->answer.text), "tokens",
                     tokens, "ended_by", jup_answer_end_name(part->answer.end), "first_token_s",
                     part->first_s - part->begin_s, "seconds", part->end_s - part->begin_s);
}

static json_t *json_points(const jup_inquiry_t *q)
{
    json_t *points = json_array();
    for (int32_t i = 0; i < q->outline.n; i++) {
        if (!q->points[i].begun)
            continue;
        json_t *point = json_part(&q->points[i]);
        json_object_set_new(point, "number", json_integer(q->outline.points[i].number));
        json_object_set_new(point, "title", json_text(q->outline.points[i].title));
        json_array_append_new(points, point);
    }
    return points;
}

/* When the first word that belongs to the answer was there. */
static double first_s(const jup_inquiry_t *q)
{
    return (q->has_outline && q->points[0].begun ? q->points[0].first_s : q->plain.first_s) -
           q->begin_s;
}

void jup_ask_write_result(FILE *out, const jup_inquiry_t *q)
{
    json_t *json = json_pack(
        "{s:o, s:o, s:o, s:s, s:s, s:o, s:i, s:f, s:f}", "id", json_text(q->question->id),
        "category", json_text(q->question->category), "question", json_text(q->question->text),
        "mode", q->has_outline ? "outline" : "plain", "reason", q->reason, "answer",
        json_text(q->text), "n_tokens", jup_inquiry_tokens(q), "first_token_s", first_s(q),
        "seconds", q->end_s - q->begin_s);
    if (q->trunk.begun)
        json_object_set_new(json, "outline", json_part(&q->trunk));
    if (q->has_outline)
        json_object_set_new(json, "points", json_points(q));
    if (q->plain.begun)
        json_object_set_new(json, "plain", json_part(&q->plain));
    json_dumpf(json, out, JSON_COMPACT | JSON_REAL_PRECISION(9));
    fputc('\n', out);
    fflush(out);
    json_decref(json);
}

void jup_ask_whole_answer(const jup_asking_t *asking, jup_answer_t *answer)
{
    memset(answer, 0, sizeof *answer);
    const jup_inquiry_t *q = asking->n == 1 ? &asking->inquiries[0] : NULL;
    answer->text = jup_strdup(q && q->text ? q->text : "");
    answer->length = strlen(answer->text);
    if (!q || !q->plain.begun || q->has_outline)
        return;
    answer->end = q->plain.answer.end;
    answer->n_tokens = q->plain.answer.n_tokens;
    answer->tokens = jup_new((size_t)answer->n_tokens + 1, sizeof *answer->tokens);
    if (answer->n_tokens)
        memcpy(answer->tokens, q->plain.answer.tokens,
               (size_t)answer->n_tokens * sizeof *answer->tokens);
}

/* ---- figures ----------------------------------------------------------------------------------
 */

typedef struct totals {
    int64_t tokens, outlines, points, fallbacks;
    double begin_s, end_s;
} totals_t;

static totals_t add_up(const jup_asking_t *asking)
{
    totals_t t = {.begin_s = asking->inquiries[0].begin_s};
    for (int32_t i = 0; i < asking->n; i++) {
        const jup_inquiry_t *q = &asking->inquiries[i];
        if (!q->begun)
            continue;
        t.tokens += jup_inquiry_tokens(q);
        t.outlines += q->has_outline;
        t.points += q->has_outline ? q->outline.n : 0;
        t.fallbacks += q->wants_outline && !q->has_outline;
        t.end_s = q->end_s > t.end_s ? q->end_s : t.end_s;
    }
    return t;
}

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

void jup_ask_store_engine(const jup_engine_t *engine, jup_run_t *run)
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

void jup_ask_store(const jup_asking_t *asking, jup_run_t *run)
{
    totals_t t = add_up(asking);
    double seconds = t.end_s - t.begin_s;
    jup_run_set_number(run, "questions", asking->n);
    jup_run_set_number(run, "answer_tokens", (double)t.tokens);
    jup_run_set_number(run, "answer_seconds", seconds);
    jup_run_set_number(run, "answer_tokens_per_s", seconds > 0 ? (double)t.tokens / seconds : 0);
    jup_run_set_number(run, "outlines", (double)t.outlines);
    jup_run_set_number(run, "outline_points", (double)t.points);
    jup_run_set_number(run, "outline_fallbacks", (double)t.fallbacks);
    jup_ask_store_engine(asking->engine, run);
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

void jup_ask_print_engine(FILE *out, const jup_engine_t *engine)
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

void jup_ask_print(FILE *out, const jup_asking_t *asking)
{
    totals_t t = add_up(asking);
    double seconds = t.end_s - t.begin_s;
    fprintf(out, "%d question%s, %lld tokens in %.2f s (%.1f tokens/s)", asking->n,
            asking->n == 1 ? "" : "s", (long long)t.tokens, seconds,
            seconds > 0 ? (double)t.tokens / seconds : 0);
    if (asking->options.outline != JUP_OUTLINE_OFF)
        fprintf(out, "; %lld by outline with %lld points, %lld without a usable one",
                (long long)t.outlines, (long long)t.points, (long long)t.fallbacks);
    if (asking->n == 1)
        fprintf(out, " (%s)", asking->inquiries[0].reason);
    fputc('\n', out);
    jup_ask_print_engine(out, asking->engine);
}
