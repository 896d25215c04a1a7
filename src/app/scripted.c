#include "app/scripted.h"

#include "app/ask_report.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

/* ---- beginning ------------------------------------------------------------------------------- */

/* Made-up tokens that no other part shares. */
static void make_up(const jup_scripted_t *s, int32_t request, int32_t branch, int32_t *tokens,
                    int32_t n)
{
    const jup_script_model_t *model = &s->script->model;
    int32_t token = (request * JUP_SCRIPT_POINTS + branch) % model->vocab;
    for (int32_t i = 0; i < n; i++)
        tokens[i] = token = jup_script_next(model, token, -1 - i);
}

static jup_status_t begin_trunk(jup_scripted_t *s, int32_t request)
{
    const jup_script_request_t *r = &s->script->requests[request];
    int32_t *prompt = jup_new((size_t)r->prompt, sizeof *prompt), longest = 0;
    for (int32_t p = 0; p < r->n_points; p++)
        longest = r->points[p] > longest ? r->points[p] : longest;
    make_up(s, request, 0, prompt, r->prompt);
    const jup_sequence_spec_t spec = {
        .request = request,
        .prompt = prompt,
        .n_prompt = r->prompt,
        .generate = r->n_points ? r->outline : r->answer,
        .parent = -1,
        .hold = r->n_points > 0,
        .child_tokens = r->n_points ? r->heading + longest : 0,
    };
    s->open++;
    jup_status_t status = jup_scheduler_submit(&s->engine->scheduler, &spec,
                                               &s->requests[request].trunk.handle, &s->err);
    jup_free(prompt);
    return status;
}

static jup_status_t begin_point(jup_scripted_t *s, int32_t request, int32_t point)
{
    const jup_script_request_t *r = &s->script->requests[request];
    jup_scripted_request_t *state = &s->requests[request];
    int32_t n;
    const int32_t *trunk = jup_scheduler_tokens(&s->engine->scheduler, state->trunk.handle, &n);
    int32_t *prompt = jup_new((size_t)(n + r->heading), sizeof *prompt);
    memcpy(prompt, trunk, (size_t)n * sizeof *prompt);
    make_up(s, request, point + 1, prompt + n, r->heading);
    const jup_sequence_spec_t spec = {
        .request = request,
        .branch = point + 1,
        .prompt = prompt,
        .n_prompt = n + r->heading,
        .generate = r->points[point],
        .parent = state->trunk.handle,
    };
    jup_status_t status =
        jup_scheduler_submit(&s->engine->scheduler, &spec, &state->points[point].handle, &s->err);
    jup_free(prompt);
    return status;
}

static jup_status_t begin_points(jup_scripted_t *s, int32_t request)
{
    s->requests[request].points_begun = true;
    for (int32_t p = 0; p < s->script->requests[request].n_points; p++)
        JUP_TRY(begin_point(s, request, p));
    return JUP_OK;
}

static void begin_more(jup_scripted_t *s)
{
    while (s->status == JUP_OK && s->next < s->script->n && s->open < s->parallel)
        s->status = begin_trunk(s, s->next++);
}

/* ---- what the engine says -------------------------------------------------------------------- */

static jup_scripted_part_t *find(jup_scripted_t *s, int32_t handle, int32_t *request,
                                 int32_t *branch)
{
    for (int32_t i = 0; i < s->next; i++) {
        jup_scripted_request_t *r = &s->requests[i];
        *request = i;
        *branch = 0;
        if (!r->done && r->trunk.handle == handle)
            return &r->trunk;
        for (int32_t p = 0; !r->done && r->points_begun && p < s->script->requests[i].n_points; p++)
            if (r->points[p].handle == handle) {
                *branch = p + 1;
                return &r->points[p];
            }
    }
    return NULL;
}

static int32_t prompt_of(const jup_script_request_t *r, int32_t branch)
{
    return branch ? r->prompt + r->outline + r->heading : r->prompt;
}

static bool take_token(void *self, int32_t handle, int32_t token, int32_t accepted_by)
{
    jup_scripted_t *s = self;
    int32_t request, branch;
    jup_scripted_part_t *part = find(s, handle, &request, &branch);
    if (!part)
        return false;
    jup_recorder_token(
        s->engine->stage.recorder,
        &(jup_token_record_t){.time_s = jup_clock_now_s(),
                              .request = request,
                              .branch = branch,
                              .position =
                                  prompt_of(&s->script->requests[request], branch) + part->tokens,
                              .id = token,
                              .accepted_by = accepted_by});
    part->tokens++;
    s->tokens++;
    return true;
}

static bool all_points_ended(const jup_scripted_t *s, int32_t request)
{
    for (int32_t p = 0; p < s->script->requests[request].n_points; p++)
        if (!s->requests[request].points[p].ended)
            return false;
    return true;
}

static void finish(jup_scripted_t *s, int32_t request)
{
    jup_scripted_request_t *r = &s->requests[request];
    r->done = true;
    s->open--;
    s->end_s = jup_clock_now_s();
    if (r->points_begun)
        jup_scheduler_release(&s->engine->scheduler, r->trunk.handle);
}

static void take_end(void *self, int32_t handle)
{
    jup_scripted_t *s = self;
    int32_t request, branch;
    jup_scripted_part_t *part = find(s, handle, &request, &branch);
    if (!part)
        return;
    part->ended = true;
    if (branch == 0 && s->script->requests[request].n_points)
        s->status = begin_points(s, request);
    else if (branch == 0 || all_points_ended(s, request))
        finish(s, request);
    begin_more(s);
}

jup_scheduler_sink_t jup_scripted_sink(jup_scripted_t *scripted)
{
    return (jup_scheduler_sink_t){.self = scripted, .token = take_token, .ended = take_end};
}

/* ---------------------------------------------------------------------------------------------- */

void jup_scripted_init(jup_scripted_t *scripted, const jup_script_t *script, jup_engine_t *engine,
                       int32_t parallel)
{
    memset(scripted, 0, sizeof *scripted);
    scripted->script = script;
    scripted->engine = engine;
    scripted->parallel = parallel;
    scripted->requests = jup_new((size_t)script->n, sizeof *scripted->requests);
}

void jup_scripted_reset(jup_scripted_t *scripted)
{
    jup_free(scripted->requests);
    memset(scripted, 0, sizeof *scripted);
}

jup_status_t jup_scripted_run(jup_scripted_t *scripted, jup_error_t *err)
{
    scripted->begin_s = scripted->end_s = jup_clock_now_s();
    begin_more(scripted);
    jup_engine_run(scripted->engine);
    if (scripted->status != JUP_OK)
        *err = scripted->err;
    return scripted->status;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

static double tokens_per_s(const jup_scripted_t *s)
{
    return s->end_s > s->begin_s ? (double)s->tokens / (s->end_s - s->begin_s) : 0;
}

void jup_scripted_store(const jup_scripted_t *scripted, jup_run_t *run)
{
    jup_run_set_number(run, "questions", scripted->script->n);
    jup_run_set_number(run, "answer_tokens", (double)scripted->tokens);
    jup_run_set_number(run, "answer_seconds", scripted->end_s - scripted->begin_s);
    jup_run_set_number(run, "answer_tokens_per_s", tokens_per_s(scripted));
    jup_ask_store_engine(scripted->engine, run);
}

void jup_scripted_print(FILE *out, const jup_scripted_t *scripted)
{
    fprintf(out, "%d scripted request%s, %lld tokens in %.2f s (%.1f tokens/s)\n",
            scripted->script->n, scripted->script->n == 1 ? "" : "s", (long long)scripted->tokens,
            scripted->end_s - scripted->begin_s, tokens_per_s(scripted));
    jup_ask_print_engine(out, scripted->engine);
}
