#include "model/rope.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void jup_rope_init(jup_rope_t *rope, const jup_config_t *config, const float *factors,
                   int64_t max_rows)
{
    int half = config->rope_dim / 2;
    memset(rope, 0, sizeof *rope);
    rope->rot = config->rope_dim;
    rope->layout = config->rope_layout;
    rope->max_rows = max_rows;
    rope->frequency = jup_new((size_t)half, sizeof(float));
    rope->cos = jup_new((size_t)(max_rows * half), sizeof(float));
    rope->sin = jup_new((size_t)(max_rows * half), sizeof(float));
    for (int i = 0; i < half; i++) {
        double frequency = pow((double)config->rope_base, -2.0 * i / config->rope_dim);
        frequency *= (double)config->rope_scale;
        rope->frequency[i] = (float)(factors ? frequency / (double)factors[i] : frequency);
    }
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
            rope->cos[r * half + i] = cosf(angle);
            rope->sin[r * half + i] = sinf(angle);
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
