/**
 * A candidate tree: the newest token (the root, known) and guesses of what follows, verified in
 * one lap with tree attention (Cai et al. 2024, Medusa). A chain is a tree without forks.
 */
#ifndef JUP_DECODE_TREE_H
#define JUP_DECODE_TREE_H

#include "decode/accuracy.h"
#include "decode/form.h"
#include "decode/guesses.h"

#include <stdbool.h>

enum { JUP_TREE_NODES = 64 };

typedef struct jup_tree {
    int32_t n;                      /* nodes, the root included; 0: no tree */
    int32_t token[JUP_TREE_NODES];  /* [0] is the root */
    int32_t parent[JUP_TREE_NODES]; /* before its children; -1 for the root */
    int32_t depth[JUP_TREE_NODES];  /* 0 for the root */
    double reach;    /* chance that the last node comes true: all of them, if a chain */
    double first;    /* chance that node 1 comes true; undefined for the root alone */
    double expected; /* tokens a lap that verifies it should yield: 1 + its nodes' chances */
} jup_tree_t;

/** Seconds that a lap (or a stage, when the pipe is full) takes by its rows; rows[0] is unused. */
enum { JUP_LAP_ROWS = 256 };
typedef struct jup_lap_cost {
    double seconds[JUP_LAP_ROWS + 1];
} jup_lap_cost_t;

/** All rows cost alike: the largest tree wins. */
void jup_lap_cost_init(jup_lap_cost_t *cost);

/** Seconds between measured points (rows ascending, n >= 1), linear; made to never decrease. */
void jup_lap_cost_fit(jup_lap_cost_t *cost, const int32_t *rows, const double *seconds, int32_t n);

/** A list that is being written: what its form has next joins the guesses. */
typedef struct jup_tree_list {
    const jup_form_t *form;
    const jup_form_chances_t *chances;
    jup_form_place_t place; /* of the root */
} jup_tree_list_t;

typedef struct jup_tree_limits {
    int32_t nodes;               /* at most, the root included; >= 1 */
    bool chain;                  /* no forks */
    bool exact;                  /* as many nodes as there are, whatever they cost */
    const jup_lap_cost_t *cost;  /* NULL: nodes cost nothing */
    int32_t other_rows;          /* that share the lap */
    int32_t alike;               /* trees of this size in the lap, this one included; >= 1 */
    int32_t depth;               /* of nodes that a list adds, at most */
    const jup_tree_list_t *list; /* NULL: none */
} jup_tree_limits_t;

/**
 * Grows the tree by the node with the largest product of chances along its path, and stops where
 * expected tokens per second are largest. Rows are in depth-first order, likeliest child first, so
 * that the likeliest path lies together in the cache.
 */
void jup_tree_grow(jup_tree_t *tree, int32_t root, const jup_guesses_t *guesses,
                   const jup_accuracy_t *accuracy, const jup_tree_limits_t *limits);

/** The root alone. */
void jup_tree_root(jup_tree_t *tree, int32_t root);

/** Whether no node has two children. */
bool jup_tree_is_chain(const jup_tree_t *tree);

/**
 * Follows what was picked after each node: path (n of them returned, root first) are the nodes
 * whose tokens came true; *next is the token picked after the last of them.
 */
int32_t jup_tree_follow(const jup_tree_t *tree, const int32_t *picked, int32_t *path,
                        int32_t *next);

#endif
