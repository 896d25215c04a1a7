#include "model/rope.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void init(jup_rope_t *rope, const jup_config_t *config, int64_t max_rows, double base)
{
    int half = config->rope_dim / 2;
    memset(rope, 0, sizeof *rope);
    rope->rot = config->rope_dim;
    rope->gain = 1;
    rope->layout = config->rope_layout;
    rope->max_rows = max_rows;
    rope->frequency = jup_new((size_t)half, sizeof(float));
    rope->cos = jup_new((size_t)(max_rows * half), sizeof(float));
    rope->sin = jup_new((size_t)(max_rows * half), sizeof(float));
    for (int i = 0; i < half; i++)
        rope->frequency[i] = (float)pow(base, -2.0 * i / config->rope_dim);
}

/* The pair of elements that turns `turns` times in the original context. */
static double pair_of(const jup_config_t *c, double turns)
{
    const double pi = 3.14159265358979323846;
    return c->rope_dim * log(c->rope_original / (turns * 2 * pi)) / (2 * log((double)c->rope_base));
}

/* How much of the scaling pair i gets, 0 to 1. */
static double share_scaled(const jup_config_t *c, int i)
{
    if (c->yarn_fast <= 0)
        return 1;
    double first = fmax(0, floor(pair_of(c, (double)c->yarn_fast)));
    double last = fmin(c->rope_dim - 1, ceil(pair_of(c, (double)c->yarn_slow)));
    return fmin(1, fmax(0, (i - first) / fmax(0.001, last - first)));
}

void jup_rope_init(jup_rope_t *rope, const jup_config_t *config, const float *factors,
                   int64_t max_rows)
{
    init(rope, config, max_rows, (double)config->rope_base);
    if (config->rope_gain > 0)
        rope->gain = config->rope_gain;
    for (int i = 0; i < config->rope_dim / 2; i++) {
        double scaled = share_scaled(config, i);
        double frequency = pow((double)config->rope_base, -2.0 * i / config->rope_dim);
        frequency *= scaled * (double)config->rope_scale + (1 - scaled);
        rope->frequency[i] = (float)(factors ? frequency / (double)factors[i] : frequency);
    }
}

void jup_rope_init_local(jup_rope_t *rope, const jup_config_t *config, int64_t max_rows)
{
    init(rope, config, max_rows, (double)config->rope_local_base);
}

void jup_rope_reset(jup_rope_t *rope)
{
    jup_free(rope->frequency);
    jup_free(rope->cos);
    jup_free(rope->sin);
    memset(rope, 0, sizeof *rope);
}

jup_rope_angles_t jup_rope_at(jup_rope_t *rope, const int32_t *pos, int64_t rows)
{
    int half = rope->rot / 2;
    assert(rows <= rope->max_rows);
    for (int64_t r = 0; r < rows; r++) {
        for (int i = 0; i < half; i++) {
            float angle = (float)pos[r] * rope->frequency[i];
            rope->cos[r * half + i] = cosf(angle) * rope->gain;
            rope->sin[r * half + i] = sinf(angle) * rope->gain;
        }
    }
    return (jup_rope_angles_t){
        .cos = rope->cos, .sin = rope->sin, .rot = rope->rot, .layout = rope->layout};
}

jup_rope_angles_t jup_rope_from(const jup_rope_angles_t *angles, int64_t at)
{
    jup_rope_angles_t rest = *angles;
    rest.cos += at * (angles->rot / 2);
    rest.sin += at * (angles->rot / 2);
    return rest;
}
