/* Shares of a layer: the published models' figures, and every division tried one by one. */
#include "base/rng.h"
#include "model/part.h"
#include "model/shapes.h"
#include "model/share.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 32 };

static const double alike[MOST] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static jup_config_t shape(const char *name)
{
    jup_config_t c;
    ck_assert_msg(jup_shape_find(name, &c), "%s", name);
    return c;
}

static jup_part_blocks_t blocks_of(jup_dtype_t dtype)
{
    return jup_part_blocks(dtype, dtype);
}

/* The parts follow each other, are sound, and are configs that can be computed with. */
static void check_cover(const jup_config_t *c, jup_part_blocks_t blocks, const jup_part_t *parts,
                        int n)
{
    jup_part_t before = {0};
    for (int i = 0; i < n; i++) {
        jup_error_t err;
        const jup_part_t *p = &parts[i];
        jup_config_t config = jup_part_config(c, p);
        ck_assert(jup_part_is_sound(c, p));
        ck_assert_int_eq(p->head_first, before.head_last);
        ck_assert_int_eq(p->ffn_first, before.ffn_last);
        ck_assert_int_eq(p->vocab_first, before.vocab_last);
        ck_assert_int_eq(p->head_first * c->head_dim % blocks.out, 0);
        ck_assert_int_eq(p->ffn_first % blocks.down, 0);
        ck_assert_msg(jup_config_check(&config, &err) == JUP_OK, "%s", err.text);
        ck_assert_int_eq(config.heads, p->head_last - p->head_first);
        /* every query head reads the KV head that the whole model's would */
        for (int h = 0; h < config.heads; h++)
            ck_assert_int_eq(jup_part_kv_head(c, p, h / (config.heads / config.kv_heads)),
                             (p->head_first + h) / (c->heads / c->kv_heads));
        before = *p;
    }
    ck_assert_int_eq(before.head_last, c->heads);
    ck_assert_int_eq(before.ffn_last, c->ffn);
    ck_assert_int_eq(before.vocab_last, c->vocab);
}

static void share(const jup_config_t *c, jup_dtype_t dtype, const double *speed, int n,
                  jup_part_t *parts)
{
    jup_error_t err = {.text = ""};
    jup_part_blocks_t blocks = blocks_of(dtype);
    ck_assert_msg(jup_part_share(c, blocks, speed, n, parts, &err) == JUP_OK, "%s", err.text);
    if (n > 1)
        check_cover(c, blocks, parts, n);
}

/* ---- figures --------------------------------------------------------------------------------- */

static void check_ffn(const jup_part_t *parts, const int *units, int unit, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(parts[i].ffn_last - parts[i].ffn_first, units[i] * unit);
}

START_TEST(published_models_share_as_computed_by_hand)
{
    jup_part_t parts[MOST];
    jup_config_t c = shape("llama2-7b");
    share(&c, JUP_Q4_K, alike, 4, parts);
    check_ffn(parts, (int[]){11, 11, 11, 10}, 256, 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(parts[i].head_first, 8 * i);
        ck_assert_int_eq(parts[i].vocab_last - parts[i].vocab_first, i < 3 ? 8186 : 7442);
    }
    c = shape("llama2-13b");
    share(&c, JUP_Q4_K, alike, 4, parts);
    check_ffn(parts, (int[]){14, 14, 13, 13}, 256, 4);
    c = shape("llama3-8b");
    share(&c, JUP_Q4_K, alike, 8, parts);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(jup_part_config(&c, &parts[i]).kv_heads, 1);
    check_ffn(parts, (int[]){7, 7, 7, 7, 7, 7, 7, 7}, 256, 8);
    c = shape("qwen2-7b");
    share(&c, JUP_Q4_K, alike, 2, parts);
    ck_assert_int_eq(parts[0].head_last, 14);
    ck_assert_int_eq(jup_part_config(&c, &parts[0]).kv_heads, 2);
    check_ffn(parts, (int[]){37, 37}, 256, 2);
}
END_TEST

START_TEST(the_most_members_are_known)
{
    static const struct {
        const char *name;
        jup_dtype_t dtype;
        int most;
    } cases[] = {
        {"llama2-7b", JUP_Q4_K, 16},     {"llama2-7b", JUP_Q4_0, 32},
        {"llama2-13b", JUP_Q4_K, 20},    {"tinyllama-1.1b", JUP_Q4_K, 8},
        {"tinyllama-1.1b", JUP_F16, 32}, {"llama3-8b", JUP_Q4_K, 16},
        {"qwen2-7b", JUP_Q4_K, 14},      {"qwen2-7b", JUP_Q4_0, 28},
        {"qwen2-0.5b", JUP_Q4_0, 14},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jup_error_t err;
        jup_part_t parts[MOST + 1];
        char most[40];
        jup_config_t c = shape(cases[i].name);
        jup_part_blocks_t blocks = blocks_of(cases[i].dtype);
        ck_assert_int_eq(jup_part_most(&c, blocks), cases[i].most);
        share(&c, cases[i].dtype, alike, cases[i].most, parts);
        snprintf(most, sizeof most, "at most %d ranks", cases[i].most);
        double speed[MOST + 1];
        for (int m = 0; m <= MOST; m++)
            speed[m] = 1;
        ck_assert_int_eq(jup_part_share(&c, blocks, speed, cases[i].most + 1, parts, &err),
                         JUP_EINPUT);
        ck_assert_msg(strstr(err.text, most) && strstr(err.text, cases[i].name), "%s", err.text);
    }
}
END_TEST

/* More members than KV heads: each has a copy of the one that its query heads read. */
START_TEST(kv_heads_are_repeated_where_there_are_too_few)
{
    jup_part_t parts[MOST];
    char text[200];
    jup_config_t c = shape("tinyllama-1.1b");
    share(&c, JUP_Q4_K, alike, 4, parts);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(jup_part_run(&c, &parts[i], JUP_AXIS_KV, 0).first, 64 * i);
    share(&c, JUP_Q4_K, alike, 8, parts);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(jup_part_config(&c, &parts[i]).kv_heads, 1);
        ck_assert_int_eq(jup_part_kv_head(&c, &parts[i], 0), i / 2);
        ck_assert(!jup_part_repeats_kv(&c, &parts[i]));
    }
    /* seven heads a KV head, cut in pairs: one head of the first KV head, seven of the second */
    c = shape("qwen2-7b");
    jup_part_t odd = {.head_first = 6, .head_last = 14, .ffn_last = 256, .vocab_last = 1};
    ck_assert_int_eq(jup_part_config(&c, &odd).kv_heads, 8);
    ck_assert_int_eq(jup_part_kv_head(&c, &odd, 0), 0);
    ck_assert_int_eq(jup_part_kv_head(&c, &odd, 7), 1);
    ck_assert(jup_part_repeats_kv(&c, &odd));
    ck_assert_int_eq(jup_part_length(&c, &odd, JUP_AXIS_KV), 8 * 128);
    for (int i = 0; i < 8; i++) {
        jup_range_t run = jup_part_run(&c, &odd, JUP_AXIS_KV, 128 * i + 5);
        ck_assert(run.first == (i ? 128 : 0) + 5 && run.n == 123);
    }
    jup_range_t q = jup_part_run(&c, &odd, JUP_AXIS_HEADS, 0);
    ck_assert(q.first == 6 * 128 && q.n == 8 * 128);
    jup_part_describe(&c, &odd, text, sizeof text);
    ck_assert_str_eq(text, "heads 6 to 13 over KV heads 0 to 1 (repeated: 8 of them are held), "
                           "FFN 0 to 255");
}
END_TEST

START_TEST(a_part_is_a_smaller_layer)
{
    jup_part_t parts[4], all = {0};
    jup_config_t c = shape("llama3-8b");
    const double speed[4] = {3, 1, 2, 1};
    double flops = 0, kv = 0;
    share(&c, JUP_Q4_0, speed, 4, parts);
    for (int i = 0; i < 4; i++) {
        jup_config_t part = jup_part_config(&c, &parts[i]);
        flops += jup_config_layer_flops(&part, 5, 70);
        kv += (double)jup_config_kv_bytes(&part, JUP_F16);
        ck_assert_int_eq(part.vocab, c.vocab);
    }
    ck_assert_double_eq_tol(flops, jup_config_layer_flops(&c, 5, 70), 1);
    ck_assert_double_eq_tol(kv, (double)jup_config_kv_bytes(&c, JUP_F16), 0.5);
    ck_assert_int_gt(parts[0].ffn_last, parts[1].ffn_last - parts[1].ffn_first);
    jup_config_t same = jup_part_config(&c, &all);
    ck_assert_mem_eq(&same, &c, sizeof c);
    ck_assert(jup_part_is_whole(&all));
    share(&c, JUP_Q4_0, speed, 1, parts);
    ck_assert(jup_part_is_whole(&parts[0]));
}
END_TEST

START_TEST(counts_that_make_no_sense_are_refused)
{
    static const struct {
        int heads[2], ffn[2];
        const char *says;
    } cases[] = {
        {{16, 16}, {20, 22}, "42 units of the feed-forward network together, the model has 43"},
        {{16, 15}, {20, 23}, "member 1 has 15 query heads; it must have a multiple of 2"},
        {{18, 16}, {20, 23}, "34 query heads together, the model has 32"},
        {{32, 0}, {20, 23}, "member 1 has 0 query heads"},
        {{-2, 34}, {20, 23}, "member 0 has -2 query heads"},
        {{2147483646, 2147483646}, {20, 23}, "query heads together"},
    };
    jup_part_t parts[2];
    jup_error_t err;
    jup_config_t c = shape("llama2-7b");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(jup_part_of_counts(&c, blocks_of(JUP_Q4_K), cases[i].heads, cases[i].ffn,
                                            2, parts, &err),
                         JUP_EINPUT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    const double speed[2] = {1, NAN};
    ck_assert_int_eq(jup_part_share(&c, blocks_of(JUP_Q4_K), speed, 2, parts, &err), JUP_EINPUT);
    ck_assert_int_eq(jup_part_share(&c, blocks_of(JUP_Q4_K), alike, 0, parts, &err), JUP_EINPUT);
}
END_TEST

/* Mixed types: cut where the coarsest of them may be cut. */
START_TEST(the_coarsest_block_rules)
{
    jup_part_blocks_t none = {0}, a = jup_part_blocks(JUP_Q8_0, JUP_Q4_K),
                      b = jup_part_blocks(JUP_F16, JUP_Q8_0);
    jup_part_blocks_t both = jup_part_blocks_join(jup_part_blocks_join(none, a), b);
    ck_assert_int_eq(both.out, 32);
    ck_assert_int_eq(both.down, 256);
    ck_assert_int_eq(jup_part_ffn_unit(b), 32);
    ck_assert_int_eq(jup_part_ffn_unit(jup_part_blocks(JUP_F32, JUP_F32)), 8);
}
END_TEST

/* ---- every division -------------------------------------------------------------------------- */

typedef struct problem {
    jup_share_cost_t cost;
    const void *self;
    const double *speed;
    int units, n;
} problem_t;

/* The least largest time of members [m, n) that have units [at, units). */
static double try_all(const problem_t *p, int m, int at)
{
    if (m == p->n)
        return at == p->units ? 0 : INFINITY;
    double best = INFINITY;
    for (int end = at + 1; end <= p->units; end++)
        best = fmin(best, fmax(p->cost(p->self, at, end) / p->speed[m], try_all(p, m + 1, end)));
    return best;
}

static double slowest(const problem_t *p, const int *counts)
{
    double worst = 0;
    int at = 0;
    for (int m = 0; m < p->n; m++) {
        ck_assert_int_ge(counts[m], 1);
        worst = fmax(worst, p->cost(p->self, at, at + counts[m]) / p->speed[m]);
        at += counts[m];
    }
    ck_assert_int_eq(at, p->units);
    return worst;
}

static double count_cost(const void *self, int first, int last)
{
    (void)self;
    return last - first;
}

/* Any cost that grows with the range: a price for each unit and for each border within. */
static double odd_cost(const void *self, int first, int last)
{
    const double *price = self;
    double cost = 0;
    for (int u = first; u < last; u++)
        cost += price[u] + (u % 3 == 2 && u + 1 < last ? 0.7 : 0);
    return cost;
}

START_TEST(no_division_is_quicker)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 7);
    for (int trial = 0; trial < 400; trial++) {
        double speed[5], price[12];
        int counts[5], n = 1 + trial % 5, units = n + trial / 5 % (13 - n);
        for (int i = 0; i < n; i++)
            speed[i] = trial % 4 ? exp(2 * jup_rng_normal(&rng)) : 1;
        for (int u = 0; u < units; u++)
            price[u] = fabs(jup_rng_normal(&rng)) + 0.01;
        problem_t p = {.cost = count_cost, .speed = speed, .units = units, .n = n};
        jup_share_units(units, speed, n, counts);
        ck_assert_double_eq(slowest(&p, counts), try_all(&p, 0, 0));
        p.cost = odd_cost;
        p.self = price;
        jup_share_ranges(odd_cost, price, units, speed, n, counts);
        ck_assert_double_eq(slowest(&p, counts), try_all(&p, 0, 0));
    }
}
END_TEST

/* Heads as the model's own rule counts them: one for a query head, one for each KV head held. */
static double head_cost(const void *self, int first, int last)
{
    const jup_config_t *c = self;
    const jup_part_t part = {.head_first = 2 * first, .head_last = 2 * last, .ffn_last = 1};
    jup_config_t config = jup_part_config(c, &part);
    return config.heads + config.kv_heads;
}

START_TEST(no_division_of_heads_is_quicker)
{
    static const char *const names[] = {"qwen2-7b", "llama2-70b", "llama3-8b", "qwen2-1.5b"};
    const double speeds[][4] = {{1, 1, 1, 1}, {1, 2, 1, 1}, {5, 1, 1, 3}, {1, 1.1, 1.2, 1.3}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (int s = 0; s < 4; s++)
            for (int n = 2; n <= 4; n++) {
                jup_part_t parts[4];
                int counts[4];
                jup_config_t c = shape(names[i]);
                share(&c, JUP_Q4_K, speeds[s], n, parts);
                for (int m = 0; m < n; m++)
                    counts[m] = (parts[m].head_last - parts[m].head_first) / 2;
                problem_t p = {.cost = head_cost,
                               .self = &c,
                               .speed = speeds[s],
                               .units = c.heads / 2,
                               .n = n};
                ck_assert_double_eq(slowest(&p, counts), try_all(&p, 0, 0));
            }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("part");
    unit_add(s, published_models_share_as_computed_by_hand, 20);
    unit_add(s, the_most_members_are_known, 20);
    unit_add(s, kv_heads_are_repeated_where_there_are_too_few, 20);
    unit_add(s, a_part_is_a_smaller_layer, 20);
    unit_add(s, counts_that_make_no_sense_are_refused, 20);
    unit_add(s, the_coarsest_block_rules, 20);
    unit_add(s, no_division_is_quicker, 20);
    unit_add(s, no_division_of_heads_is_quicker, 20);
    return s;
}

UNIT_MAIN(suite)
