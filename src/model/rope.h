/** Rotary position embedding (Su et al. 2021): the angles of a step's rows. */
#ifndef JUP_MODEL_ROPE_H
#define JUP_MODEL_ROPE_H

#include "model/config.h"

typedef struct jup_rope {
    float *frequency; /* (rope_dim / 2): base^(-2i / rope_dim) * scale / factor_i */
    float *cos, *sin; /* (max_rows, rope_dim / 2) */
    int rot;
    float gain; /* of cos and sin */
    int64_t max_rows;
    jup_rope_layout_t layout;
} jup_rope_t;

/**
 * factors: (rope_dim / 2) divisors as in Llama 3.x and Phi 3, or NULL. Scaled as the config says:
 * by one factor, or by YaRN (Peng et al. 2023).
 */
void jup_rope_init(jup_rope_t *rope, const jup_config_t *config, const float *factors,
                   int64_t max_rows);

/** For layers with a window, which have a base of their own and are not scaled. */
void jup_rope_init_local(jup_rope_t *rope, const jup_config_t *config, int64_t max_rows);

void jup_rope_reset(jup_rope_t *rope);

/** The angles of rows at positions pos (rows <= max_rows); valid until the next call. */
jup_rope_angles_t jup_rope_at(jup_rope_t *rope, const int32_t *pos, int64_t rows);

/** The same angles from row `at` on. */
jup_rope_angles_t jup_rope_from(const jup_rope_angles_t *angles, int64_t at);

#endif
