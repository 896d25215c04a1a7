#include "strategy/stage.h"

#include "base/mem.h"
#include "strategy/stage_inner.h"

#include <string.h>

/* ---- making and releasing -------------------------------------------------------------------- */

size_t jup_stage_result_bytes(const jup_stage_options_t *options)
{
    size_t verdict = JUP_VERDICT_WORDS + (options->told ? JUP_VERDICT_TOLD_WORDS : 0);
    return (2 + JUP_STEP_MAX_SEGMENTS * verdict) * sizeof(int32_t);
}

static jup_status_t init_hops(jup_stage_t *stage, jup_error_t *err)
{
    const jup_place_t *place = stage->place;
    const jup_stage_options_t *o = &stage->options;
    int64_t dim = stage->forward->config->dim;
    if (!jup_place_is_first(place))
        JUP_TRY(jup_hop_init(&stage->from, stage->comm, jup_place_leader(place, place->stage - 1),
                             o->wire, dim, o->rows, err));
    if (!jup_place_is_last(place))
        JUP_TRY(jup_hop_init(&stage->to, stage->comm, jup_place_leader(place, place->stage + 1),
                             o->wire, dim, o->rows, err));
    return JUP_OK;
}

static jup_status_t init_group(jup_stage_t *stage, jup_error_t *err)
{
    const jup_place_t *place = stage->place;
    const jup_config_t *config = stage->forward->config;
    int n = jup_place_members(place);
    int *members = jup_new((size_t)n, sizeof *members);
    for (int m = 0; m < n; m++)
        members[m] = jup_place_leader(place, place->stage) + m;
    const jup_group_options_t options = {
        .members = members,
        .n = n,
        .wire = stage->options.wire,
        .rows = stage->options.rows,
        .dim = config->dim,
        .kv_dim = (int64_t)config->kv_heads * config->head_dim,
        .speed = place->speed,
        .link = place->link,
    };
    jup_status_t status = jup_group_init(&stage->group, stage->comm, &options, err);
    jup_free(members);
    return status;
}

/* How many of a row's logits the leader must have of a member: greedy picking looks at the best and
 * its lead, top-k sampling at k; a penalty or a threshold may look at any. */
static int32_t best_needed(const jup_stage_options_t *o)
{
    const jup_sampling_t *s = &o->sampling;
    bool any = o->logits || o->any_sampling || o->typical.epsilon > 0 || s->repeat_penalty != 1.0f;
    if (any || (s->temperature > 0 && s->top_k == 0))
        return 0;
    int32_t least = o->told ? JUP_LIKELY : 2;
    return s->temperature > 0 && s->top_k > least ? s->top_k : least;
}

static void init_judge(jup_stage_t *stage, jup_heads_t *heads)
{
    jup_verifier_init(&stage->verifier, &stage->options.sampling, &stage->options.typical,
                      stage->forward->config->vocab);
    stage->heads = heads;
    for (int i = 0; i < JUP_HOP_WINDOW && !jup_place_is_first(stage->place); i++)
        stage->result[i] = jup_new(jup_stage_result_bytes(&stage->options), 1);
}

static jup_status_t init_parts(jup_stage_t *stage, jup_heads_t *heads, jup_error_t *err)
{
    const jup_place_t *place = stage->place;
    bool leads = jup_place_leads(place);
    JUP_TRY(leads ? init_hops(stage, err) : JUP_OK);
    JUP_TRY(jup_place_members(place) > 1 ? init_group(stage, err) : JUP_OK);
    if (jup_stage_shares_head(stage))
        JUP_TRY(jup_head_share_init(&stage->head, stage->comm, place, best_needed(&stage->options),
                                    stage->options.told, stage->forward->limits.outputs, err));
    if (leads && jup_place_is_last(place))
        init_judge(stage, heads);
    if (leads && stage->options.ahead)
        jup_cancel_init(&stage->cancel, stage->comm, place->at + 1, place->stages - 1,
                        stage->options.window);
    return JUP_OK;
}

jup_status_t jup_stage_init(jup_stage_t *stage, jup_comm_t *comm, const jup_place_t *place,
                            jup_forward_t *forward, jup_recorder_t *recorder,
                            const jup_stage_options_t *options, jup_heads_t *heads,
                            jup_error_t *err)
{
    memset(stage, 0, sizeof *stage);
    stage->comm = comm;
    stage->place = place;
    stage->forward = forward;
    stage->recorder = recorder;
    stage->options = *options;
    forward->between = jup_stage_move_messages;
    forward->between_self = stage;
    jup_step_init(&stage->step, options->rows);
    stage->verdicts = jup_new(1, sizeof *stage->verdicts);
    jup_status_t status = init_parts(stage, heads, err);
    if (status != JUP_OK)
        jup_stage_reset(stage);
    return status;
}

void jup_stage_reset(jup_stage_t *stage)
{
    jup_hop_reset(&stage->from);
    jup_hop_reset(&stage->to);
    jup_group_reset(&stage->group);
    jup_head_share_reset(&stage->head);
    jup_step_reset(&stage->step);
    jup_cancel_reset(&stage->cancel);
    jup_verifier_reset(&stage->verifier);
    jup_free(stage->verdicts);
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_free(stage->result[i]);
    memset(stage, 0, sizeof *stage);
}

/* ---- serving --------------------------------------------------------------------------------- */

static void post_receives(jup_stage_t *stage)
{
    while (jup_hop_has_room(&stage->from))
        jup_hop_post(&stage->from);
}

/* To the members once, to the next stage once per receive that may be posted there. */
static void pass_stop_on(jup_stage_t *stage)
{
    if (stage->group.n > 1)
        jup_group_tell(&stage->group, &stage->step, NULL);
    for (int i = 0; i < JUP_HOP_WINDOW && !jup_place_is_last(stage->place); i++)
        jup_hop_send(&stage->to, &stage->step, stage->forward->x);
}

static void finish(jup_stage_t *stage)
{
    if (!jup_place_is_last(stage->place))
        jup_hop_flush(&stage->to);
    if (stage->group.n > 1)
        jup_group_flush(&stage->group);
    for (int i = 0; i < JUP_HOP_WINDOW; i++)
        jup_comm_end(stage->comm, &stage->result_pending[i]);
    jup_comm_end(stage->comm, &stage->vitals.pending);
    if (stage->options.ahead)
        jup_cancel_stop(&stage->cancel);
}

static void lead(jup_stage_t *stage)
{
    for (;;) {
        post_receives(stage);
        jup_hop_receive(&stage->from, &stage->step, stage->forward->x);
        if (stage->step.kind == JUP_STEP_STOP)
            break;
        post_receives(stage);
        jup_stage_work(stage);
    }
    for (int i = 1; i < JUP_HOP_WINDOW; i++)
        jup_hop_receive(&stage->from, &stage->step, stage->forward->x);
    pass_stop_on(stage);
    finish(stage);
}

/* The first stage's members know the rows from the tokens; others get them with the step. */
static void follow(jup_stage_t *stage)
{
    for (;;) {
        jup_group_hear(&stage->group, &stage->step, stage->forward->x);
        if (stage->step.kind == JUP_STEP_STOP)
            break;
        jup_stage_work_along(stage, jup_place_is_first(stage->place));
    }
    jup_group_flush(&stage->group);
    jup_comm_end(stage->comm, &stage->vitals.pending);
}

void jup_stage_serve(jup_stage_t *stage)
{
    if (jup_place_leads(stage->place))
        lead(stage);
    else
        follow(stage);
}

void jup_stage_stop(jup_stage_t *stage)
{
    jup_step_begin(&stage->step, JUP_STEP_STOP, -1);
    pass_stop_on(stage);
    finish(stage);
}
