#include "ask/outline.h"
#include "ask/router.h"
#include "base/mem.h"
#include "base/rng.h"
#include "decode/draft.h"
#include "decode/speculation.h"
#include "decode/verify.h"
#include "unit.h"

#include <math.h>
#include <string.h>

/* ---- trees -------------------------------------------------------------------------------------
 */

/* Every node's chance by definition, from its path. */
static double chance(const jup_tree_t *t, int32_t node, const jup_guesses_t *g,
                     const jup_accuracy_t *a)
{
    if (node == 0)
        return 1;
    int32_t d = t->depth[node] - 1, rank = 0;
    while (g->token[d][rank] != t->token[node])
        rank++;
    return jup_accuracy_of(a, d, rank) * chance(t, t->parent[node], g, a);
}

static jup_guesses_t some_guesses(int32_t depth, int32_t width)
{
    jup_guesses_t g = {.depth = depth};
    for (int32_t d = 0; d < depth; d++) {
        g.width[d] = width;
        for (int32_t r = 0; r < width; r++)
            g.token[d][r] = 100 * (d + 1) + r;
    }
    return g;
}

/* The best sum of n chances over all trees is that of the n best paths: count them all. */
static double best_sum(const jup_guesses_t *g, const jup_accuracy_t *a, int32_t nodes)
{
    static double all[20000];
    int32_t n = 1, level = 0;
    all[0] = 1;
    for (int32_t d = 0; d < g->depth; d++) {
        int32_t end = n;
        for (int32_t i = level; i < end; i++)
            for (int32_t r = 0; r < g->width[d]; r++)
                all[n++] = all[i] * jup_accuracy_of(a, d, r);
        level = end;
    }
    double sum = 0;
    for (int32_t k = 0; k < nodes && k < n; k++) {
        int32_t best = 0;
        for (int32_t i = 1; i < n; i++)
            best = all[i] > all[best] ? i : best;
        sum += all[best];
        all[best] = -1;
    }
    return sum;
}

START_TEST(trees_hold_the_likeliest_paths)
{
    jup_guesses_t g = some_guesses(4, 4);
    jup_accuracy_t a;
    jup_tree_t t;
    jup_accuracy_init(&a, 0.6, 0.7, 10);
    for (int32_t nodes = 1; nodes <= JUP_TREE_NODES; nodes++) {
        jup_tree_limits_t limits = {.nodes = nodes, .alike = 1};
        jup_tree_grow(&t, 7, &g, &a, &limits);
        ck_assert_int_eq(t.n, nodes);
        ck_assert_int_eq(t.token[0], 7);
        double sum = 0;
        for (int32_t i = 0; i < t.n; i++) {
            ck_assert_int_lt(t.parent[i], i);
            ck_assert(i == 0 || t.depth[i] == t.depth[t.parent[i]] + 1);
            sum += chance(&t, i, &g, &a);
        }
        ck_assert_double_eq_tol(sum, t.expected, 1e-9);
        ck_assert_double_eq_tol(sum, best_sum(&g, &a, nodes), 1e-9);
        for (int32_t i = 1; i < t.n && t.depth[i] == i; i++)
            ck_assert_int_eq(t.token[i], g.token[i - 1][0]); /* the likeliest path comes first */
    }
}
END_TEST

START_TEST(trees_stop_where_nodes_cost_more_than_they_bring)
{
    jup_guesses_t g = some_guesses(4, 4);
    jup_accuracy_t a;
    jup_tree_t t;
    jup_lap_cost_t cost;
    jup_accuracy_init(&a, 0.6, 0.7, 10);
    const int32_t rows[] = {1, 4, 64};
    jup_tree_limits_t limits = {.nodes = 64, .alike = 1, .cost = &cost};

    jup_lap_cost_fit(&cost, rows, (const double[]){1, 1, 1}, 3); /* memory-bound: rows are free */
    jup_tree_grow(&t, 7, &g, &a, &limits);
    ck_assert_int_eq(t.n, 64);
    jup_lap_cost_fit(&cost, rows, (const double[]){1, 4, 64}, 3); /* compute-bound */
    jup_tree_grow(&t, 7, &g, &a, &limits);
    ck_assert_int_eq(t.n, 1);
    jup_lap_cost_fit(&cost, rows, (const double[]){1, 1.01, 60}, 3); /* a knee at 4 rows */
    jup_tree_grow(&t, 7, &g, &a, &limits);
    ck_assert_int_eq(t.n, 4);
    limits.alike = 4; /* four such trees share the lap: a row each */
    jup_tree_grow(&t, 7, &g, &a, &limits);
    ck_assert_int_eq(t.n, 1);
    limits.exact = true;
    limits.nodes = 10;
    jup_tree_grow(&t, 7, &g, &a, &limits);
    ck_assert_int_eq(t.n, 10);
    limits.chain = true;
    jup_tree_grow(&t, 7, &g, &a, &limits);
    ck_assert_int_eq(t.n, 5);
    ck_assert(jup_tree_is_chain(&t));
}
END_TEST

START_TEST(trees_are_followed_along_what_was_picked)
{
    const jup_tree_t t = {.n = 6,
                          .token = {1, 10, 20, 30, 11, 21},
                          .parent = {-1, 0, 1, 2, 0, 4},
                          .depth = {0, 1, 2, 3, 1, 2}};
    int32_t path[8], next;
    ck_assert_int_eq(jup_tree_follow(&t, (const int32_t[]){11, 0, 0, 0, 21, 5}, path, &next), 3);
    ck_assert_int_eq(path[1], 4);
    ck_assert_int_eq(path[2], 5);
    ck_assert_int_eq(next, 5);
    ck_assert_int_eq(jup_tree_follow(&t, (const int32_t[]){9, 0, 0, 0, 0, 0}, path, &next), 1);
    ck_assert_int_eq(next, 9);
}
END_TEST

START_TEST(accuracies_follow_what_comes)
{
    jup_accuracy_t a;
    jup_rng_t rng;
    jup_guesses_t g = some_guesses(3, 3);
    jup_rng_init(&rng, 1);
    jup_accuracy_init(&a, 0.5, 0.5, 10);
    for (int i = 0; i < 20000; i++) {
        int32_t came[3];
        for (int32_t d = 0; d < 3; d++) { /* rank 0 with .7, rank 2 with .2, else nothing */
            double u = jup_rng_uniform(&rng);
            came[d] = u < 0.7 ? g.token[d][0] : u < 0.9 ? g.token[d][2] : 1;
        }
        jup_accuracy_observe(&a, &g, came, 3);
    }
    for (int32_t d = 0; d < 3; d++) {
        ck_assert_double_eq_tol(jup_accuracy_of(&a, d, 0), 0.7, 0.15);
        ck_assert_double_eq_tol(jup_accuracy_of(&a, d, 1), 0.0, 0.01);
        ck_assert_double_eq_tol(jup_accuracy_of(&a, d, 2), 0.2, 0.12);
    }
}
END_TEST

/* ---- sources ------------------------------------------------------------------------------------
 */

START_TEST(lookup_finds_the_longest_latest_match)
{
    jup_draft_t draft;
    jup_guesses_t g;
    const int32_t tokens[] = {5, 1, 2, 3, 9, 8, 2, 3, 7, 6, 1, 2, 3};
    jup_draft_context_t c = {.tokens = tokens, .n = 13};
    jup_draft_lookup_init(&draft);
    draft.propose(draft.self, &c, &g);
    ck_assert_int_ge(g.depth, 4);
    ck_assert_int_eq(g.token[0][0], 9); /* 1 2 3 beats the later 2 3 */
    ck_assert_int_eq(g.token[1][0], 8);
    c.n = 4; /* 5 1 2 3: nothing repeats */
    draft.propose(draft.self, &c, &g);
    ck_assert_int_eq(g.depth, 0);
    const int32_t loop[] = {4, 1, 2, 1, 2, 1, 2};
    c = (jup_draft_context_t){.tokens = loop, .n = 7};
    draft.propose(draft.self, &c, &g);
    for (int32_t d = 0; d < g.depth; d++) /* goes round and round */
        ck_assert_int_eq(g.token[d][0], 1 + d % 2);
    jup_draft_reset(&draft);
}
END_TEST

/* ---- verdicts -----------------------------------------------------------------------------------
 */

enum { VOCAB = 6, ROOT = 0 };

/* A made-up model: the distribution after a token depends on that token alone. */
static void fill_logits(float *logits, int32_t after)
{
    for (int32_t i = 0; i < VOCAB; i++)
        logits[i] = (float)((after * 7 + i * 3) % 5) * 0.6f;
}

/* Two tokens after the root, drawn with or without candidates; counts pairs. */
static void draw_pairs(double *share, bool speculate, int n)
{
    jup_verifier_t v;
    jup_step_t step;
    jup_verdict_t verdict;
    float logits[4 * VOCAB];
    bool stale[1];
    const int32_t tokens[] = {ROOT, 3, 1, 4}, parents[] = {-1, 0, 1, 0};
    jup_sampling_t sampling = {.temperature = 1, .top_p = 1, .repeat_penalty = 1};
    jup_step_init(&step, 8);
    memset(share, 0, VOCAB * VOCAB * sizeof *share);
    for (int i = 0; i < n; i++) {
        int32_t pair[2], got = 0, at = 0, rows = speculate ? 4 : 1;
        sampling.seed = (uint64_t)i * 2654435761u + 17;
        jup_verifier_init(&v, &sampling, NULL, VOCAB);
        int32_t root = ROOT;
        while (got < 2) {
            int32_t own[4];
            memcpy(own, tokens, sizeof own);
            own[0] = root;
            jup_step_begin(&step, JUP_STEP_WORK, at);
            if (at > 0)
                jup_step_edit(&step, (jup_edit_t){.op = JUP_EDIT_TRUNCATE, .a = at}, NULL);
            jup_step_add(&step, 0, at, own, speculate ? parents : NULL, rows, rows);
            for (int32_t r = 0; r < rows; r++)
                fill_logits(logits + r * VOCAB, own[r]);
            jup_verifier_begin(&v, &step, stale);
            jup_verifier_judge(&v, &step, 0, 0, logits, NULL, &verdict);
            for (int32_t p = 1; p < verdict.n_path && got < 2; p++)
                pair[got++] = own[verdict.path[p]];
            if (got < 2)
                pair[got++] = verdict.token;
            root = pair[got - 1];
            at += got;
        }
        share[pair[0] * VOCAB + pair[1]] += 1.0 / n;
        jup_verifier_reset(&v);
    }
    jup_step_reset(&step);
}

/* The exact distribution of pairs. */
static void true_pairs(double *share)
{
    float logits[VOCAB];
    double p[VOCAB + 1][VOCAB];
    for (int32_t after = 0; after < VOCAB; after++) {
        double sum = 0;
        fill_logits(logits, after);
        for (int32_t i = 0; i < VOCAB; i++)
            sum += p[after][i] = exp((double)logits[i]);
        for (int32_t i = 0; i < VOCAB; i++)
            p[after][i] /= sum;
    }
    for (int32_t a = 0; a < VOCAB; a++)
        for (int32_t b = 0; b < VOCAB; b++)
            share[a * VOCAB + b] = p[ROOT][a] * p[a][b];
}

START_TEST(sampling_with_candidates_keeps_the_distribution)
{
    enum { N = 40000, CELLS = VOCAB * VOCAB };
    double drawn[CELLS], truth[CELLS];
    true_pairs(truth);
    for (int speculate = 0; speculate < 2; speculate++) {
        double chi = 0;
        draw_pairs(drawn, speculate, N);
        for (int i = 0; i < CELLS; i++)
            chi += N * (drawn[i] - truth[i]) * (drawn[i] - truth[i]) / truth[i];
        /* chi square, 35 degrees of freedom: above 75 once in 10,000 tries; seeds are fixed */
        ck_assert_msg(chi < 75, "chi square %.1f with%s candidates", chi, speculate ? "" : "out");
    }
}
END_TEST

START_TEST(typical_acceptance_takes_more)
{
    jup_verifier_t v;
    jup_step_t step;
    jup_verdict_t verdict;
    bool stale[1];
    const int32_t tokens[] = {0, 3, 1}, parents[] = {-1, 0, 1};
    float logits[3 * VOCAB] = {0};
    jup_sampling_t greedy = {.top_p = 1, .repeat_penalty = 1};
    jup_step_init(&step, 8);
    for (int typical = 0; typical < 2; typical++) {
        logits[2] = logits[VOCAB + 2] = 0.5f; /* the likeliest is another token, by a little */
        jup_verifier_init(&v, &greedy,
                          &(jup_typical_t){.epsilon = typical ? 0.09f : 0, .delta = 0.3f}, VOCAB);
        jup_step_begin(&step, JUP_STEP_WORK, 0);
        jup_step_add(&step, 0, 0, tokens, parents, 3, 3);
        jup_verifier_begin(&v, &step, stale);
        jup_verifier_judge(&v, &step, 0, 0, logits, NULL, &verdict);
        ck_assert_int_eq(verdict.n_path, typical ? 3 : 1);
        jup_verifier_reset(&v);
    }
    jup_step_reset(&step);
}
END_TEST

START_TEST(verdicts_survive_the_wire)
{
    jup_verdict_t a = {.sequence = 9, .n_path = 3, .path = {0, 2, 5}, .token = 77, .margin = 1.5f};
    jup_verdict_t b;
    int32_t words[JUP_VERDICT_WORDS + JUP_VERDICT_TOLD_WORDS];
    a.guesses = some_guesses(4, 8);
    a.told = 3;
    for (int32_t i = 0; i < a.told; i++)
        a.likely[i] =
            (jup_likely_t){.logprob = -1.5f, .n = i, .id = {7, 8, 9}, .logprobs = {-0.5f, -2, -3}};
    for (int32_t i = 0; i < a.told; i++) /* no more than n travel */
        for (int32_t t = i; t < 3; t++)
            a.likely[i].id[t] = 0, a.likely[i].logprobs[t] = 0;
    const int32_t *end = jup_verdict_pack(&a, words);
    memset(&b, 0, sizeof b);
    ck_assert_ptr_eq(jup_verdict_unpack(&b, words, end), end);
    ck_assert_mem_eq(&a, &b, sizeof a);
    for (const int32_t *cut = words; cut < end; cut++)
        ck_assert_ptr_null(jup_verdict_unpack(&b, words, cut));
    words[3] = -1;
    ck_assert_ptr_null(jup_verdict_unpack(&b, words, end));
    words[3] = 1000;
    ck_assert_ptr_null(jup_verdict_unpack(&b, words, end));
}
END_TEST

/* ---- outlines -----------------------------------------------------------------------------------
 */

typedef struct outline_case {
    const char *text;
    bool usable;
    const char *titles[6];
    int32_t repeated, missing, nested, left_out;
} outline_case_t;

static const outline_case_t outlines[] = {
    {"1. Warm eggs\n2. Cold water\n", true, {"Warm eggs", "Cold water"}, 0, 0, 0, 0},
    {"Sure! Here it is:\n\n 1) One\n 2) Two\n\nI hope it helps.", true, {"One", "Two"}, 0, 0, 0, 0},
    {"**1. Bold**\n**2. Also: with text after it**", true, {"Bold", "Also"}, 0, 0, 0, 0},
    {"1. A b\n2. A b\n3. C d\n3. E f\n", true, {"A b", "C d"}, 2, 1, 0, 0},
    {"1. One\n4. Four\n", true, {"One", "Four"}, 0, 2, 0, 0},
    {"1. One\n   - detail\n   a) more\n2. Two\n   1. deep\n2.1 deeper\n",
     true,
     {"One", "Two"},
     0,
     0,
     3,
     0},
    {"- One\n* Two\n\xE2\x80\xA2 Three\n", true, {"One", "Two", "Three"}, 0, 0, 0, 0},
    {"1. a\n2. b\n3. c\n4. d\n5. e\n6. f\n", true, {"a", "b", "c", "d"}, 0, 0, 0, 2},
    {"(1) One\n(2) Two", true, {"One", "Two"}, 0, 0, 0, 0},
    {"1.One\n2.Two", true, {"One", "Two"}, 0, 0, 0, 0},
    {"1: One\r\n2: Two\r\n", true, {"One", "Two"}, 0, 0, 0, 0},
    {"1. Only one\n", false, {"Only one"}, 0, 0, 0, 0},
    {"", false, {NULL}, 0, 0, 0, 0},
    {"Water boils at 100 degrees, and 3.5 is a number.\n", false, {NULL}, 0, 0, 0, 0},
    {"1.\n2. \n", false, {NULL}, 0, 0, 0, 0},
    {"1\u3001\u70ED\u6C34\n2\u3001\u51B7\u6C34\n",
     true,
     {"\u70ED\u6C34", "\u51B7\u6C34"},
     0,
     0,
     0,
     0},
    {"1\uFF0E One\n2\uFF0E Two\n", true, {"One", "Two"}, 0, 0, 0, 0},
    {"1. One\n1. Two\n1. Three\n", true, {"One", "Two", "Three"}, 0, 0, 0, 0},
    {"1. - One\n- Two\n- Three\n", true, {"One", "Two", "Three"}, 0, 0, 0, 0},
    {"1. One\n- Two\n  - deep\n- Three\n", true, {"One", "Two", "Three"}, 0, 0, 1, 0},
    {"1. One\n   - detail\n   - more\n", false, {"One"}, 0, 0, 2, 0},
    {"99999999999. Big\n", false, {NULL}, 0, 0, 0, 0},
};

START_TEST(outlines_are_read_whatever_surrounds_them)
{
    for (size_t i = 0; i < sizeof outlines / sizeof outlines[0]; i++) {
        const outline_case_t *c = &outlines[i];
        jup_outline_t o;
        bool usable = jup_outline_parse(&o, c->text, strlen(c->text), 4);
        int32_t n = 0;
        while (n < 6 && c->titles[n])
            n++;
        ck_assert_msg(usable == c->usable && o.n == n, "case %zu: %d points", i, o.n);
        for (int32_t p = 0; p < n; p++)
            ck_assert_str_eq(o.points[p].title, c->titles[p]);
        ck_assert_msg(o.repeated == c->repeated && o.missing == c->missing &&
                          o.nested == c->nested && o.left_out == c->left_out,
                      "case %zu: %d repeated, %d missing, %d nested, %d left out", i, o.repeated,
                      o.missing, o.nested, o.left_out);
    }
}
END_TEST

START_TEST(outlines_of_noise_do_no_harm)
{
    jup_rng_t rng;
    jup_outline_t o;
    char text[400];
    static const char some[] = "0123456789.-*# \n\t:)(ab\xE2\x80\xA2";
    jup_rng_init(&rng, 3);
    for (int i = 0; i < 20000; i++) {
        size_t n = jup_rng_below(&rng, sizeof text);
        for (size_t c = 0; c < n; c++)
            text[c] = some[jup_rng_below(&rng, sizeof some)];
        bool usable = jup_outline_parse(&o, text, n, 8);
        ck_assert(usable == (o.n >= 2) && o.n <= 8);
        for (int32_t p = 0; p < o.n; p++)
            ck_assert(o.points[p].title[0] != '\0');
    }
}
END_TEST

START_TEST(router_knows_plain_cases)
{
    static const char *const outline[] = {"How do I repot a houseplant?",
                                          "What are good ways to save money?",
                                          "What if nobody had invented the wheel?"};
    static const char *const plain[] = {"How many days has a year?",
                                        "Write a letter to my landlord.", "Solve 3x + 2 = 8 for x.",
                                        "Who wrote Faust?"};
    const char *reason;
    for (size_t i = 0; i < sizeof outline / sizeof outline[0]; i++)
        ck_assert_msg(jup_router_wants_outline(outline[i], &reason), "%s: %s", outline[i], reason);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        ck_assert_msg(!jup_router_wants_outline(plain[i], &reason), "%s: %s", plain[i], reason);
    jup_router_wants_outline("", &reason);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("decode");
    unit_add(s, trees_hold_the_likeliest_paths, 60);
    unit_add(s, trees_stop_where_nodes_cost_more_than_they_bring, 60);
    unit_add(s, trees_are_followed_along_what_was_picked, 60);
    unit_add(s, accuracies_follow_what_comes, 60);
    unit_add(s, lookup_finds_the_longest_latest_match, 60);
    unit_add(s, sampling_with_candidates_keeps_the_distribution, 120);
    unit_add(s, typical_acceptance_takes_more, 60);
    unit_add(s, verdicts_survive_the_wire, 60);
    unit_add(s, outlines_are_read_whatever_surrounds_them, 60);
    unit_add(s, outlines_of_noise_do_no_harm, 60);
    unit_add(s, router_knows_plain_cases, 60);
    return s;
}

UNIT_MAIN(suite)
