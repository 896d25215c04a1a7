/* Members that share every layer: what they add up to is what one rank computes. */
#include "base/mem.h"
#include "io/piece.h"
#include "model/forward.h"
#include "part_model.h"
#include "unit.h"

#include <math.h>
#include <string.h>

enum { MOST = 4, PROMPT = 70, LAYERS = 2, VOCAB = 131 };

/* Three query heads a KV head, cut in pairs: members share KV heads, or repeat one. */
static const part_shape_t odd = {.dim = 256,
                                 .heads = 12,
                                 .kv_heads = 4,
                                 .head_dim = 128,
                                 .ffn = 1280,
                                 .vocab = VOCAB,
                                 .layers = LAYERS};
/* Two KV heads for up to four members, each repeated on two of them. */
static const part_shape_t few = {.dim = 256,
                                 .heads = 8,
                                 .kv_heads = 2,
                                 .head_dim = 128,
                                 .ffn = 1280,
                                 .vocab = VOCAB,
                                 .layers = LAYERS,
                                 .tied = true};
static const double speeds[][MOST] = {{1, 1, 1, 1}, {1, 3, 1, 2}, {4, 1, 1, 1}};

/* ---- ranks ----------------------------------------------------------------------------------- */

typedef struct rank {
    jup_config_t config;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_forward_t forward;
} rank_t;

static void must(jup_status_t status, const jup_error_t *err)
{
    ck_assert_msg(status == JUP_OK, "%s", err->text);
}

static void open_rank(rank_t *r, jup_gguf_t *g, const jup_config_t *whole, const jup_part_t *part,
                      bool int8)
{
    jup_error_t err = {.text = ""};
    const jup_shard_t shard = part_model_shard(whole, part);
    const jup_forward_limits_t limits = {.rows = PROMPT,
                                         .outputs = 3,
                                         .kv_tokens = 2 * PROMPT,
                                         .kv_dtype = JUP_F32,
                                         .residual_dtype = JUP_F32};
    memset(r, 0, sizeof *r);
    r->config = jup_part_config(whole, part);
    must(jup_model_file_load(g, whole, &shard, &r->weights, &err), &err);
    must(jup_compute_init(&r->compute, &jup_ops_blas, 1, &err), &err);
    jup_compute_set_int8(&r->compute, int8);
    must(jup_forward_init(&r->forward, &r->config, &r->weights, &r->compute, &limits, &err), &err);
}

static void close_rank(rank_t *r)
{
    jup_forward_reset(&r->forward);
    jup_compute_reset(&r->compute);
    jup_weights_reset(&r->weights);
}

/* One rank with everything, and the members of a group. */
typedef struct scene {
    jup_config_t config;
    int n;
    jup_part_t parts[MOST];
    rank_t whole, members[MOST];
    jup_step_t step;
    float *sum; /* (PROMPT, dim) */
} scene_t;

static void open_scene(scene_t *s, jup_gguf_t *g, const jup_config_t *config, int n,
                       const double *speed, bool int8)
{
    jup_error_t err = {.text = ""};
    const jup_part_t all = {0};
    s->n = n;
    s->config = *config;
    must(jup_part_share(&s->config, jup_piece_blocks(g), speed, n, s->parts, &err), &err);
    open_rank(&s->whole, g, &s->config, &all, int8);
    for (int i = 0; i < n; i++)
        open_rank(&s->members[i], g, &s->config, &s->parts[i], int8);
    jup_step_init(&s->step, PROMPT);
    s->sum = jup_new((size_t)PROMPT * (size_t)config->dim, sizeof *s->sum);
}

static void close_scene(scene_t *s)
{
    jup_free(s->sum);
    jup_step_reset(&s->step);
    for (int i = 0; i < s->n; i++)
        close_rank(&s->members[i]);
    close_rank(&s->whole);
}

/* ---- a group, member after member ------------------------------------------------------------ */

/* Rows of x that are not the member's are zeroed, so that the residual enters the sum once. */
static void keep_share(scene_t *s, int member)
{
    jup_forward_t *f = &s->members[member].forward;
    for (int row = 0; row < s->step.rows; row++)
        if (row % s->n != member)
            memset(f->x + (int64_t)row * s->config.dim, 0, (size_t)s->config.dim * sizeof(float));
}

static void add_up(scene_t *s)
{
    int64_t n = (int64_t)s->step.rows * s->config.dim;
    memset(s->sum, 0, (size_t)n * sizeof(float));
    for (int m = 0; m < s->n; m++)
        for (int64_t i = 0; i < n; i++)
            s->sum[i] += s->members[m].forward.x[i];
    for (int m = 0; m < s->n; m++)
        memcpy(s->members[m].forward.x, s->sum, (size_t)n * sizeof(float));
}

static void attention_half(jup_forward_t *f, const jup_step_t *step, int layer)
{
    jup_forward_qkv(f, layer, 0, step->rows);
    jup_forward_cache(f, step, layer);
    jup_forward_attend(f, step, layer, 0, step->rows);
    jup_forward_out(f, layer, 0, step->rows);
}

static void ffn_half(jup_forward_t *f, const jup_step_t *step, int layer)
{
    jup_forward_gate_up(f, layer, 0, step->rows);
    jup_forward_down(f, layer, 0, step->rows);
}

static void half_layer(scene_t *s, jup_half_t half, int layer)
{
    for (int m = 0; m < s->n; m++) {
        jup_forward_t *f = &s->members[m].forward;
        jup_forward_norm(f, half, layer, 0, s->step.rows);
        keep_share(s, m);
        (half == JUP_ATTENTION ? attention_half : ffn_half)(f, &s->step, layer);
    }
    add_up(s);
}

/* Of the largest element of the whole's x. */
static double difference(const scene_t *s)
{
    const float *x = s->whole.forward.x;
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < (int64_t)s->step.rows * s->config.dim; i++) {
        worst = fmax(worst, fabs((double)x[i] - (double)s->members[0].forward.x[i]));
        largest = fmax(largest, fabs((double)x[i]));
    }
    return worst / largest;
}

static void begin(scene_t *s, int32_t pos, int32_t rows, int32_t outputs)
{
    jup_error_t err = {.text = ""};
    int32_t tokens[PROMPT];
    for (int i = 0; i < rows; i++)
        tokens[i] = (37 * (pos + i) + 11) % VOCAB;
    jup_step_begin(&s->step, JUP_STEP_WORK, pos);
    jup_step_add(&s->step, 0, pos, tokens, NULL, rows, outputs);
    must(jup_forward_begin(&s->whole.forward, &s->step, &err), &err);
    jup_forward_embed(&s->whole.forward, &s->step);
    for (int m = 0; m < s->n; m++) {
        must(jup_forward_begin(&s->members[m].forward, &s->step, &err), &err);
        jup_forward_embed(&s->members[m].forward, &s->step);
    }
}

/* Layers of the whole and of the group, compared after each half of each layer. */
static void check_layers(scene_t *s, const double *tolerance)
{
    jup_forward_t *whole = &s->whole.forward;
    for (int layer = 0; layer < LAYERS; layer++)
        for (int half = 0; half < 2; half++) {
            jup_forward_norm(whole, half ? JUP_FFN : JUP_ATTENTION, layer, 0, s->step.rows);
            (half ? ffn_half : attention_half)(whole, &s->step, layer);
            half_layer(s, half ? JUP_FFN : JUP_ATTENTION, layer);
            double worst = difference(s), allowed = tolerance[layer || half];
            ck_assert_msg(worst <= allowed,
                          "%d members, layer %d, half %d: differs by %g of the largest element",
                          s->n, layer, half, worst);
        }
}

/* From the same rows, logits of the members side by side are the whole's to the last bit. */
static void check_head(scene_t *s, int outputs)
{
    size_t row = (size_t)s->config.dim * sizeof(float);
    ck_assert_int_eq(jup_forward_head(&s->whole.forward, &s->step), outputs);
    for (int m = 0; m < s->n; m++) {
        jup_forward_t *f = &s->members[m].forward;
        const jup_part_t *part = &s->parts[m];
        int first = part->vocab_first, n = part->vocab_last - part->vocab_first;
        if (jup_part_is_whole(part))
            n = VOCAB;
        memcpy(f->x, s->whole.forward.x, (size_t)s->step.rows * row);
        ck_assert_int_eq(jup_forward_head(f, &s->step), outputs);
        for (int o = 0; o < outputs; o++)
            ck_assert_mem_eq(f->logits + (int64_t)o * n,
                             s->whole.forward.logits + (int64_t)o * VOCAB + first,
                             (size_t)n * sizeof(float));
    }
}

/* The same with the members' own x: what sampling would see. */
static void check_logits(scene_t *s, double tolerance)
{
    double worst = 0, largest = 0;
    const float *whole = s->whole.forward.logits;
    ck_assert_int_eq(jup_forward_head(&s->whole.forward, &s->step), 1);
    for (int m = 0; m < s->n; m++) {
        jup_forward_t *f = &s->members[m].forward;
        ck_assert_int_eq(jup_forward_head(f, &s->step), 1);
        int64_t first = s->parts[m].vocab_first, n = s->members[m].weights.output.w.rows;
        for (int64_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs((double)f->logits[i] - (double)whole[first + i]));
            largest = fmax(largest, fabs((double)whole[first + i]));
        }
    }
    ck_assert_msg(worst <= tolerance * largest, "logits differ by %g of the largest",
                  worst / largest);
}

static void check_group(jup_gguf_t *g, const jup_config_t *config, int n, const double *speed,
                        bool int8, const double *tolerance)
{
    scene_t s;
    open_scene(&s, g, config, n, speed, int8);
    begin(&s, 0, PROMPT, 3);
    check_layers(&s, tolerance);
    check_head(&s, 3);
    begin(&s, PROMPT, 1, 1);
    check_layers(&s, tolerance);
    check_logits(&s, tolerance[1]);
    check_head(&s, 1);
    close_scene(&s);
}

static void check_shape(const part_shape_t *shape, jup_dtype_t dtype, bool int8,
                        const double *tolerance)
{
    jup_config_t config;
    jup_gguf_t *g = part_model_open(shape, dtype, &config);
    for (int n = 1; n < MOST; n += UNIT_FEWER)
        check_group(g, &config, n, speeds[1], int8, tolerance);
    for (size_t v = 0; v < sizeof speeds / sizeof speeds[0]; v++)
        check_group(g, &config, MOST, speeds[v], int8, tolerance);
    jup_gguf_close(g);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

/*
 * Only the order of sums differs: 1e-5 of the largest element. With activations rounded to 8 bits
 * that holds as long as both see the same rows, since a part's blocks of 32 are the whole's; later
 * a last bit may tip a rounding, which moves a product by 1/254 of its largest factor.
 */
static const double exact[2] = {1e-5, 1e-5}, rounded[2] = {1e-5, 3e-2};

START_TEST(parts_add_up_to_the_layer)
{
    check_shape(&odd, jup_dtype_at(_i)->dtype, false, exact);
}
END_TEST

START_TEST(repeated_kv_heads_add_up_to_the_layer)
{
    check_shape(&few, jup_dtype_at(_i)->dtype, false, exact);
}
END_TEST

START_TEST(parts_round_activations_as_the_whole_does)
{
    check_shape(&odd, jup_dtype_at(_i)->dtype, true, rounded);
}
END_TEST

static int count_types(void)
{
    int n = 0;
    while (jup_dtype_at(n))
        n++;
    return n;
}

static Suite *suite(void)
{
    const struct {
        const char *name;
        const TTest *test;
    } tests[] = {{"sums", parts_add_up_to_the_layer},
                 {"repeated", repeated_kv_heads_add_up_to_the_layer},
                 {"rounded", parts_round_activations_as_the_whole_does}};
    Suite *s = suite_create("parts");
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        TCase *each_type = tcase_create(tests[i].name);
        tcase_set_timeout(each_type, 240);
        tcase_add_loop_test(each_type, tests[i].test, 0, count_types());
        suite_add_tcase(s, each_type);
    }
    return s;
}

UNIT_MAIN(suite)
