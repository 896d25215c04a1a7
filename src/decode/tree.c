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
    int32_t parent, depth, rank; /* rank among the candidates of its depth */
    double reach;                /* chance that it comes true */
} node_t;

typedef struct growth {
    const jup_guesses_t *guesses;
    const jup_accuracy_t *accuracy;
    node_t nodes[JUP_TREE_NODES]; /* in the order of growing */
    int32_t n;
    node_t frontier[2 * JUP_TREE_NODES];
    int32_t n_frontier;
} growth_t;

/* Offers the candidate of this rank below `parent`, if there is one. */
static void offer(growth_t *g, int32_t parent, int32_t rank)
{
    int32_t depth = g->nodes[parent].depth + 1;
    if (depth > g->guesses->depth || rank >= g->guesses->width[depth - 1])
        return;
    double p = jup_accuracy_of(g->accuracy, depth - 1, rank);
    g->frontier[g->n_frontier++] = (node_t){
        .parent = parent, .depth = depth, .rank = rank, .reach = p * g->nodes[parent].reach};
}

static int32_t likeliest(const growth_t *g)
{
    int32_t best = 0;
    for (int32_t i = 1; i < g->n_frontier; i++)
        if (g->frontier[i].reach > g->frontier[best].reach)
            best = i;
    return best;
}

/* Takes nodes in the order of their chances; a node lets in its first child and next sibling. */
static void grow(growth_t *g, const jup_tree_limits_t *limits)
{
    g->nodes[0] = (node_t){.parent = -1, .reach = 1};
    g->n = 1;
    offer(g, 0, 0);
    while (g->n < limits->nodes && g->n_frontier > 0) {
        int32_t best = likeliest(g);
        node_t node = g->frontier[best];
        g->frontier[best] = g->frontier[--g->n_frontier];
        g->nodes[g->n++] = node;
        offer(g, g->n - 1, 0);
        if (!limits->chain)
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
        tree->token[at] = g->guesses->token[depth - 1][g->nodes[node].rank];
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
    growth_t g = {.guesses = guesses, .accuracy = accuracy};
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
