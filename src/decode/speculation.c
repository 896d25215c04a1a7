#include "decode/speculation.h"

#include "base/checked.h"

#include <string.h>

enum { SHORTEST_REST = 64, LONGEST_REST = 1024 }; /* laps */
static const double HEADS_TRIAL = 1.1;            /* benefit of the doubt, worth some ten laps */

void jup_speculation_init(jup_speculation_t *s)
{
    memset(s, 0, sizeof *s);
    s->nodes = JUP_TREE_NODES;
    s->bare_lap = s->bare_period = 1;
    s->heads_worth = HEADS_TRIAL;
    jup_form_chances_init(&s->chances);
    jup_lap_cost_init(&s->lap);
    jup_lap_cost_init(&s->period);
}

void jup_speculation_reset(jup_speculation_t *s)
{
    for (int32_t i = 0; i < s->n_drafts; i++)
        jup_draft_reset(&s->drafts[i]);
    memset(s, 0, sizeof *s);
}

static double rate_of(const jup_tree_t *tree, const jup_lap_cost_t *cost, int32_t alike)
{
    int64_t rows = jup_min_i64((int64_t)tree->n * (alike > 0 ? alike : 1), JUP_LAP_ROWS);
    return tree->expected / cost->seconds[rows];
}

/* What this lap should yield with the heads' tree, against one row without any heads. */
static void weigh_heads(jup_speculation_t *s, const jup_room_t *room, double best_rate)
{
    const jup_lap_cost_t *cost = room->pipe_is_full ? &s->period : &s->lap;
    double bare = room->pipe_is_full ? s->bare_period : s->bare_lap;
    int64_t alike = jup_min_i64(room->alike > 0 ? room->alike : 1, JUP_LAP_ROWS);
    double worth = best_rate * cost->seconds[alike] * bare;
    s->heads_worth = 0.95 * s->heads_worth + 0.05 * worth;
    s->heads_laps++;
    if (s->heads_worth >= 1 || s->exact)
        return;
    bool paid_a_while = s->heads_laps > SHORTEST_REST;
    s->heads_pause = paid_a_while || s->heads_pause == 0
                         ? SHORTEST_REST
                         : (int32_t)jup_min_i64(2 * (int64_t)s->heads_pause, LONGEST_REST);
    s->heads_rest = s->heads_pause;
    s->heads_worth = HEADS_TRIAL;
    s->heads_laps = 0;
}

static jup_form_place_t place_of(const jup_speculation_t *s, const jup_draft_context_t *context,
                                 bool list)
{
    return list ? jup_form_find(&s->form, context->tokens, context->n) : (jup_form_place_t){0};
}

int32_t jup_speculation_propose(jup_speculation_t *s, const jup_draft_context_t *context,
                                const jup_room_t *room, jup_tree_t *tree,
                                jup_proposals_t *proposals)
{
    int32_t root = context->tokens[context->n - 1], source = -1;
    const jup_lap_cost_t *cost = room->pipe_is_full ? &s->period : &s->lap;
    const bool list = context->list && s->form.n > 0;
    const jup_tree_list_t lines = {&s->form, &s->chances, place_of(s, context, list)};
    const jup_tree_limits_t limits = {.nodes = (int32_t)jup_min_i64(s->nodes, room->rows),
                                      .chain = s->chain || room->chain,
                                      .exact = s->exact,
                                      .cost = cost,
                                      .alike = room->alike,
                                      .depth = (int32_t)jup_min_i64(room->depth, JUP_GUESS_DEPTH),
                                      .list = list ? &lines : NULL};
    jup_tree_root(tree, root);
    double best = s->exact ? -1 : rate_of(tree, cost, room->alike);
    for (int32_t i = 0; i < s->n_drafts; i++) {
        jup_guesses_t own, *guesses = proposals ? &proposals->guesses[i] : &own;
        jup_tree_t grown;
        s->drafts[i].propose(s->drafts[i].self, context, guesses);
        guesses->depth = (int32_t)jup_min_i64(guesses->depth, room->depth);
        if ((guesses->depth <= 0 && !list) || limits.nodes < 2)
            continue;
        jup_tree_grow(&grown, root, guesses, &s->drafts[i].accuracy, &limits);
        double rate = rate_of(&grown, cost, room->alike);
        if (grown.n < 2 || rate <= best)
            continue;
        best = rate;
        *tree = grown;
        source = i;
    }
    if (context->at_hand && context->assumed == 0)
        weigh_heads(s, room, best);
    return source;
}

/* Seconds of a round of all sequences in so many steps, each with a tree of usual size. */
static double round_s(const jup_speculation_t *s, int32_t sequences, int32_t steps)
{
    enum { USUAL_NODES = 3 };
    int32_t each = (sequences + steps - 1) / steps;
    int64_t nodes = s->nodes < USUAL_NODES ? s->nodes : USUAL_NODES;
    int64_t rows = jup_min_i64(each * nodes, JUP_LAP_ROWS);
    double lap_s = s->lap.seconds[rows], periods_s = steps * s->period.seconds[rows];
    return lap_s > periods_s ? lap_s : periods_s;
}

int32_t jup_speculation_steps(const jup_speculation_t *s, int32_t sequences, int32_t most)
{
    int32_t best = sequences < most ? sequences : most;
    if (!s->costs_known || sequences < 2)
        return most;
    for (int32_t steps = best - 1; steps >= 1; steps--)
        if (round_s(s, sequences, steps) <= round_s(s, sequences, best))
            best = steps;
    return best;
}

bool jup_speculation_wants_guesses(jup_speculation_t *s)
{
    if (!s->has_heads)
        return false;
    if (s->heads_rest == 0)
        return true;
    s->heads_rest--;
    return false;
}

void jup_speculation_count(jup_speculation_t *s, int32_t source, const jup_tree_t *tree,
                           int32_t accepted)
{
    s->trees[tree->n]++;
    if (source < 0)
        return;
    jup_draft_t *draft = &s->drafts[source];
    draft->laps++;
    draft->offered += tree->n - 1;
    draft->accepted += accepted;
    draft->predicted += tree->expected;
}

void jup_speculation_learn_list(jup_speculation_t *s, const int32_t *tokens, int32_t n,
                                int32_t token)
{
    if (s->form.n > 0)
        jup_form_learn(&s->form, &s->chances, jup_form_find(&s->form, tokens, n), token);
}

void jup_speculation_forget(jup_speculation_t *s, int32_t sequence)
{
    for (int32_t i = 0; i < s->n_drafts; i++)
        if (s->drafts[i].forget)
            s->drafts[i].forget(s->drafts[i].self, sequence);
}
