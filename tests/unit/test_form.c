/* What a list's form makes certain: places in it, chances, and trees that have its marks. */
#include "ask/script.h"
#include "base/mem.h"
#include "base/rng.h"
#include "decode/speculation.h"
#include "unit.h"

#include <math.h>
#include <string.h>

enum { LINE = 900, DOT = 950 }; /* marks: LINE, the number, DOT */

static jup_form_t some_form(int32_t n)
{
    jup_form_t form = {.n = n};
    for (int32_t k = 1; k <= n; k++) {
        form.length[k] = 3;
        memcpy(form.mark[k], (const int32_t[]){LINE, k, DOT}, 3 * sizeof(int32_t));
    }
    return form;
}

static void check_place(const int32_t *tokens, int32_t n, int32_t number, int32_t at, int32_t words)
{
    jup_form_t form = some_form(4);
    jup_form_place_t place = jup_form_find(&form, tokens, n);
    ck_assert_int_eq(place.number, number);
    ck_assert_int_eq(place.at, at);
    ck_assert_int_eq(place.words, words);
}

START_TEST(places_are_found_from_the_text)
{
    const int32_t list[] = {77,  LINE, 1,    DOT,  300, 301, LINE, 2,
                            DOT, 302,  LINE, LINE, 3,   4,   LINE, 3};
    check_place(list, 1, 0, 0, 1);
    check_place(list, 2, 0, 1, 1); /* a line end: a list may begin */
    check_place(list, 4, 1, 0, 0);
    check_place(list, 6, 1, 0, 2);
    check_place(list, 8, 1, 2, 2);
    check_place(list, 9, 2, 0, 0);
    check_place(list, 11, 2, 1, 1);
    check_place(list, 12, 2, 1, 2); /* an empty line: the mark begins anew */
    check_place(list, 13, 2, 2, 2);
    check_place(list, 14, 2, 0, 3); /* no mark after all */
    check_place(list, 16, 2, 2, 3);
    int32_t longer[400] = {LINE, 1, DOT};
    check_place(longer, 40, 1, 0, 37);
    check_place(longer, 400, 0, 0, 96); /* no line is so long */
}
END_TEST

START_TEST(chances_follow_what_comes)
{
    jup_form_t form = some_form(3);
    jup_form_chances_t chances;
    jup_rng_t rng;
    double chance;
    jup_form_chances_init(&chances);
    jup_rng_init(&rng, 1);
    const jup_form_place_t title = {.number = 1, .words = 2}, mark = {.number = 1, .at = 1};
    for (int i = 0; i < 400; i++) {
        bool ends = jup_rng_uniform(&rng) < 0.75;
        jup_form_learn(&form, &chances, title, ends ? LINE : 5);
        jup_form_learn(&form, &chances, mark, 2);
    }
    ck_assert_int_eq(jup_form_next(&form, &chances, title, &chance), LINE);
    ck_assert_double_le(fabs(chance - 0.75), 0.15);
    ck_assert_int_eq(jup_form_next(&form, &chances, mark, &chance), 2);
    ck_assert_double_ge(chance, 0.99);
    ck_assert_int_eq(jup_form_next(&form, &chances, (jup_form_place_t){.number = 3}, &chance), -1);
    ck_assert_int_eq(jup_form_next(&form, &chances, (jup_form_place_t){.words = 9}, &chance), -1);
}
END_TEST

/* Whether tokens[i] of the tree's node is on a path root .. node as a list's mark must be. */
static bool holds(const jup_tree_t *tree, const int32_t *path, int32_t n)
{
    int32_t node = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t child = -1;
        for (int32_t c = node + 1; c < tree->n && child < 0; c++)
            child = tree->parent[c] == node && tree->token[c] == path[i] ? c : -1;
        if (child < 0)
            return false;
        node = child;
    }
    return true;
}

static void check_siblings(const jup_tree_t *tree)
{
    for (int32_t i = 1; i < tree->n; i++)
        for (int32_t j = i + 1; j < tree->n; j++)
            ck_assert(tree->parent[i] != tree->parent[j] || tree->token[i] != tree->token[j]);
}

START_TEST(trees_have_the_marks)
{
    jup_form_t form = some_form(4);
    jup_form_chances_t chances;
    jup_accuracy_t accuracy;
    jup_guesses_t guesses = {.depth = 2, .width = {2, 2}, .token = {{300, LINE}, {301, 302}}};
    jup_tree_t tree;
    jup_form_chances_init(&chances);
    jup_accuracy_init(&accuracy, 0.5, 0.5, 10);
    jup_tree_list_t list = {&form, &chances, {.number = 1, .words = 3}};
    jup_tree_limits_t limits = {.nodes = 12, .alike = 1, .depth = 8, .list = &list};
    jup_tree_grow(&tree, 7, &guesses, &accuracy, &limits);
    ck_assert_int_eq(tree.n, 12);
    ck_assert(holds(&tree, (const int32_t[]){LINE, 2, DOT}, 3));
    ck_assert(holds(&tree, (const int32_t[]){300, LINE, 2, DOT}, 4));
    ck_assert(!holds(&tree, (const int32_t[]){LINE, 3}, 2));
    check_siblings(&tree); /* the source guesses a line end, too: once is enough */

    limits.depth = 2;
    jup_tree_grow(&tree, 7, &guesses, &accuracy, &limits);
    for (int32_t i = 0; i < tree.n; i++)
        ck_assert_int_le(tree.depth[i], 2);

    list.place = (jup_form_place_t){.number = 2, .at = 1}; /* a mark has begun: nothing forks */
    limits = (jup_tree_limits_t){.nodes = 5, .chain = true, .alike = 1, .depth = 8, .list = &list};
    jup_tree_grow(&tree, LINE, &guesses, &accuracy, &limits);
    ck_assert(jup_tree_is_chain(&tree) && tree.n >= 3);
    ck_assert(holds(&tree, (const int32_t[]){3, DOT}, 2));
    ck_assert_double_eq_tol(tree.first, 0.95, 1e-9);
}
END_TEST

START_TEST(a_script_s_list_is_spelled_as_its_form_says)
{
    jup_scripted_t model = {.on = true, .vocab = 32000, .n_titles = 3, .titles = {2, 4, 1}};
    jup_form_t form;
    jup_scripted_form(&model, &form);
    ck_assert_int_eq(jup_scripted_list_tokens(&model), 2 + 4 + 1 + 2 * 3);
    int32_t tokens[64] = {form.mark[1][0], form.mark[1][1], form.mark[1][2]}, n = 3;
    for (; n < 3 + 13; n++)
        tokens[n] = jup_scripted_next(&model, tokens[n - 1], n - 1);
    const int32_t ends[] = {3, 3 + 2 + 3, 3 + 2 + 3 + 4 + 3}; /* where the titles begin */
    for (int32_t k = 1; k <= 3; k++)
        ck_assert_int_eq(memcmp(tokens + ends[k - 1] - 3, form.mark[k], 3 * sizeof *tokens), 0);
    ck_assert_int_eq(jup_form_find(&form, tokens, n).number, 3);
    for (int32_t i = n; i < 64; i++) { /* behind the list comes none of its tokens */
        tokens[i] = jup_scripted_next(&model, tokens[i - 1], i - 1);
        ck_assert_int_lt(tokens[i], form.mark[1][0]);
    }
}
END_TEST

START_TEST(sequences_share_steps_where_that_is_quicker)
{
    static const int32_t rows[] = {1, 100};
    jup_speculation_t *s = jup_new(1, sizeof *s);
    jup_speculation_init(s);
    ck_assert_int_eq(jup_speculation_steps(s, 4, 5), 5); /* nothing was measured */
    s->costs_known = true;
    jup_lap_cost_fit(&s->lap, rows, (const double[]){4, 40}, 2); /* rows are dear, four stages */
    jup_lap_cost_fit(&s->period, rows, (const double[]){1, 10}, 2);
    ck_assert_int_eq(jup_speculation_steps(s, 4, 5), 4);
    ck_assert_int_eq(jup_speculation_steps(s, 1, 5), 5);        /* alone: what builds on guesses */
    jup_lap_cost_fit(&s->lap, rows, (const double[]){4, 4}, 2); /* rows are free */
    jup_lap_cost_fit(&s->period, rows, (const double[]){4, 4}, 2); /* and one stage does it all */
    ck_assert_int_eq(jup_speculation_steps(s, 4, 5), 1);
    jup_lap_cost_fit(&s->period, rows, (const double[]){2, 2}, 2); /* two stages */
    ck_assert_int_eq(jup_speculation_steps(s, 4, 5), 1);
    jup_speculation_reset(s);
    jup_free(s);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("form");
    unit_add(s, places_are_found_from_the_text, 60);
    unit_add(s, chances_follow_what_comes, 60);
    unit_add(s, trees_have_the_marks, 60);
    unit_add(s, a_script_s_list_is_spelled_as_its_form_says, 60);
    unit_add(s, sequences_share_steps_where_that_is_quicker, 60);
    return s;
}

UNIT_MAIN(suite)
