/* The last stage's leader: logits, verdicts on candidates, guesses at what follows. */
#include "base/clock.h"
#include "strategy/stage_inner.h"

#include <assert.h>
#include <string.h>

/* The members get the step as it is then: what proved wrong has nothing to be judged on. */
void jup_stage_begin_judging(jup_stage_t *stage, int32_t *wanted)
{
    bool stale[JUP_STEP_MAX_SEGMENTS];
    jup_step_t *step = &stage->step;
    jup_verifier_begin(&stage->verifier, step, stale);
    for (int32_t s = 0; s < step->n_segments; s++) {
        wanted[s] = step->segments[s].judged;
        if (stale[s])
            step->segments[s].outputs = step->segments[s].judged = 0;
    }
}

/* ---- logits ---------------------------------------------------------------------------------- */

int32_t jup_stage_run_head(jup_stage_t *stage)
{
    const jup_forward_t *f = stage->forward;
    int32_t outputs = jup_forward_head(stage->forward, &stage->step);
    if (!jup_verifier_can_judge(f->logits, outputs * f->weights->output.w.rows))
        jup_die(JUP_EINPUT,
                "rank %d: the logits of step %d are not numbers: a weight of the model is NaN or "
                "infinite, or a layer's sums overflow; check the file, and try --wire f32 --kv f32",
                stage->comm->rank, stage->step.id);
    return outputs;
}

/* What turned out to be unwanted on its way needs none. */
static int32_t compute_logits(jup_stage_t *stage)
{
    jup_step_t *step = &stage->step;
    for (int32_t s = 0; s < step->n_segments && step->kind == JUP_STEP_CANCELLED; s++)
        step->segments[s].outputs = 0;
    int32_t outputs = jup_stage_run_head(stage);
    if (outputs > 0 && jup_stage_shares_head(stage))
        jup_head_share_receive(&stage->head, stage->forward->logits, outputs);
    return outputs;
}

/* (outputs, vocabulary) of the step. The verifier and a script may change them. */
static float *logits_of(jup_stage_t *stage)
{
    return jup_stage_shares_head(stage) ? stage->head.logits : stage->forward->logits;
}

/* Of the step's outputs from `output` on; NULL: all logits are here. */
static const double *log_sums_of(const jup_stage_t *stage, int64_t output)
{
    bool shared = jup_stage_shares_head(stage) && jup_head_share_sums(&stage->head);
    return shared ? stage->head.log_sums + output : NULL;
}

/* Before they are judged, which may change them. */
static void hand_out_logits(jup_stage_t *stage, int32_t outputs)
{
    size_t row = (size_t)stage->forward->config->vocab;
    if (jup_place_is_first(stage->place))
        stage->take_logits(stage->take_logits_self, logits_of(stage), outputs);
    else
        jup_comm_send(stage->comm, 0, JUP_MSG_LOGITS, logits_of(stage),
                      (size_t)outputs * row * sizeof(float));
}

/* ---- verdicts -------------------------------------------------------------------------------- */

enum { GUESSES_WANTED = -1 };

/* Moves the row at the end of the accepted path to the front, where the heads will look. */
static void keep_hidden(jup_stage_t *stage, const jup_segment_t *segment, int64_t output,
                        jup_verdict_t *verdict, int32_t *ends)
{
    int64_t dim = stage->forward->config->dim, end = output + verdict->path[verdict->n_path - 1];
    float *hidden = stage->forward->hidden;
    if (!segment->guess || !stage->heads)
        return;
    verdict->guesses.depth = GUESSES_WANTED;
    memmove(hidden + (*ends)++ * dim, hidden + end * dim, (size_t)dim * sizeof *hidden);
}

/* Judges all segments; the rows at the ends of their accepted paths go to hidden[] one by one. */
static void judge(jup_stage_t *stage, const int32_t *wanted)
{
    jup_forward_t *f = stage->forward;
    jup_verdicts_t *v = stage->verdicts;
    int64_t output = 0, vocab = f->config->vocab;
    int32_t row = 0, ends = 0;
    v->n = 0;
    for (int32_t s = 0; s < stage->step.n_segments; s++) {
        const jup_segment_t *segment = &stage->step.segments[s];
        if (wanted[s] > 0) {
            jup_verdict_t *verdict = &v->list[v->n++];
            *verdict = (jup_verdict_t){.sequence = segment->seq};
            if (segment->outputs > 0) {
                int64_t first = output + segment->outputs - segment->judged;
                jup_verifier_judge(&stage->verifier, &stage->step, s, row,
                                   logits_of(stage) + first * vocab, log_sums_of(stage, first),
                                   verdict);
                keep_hidden(stage, segment, output, verdict, &ends);
            }
        }
        row += segment->rows;
        output += segment->outputs;
    }
}

static void guess(jup_stage_t *stage)
{
    jup_verdicts_t *v = stage->verdicts;
    jup_guesses_t guesses[JUP_STEP_MAX_SEGMENTS];
    int32_t ends = 0;
    for (int32_t i = 0; i < v->n; i++)
        ends += v->list[i].guesses.depth == GUESSES_WANTED;
    if (ends == 0)
        return;
    double start_s = jup_clock_now_s();
    jup_heads_guess(stage->heads, stage->forward->hidden, ends, guesses);
    for (int32_t i = 0, end = 0; i < v->n; i++)
        if (v->list[i].guesses.depth == GUESSES_WANTED)
            v->list[i].guesses = guesses[end++];
    jup_recorder_span(stage->recorder, JUP_SPAN_DRAFT, start_s, jup_clock_now_s(), ends, 0, 0);
}

static void send_verdicts(jup_stage_t *stage)
{
    int slot = (int)(stage->results++ % JUP_HOP_WINDOW);
    jup_pending_t *pending = &stage->result_pending[slot];
    jup_comm_end(stage->comm, pending);
    int32_t *words = stage->result[slot], *out = words;
    *out++ = stage->verdicts->step;
    *out++ = stage->verdicts->n;
    for (int32_t i = 0; i < stage->verdicts->n; i++)
        out = jup_verdict_pack(&stage->verdicts->list[i], out);
    jup_comm_begin_send(stage->comm, 0, JUP_MSG_RESULT, stage->verdicts->step, words,
                        (size_t)(out - words) * sizeof *words, pending);
}

bool jup_stage_read_result(jup_verdicts_t *verdicts, const int32_t *words, size_t bytes)
{
    const int32_t *in = words, *end = words + bytes / sizeof *words;
    if (end - in < 2)
        return false;
    verdicts->step = *in++;
    verdicts->n = *in++;
    if (verdicts->n < 0 || verdicts->n > JUP_STEP_MAX_SEGMENTS)
        return false;
    for (int32_t i = 0; i < verdicts->n && in; i++)
        in = jup_verdict_unpack(&verdicts->list[i], in, end);
    return in == end;
}

/* ---------------------------------------------------------------------------------------------- */

void jup_stage_judge(jup_stage_t *stage, const int32_t *wanted)
{
    double start_s = jup_clock_now_s();
    const jup_scripted_t *scripted = &stage->options.scripted;
    int32_t outputs = compute_logits(stage);
    stage->verdicts->step = stage->step.id;
    if (scripted->on)
        jup_scripted_write(scripted, &stage->step, logits_of(stage));
    if (stage->options.logits && outputs > 0)
        hand_out_logits(stage, outputs);
    judge(stage, wanted);
    if (scripted->on)
        jup_scripted_erase(scripted, &stage->step, logits_of(stage));
    if (outputs > 0)
        jup_recorder_span(stage->recorder, JUP_SPAN_HEAD, start_s, jup_clock_now_s(), outputs,
                          jup_config_head_flops(stage->forward->config, outputs), 0);
    guess(stage);
    if (!jup_place_is_first(stage->place) && stage->verdicts->n > 0)
        send_verdicts(stage);
}
