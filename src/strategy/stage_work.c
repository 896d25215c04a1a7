/* A stage's work on a step: the layers, alone or together. */
#include "base/clock.h"
#include "strategy/stage_inner.h"
#include "strategy/strategies.h"

bool jup_stage_move_messages(void *self)
{
    jup_stage_t *stage = self;
    bool listens = stage->options.ahead && jup_place_leads(stage->place);
    jup_comm_progress(stage->comm);
    if (stage->look_up)
        stage->look_up(stage->look_up_self);
    if (listens && !jup_place_is_first(stage->place))
        jup_cancel_hear(&stage->cancel);
    return stage->step.kind == JUP_STEP_WORK && !jup_cancel_has(&stage->cancel, stage->step.id);
}

/* Spans name the request and branch of a step, where it has only one. */
static void set_context(jup_stage_t *stage)
{
    jup_span_t *context = &stage->recorder->context;
    const jup_step_t *step = &stage->step;
    const jup_segment_t *first = &step->segments[0];
    context->step = step->id;
    context->request = step->n_segments ? first->request : -1;
    context->branch = step->n_segments ? first->branch : -1;
    context->chunk = step->n_segments == 1 ? first->chunk - 1 : -1;
    for (int32_t s = 1; s < step->n_segments; s++) {
        if (step->segments[s].request != context->request)
            context->request = -1;
        if (step->segments[s].branch != context->branch)
            context->branch = -1;
    }
}

/* Where members have whole layers each has its rows, which are counted alike, or the leader all. */
static double step_flops(const jup_stage_t *stage)
{
    const jup_group_t *g = &stage->group;
    double flops = jup_forward_flops(stage->forward, &stage->step);
    if (g->n <= 1 || !jup_way_of_working(stage->place->way)->whole)
        return flops;
    if (!g->together)
        return g->me == 0 ? flops : 0;
    return flops * (double)(g->row[g->me + 1] - g->row[g->me]) / (double)stage->step.rows;
}

static void leave_rows_out(jup_stage_t *stage)
{
    stage->step.kind = JUP_STEP_CANCELLED;
    stage->left_out++;
}

/* Rank 0 looks at itself. */
static void answer_how_it_is(jup_stage_t *stage)
{
    jup_vitals_t vitals;
    for (int32_t i = 0; i < stage->step.n_edits; i++)
        if (stage->step.edits[i].op == JUP_EDIT_REPORT && stage->comm->rank != 0) {
            jup_vitals_take(&vitals, stage->comm, stage->place, stage->forward, stage->recorder);
            jup_vitals_send(&stage->vitals, stage->comm, &vitals);
        }
}

static void take_step(jup_stage_t *stage)
{
    jup_error_t err;
    answer_how_it_is(stage);
    if (jup_forward_begin(stage->forward, &stage->step, &err) != JUP_OK)
        jup_die(err.code, "rank %d: %s", stage->comm->rank, err.text);
}

static void embed(jup_stage_t *stage)
{
    double start_s = jup_clock_now_s();
    jup_forward_embed(stage->forward, &stage->step);
    jup_recorder_span(stage->recorder, JUP_SPAN_EMBED, start_s, jup_clock_now_s(), stage->step.rows,
                      0, 0);
}

static bool run_layers(jup_stage_t *stage)
{
    jup_layers_t *together = jup_way_of_working(stage->place->way)->layers;
    if (together && stage->group.n > 1)
        return together(&stage->group, stage->forward, &stage->step);
    return jup_forward_layers(stage->forward, &stage->step);
}

static void compute(jup_stage_t *stage, bool from_tokens)
{
    const jup_forward_t *f = stage->forward;
    if (stage->step.rows == 0 || stage->step.kind != JUP_STEP_WORK)
        return;
    if (from_tokens)
        embed(stage);
    double start_s = jup_clock_now_s();
    bool whole = run_layers(stage);
    jup_recorder_span(stage->recorder, JUP_SPAN_LAYERS, start_s, jup_clock_now_s(),
                      stage->step.rows, whole ? step_flops(stage) : 0,
                      whole ? (double)jup_weights_bytes(f->weights) : 0);
    if (!whole)
        leave_rows_out(stage);
}

/* Whether the members have the step's activations by themselves, or need none. */
static bool travels_without_rows(const jup_stage_t *stage)
{
    return jup_place_is_first(stage->place) || stage->step.rows == 0 ||
           stage->step.kind != JUP_STEP_WORK;
}

void jup_stage_work(jup_stage_t *stage)
{
    int32_t wanted[JUP_STEP_MAX_SEGMENTS];
    jup_step_t *step = &stage->step;
    set_context(stage);
    take_step(stage);
    if (jup_place_is_last(stage->place))
        jup_stage_begin_judging(stage, wanted);
    if (step->rows > 0 && !jup_stage_move_messages(stage))
        leave_rows_out(stage);
    if (stage->group.n > 1)
        jup_group_tell(&stage->group, step, travels_without_rows(stage) ? NULL : stage->forward->x);
    compute(stage, jup_place_is_first(stage->place));
    if (jup_place_is_last(stage->place))
        jup_stage_judge(stage, wanted);
    else
        jup_hop_send(&stage->to, step, stage->forward->x);
}

/* Its own rows of the output head, for the leader. */
static void help_judge(jup_stage_t *stage)
{
    double start_s = jup_clock_now_s();
    int32_t outputs = jup_stage_run_head(stage);
    if (outputs == 0)
        return;
    jup_head_share_send(&stage->head, stage->forward->logits, outputs);
    jup_recorder_span(stage->recorder, JUP_SPAN_HEAD, start_s, jup_clock_now_s(), outputs,
                      jup_config_head_flops(stage->forward->config, outputs), 0);
}

void jup_stage_work_along(jup_stage_t *stage, bool from_tokens)
{
    set_context(stage);
    take_step(stage);
    compute(stage, from_tokens);
    if (jup_stage_shares_head(stage) && stage->step.kind == JUP_STEP_WORK)
        help_judge(stage);
}
