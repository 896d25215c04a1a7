#include "ask/results.h"

#include "ask/logprobs.h"
#include "strategy/figures.h"

static json_t *json_text(const char *text)
{
    json_t *json = json_string(text ? text : "");
    return json ? json : json_null();
}

/* 0: none came. */
static double first_token_s(const jup_branch_t *branch)
{
    return branch->answer.n_tokens > 0 ? branch->first_s - branch->begin_s : 0;
}

static json_t *json_branch(const jup_branch_t *branch)
{
    const jup_answer_t *answer = &branch->answer;
    json_t *tokens = json_array();
    for (int i = 0; i < answer->n_tokens; i++)
        json_array_append_new(tokens, json_integer(answer->tokens[i]));
    json_t *json = json_pack("{s:o, s:o, s:s, s:f, s:f}", "text", json_text(answer->text), "tokens",
                             tokens, "ended_by", jup_answer_end_name(answer->end), "first_token_s",
                             first_token_s(branch), "seconds", branch->end_s - branch->begin_s);
    if (answer->n_likely > 0)
        json_object_set_new(json, "logprobs", jup_logprobs_json(answer, 0, answer->n_likely));
    return json;
}

static json_t *json_points(const jup_reply_t *reply)
{
    json_t *points = json_array();
    for (int32_t i = 0; i < reply->outline.n; i++) {
        if (!reply->points[i].begun)
            continue;
        json_t *point = json_branch(&reply->points[i]);
        json_object_set_new(point, "number", json_integer(reply->outline.points[i].number));
        json_object_set_new(point, "title", json_text(reply->outline.points[i].title));
        json_array_append_new(points, point);
    }
    return points;
}

void jup_results_add_branches(json_t *json, const jup_reply_t *reply)
{
    if (reply->trunk.begun)
        json_object_set_new(json, "outline", json_branch(&reply->trunk));
    if (reply->has_outline)
        json_object_set_new(json, "points", json_points(reply));
    if (reply->plain.begun)
        json_object_set_new(json, "plain", json_branch(&reply->plain));
}

char *jup_results_line(const jup_reply_t *reply, const jup_question_t *question)
{
    json_t *json = json_pack("{s:o, s:o, s:o}", "id", json_text(question->id), "category",
                             json_text(question->category), "question", json_text(question->text));
    if (reply->problem) {
        json_object_set_new(json, "error", json_text(reply->problem));
    } else {
        json_t *answer =
            json_pack("{s:s, s:s, s:o, s:i, s:f, s:f}", "mode",
                      reply->has_outline ? "outline" : "plain", "reason", reply->reason, "answer",
                      json_text(reply->text), "n_tokens", jup_reply_tokens(reply), "first_token_s",
                      jup_reply_first_s(reply), "seconds", reply->end_s - reply->begin_s);
        json_object_update(json, answer);
        json_decref(answer);
        jup_results_add_branches(json, reply);
    }
    char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    return line;
}

static void write_branch_ids(FILE *out, const jup_branch_t *branch)
{
    for (int i = 0; i < branch->answer.n_tokens; i++)
        fprintf(out, "%s%d", i ? " " : "", branch->answer.tokens[i]);
    fputc('\n', out);
}

void jup_results_write_ids(FILE *out, const jup_reply_t *reply)
{
    if (!reply->has_outline)
        write_branch_ids(out, &reply->plain);
    for (int32_t i = 0; reply->has_outline && i < reply->outline.n; i++)
        write_branch_ids(out, &reply->points[i]);
    fflush(out);
}

/* ---- figures --------------------------------------------------------------------------------- */

static double tokens_per_s(const jup_asking_totals_t *t)
{
    return t->end_s > t->begin_s ? (double)(t->tokens - t->known) / (t->end_s - t->begin_s) : 0;
}

void jup_results_store(const jup_asking_t *asking, jup_run_t *run)
{
    const jup_asking_totals_t *t = &asking->totals;
    jup_run_set_number(run, "questions", asking->source.questions);
    jup_run_set_number(run, "answer_tokens", (double)t->tokens);
    jup_run_set_number(run, "answer_seconds", t->end_s - t->begin_s);
    jup_run_set_number(run, "answer_tokens_per_s", tokens_per_s(t));
    jup_run_set_number(run, "outlines", (double)t->outlines);
    jup_run_set_number(run, "outline_points", (double)t->points);
    jup_run_set_number(run, "outline_fallbacks", (double)t->fallbacks);
    if (t->failed)
        jup_run_set_number(run, "questions_failed", t->failed);
    if (t->known || t->finished) {
        jup_run_set_number(run, "questions_finished_before", t->finished);
        jup_run_set_number(run, "answer_tokens_known_before", (double)t->known);
    }
    jup_figures_store(asking->engine, run);
}

void jup_results_print(FILE *out, const jup_asking_t *asking)
{
    const jup_asking_totals_t *t = &asking->totals;
    int32_t n = asking->source.questions;
    fprintf(out, "%d question%s, %lld tokens in %.2f s (%.1f tokens/s)", n, n == 1 ? "" : "s",
            (long long)t->tokens, t->end_s - t->begin_s, tokens_per_s(t));
    if (t->outlines || t->fallbacks)
        fprintf(out, "; %lld by outline with %lld points, %lld without a usable one",
                (long long)t->outlines, (long long)t->points, (long long)t->fallbacks);
    if (t->known || t->finished)
        fprintf(out, "; %d answered and %lld tokens known before", t->finished,
                (long long)t->known);
    if (t->failed)
        fprintf(out, "; %d could not be asked", t->failed);
    if (asking->only)
        fprintf(out, " (%s)", asking->only->reason);
    fputc('\n', out);
    jup_figures_print(out, asking->engine);
}
