#include "decode/tree.h"

#include <assert.h>
#include <string.h>

/* ---- cost of a lap --------------------------------------------------------------------------- */

void jup_lap_cost_init(jup_lap_cost_t *cost)
{
    for (int rows = 0; rows <= JUP_LAP_ROWS; rows++)
        cost->seconds[rows] = 1;
}

static double between(const int32_t *rows, const double *seconds, int32_t n, int32_t at)
{
    if (n == 1)
        return seconds[0];
    int32_t i = 1;
    while (i < n - 1 && rows[i] < at)
        i++;
    double slope = (seconds[i] - seconds[i - 1]) / (double)(rows[i] - rows[i - 1]);
    return seconds[i] + slope * (double)(at - rows[i]);
}

void jup_lap_cost_fit(jup_lap_cost_t *cost, const int32_t *rows, const double *seconds, int32_t n)
{
    assert(n >= 1);
    double before = 0;
    for (int32_t r = 1; r <= JUP_LAP_ROWS; r++) {
        double s = r < rows[0] ? seconds[0] : between(rows, seconds, n, r);
        before = cost->seconds[r] = s > before ? s : before;
    }
    cost->seconds[0] = cost->seconds[1];
}

/* ---- growing --------------------------------------------------------------------------------- */

typedef struct node {
    int32_t parent, depth, token;
    int32_t rank; /* among the guesses at its depth; -1: the list's form has it */
    double reach; /* chance that it comes true */
    jup_form_place_t place;
} node_t;

typedef struct growth {
    const jup_guesses_t *guesses;
    const jup_accuracy_t *accuracy;
    const jup_tree_list_t *list;
    int32_t list_depth;
    node_t nodes[JUP_TREE_NODES]; /* in the order of growing */
    int32_t n;
    node_t frontier[3 * JUP_TREE_NODES];
    int32_t n_frontier;
} growth_t;

/* What the list's form has behind a node: its token and chance; -1: nothing. */
static int32_t formal(const growth_t *g, const node_t *parent, double *chance)
{
    *chance = 0;
    if (!g->list || parent->depth >= g->list_depth)
        return -1;
    return jup_form_next(g->list->form, g->list->chances, parent->place, chance);
}

static void put(growth_t *g, int32_t parent, int32_t token, int32_t rank, double chance)
{
    const node_t *above = &g->nodes[parent];
    node_t node = {.parent = parent,
                   .depth = above->depth + 1,
                   .token = token,
                   .rank = rank,
                   .reach = chance * above->reach};
    if (g->list)
        node.place = jup_form_step(g->list->form, above->place, token);
    g->frontier[g->n_frontier++] = node;
}

/* Offers the guess of this rank below `parent`, if there is one. What the form has there is offered
 * apart, and the more likely it is, the less so is all else. */
static void offer(growth_t *g, int32_t parent, int32_t rank)
{
    int32_t depth = g->nodes[parent].depth;
    double other;
    int32_t token = formal(g, &g->nodes[parent], &other);
    if (depth >= g->guesses->depth)
        return;
    if (rank < g->guesses->width[depth] && g->guesses->token[depth][rank] == token)
        rank++;
    if (rank >= g->guesses->width[depth])
        return;
    double p = jup_accuracy_of(g->accuracy, depth, rank) * (1 - other);
    put(g, parent, g->guesses->token[depth][rank], rank, p);
}

/* The form's token; the source may know of it, too. */
static void offer_formal(growth_t *g, int32_t parent)
{
    int32_t depth = g->nodes[parent].depth;
    double chance;
    int32_t token = formal(g, &g->nodes[parent], &chance);
    if (token < 0)
        return;
    for (int32_t r = 0; depth < g->guesses->depth && r < g->guesses->width[depth]; r++)
        if (g->guesses->token[depth][r] == token) {
            double p = jup_accuracy_of(g->accuracy, depth, r);
            chance = p > chance ? p : chance;
        }
    put(g, parent, token, -1, chance);
}

static int32_t likeliest(const growth_t *g)
{
    int32_t best = 0;
    for (int32_t i = 1; i < g->n_frontier; i++)
        if (g->frontier[i].reach > g->frontier[best].reach)
            best = i;
    return best;
}

/* A chain has the likelier of the two. */
static void offer_children(growth_t *g, int32_t parent, bool chain)
{
    int32_t from = g->n_frontier;
    offer_formal(g, parent);
    offer(g, parent, 0);
    if (!chain || g->n_frontier < from + 2)
        return;
    g->n_frontier = from + 1;
    if (g->frontier[from + 1].reach > g->frontier[from].reach)
        g->frontier[from] = g->frontier[from + 1];
}

/* Takes nodes in the order of their chances; a node lets in its first child and next sibling. */
static void grow(growth_t *g, const jup_tree_limits_t *limits)
{
    g->nodes[0] = (node_t){.parent = -1, .reach = 1};
    if (g->list)
        g->nodes[0].place = g->list->place;
    g->n = 1;
    offer_children(g, 0, limits->chain);
    while (g->n < limits->nodes && g->n_frontier > 0) {
        int32_t best = likeliest(g);
        node_t node = g->frontier[best];
        g->frontier[best] = g->frontier[--g->n_frontier];
        g->nodes[g->n++] = node;
        offer_children(g, g->n - 1, limits->chain);
        if (!limits->chain && node.rank >= 0)
            offer(g, node.parent, node.rank + 1);
    }
}

static double lap_seconds(const jup_tree_limits_t *limits, int32_t nodes)
{
    int64_t rows = limits->other_rows + (int64_t)nodes * (limits->alike > 0 ? limits->alike : 1);
    if (!limits->cost)
        return 1;
    if (rows <= JUP_LAP_ROWS)
        return limits->cost->seconds[rows];
    double last = limits->cost->seconds[JUP_LAP_ROWS];
    return last * (double)rows / JUP_LAP_ROWS;
}

/* How many of the grown nodes to use: the most expected tokens per second. */
static int32_t best_size(const growth_t *g, const jup_tree_limits_t *limits, double *expected)
{
    int32_t best = 1;
    double sum = 0, best_rate = -1;
    for (int32_t n = 1; n <= g->n; n++) {
        sum += g->nodes[n - 1].reach;
        double rate = sum / lap_seconds(limits, n);
        if (rate > best_rate || (limits->exact && n > best)) {
            best = n;
            best_rate = rate;
            *expected = sum;
        }
    }
    return best;
}

/* Appends the node and what hangs on it, likeliest child first. */
static void write_below(const growth_t *g, int32_t size, int32_t node, int32_t parent,
                        jup_tree_t *tree)
{
    int32_t at = tree->n++;
    int32_t depth = g->nodes[node].depth;
    tree->parent[at] = parent;
    tree->depth[at] = depth;
    tree->reach = g->nodes[node].reach;
    if (node > 0)
        tree->token[at] = g->nodes[node].token;
    if (at == 1)
        tree->first = tree->reach;
    for (int32_t i = node + 1; i < size; i++)
        if (g->nodes[i].parent == node)
            write_below(g, size, i, at, tree);
}

void jup_tree_root(jup_tree_t *tree, int32_t root)
{
    tree->n = 1;
    tree->token[0] = root;
    tree->parent[0] = -1;
    tree->depth[0] = 0;
    tree->expected = tree->reach = 1;
}

void jup_tree_grow(jup_tree_t *tree, int32_t root, const jup_guesses_t *guesses,
                   const jup_accuracy_t *accuracy, const jup_tree_limits_t *limits)
{
    growth_t g = {.guesses = guesses,
                  .accuracy = accuracy,
                  .list = limits->list,
                  .list_depth = limits->depth};
    jup_tree_limits_t within = *limits;
    within.nodes = within.nodes < JUP_TREE_NODES ? within.nodes : JUP_TREE_NODES;
    grow(&g, &within);
    jup_tree_root(tree, root);
    int32_t size = best_size(&g, &within, &tree->expected);
    tree->n = 0;
    write_below(&g, size, 0, -1, tree);
}

/* ---- using ----------------------------------------------------------------------------------- */

bool jup_tree_is_chain(const jup_tree_t *tree)
{
    for (int32_t i = 0; i < tree->n; i++)
        if (tree->parent[i] != i - 1)
            return false;
    return true;
}

static int32_t child_with(const jup_tree_t *tree, int32_t node, int32_t token)
{
    for (int32_t i = node + 1; i < tree->n; i++)
        if (tree->parent[i] == node && tree->token[i] == token)
            return i;
    return -1;
}

int32_t jup_tree_follow(const jup_tree_t *tree, const int32_t *picked, int32_t *path, int32_t *next)
{
    int32_t n = 0;
    for (int32_t node = 0; node >= 0; node = child_with(tree, node, *next)) {
        path[n++] = node;
        *next = picked[node];
    }
    return n;
}
