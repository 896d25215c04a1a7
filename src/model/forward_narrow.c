/*
 * The model's last layer: what it makes of a row nobody reads but the head, which wants the last
 * rows of a segment at most, of a prompt's chunks but one none at all. So all rows give their keys
 * and values, and only those that are wanted go on: they move together to the front.
 *
 *   a step of three segments, rows wanted in capitals      a b c D | e f | G
 *   x, norm and pos after narrow()                         D G
 */
#include "model/forward_narrow.h"

#include <string.h>

/* A candidate tree's rows see each other by their places among all of them, and stay together. */
static int32_t wanted_rows(const jup_segment_t *segment)
{
    return segment->tree && segment->outputs > 0 ? segment->rows : segment->outputs;
}

static int32_t wanted_rows_of_all(const jup_step_t *step)
{
    int32_t rows = 0;
    for (int32_t s = 0; s < step->n_segments; s++)
        rows += wanted_rows(&step->segments[s]);
    return rows;
}

bool jup_forward_narrows(const jup_forward_t *f, const jup_step_t *step, int layer)
{
    return !f->limits.every_row && f->weights->shard.first + layer == f->config->layers - 1 &&
           wanted_rows_of_all(step) < step->rows;
}

static void move_rows(float *rows, int64_t width, int64_t to, int64_t from, int64_t n)
{
    memmove(rows + to * width, rows + from * width, (size_t)(n * width) * sizeof *rows);
}

/* The segments' wanted rows are their last ones. */
const jup_step_t *jup_forward_narrow(jup_forward_t *f, const jup_step_t *step)
{
    int32_t first = 0, kept = 0;
    f->wanted.n_segments = step->n_segments;
    for (int32_t s = 0; s < step->n_segments; s++) {
        jup_segment_t *segment = &f->wanted.segments[s];
        *segment = step->segments[s];
        int32_t rows = wanted_rows(segment), from = first + segment->rows - rows;
        first += segment->rows;
        segment->pos += segment->rows - rows;
        segment->rows = rows;
        move_rows(f->x, f->config->dim, kept, from, rows);
        move_rows(f->norm, f->config->dim, kept, from, rows);
        memmove(f->pos + kept, f->pos + from, (size_t)rows * sizeof *f->pos);
        kept += rows;
    }
    f->wanted.rows = kept;
    f->narrowed = true;
    jup_forward_set_angles(f, kept);
    return &f->wanted;
}

/* ---- what it comes to ------------------------------------------------------------------------ */

/* A layer's, of all rows. */
static double layer_flops(const jup_config_t *c, const jup_step_t *step)
{
    double flops = 0;
    for (int32_t s = 0; s < step->n_segments; s++)
        flops += jup_config_layer_flops(c, step->segments[s].rows, step->segments[s].pos);
    return flops;
}

double jup_forward_flops(const jup_forward_t *f, const jup_step_t *step)
{
    const jup_config_t *c = f->config;
    double flops = jup_forward_depth(f) * layer_flops(c, step);
    if (!f->narrowed)
        return flops;
    return flops - layer_flops(c, step) + layer_flops(c, &f->wanted) +
           jup_config_kv_flops(c, step->rows - f->wanted.rows);
}
