/* A layer computed line by line over parts of a step's rows is the layer over all of them, bit for
   bit: chunks, branches and candidate trees, both precisions of cache and residual stream. So are
   the logits those of all rows, where the last layer goes on with the wanted ones alone. */
#include "base/mem.h"
#include "base/rng.h"
#include "model/half_row.h"
#include "tiny_model.h"
#include "unit.h"

#include <math.h>
#include <string.h>

enum { LAYERS = 3, ROWS = 96, CHUNK = 70, BRANCHES = 3 };

static tiny_model_t model;

/* Over the rows of a step, a few at a time; 0: by jup_forward_layers(). */
typedef struct pass {
    jup_compute_t compute;
    jup_forward_t forward;
    jup_step_t step;
    int64_t tile;
} pass_t;

static void pass_init(pass_t *p, const jup_ops_t *ops, jup_dtype_t kv, jup_dtype_t residual,
                      int64_t tile, bool every_row)
{
    jup_error_t err;
    jup_forward_limits_t limits = {.rows = ROWS,
                                   .outputs = ROWS,
                                   .kv_tokens = 4096,
                                   .kv_dtype = kv,
                                   .residual_dtype = residual,
                                   .every_row = every_row};
    p->tile = tile;
    ck_assert_int_eq(jup_compute_init(&p->compute, ops, 2, &err), JUP_OK);
    ck_assert_int_eq(
        jup_forward_init(&p->forward, &model.config, &model.all, &p->compute, &limits, &err),
        JUP_OK);
    jup_step_init(&p->step, ROWS);
}

static void pass_reset(pass_t *p)
{
    jup_step_reset(&p->step);
    jup_forward_reset(&p->forward);
    jup_compute_reset(&p->compute);
}

/* ---- the layers, tile after tile ------------------------------------------------------------- */

typedef void line_t(pass_t *p, int layer, int64_t at, int64_t n);

static void before_cache(pass_t *p, int layer, int64_t at, int64_t n)
{
    jup_forward_norm(&p->forward, JUP_ATTENTION, layer, at, n);
    jup_forward_qkv(&p->forward, layer, at, n);
}

static void attend(pass_t *p, int layer, int64_t at, int64_t n)
{
    jup_forward_attend(&p->forward, &p->step, layer, at, n);
}

static void after_attention(pass_t *p, int layer, int64_t at, int64_t n)
{
    jup_forward_out(&p->forward, layer, at, n);
    jup_forward_add(&p->forward, JUP_ATTENTION, layer, at, n);
    jup_forward_norm(&p->forward, JUP_FFN, layer, at, n);
    jup_forward_gate_up(&p->forward, layer, at, n);
    jup_forward_down(&p->forward, layer, at, n);
    jup_forward_add(&p->forward, JUP_FFN, layer, at, n);
    jup_forward_round_rows(&p->forward, at, n);
}

/* The last tile first: none depends on another. */
static void by_tiles(pass_t *p, line_t *line, int layer, int64_t tile)
{
    int64_t rows = p->step.rows, tiles = (rows + tile - 1) / tile;
    for (int64_t t = tiles - 1; t >= 0; t--)
        line(p, layer, t * tile, t == tiles - 1 ? rows - t * tile : tile);
}

static bool has_tree(const jup_step_t *step)
{
    for (int32_t s = 0; s < step->n_segments; s++)
        if (step->segments[s].tree)
            return true;
    return false;
}

static void run_layers(pass_t *p)
{
    if (p->tile == 0) {
        ck_assert(jup_forward_layers(&p->forward, &p->step));
        return;
    }
    for (int layer = 0; layer < jup_forward_depth(&p->forward); layer++) {
        by_tiles(p, before_cache, layer, p->tile);
        jup_forward_cache(&p->forward, &p->step, layer);
        by_tiles(p, attend, layer, has_tree(&p->step) ? p->step.rows : p->tile);
        by_tiles(p, after_attention, layer, p->tile);
    }
}

/* ---- the steps ------------------------------------------------------------------------------- */

static int32_t token(int32_t i)
{
    return (i * 7 + i * i % 5) % model.config.vocab;
}

/* Two chunks of a prompt; branches of it, uneven, together; a tree and a chain together; a chunk
   beside a token; chunks alone, of which the last one gives a token. */
static void fill_step(jup_step_t *step, int which)
{
    static const int32_t parents[7] = {-1, 0, 0, 1, 2, 2, 4};
    int32_t tokens[ROWS];
    for (int32_t i = 0; i < ROWS; i++)
        tokens[i] = token(i + 31 * which);
    jup_step_begin(step, JUP_STEP_WORK, which);
    if (which < 2)
        jup_step_add(step, 0, which * CHUNK, tokens, NULL, which ? 45 : CHUNK, 1);
    for (int32_t b = 1; which == 2 && b <= BRANCHES; b++) {
        jup_step_edit(step, (jup_edit_t){.op = JUP_EDIT_FORK, .seq = b, .a = 0, .b = 110}, NULL);
        jup_step_add(step, b, 110, tokens + b, NULL, 9 * b - 5, 1);
    }
    if (which == 3) {
        jup_step_add(step, 0, CHUNK + 45, tokens, parents, 7, 5);
        jup_step_add(step, 1, 114, tokens + 7, NULL, 5, 2);
    }
    if (which == 4) {
        const int32_t keep[] = {0, 1, 3};
        jup_step_edit(step, (jup_edit_t){.op = JUP_EDIT_KEEP, .seq = 0, .a = CHUNK + 45, .b = 3},
                      keep);
        jup_step_add(step, 0, CHUNK + 48, tokens, NULL, 20, 0);
        jup_step_add(step, 1, 119, tokens + 20, NULL, 1, 1);
    }
    if (which > 4)
        jup_step_add(step, 0, CHUNK + 68 + 9 * (which - 5), tokens, NULL, 9, which - 5);
}

static void run_step(pass_t *p, int which)
{
    jup_error_t err;
    fill_step(&p->step, which);
    ck_assert_int_eq(jup_forward_begin(&p->forward, &p->step, &err), JUP_OK);
    jup_forward_embed(&p->forward, &p->step);
    run_layers(p);
}

static void compare(const jup_ops_t *ops, jup_dtype_t kv, jup_dtype_t residual, int64_t tile)
{
    pass_t whole, tiled;
    pass_init(&whole, ops, kv, residual, 0, true);
    pass_init(&tiled, ops, kv, residual, tile, true);
    for (int which = 0; which < 4; which++) {
        run_step(&whole, which);
        run_step(&tiled, which);
        ck_assert_mem_eq(whole.forward.x, tiled.forward.x,
                         (size_t)(whole.step.rows * model.config.dim) * sizeof(float));
    }
    pass_reset(&whole);
    pass_reset(&tiled);
}

enum { EXPERTS = 6, USED = 2 };

/* The feed-forward blocks as mixtures of experts of random weights; returns them. */
static float *use_experts(void)
{
    jup_config_t *c = &model.config;
    c->experts = EXPERTS;
    c->experts_used = USED;
    c->ffn = 16;
    int64_t stack = (int64_t)EXPERTS * c->ffn * c->dim, router = (int64_t)EXPERTS * c->dim;
    float *all = jup_new((size_t)(3 * stack + router), sizeof *all);
    jup_rng_t rng;
    jup_rng_init(&rng, 21);
    for (int64_t i = 0; i < 3 * stack + router; i++)
        all[i] = (float)(0.3 * jup_rng_normal(&rng));
    for (int i = 0; i < LAYERS; i++) {
        jup_layer_weights_t *w = &model.all.layers[i];
        w->router.w = (jup_matrix_t){JUP_F32, EXPERTS, c->dim, all + 3 * stack};
        w->gate_up[0].w = (jup_matrix_t){JUP_F32, (int64_t)EXPERTS * c->ffn, c->dim, all};
        w->gate_up[1].w = (jup_matrix_t){JUP_F32, (int64_t)EXPERTS * c->ffn, c->dim, all + stack};
        w->down.w = (jup_matrix_t){JUP_F32, (int64_t)EXPERTS * c->dim, c->ffn, all + 2 * stack};
    }
    return all;
}

/* ---- wanted rows ------------------------------------------------------------------------------
 */

enum { STEPS = 7 };

/* A step's of each layer, and of what the last one does with `rows` of them over those before. */
static double expected_flops(const jup_step_t *step)
{
    const jup_config_t *c = &model.config;
    double flops = 0;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *all = &step->segments[s];
        int32_t rows = all->tree ? all->rows : all->outputs;
        flops += (LAYERS - 1) * jup_config_layer_flops(c, all->rows, all->pos) +
                 jup_config_layer_flops(c, rows, all->pos + all->rows - rows) +
                 4.0 * (all->rows - rows) * c->dim * c->kv_heads * c->head_dim;
    }
    return flops;
}

/* As when a segment's rows turn out, behind the layers, not to be wanted. */
static void compare_without_first(const pass_t *every, pass_t *narrow)
{
    int32_t first = every->step.segments[0].outputs,
            outputs = jup_step_outputs(&every->step) - first;
    narrow->step.segments[0].outputs = 0;
    ck_assert_int_eq(jup_forward_head(&narrow->forward, &narrow->step), outputs);
    ck_assert_mem_eq(every->forward.logits + first * model.config.vocab, narrow->forward.logits,
                     (size_t)(outputs * model.config.vocab) * sizeof(float));
}

static void compare_wanted(const jup_ops_t *ops, jup_dtype_t kv, jup_dtype_t residual)
{
    /* a tree's rows stay together */
    static const int32_t wanted[STEPS] = {1, 1, BRANCHES, 7 + 2, 1, 0, 1};
    pass_t every, narrow;
    pass_init(&every, ops, kv, residual, 0, true);
    pass_init(&narrow, ops, kv, residual, 0, false);
    for (int which = 0; which < STEPS; which++) {
        run_step(&every, which);
        run_step(&narrow, which);
        ck_assert(narrow.forward.narrowed && !every.forward.narrowed);
        ck_assert_int_eq(narrow.forward.wanted.rows, wanted[which]);
        ck_assert_double_eq_tol(jup_forward_flops(&narrow.forward, &narrow.step),
                                expected_flops(&narrow.step), 0.5);
        int32_t outputs = jup_step_outputs(&every.step);
        ck_assert_int_eq(outputs, wanted[which] - (which == 3 ? 2 : 0));
        ck_assert_int_eq(jup_forward_head(&every.forward, &every.step), outputs);
        ck_assert_int_eq(jup_forward_head(&narrow.forward, &narrow.step), outputs);
        ck_assert_mem_eq(every.forward.logits, narrow.forward.logits,
                         (size_t)(outputs * model.config.vocab) * sizeof(float));
        compare_without_first(&every, &narrow);
    }
    pass_reset(&every);
    pass_reset(&narrow);
}

START_TEST(the_last_layer_goes_on_with_the_wanted_rows)
{
    tiny_model_init(&model, LAYERS, 15);
    for (int bits = 0; bits < 16; bits++) {
        model.config.window = bits & 8 ? 20 : 0;
        model.config.rope_local_base = bits & 8 ? 500 : 0;
        compare_wanted(bits & 1 ? &jup_ops_naive : &jup_ops_blas, bits & 2 ? JUP_F16 : JUP_F32,
                       bits & 4 ? JUP_F16 : JUP_F32);
    }
    float *weights = use_experts();
    compare_wanted(&jup_ops_blas, JUP_F16, JUP_F16);
    tiny_model_reset(&model);
    jup_free(weights);
}
END_TEST

START_TEST(tiles_of_rows_are_the_whole_layer)
{
    static const int64_t tiles[] = {1, 2, 7, 16, 33, ROWS};
    size_t blocks = jup_mem_live_blocks();
    tiny_model_init(&model, LAYERS, 11);
    for (size_t t = 0; t < sizeof tiles / sizeof tiles[0]; t++)
        for (int bits = 0; bits < 8; bits++)
            compare(bits & 1 ? &jup_ops_naive : &jup_ops_blas, bits & 2 ? JUP_F16 : JUP_F32,
                    bits & 4 ? JUP_F16 : JUP_F32, tiles[t]);
    tiny_model_reset(&model);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

/* The same with a window, which hides what lies before it. */
START_TEST(tiles_keep_to_the_window)
{
    tiny_model_init(&model, LAYERS, 12);
    model.config.window = 20;
    compare(&jup_ops_naive, JUP_F32, JUP_F32, 7);
    compare(&jup_ops_blas, JUP_F16, JUP_F16, 7);
    tiny_model_reset(&model);
}
END_TEST

/* A row's bits do not depend on which rows go to its experts with it. */
START_TEST(tiles_of_experts)
{
    tiny_model_init(&model, LAYERS, 14);
    float *weights = use_experts();
    for (int64_t tile = 1; tile <= 7; tile += 3) {
        model.config.residual_scale = tile == 4 ? 0.5f : 0;
        compare(&jup_ops_naive, JUP_F32, JUP_F32, tile);
        compare(&jup_ops_blas, JUP_F16, JUP_F16, tile);
    }
    tiny_model_reset(&model);
    jup_free(weights);
}
END_TEST

/* Rows within half precision are rounded as ever; others keep 11 bits below their largest element,
   and what was rounded once stays as it is. */
START_TEST(rows_beyond_half_precision_keep_their_bits)
{
    enum { N = 300 };
    float x[N], y[N];
    uint16_t halves[N], plain[N];
    jup_rng_t rng;
    jup_rng_init(&rng, 5);
    for (int magnitude = -3; magnitude < 100; magnitude++) {
        float largest = 0;
        for (int i = 0; i < N; i++) {
            x[i] = ldexpf((float)jup_rng_normal(&rng), magnitude);
            largest = fmaxf(largest, fabsf(x[i]));
        }
        int power = jup_half_row_pack(x, N, halves);
        ck_assert_int_eq(power > 0, largest > 65504.0f);
        jup_f32_to_f16(x, plain, N);
        ck_assert(power > 0 || memcmp(plain, halves, sizeof plain) == 0);
        jup_half_row_unpack(halves, N, power, y);
        for (int i = 0; i < N; i++)
            ck_assert_float_le(fabsf(x[i] - y[i]), fmaxf(fabsf(x[i]), largest / 65536) / 2048);
        power = jup_half_row_pack(y, N, plain);
        jup_half_row_unpack(plain, N, power, x);
        ck_assert_mem_eq(x, y, sizeof x);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("forward");
    unit_add(s, tiles_of_rows_are_the_whole_layer, 60);
    unit_add(s, tiles_keep_to_the_window, 60);
    unit_add(s, tiles_of_experts, 60);
    unit_add(s, the_last_layer_goes_on_with_the_wanted_rows, 60);
    unit_add(s, rows_beyond_half_precision_keep_their_bits, 10);
    return s;
}

UNIT_MAIN(suite)
