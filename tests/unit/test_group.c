/* The ways of sharing layers over the record transport and over threads, against one rank's layers:
   steps with several segments, edits, chunks, candidate trees and cancelled rows. */
#include "base/mem.h"
#include "base/rng.h"
#include "comm/record.h"
#include "strategy/strategies.h"
#include "thread_comm.h"
#include "tiny_part.h"
#include "unit.h"

#include <math.h>
#include <string.h>

enum { MEMBERS = 4, LAYERS = 3, DIM = 32, ROWS = 24, STEPS = 12, RANKS = MEMBERS + 1 };

static const int members[MEMBERS] = {2, 0, 4, 1}; /* the first leads */

typedef struct setup {
    const tiny_model_t *model;
    jup_way_t way;
    const jup_ops_t *ops;
    int n;
    double speed[MEMBERS];
    jup_dtype_t wire;
    jup_exchange_t exchange;
    bool rows_travel; /* with the step; else everyone has the embedding */
    bool narrow;      /* of the last layer only the rows that are wanted */
    jup_part_t parts[MEMBERS];
    jup_layers_t *layers;
    float x[MEMBERS][STEPS][ROWS * DIM];
    uint64_t sent_bytes[MEMBERS][STEPS];
} setup_t;

/* ---- the steps ------------------------------------------------------------------------------- */

static void add(jup_step_t *step, int32_t seq, int32_t pos, int32_t rows)
{
    int32_t tokens[ROWS];
    for (int32_t i = 0; i < rows; i++)
        tokens[i] = (seq * 17 + (pos + i) * 7 + step->id) % 61;
    jup_step_add(step, seq, pos, tokens, NULL, rows, 1);
}

static void add_tree(jup_step_t *step, int32_t seq, int32_t pos)
{
    const int32_t tokens[] = {3, 14, 15, 9, 26}, parents[] = {-1, 0, 0, 2, -1};
    jup_step_add(step, seq, pos, tokens, parents, 5, 5);
}

static void edit(jup_step_t *step, jup_edit_op_t op, int32_t seq, int32_t a, int32_t b,
                 const int32_t *keep)
{
    jup_step_edit(step, (jup_edit_t){op, seq, a, b}, keep);
}

/* Step i of the scenario. */
static void make_step(jup_step_t *step, int i)
{
    jup_step_begin(step, i == 6 ? JUP_STEP_CANCELLED : JUP_STEP_WORK, i);
    switch (i) {
    case 0: /* a prompt's first chunk */
        add(step, 0, 0, 11);
        break;
    case 1: /* its second, and another prompt */
        add(step, 0, 11, 7);
        add(step, 1, 0, 6);
        break;
    case 2: /* a token */
        add(step, 0, 18, 1);
        break;
    case 3: /* tokens, and a branch that shares a prefix */
        edit(step, JUP_EDIT_FORK, 2, 0, 12, NULL);
        add(step, 0, 19, 1);
        add(step, 1, 6, 1);
        add(step, 2, 12, 8);
        break;
    case 4: /* candidates beside a token */
        add_tree(step, 1, 7);
        add(step, 0, 20, 1);
        break;
    case 5: /* some are kept */
        edit(step, JUP_EDIT_KEEP, 1, 7, 3, (const int32_t[]){0, 2, 3});
        edit(step, JUP_EDIT_TRUNCATE, 0, 15, 0, NULL);
        add(step, 1, 10, 1);
        add(step, 0, 15, 3);
        break;
    case 6: /* rows that only take their places */
        add(step, 0, 18, 4);
        break;
    case 7:
        edit(step, JUP_EDIT_TRUNCATE, 0, 18, 0, NULL);
        edit(step, JUP_EDIT_DROP, 2, 0, 0, NULL);
        add(step, 0, 18, 2);
        break;
    case 8: /* a new prompt, on its own and as a branch of the first chunk */
        edit(step, JUP_EDIT_FORK, 4, 0, 9, NULL);
        add(step, 3, 0, 13);
        add(step, 4, 9, 5);
        break;
    case 9: /* the same sequence twice: a guess behind a token */
        add(step, 3, 13, 2);
        add(step, 3, 15, 4);
        break;
    case 10: /* nothing but edits: a new sequence with an old one's number */
        edit(step, JUP_EDIT_DROP, 0, 0, 0, NULL);
        edit(step, JUP_EDIT_FORK, 0, 1, 8, NULL);
        break;
    default:
        add(step, 0, 8, 6);
    }
}

/* ---- one rank ---------------------------------------------------------------------------------
 */

typedef struct worker {
    jup_config_t config;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_forward_t forward;
    jup_step_t step;
} worker_t;

static void worker_init(worker_t *w, const setup_t *s, const jup_part_t *part)
{
    jup_error_t err;
    w->config = part ? jup_part_config(&s->model->config, part) : s->model->config;
    if (part)
        tiny_part_init(s->model, part, &w->weights);
    else
        tiny_model_part(s->model, 0, 1, &w->weights);
    w->weights.embedding = s->model->all.embedding;
    jup_forward_limits_t limits = {.rows = ROWS,
                                   .outputs = ROWS,
                                   .kv_tokens = 2048,
                                   .kv_dtype = s->wire,
                                   .residual_dtype = s->wire,
                                   .every_row = !s->narrow};
    ck_assert_int_eq(jup_compute_init(&w->compute, s->ops, 1, &err), JUP_OK);
    ck_assert_int_eq(
        jup_forward_init(&w->forward, &w->config, &w->weights, &w->compute, &limits, &err), JUP_OK);
    jup_step_init(&w->step, ROWS);
}

static void worker_reset(worker_t *w)
{
    jup_step_reset(&w->step);
    jup_forward_reset(&w->forward);
    jup_compute_reset(&w->compute);
    jup_weights_reset(&w->weights);
}

static void begin(worker_t *w)
{
    jup_error_t err;
    ck_assert_msg(jup_forward_begin(&w->forward, &w->step, &err) == JUP_OK, "%s", err.text);
}

/* The oracle: x after each step, (STEPS, ROWS * DIM). */
static void work_alone(const setup_t *s, float (*x)[ROWS * DIM])
{
    worker_t w;
    worker_init(&w, s, NULL);
    for (int i = 0; i < STEPS; i++) {
        make_step(&w.step, i);
        begin(&w);
        jup_forward_embed(&w.forward, &w.step);
        if (s->rows_travel && s->n > 1) /* then they come from a stage before, rounded */
            jup_forward_round_rows(&w.forward, 0, w.step.rows);
        if (w.step.kind == JUP_STEP_WORK && w.step.rows)
            jup_forward_layers(&w.forward, &w.step);
        memcpy(x[i], w.forward.x, sizeof x[i]);
    }
    worker_reset(&w);
}

static void group_init(jup_group_t *g, jup_comm_t *comm, const setup_t *s)
{
    jup_error_t err;
    const jup_config_t *c = &s->model->config;
    jup_group_options_t options = {.members = members,
                                   .n = s->n,
                                   .wire = s->wire,
                                   .rows = ROWS,
                                   .dim = c->dim,
                                   .kv_dim = (int64_t)c->kv_heads * c->head_dim,
                                   .speed = s->speed,
                                   .exchange = s->exchange};
    ck_assert_int_eq(jup_group_init(g, comm, &options, &err), JUP_OK);
}

/* The leader's part of a step before the layers, and the others'. */
static void take_step(const setup_t *s, jup_group_t *g, worker_t *w, int i)
{
    float *x = w->forward.x;
    if (g->me == 0) {
        make_step(&w->step, i);
        jup_forward_embed(&w->forward, &w->step);
        jup_group_tell(g, &w->step, s->rows_travel && i != 6 ? x : NULL);
    } else if (!jup_group_hear(g, &w->step, x)) {
        jup_forward_embed(&w->forward, &w->step);
    }
    begin(w);
}

static void live(jup_comm_t *comm, void *self)
{
    setup_t *s = self;
    worker_t w;
    jup_group_t g;
    int me = 0;
    while (me < s->n && members[me] != comm->rank)
        me++;
    if (me == s->n)
        return;
    worker_init(&w, s, jup_way_of_working(s->way)->whole ? NULL : &s->parts[me]);
    group_init(&g, comm, s);
    for (int i = 0; i < STEPS; i++) {
        take_step(s, &g, &w, i);
        uint64_t before = comm->sent_bytes;
        if (w.step.kind == JUP_STEP_WORK && w.step.rows)
            ck_assert(s->layers(&g, &w.forward, &w.step));
        memcpy(s->x[me][i], w.forward.x, (size_t)w.step.rows * DIM * sizeof(float));
        s->sent_bytes[me][i] = comm->sent_bytes - before;
    }
    if (me == 0) {
        jup_step_begin(&w.step, JUP_STEP_STOP, -1);
        jup_group_tell(&g, &w.step, NULL);
    } else {
        jup_group_hear(&g, &w.step, w.forward.x);
        ck_assert_int_eq(w.step.kind, JUP_STEP_STOP);
    }
    jup_group_flush(&g);
    jup_group_reset(&g);
    worker_reset(&w);
}

/* ---- checks ---------------------------------------------------------------------------------- */

static setup_t *new_setup(const tiny_model_t *model, jup_way_t way, int n, jup_dtype_t wire)
{
    setup_t *s = jup_new(1, sizeof *s);
    s->model = model;
    s->way = way;
    s->ops = &jup_ops_naive;
    s->n = n;
    s->wire = wire;
    s->exchange = JUP_EXCHANGE_RING;
    s->layers = jup_way_of_working(way)->layers;
    for (int m = 0; m < n; m++)
        s->speed[m] = 1;
    return s;
}

static void run(setup_t *s, uint64_t seed, bool rendezvous)
{
    jup_record_log_t log;
    jup_record_options_t how = {.seed = seed, .rendezvous = rendezvous};
    tiny_part_share(s->model, s->speed, s->n, s->parts);
    jup_record_run(RANKS, &how, live, s, &log);
    ck_assert_uint_eq(log.unmatched_receives, 0);
    if (s->n == 1)
        ck_assert_uint_eq(log.n, 0);
    jup_record_log_reset(&log);
}

/* Of step i: all, or those that want logits. */
static int32_t rows_of(int i, bool wanted)
{
    jup_step_t step;
    jup_step_init(&step, ROWS);
    make_step(&step, i);
    int32_t rows = wanted ? jup_step_outputs(&step) : step.rows;
    rows = step.kind == JUP_STEP_WORK ? rows : 0;
    jup_step_reset(&step);
    return rows;
}

/* Largest difference in a step, relative to the largest activation. */
static double difference(const float *x, const float *expected, int32_t rows)
{
    double worst = 0, largest = 0;
    for (int32_t i = 0; i < rows * DIM; i++) {
        worst = fmax(worst, fabs((double)x[i] - (double)expected[i]));
        largest = fmax(largest, fabs((double)expected[i]));
    }
    ck_assert_double_gt(largest, 0.1);
    return worst / largest;
}

/* f32: sums in another order (5e-7 seen). f16: each exchange rounds, by 2^-11 of a value, a few
   times a layer (2.2e-3 seen). */
static double tolerance(const setup_t *s)
{
    return s->wire == JUP_F32 ? 4e-6 : 6e-3;
}

static void check(const setup_t *s)
{
    float(*expected)[ROWS * DIM] = jup_new(STEPS, sizeof *expected);
    work_alone(s, expected);
    for (int i = 0; i < STEPS; i++) {
        int32_t rows = rows_of(i, s->narrow);
        if (rows)
            ck_assert_double_le(difference(s->x[0][i], expected[i], rows), tolerance(s));
        for (int m = 1; m < s->n && s->way != JUP_WAY_SEQUENCE; m++)
            ck_assert_mem_eq(s->x[m][i], s->x[0][i], (size_t)rows * DIM * sizeof(float));
    }
    jup_free(expected);
}

static const jup_way_t lossless[] = {JUP_WAY_TENSOR, JUP_WAY_SEQUENCE, JUP_WAY_GALAXY};
enum { LOSSLESS = sizeof lossless / sizeof lossless[0] };

static const double uneven[MEMBERS] = {3, 1, 2, 1};

START_TEST(every_lossless_way_has_one_ranks_activations)
{
    tiny_model_t model;
    tiny_model_init(&model, LAYERS, 11);
    for (int i = 0; i < LOSSLESS * 96; i++) {
        int of = i / LOSSLESS; /* 4 sizes, 2 wires, 3 exchanges, 2 kinds of speeds, 2 of starts */
        setup_t *s =
            new_setup(&model, lossless[i % LOSSLESS], 1 + of % 4, of / 4 % 2 ? JUP_F16 : JUP_F32);
        s->exchange = JUP_EXCHANGE_RING + (jup_exchange_t)(of / 8 % 3);
        if (of / 24 % 2)
            memcpy(s->speed, uneven, sizeof uneven);
        s->rows_travel = of / 48;
        run(s, 0, false);
        check(s);
        jup_free(s);
    }
    tiny_model_reset(&model);
}
END_TEST

/* Norms behind each half, or a scaled residual: what is summed over members is not x itself. */
static void change_family(tiny_model_t *model, jup_arch_t arch)
{
    jup_config_t *c = &model->config;
    c->arch = arch;
    c->rope_layout = jup_family(arch)->rope_layout;
    c->residual_scale = arch == JUP_ARCH_GRANITE ? 0.5f : 0;
    c->window = arch == JUP_ARCH_GRANITE ? 0 : 12;
    c->attn_cap = jup_family(arch)->attn_cap;
    for (int i = 0; i < c->layers; i++) {
        jup_layer_weights_t *w = &model->all.layers[i];
        w->attn_post_norm = w->ffn_norm;
        w->ffn_post_norm = w->attn_norm;
        w->q_norm = w->k_norm = w->attn_norm; /* its first head_dim */
    }
}

START_TEST(other_families_are_shared_as_well)
{
    const jup_arch_t archs[] = {JUP_ARCH_GEMMA2, JUP_ARCH_GEMMA3, JUP_ARCH_GRANITE};
    for (int i = 0; i < 3 * LOSSLESS * 3 * 2; i++) {
        tiny_model_t model;
        tiny_model_init(&model, LAYERS, 18);
        change_family(&model, archs[i % 3]);
        setup_t *s = new_setup(&model, lossless[i / 3 % LOSSLESS], 2 + i / 3 / LOSSLESS % 3,
                               i / 3 / LOSSLESS / 3 ? JUP_F16 : JUP_F32);
        run(s, 0, false);
        check(s);
        jup_free(s);
        tiny_model_reset(&model);
    }
}
END_TEST

START_TEST(turns_and_threads_in_any_order_change_nothing)
{
    tiny_model_t model;
    tiny_model_init(&model, LAYERS, 12);
    for (uint64_t seed = 1; seed <= 24; seed++) {
        setup_t *s = new_setup(&model, lossless[seed % LOSSLESS], 2 + (int)(seed / 3 % 3), JUP_F16);
        s->exchange = JUP_EXCHANGE_RING + (jup_exchange_t)(seed / 2 % 3);
        run(s, 0, false);
        float(*first)[ROWS * DIM] = jup_new(STEPS, sizeof *first);
        memcpy(first, s->x[0], sizeof s->x[0]);
        run(s, seed, seed % 2);
        ck_assert_mem_eq(first, s->x[0], sizeof s->x[0]);
        check(s);
        thread_comm_run(RANKS, live, s);
        ck_assert_mem_eq(first, s->x[0], sizeof s->x[0]);
        jup_free(first);
        jup_free(s);
    }
    tiny_model_reset(&model);
}
END_TEST

/* What travels in halves would be stored, or rounded, to halves on one rank as well. */
START_TEST(rows_that_are_shared_are_one_ranks_bit_for_bit)
{
    tiny_model_t model;
    tiny_model_init(&model, LAYERS, 13);
    for (int i = 0; i < 6; i++) {
        setup_t *s = new_setup(&model, JUP_WAY_SEQUENCE, 2 + i % 3, i / 3 ? JUP_F16 : JUP_F32);
        memcpy(s->speed, uneven, sizeof uneven);
        s->rows_travel = i % 2;
        s->ops = i % 2 ? &jup_ops_blas : &jup_ops_naive;
        float(*expected)[ROWS * DIM] = jup_new(STEPS, sizeof *expected);
        run(s, 0, false);
        work_alone(s, expected);
        for (int j = 0; j < STEPS; j++)
            ck_assert_mem_eq(s->x[0][j], expected[j],
                             (size_t)rows_of(j, false) * DIM * sizeof(float));
        jup_free(expected);
        jup_free(s);
    }
    tiny_model_reset(&model);
}
END_TEST

/* ---- Galaxy -----------------------------------------------------------------------------------
 */

static void all_then_sum(jup_group_t *g, jup_forward_t *f, int layer,
                         void (*product)(jup_forward_t *, int, int64_t, int64_t), int64_t rows)
{
    product(f, layer, 0, rows);
    jup_ring_reduce_scatter(&g->ring, f->sum, jup_group_blocks(g, g->dim));
}

/* Galaxy's layer without tiles: products over all rows, then the exchange. */
static bool untiled(jup_group_t *g, jup_forward_t *f, const jup_step_t *step)
{
    int64_t rows = step->rows;
    if (rows < g->n)
        return jup_tensor_layers(g, f, step);
    jup_rows_t own = jup_group_divide(g, rows, false);
    for (int layer = 0; layer < jup_forward_depth(f); layer++) {
        for (int half = 0; half < 2; half++) {
            if (layer == 0 && half == 0) {
                jup_forward_norm(f, JUP_ATTENTION, layer, 0, rows);
            } else {
                jup_forward_norm(f, half ? JUP_FFN : JUP_ATTENTION, layer, own.at, own.n);
                jup_group_gather(g, f->norm, g->dim);
            }
            jup_group_keep_rows(g, f->sum);
            if (half) {
                jup_forward_gate_up(f, layer, 0, rows);
                all_then_sum(g, f, layer, jup_forward_down, rows);
            } else {
                jup_forward_qkv(f, layer, 0, rows);
                jup_forward_cache(f, step, layer);
                jup_forward_attend(f, step, layer, 0, rows);
                all_then_sum(g, f, layer, jup_forward_out, rows);
            }
            jup_forward_add(f, half ? JUP_FFN : JUP_ATTENTION, layer, own.at, own.n);
        }
        jup_forward_round_rows(f, own.at, own.n);
    }
    jup_group_gather(g, f->x, g->dim);
    return true;
}

START_TEST(tiles_change_no_bit)
{
    tiny_model_t model;
    tiny_model_init(&model, LAYERS, 14);
    for (int i = 0; i < 24; i++) {
        setup_t *s = new_setup(&model, JUP_WAY_GALAXY, 2 + i % 3, i / 3 % 2 ? JUP_F16 : JUP_F32);
        s->ops = i / 6 % 2 ? &jup_ops_blas : &jup_ops_naive;
        s->exchange = i / 12 ? JUP_EXCHANGE_DIRECT : JUP_EXCHANGE_RING;
        float(*tiled)[ROWS * DIM] = jup_new(STEPS, sizeof *tiled);
        run(s, 0, true);
        memcpy(tiled, s->x[0], sizeof s->x[0]);
        s->layers = untiled;
        run(s, 0, true);
        ck_assert_mem_eq(tiled, s->x[0], sizeof s->x[0]);
        jup_free(tiled);
        jup_free(s);
    }
    tiny_model_reset(&model);
}
END_TEST

/* ---- bytes ----------------------------------------------------------------------------------- */

static uint64_t bytes_sent(const setup_t *s, int step)
{
    uint64_t bytes = 0;
    for (int m = 0; m < s->n; m++)
        bytes += s->sent_bytes[m][step];
    return bytes;
}

/* Of all members together, in exchanges of P - 1 / P of the activations by each: closed forms. */
START_TEST(bytes_inside_the_layers_are_those_of_the_closed_forms)
{
    tiny_model_t model;
    tiny_model_init(&model, 5, 15);
    for (int n = 1; n <= MEMBERS; n++) {
        uint64_t a = 11 * DIM * 2 * (uint64_t)(n - 1), kv = a / 2, layers = 5;
        for (int way = JUP_WAY_TENSOR; way < JUP_WAYS; way++) {
            setup_t *s = new_setup(&model, (jup_way_t)way, n, JUP_F16);
            run(s, 0, false);
            const uint64_t prompt[JUP_WAYS] = {
                [JUP_WAY_TENSOR] = layers * 2 * 2 * a,      /* two all-reduces */
                [JUP_WAY_SEQUENCE] = layers * (2 * kv + a), /* K, V of half the heads; x */
                [JUP_WAY_GALAXY] = layers * 2 * 2 * a,   /* two reduce-scatters, two all-gathers */
                [JUP_WAY_DETRANSFORMER] = 3 * 2 * 2 * a, /* every other layer and the last */
            };
            ck_assert_uint_eq(bytes_sent(s, 0), prompt[way]);
            uint64_t token = (uint64_t)DIM * 2 * (uint64_t)(n - 1) * 2 * 2 * layers;
            if (way == JUP_WAY_SEQUENCE)
                token = 0;
            if (way == JUP_WAY_DETRANSFORMER)
                token = token / layers * 3;
            ck_assert_uint_eq(bytes_sent(s, 2), token);
            jup_free(s);
        }
    }
    tiny_model_reset(&model);
}
END_TEST

/* The members agree on the rows that the last layer goes on with: one of a prompt's. */
START_TEST(of_the_last_layer_only_wanted_rows_travel)
{
    tiny_model_t model;
    tiny_model_init(&model, 5, 17);
    for (int n = 1; n <= MEMBERS; n++) {
        uint64_t row = DIM * 2 * (uint64_t)(n - 1), sums = 2 * 2 * row;
        setup_t *s = new_setup(&model, JUP_WAY_TENSOR, n, JUP_F16);
        s->narrow = true;
        run(s, 0, false);
        check(s);
        ck_assert_uint_eq(bytes_sent(s, 0), 4 * 11 * sums + sums);
        ck_assert_uint_eq(bytes_sent(s, 2), 5 * sums);
        jup_free(s);
        s = new_setup(&model, JUP_WAY_DETRANSFORMER, n, JUP_F16);
        s->narrow = true;
        run(s, 0, false);
        ck_assert_uint_eq(bytes_sent(s, 0), 2 * 11 * sums + sums);
        jup_free(s);
    }
    tiny_model_reset(&model);
}
END_TEST

/* ---- DeTransformer ----------------------------------------------------------------------------
 */

START_TEST(another_model_is_one_model_on_all_members)
{
    tiny_model_t model;
    tiny_model_init(&model, LAYERS, 16);
    for (int n = 2; n <= MEMBERS; n++) {
        setup_t *s = new_setup(&model, JUP_WAY_DETRANSFORMER, n, n % 2 ? JUP_F16 : JUP_F32);
        float(*expected)[ROWS * DIM] = jup_new(STEPS, sizeof *expected);
        run(s, 0, true);
        work_alone(s, expected);
        ck_assert_double_gt(difference(s->x[0][0], expected[0], rows_of(0, false)), 0.01);
        for (int i = 0; i < STEPS; i++)
            for (int m = 1; m < n; m++)
                ck_assert_mem_eq(s->x[m][i], s->x[0][i],
                                 (size_t)rows_of(i, false) * DIM * sizeof(float));
        jup_free(expected);
        jup_free(s);
    }
    tiny_model_reset(&model);
}
END_TEST

/* ---- the account of what all hold --------------------------------------------------------------
 */

START_TEST(what_follows_a_lone_row_is_worked_on_alone)
{
    const bool together[STEPS] = {true,  true,  false, false, false, false,
                                  false, false, true,  true,  false, false};
    jup_held_t held = {0};
    jup_step_t step;
    jup_step_init(&step, ROWS);
    for (int i = 0; i < STEPS; i++) {
        make_step(&step, i);
        ck_assert_int_eq(jup_held_take(&held, &step, step.rows >= 4), together[i]);
    }
    jup_step_begin(&step, JUP_STEP_WORK, 12); /* a fork of what is held, then of more than that */
    edit(&step, JUP_EDIT_FORK, 7, 3, 19, NULL);
    add(&step, 7, 19, 4);
    ck_assert(jup_held_take(&held, &step, true));
    jup_step_begin(&step, JUP_STEP_WORK, 13);
    edit(&step, JUP_EDIT_FORK, 8, 1, 8, NULL);
    add(&step, 8, 8, 4);
    ck_assert(!jup_held_take(&held, &step, true));
    jup_step_reset(&step);
    jup_held_reset(&held);
}
END_TEST

/* ---- the registry ------------------------------------------------------------------------------
 */

START_TEST(strategies_are_found_by_name_and_say_what_they_are)
{
    int n;
    const jup_strategy_t *all = jup_strategies(&n);
    for (int i = 0; i < n; i++) {
        ck_assert_ptr_eq(jup_strategy_by_name(all[i].name), &all[i]);
        ck_assert_int_gt((int)strlen(all[i].summary), 10);
        ck_assert_int_lt((int)strlen(all[i].summary), 80);
        ck_assert_int_eq(jup_strategy_is_lossless(&all[i]),
                         strcmp(all[i].name, "detransformer") != 0);
    }
    ck_assert_ptr_null(jup_strategy_by_name("nonsense"));
    for (int way = 0; way < JUP_WAYS; way++)
        ck_assert_int_eq(jup_way_of_working((jup_way_t)way)->whole,
                         !jup_way_splits((jup_way_t)way));
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("group");
    unit_add(all, every_lossless_way_has_one_ranks_activations, 120);
    unit_add(all, other_families_are_shared_as_well, 120);
    unit_add(all, turns_and_threads_in_any_order_change_nothing, 120);
    unit_add(all, rows_that_are_shared_are_one_ranks_bit_for_bit, 120);
    unit_add(all, tiles_change_no_bit, 120);
    unit_add(all, bytes_inside_the_layers_are_those_of_the_closed_forms, 120);
    unit_add(all, of_the_last_layer_only_wanted_rows_travel, 120);
    unit_add(all, another_model_is_one_model_on_all_members, 120);
    unit_add(all, what_follows_a_lone_row_is_worked_on_alone, 60);
    unit_add(all, strategies_are_found_by_name_and_say_what_they_are, 60);
    return all;
}
UNIT_MAIN(suite)
