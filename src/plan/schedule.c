#include "plan/schedule.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

/* ---- layouts -------------------------------------------------------------------------------- */

static void set_link(jup_stage_cost_t *stage, jup_link_t link)
{
    stage->latency_s = link.latency_s;
    stage->byte_s = 1 / link.bytes_per_s;
}

/* A step of so many branches through the pipe: all parts of the lap together, and its slowest one,
 * which works without rests where that is what bounds the laps. Rests gain a single row alone. */
static double lap_s(const jup_pipe_t *pipe, const jup_instance_t *in, int each, double *slowest_s)
{
    int rows = each * jup_workload_lap_rows(&in->problem->workload);
    double bytes = jup_cost_message_bytes(&in->problem->size, rows), lap = pipe->result_s;
    *slowest_s = pipe->result_s;
    for (int s = 0; s < pipe->n; s++) {
        const jup_stage_cost_t *stage = &pipe->stage[s];
        const double *layer_s = in->classes[stage->class].lap_layer_s;
        bool single = each == 1;
        double busy = stage->decode_s - (single ? 0 : stage->single_s) +
                      (each - 1) * stage->more_s + stage->layers * (layer_s[each - 1] - layer_s[0]);
        double send = s + 1 < pipe->n ? stage->latency_s + stage->byte_s * bytes : 0;
        lap += busy + send;
        *slowest_s = fmax(*slowest_s, fmax(busy + (single ? stage->rest_s : 0), send));
    }
    return lap;
}

/* All branches go round in as many steps as is quickest: one each, or several in a step. */
static double branch_s(const jup_pipe_t *pipe, const jup_instance_t *in)
{
    int branches = in->problem->workload.branches;
    double best_s = fmax(pipe->lap_s / branches, pipe->slowest_s), slowest_s;
    for (int steps = branches - 1, each; steps >= 1; steps = (branches - 1) / each) {
        each = (branches + steps - 1) / steps;
        double round_s = lap_s(pipe, in, each, &slowest_s);
        best_s = fmin(best_s, fmax(round_s, steps * slowest_s) / branches);
    }
    return best_s;
}

static void set_decode(jup_pipe_t *pipe, const jup_instance_t *in)
{
    pipe->rested_s = lap_s(pipe, in, 1, &pipe->slowest_s);
    pipe->lap_s = fmax(pipe->rested_s, pipe->slowest_s);
    pipe->branch_s = branch_s(pipe, in);
    pipe->decode_s = in->serial_laps * pipe->lap_s + in->branch_laps * pipe->branch_s;
}

static jup_stage_cost_t stage_cost(const jup_instance_t *in, const jup_layout_t *layout, int s)
{
    bool first = s == 0, last = s == layout->n - 1;
    int c = in->class_of[layout->group[s]], layers = layout->layers[s];
    int rows = jup_workload_lap_rows(&in->problem->workload);
    const jup_class_t *class = &in->classes[c];
    const jup_group_step_t *step = &class->step, *decode = &class->decode;
    double single_s = jup_group_single_s(decode, layers);
    return (jup_stage_cost_t){
        .class = c,
        .layers = layers,
        .chunk_layers = layers - (last ? step->spared : 0),
        .step_s = step->step_s,
        .row_s = first ? step->first_row_s : step->inner_row_s,
        .head_s = last ? step->head_s : 0,
        .decode_s = decode->step_s + layers * class->decode_layer_s +
                    rows * (first ? decode->first_row_s : decode->inner_row_s) +
                    (last ? decode->head_s : 0) + single_s,
        .single_s = single_s,
        .rest_s = layers * decode->rest_layer_s - single_s,
        .more_s = rows * (first ? decode->first_row_s : decode->inner_row_s),
    };
}

void jup_pipe_set(jup_pipe_t *pipe, const jup_instance_t *in, const jup_layout_t *layout)
{
    int last = layout->n - 1;
    pipe->n = layout->n;
    for (int s = 0; s < layout->n; s++) {
        pipe->stage[s] = stage_cost(in, layout, s);
        if (s < last)
            set_link(&pipe->stage[s],
                     jup_instance_link(in, layout->group[s], layout->group[s + 1]));
    }
    pipe->result_s = last ? jup_link_s(jup_instance_link(in, layout->group[last], layout->group[0]),
                                       jup_cost_result_bytes())
                          : 0;
    set_decode(pipe, in);
}

int32_t jup_layout_most_rows(const jup_instance_t *in, const jup_layout_t *layout)
{
    int64_t most = in->max_chunk;
    for (int s = 0; s < layout->n; s++) {
        int64_t rows = jup_instance_most_rows(in, layout->group[s], layout->layers[s], s == 0,
                                              s == layout->n - 1);
        most = rows < most ? rows : most;
    }
    return (int32_t)most;
}

/* ---- cuts ----------------------------------------------------------------------------------- */

void jup_cut_init(jup_cut_t *cut, const jup_instance_t *in, int capacity)
{
    cut->n = 0;
    cut->layer_s = jup_new((size_t)capacity * (size_t)in->n_classes, sizeof(double));
}

void jup_cut_reset(jup_cut_t *cut)
{
    jup_free(cut->layer_s);
    cut->layer_s = NULL;
}

void jup_cut_copy(jup_cut_t *cut, const jup_cut_t *from, const jup_instance_t *in)
{
    size_t n = (size_t)from->n;
    cut->n = from->n;
    memcpy(cut->rows, from->rows, n * sizeof *cut->rows);
    memcpy(cut->bytes, from->bytes, n * sizeof *cut->bytes);
    memcpy(cut->layer_s, from->layer_s, n * (size_t)in->n_classes * sizeof *cut->layer_s);
}

static void set_rows(jup_cut_t *cut, const jup_instance_t *in, int k, int32_t rows)
{
    cut->rows[k] = rows;
    cut->bytes[k] = jup_cost_message_bytes(&in->problem->size, rows);
}

void jup_cut_set(jup_cut_t *cut, const jup_instance_t *in, int k, int32_t rows, int32_t prefix)
{
    double *layer_s = cut->layer_s + (size_t)k * (size_t)in->n_classes;
    set_rows(cut, in, k, rows);
    for (int c = 0; c < in->n_classes; c++)
        layer_s[c] = jup_group_layer_s(in->classes[c].group, rows, prefix);
}

void jup_cut_set_grid(jup_cut_t *cut, const jup_instance_t *in, int k, int i, int j)
{
    double *layer_s = cut->layer_s + (size_t)k * (size_t)in->n_classes;
    set_rows(cut, in, k, in->position[j] - in->position[i]);
    for (int c = 0; c < in->n_classes; c++)
        layer_s[c] = jup_instance_layer_s(in, c, i, j);
}

void jup_cut_by_length(jup_cut_t *cut, const jup_instance_t *in, int32_t rows)
{
    int32_t prompt = (int32_t)in->problem->workload.prompt_tokens;
    cut->n = 0;
    for (int32_t at = 0; at < prompt; at += rows)
        jup_cut_set(cut, in, cut->n++, prompt - at < rows ? prompt - at : rows, at);
}

void jup_cut_in_equal(jup_cut_t *cut, const jup_instance_t *in, int n)
{
    int64_t prompt = in->problem->workload.prompt_tokens;
    cut->n = n;
    for (int k = 0; k < n; k++) {
        int32_t from = (int32_t)(prompt * k / n), to = (int32_t)(prompt * (k + 1) / n);
        jup_cut_set(cut, in, k, to - from, from);
    }
}

int32_t jup_cut_longest(const jup_cut_t *cut)
{
    int32_t longest = 0;
    for (int k = 0; k < cut->n; k++)
        longest = cut->rows[k] > longest ? cut->rows[k] : longest;
    return longest;
}

/* ---- the flow shop -------------------------------------------------------------------------- */

/* fmax without its care for NaN, which costs a call in the innermost loop. */
static inline double later(double a, double b)
{
    return a > b ? a : b;
}

double jup_schedule_ttft_s(const jup_pipe_t *pipe, const jup_cut_t *cut, int n_classes,
                           double bound_s)
{
    double free_at[JUP_MAX_LAYERS], link_free_at[JUP_MAX_LAYERS];
    int last = pipe->n - 1;
    double at = 0;
    bound_s -= pipe->result_s;
    for (int s = 0; s <= last; s++)
        free_at[s] = link_free_at[s] = 0;
    for (int k = 0; k < cut->n; k++) {
        const double *layer_s = cut->layer_s + (size_t)k * (size_t)n_classes;
        double bytes = cut->bytes[k];
        at = 0;
        for (int s = 0; s < last; s++) {
            const jup_stage_cost_t *stage = &pipe->stage[s];
            at = later(at, free_at[s]) + jup_stage_s(stage, cut, layer_s, k);
            free_at[s] = at;
            at = later(at, link_free_at[s]) + stage->latency_s + stage->byte_s * bytes;
            link_free_at[s] = at;
        }
        at = later(at, free_at[last]) + jup_stage_s(&pipe->stage[last], cut, layer_s, k);
        free_at[last] = at;
        if (at >= bound_s)
            return INFINITY;
    }
    return at + pipe->result_s;
}

double jup_schedule_fixed_s(const jup_instance_t *in, const jup_pipe_t *pipe)
{
    return in->problem->objective == JUP_OBJECTIVE_TOTAL ? pipe->decode_s : 0;
}

double jup_schedule_value_s(const jup_instance_t *in, const jup_pipe_t *pipe, const jup_cut_t *cut,
                            double bound_s)
{
    double fixed = jup_schedule_fixed_s(in, pipe);
    if (fixed >= bound_s)
        return INFINITY;
    return fixed + jup_schedule_ttft_s(pipe, cut, in->n_classes, bound_s - fixed);
}
