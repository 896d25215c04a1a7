/* Filling the next step. */
#include "base/checked.h"
#include "strategy/scheduler_inner.h"

#include <assert.h>
#include <string.h>

/* Segments that build on guesses less likely than this are not worth their stages' time. */
static const double LEAST_CHANCE = 0.1;

typedef struct filling {
    jup_scheduler_t *s;
    jup_step_t *step;
    jup_step_in_air_t *air;
    int32_t rows_left, outputs_left, segments_left;
    int32_t places; /* steps that may go out, this one included */
    int32_t alike;  /* segments that this step will have, about */
    int32_t to_add; /* of them still to come */
} filling_t;

/* ---- edits ----------------------------------------------------------------------------------- */

static void write_edit(jup_sequence_t *q, jup_step_t *step)
{
    if (q->edit.op == 0)
        return;
    jup_step_edit(step, q->edit, q->keep);
    q->edit.op = 0;
}

/* Drops what is closing; leaves half of the edits to the segments. */
static void write_drops(jup_scheduler_t *s, jup_step_t *step)
{
    for (int32_t i = 0; i < s->n_slots && step->n_edits < JUP_STEP_MAX_EDITS / 2 - 2; i++) {
        if (s->slots[i]->state != JUP_SEQUENCE_CLOSING)
            continue;
        write_edit(s->slots[i], step);
        jup_scheduler_free_if_gone(s, i);
    }
}

/* Whether all that goes out with the sequence's next segment finds room in the step. */
static bool edits_fit(const filling_t *f, const jup_sequence_t *q)
{
    enum { MOST = 4 }; /* the parent's, the fork, its own, and how it picks */
    const jup_sequence_t *parent = q->fork_from >= 0 ? f->s->slots[q->fork_from] : NULL;
    int32_t words = jup_edit_words(&q->edit) + (q->picks ? JUP_PICK_WORDS : 0);
    if (parent)
        words += jup_edit_words(&parent->edit);
    return f->step->n_edits + MOST <= JUP_STEP_MAX_EDITS && words <= jup_step_words_left(f->step);
}

/* The parent may go, unless others are about to share it, too. */
static void supersede(jup_scheduler_t *s, jup_sequence_t *q)
{
    int32_t parent = jup_scheduler_slot(s, q->supersedes);
    q->supersedes = -1;
    for (int32_t i = 0; i < s->n_slots; i++)
        if (parent >= 0 && s->slots[i]->fork_from == parent)
            return;
    if (parent >= 0)
        jup_scheduler_release(s, s->slots[parent]->handle);
}

/* The sequence's own edit, and before a fork the parent's, whose result it is to share. */
static bool write_edits_of(filling_t *f, int32_t slot)
{
    jup_sequence_t *q = f->s->slots[slot];
    jup_edit_t fork = {.op = JUP_EDIT_FORK, .seq = slot, .a = q->fork_from, .b = q->cached};
    if (!edits_fit(f, q))
        return false;
    if (q->fork_from >= 0) {
        write_edit(f->s->slots[q->fork_from], f->step);
        jup_step_edit(f->step, fork, NULL);
        q->fork_from = -1;
        supersede(f->s, q);
    }
    write_edit(q, f->step);
    if (q->picks)
        jup_step_edit_pick(f->step, slot, &q->picking);
    q->picks = false;
    return true;
}

/* ---- segments -------------------------------------------------------------------------------- */

static void add_segment(filling_t *f, int32_t slot, int32_t pos, const int32_t *tokens,
                        const int32_t *parents, int32_t rows, int32_t outputs, bool assumed)
{
    jup_sequence_t *q = f->s->slots[slot];
    jup_step_add(f->step, slot, pos, tokens, parents, rows, outputs);
    jup_segment_t *segment = &f->step->segments[f->step->n_segments - 1];
    segment->assumed = assumed;
    segment->guess = outputs > 0 && jup_speculation_wants_guesses(f->s->speculation);
    segment->request = q->request;
    segment->branch = q->branch;
    f->rows_left -= rows;
    f->outputs_left -= outputs;
    f->segments_left--;
    q->cached = pos + rows;
    f->s->segments++;
}

/* What a verdict will come on. */
static jup_flight_t *add_flight(filling_t *f, int32_t slot, int32_t start)
{
    jup_sequence_t *q = f->s->slots[slot];
    jup_flight_t *flight = &f->air->flights[f->air->n++];
    flight->slot = slot;
    flight->epoch = q->epoch;
    flight->start = start;
    flight->ahead = false;
    flight->source = -1;
    flight->tree.n = 1;
    q->in_air++;
    q->in_air_live++;
    return flight;
}

/* The next chunk of a prompt; false when it has to wait for the next step, so as to be whole. The
 * last row of the last one is judged. */
static bool add_chunk(filling_t *f, int32_t slot)
{
    jup_scheduler_t *s = f->s;
    jup_sequence_t *q = s->slots[slot];
    int32_t pos = q->cached, end = jup_sequence_chunk_end(q);
    int32_t rows = (int32_t)jup_min_i64(end - pos, s->options.rows);
    bool last = pos + rows == q->known;
    int32_t outputs = s->options.logits ? rows : last;
    if (rows > f->rows_left || outputs > f->outputs_left)
        return false;
    if (last)
        add_flight(f, slot, q->known - 1);
    add_segment(f, slot, pos, q->tokens + pos, NULL, rows, outputs, false);
    jup_segment_t *segment = &f->step->segments[f->step->n_segments - 1];
    segment->judged = last;
    if (q->branch == 0)
        segment->chunk = 1 + q->chunk;
    if (pos + rows == end)
        q->chunk++;
    q->extendable = last;
    q->reach = 1;
    q->turn = s->turn++;
    return true;
}

/* Tokens that may still come after the newest one. */
static int32_t tokens_to_come(const jup_sequence_t *q)
{
    return q->generate - q->generated - q->assumed;
}

static bool pipe_is_full(const jup_scheduler_t *s)
{
    int32_t live = 0;
    for (int32_t i = 0; i < s->n_slots; i++)
        live += s->slots[i]->state == JUP_SEQUENCE_LIVE;
    return live >= s->options.window && s->options.window > 1;
}

/* The newest token and, where that pays, candidates for what follows it. */
static void add_lap(filling_t *f, int32_t slot)
{
    jup_scheduler_t *s = f->s;
    jup_sequence_t *q = s->slots[slot];
    int32_t pos = q->known - 1;
    int32_t left = (int32_t)jup_min_i64(f->rows_left, f->outputs_left);
    int32_t share = left / (f->to_add > 0 ? f->to_add : 1);
    jup_room_t room = {.rows = share > 1 ? share : 1,
                       .depth = tokens_to_come(q) - 1,
                       .alike = f->alike,
                       .pipe_is_full = pipe_is_full(s)};
    if (q->plain || !jup_scheduler_can_afford(s, slot, s->speculation->nodes))
        room.rows = 1;
    jup_draft_context_t context = {.sequence = slot,
                                   .tokens = q->tokens,
                                   .n = q->known,
                                   .list = q->list,
                                   .at_hand = q->has_guesses ? &q->at_hand : NULL};
    jup_proposals_t proposals;
    memset(&proposals, 0, sizeof proposals);
    jup_flight_t *flight = add_flight(f, slot, pos);
    flight->source =
        jup_speculation_propose(s->speculation, &context, &room, &flight->tree, &proposals);
    jup_sequence_watch(q, s->speculation, &proposals);

    bool chain = jup_tree_is_chain(&flight->tree);
    add_segment(f, slot, pos, flight->tree.token, chain ? NULL : flight->tree.parent,
                flight->tree.n, flight->tree.n, false);
    q->extendable = chain;
    q->reach = flight->tree.reach;
    if (chain)
        jup_sequence_assume(q, flight->tree.token + 1, flight->tree.n - 1);
}

static bool add_ready(filling_t *f, int32_t slot)
{
    jup_sequence_t *q = f->s->slots[slot];
    if (f->segments_left == 0 || f->rows_left == 0 || f->outputs_left == 0 ||
        !write_edits_of(f, slot))
        return false;
    bool fits = true;
    if (q->known - q->cached > 1 || q->generated == 0)
        fits = add_chunk(f, slot);
    else
        add_lap(f, slot);
    f->to_add--;
    return fits;
}

/* ---- building on guesses --------------------------------------------------------------------- */

static bool is_extendable(const jup_sequence_t *q)
{
    return q->state == JUP_SEQUENCE_LIVE && q->extendable && !q->plain && q->in_air_live > 0 &&
           q->cached == q->known + q->assumed && tokens_to_come(q) > 1;
}

/* The extendable sequence with the fewest segments in the air; ties go to the longest waiting. */
static int32_t best_extendable(const jup_scheduler_t *s, const bool *tried)
{
    int32_t best = -1;
    for (int32_t i = 0; i < s->n_slots; i++) {
        const jup_sequence_t *q = s->slots[i], *b = best < 0 ? NULL : s->slots[best];
        if (tried[i] || !is_extendable(q))
            continue;
        if (!b || q->in_air_live < b->in_air_live ||
            (q->in_air_live == b->in_air_live && q->turn < b->turn))
            best = i;
    }
    return best;
}

/* Guesses a token behind all assumed ones, and a chain behind that. */
static bool add_ahead(filling_t *f, int32_t slot)
{
    jup_scheduler_t *s = f->s;
    jup_sequence_t *q = s->slots[slot];
    int32_t pos = q->known + q->assumed;
    jup_room_t room = {.rows = (int32_t)jup_min_i64(f->outputs_left + 1, JUP_GUESS_DEPTH),
                       .depth = tokens_to_come(q) - 1,
                       .alike = 1,
                       .chain = true};
    jup_draft_context_t context = {
        .sequence = slot, .tokens = q->tokens, .n = pos, .assumed = q->assumed, .list = q->list};
    jup_tree_t tree;
    int32_t source = jup_speculation_propose(s->speculation, &context, &room, &tree, NULL);
    if (source < 0 || tree.n < 2 || q->reach * tree.reach < LEAST_CHANCE)
        return false;
    q->reach *= tree.reach;
    jup_flight_t *flight = add_flight(f, slot, pos);
    flight->source = source;
    flight->ahead = true;
    /* a verdict comes only if its first token is right: given that */
    flight->tree.expected = (tree.expected - 1) / tree.first;
    flight->tree.n = tree.n - 1; /* its root is the newest assumed token, which is on its way */
    for (int32_t i = 0; i < tree.n - 1; i++) {
        flight->tree.token[i] = tree.token[i + 1];
        flight->tree.depth[i] = i;
        flight->tree.parent[i] = i - 1;
    }
    add_segment(f, slot, pos, flight->tree.token, NULL, flight->tree.n, flight->tree.n, true);
    jup_sequence_assume(q, flight->tree.token, flight->tree.n);
    q->turn = s->turn++;
    s->ahead++;
    return true;
}

static void fill_ahead(filling_t *f)
{
    bool tried[JUP_MAX_SEQUENCES] = {false};
    int32_t slot;
    while (f->air->n == 0 && (slot = best_extendable(f->s, tried)) >= 0) {
        tried[slot] = true;
        add_ahead(f, slot);
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

/* The sequence that has been ready longest among those not yet in the step. */
static int32_t next_ready(const jup_scheduler_t *s, const bool *taken)
{
    int32_t best = -1;
    for (int32_t i = 0; i < s->n_slots; i++)
        if (!taken[i] && jup_sequence_is_ready(s->slots[i]) &&
            (best < 0 || s->slots[i]->turn < s->slots[best]->turn))
            best = i;
    return best;
}

static int32_t count_ready(const jup_scheduler_t *s)
{
    int32_t n = 0;
    for (int32_t i = 0; i < s->n_slots; i++)
        n += jup_sequence_is_ready(s->slots[i]);
    return n;
}

static filling_t begin(jup_scheduler_t *s, jup_step_t *step)
{
    int32_t at = (s->air_first + s->air_n) % s->options.window;
    filling_t f = {.s = s,
                   .step = step,
                   .air = &s->air[at],
                   .rows_left = s->options.rows,
                   .outputs_left = s->options.outputs,
                   .segments_left = s->options.segments};
    jup_step_begin(step, JUP_STEP_WORK, s->next_step);
    f.air->id = s->next_step;
    f.air->n = 0;
    f.air->cancelled = false;
    if (s->report)
        jup_step_edit(step, (jup_edit_t){.op = JUP_EDIT_REPORT}, NULL);
    s->report = false;
    write_drops(s, step);
    return f;
}

/* Steps in the air that nobody can take back. */
static int32_t firm_steps(const jup_scheduler_t *s)
{
    int32_t n = 0;
    for (int32_t i = 0; i < s->air_n; i++) {
        const jup_step_in_air_t *air = &s->air[(s->air_first + i) % s->options.window];
        bool firm = false;
        for (int32_t k = 0; k < air->n; k++)
            firm = firm || !air->flights[k].ahead;
        n += firm;
    }
    return n;
}

/* Steps in the air at most while nothing but laps goes round; longer prompts take all there are. */
static int32_t most_steps(const jup_scheduler_t *s)
{
    enum { LIKE_A_LAP = 16 }; /* rows */
    int32_t live = 0;
    for (int32_t i = 0; i < s->n_slots; i++) {
        const jup_sequence_t *q = s->slots[i];
        if (q->state != JUP_SEQUENCE_LIVE)
            continue;
        if (q->known - q->cached > LIKE_A_LAP)
            return s->options.window;
        live++;
    }
    return jup_speculation_steps(s->speculation, live, s->options.window);
}

static void fill_ready(filling_t *f)
{
    jup_scheduler_t *s = f->s;
    bool taken[JUP_MAX_SEQUENCES] = {false};
    int32_t places = f->places, ready = count_ready(s);
    int32_t share = (ready + places - 1) / places, slot;
    f->to_add = f->alike = (int32_t)jup_min_i64(share, f->segments_left);
    while (share-- > 0 && (slot = next_ready(s, taken)) >= 0) {
        taken[slot] = true;
        if (!add_ready(f, slot))
            break;
    }
}

/* A step on which no verdict will come is not in the air. */
static bool finish(filling_t *f)
{
    jup_scheduler_t *s = f->s;
    if (f->step->n_segments == 0 && f->step->n_edits == 0)
        return false;
    s->next_step++;
    s->steps++;
    s->air_n += f->air->n > 0;
    s->peak_air = s->air_n > s->peak_air ? s->air_n : s->peak_air;
    return true;
}

bool jup_scheduler_next(jup_scheduler_t *s, jup_step_t *step)
{
    if (s->air_n >= s->options.window)
        return false;
    jup_scheduler_admit(s);
    bool ready = count_ready(s) > 0;
    int32_t places =
        (int32_t)jup_min_i64(most_steps(s) - firm_steps(s), s->options.window - s->air_n);
    if (ready ? places <= 0 : !s->options.ahead)
        return false;
    filling_t f = begin(s, step);
    f.places = places;
    if (ready)
        fill_ready(&f);
    else
        fill_ahead(&f);
    return finish(&f);
}

bool jup_scheduler_flush(jup_scheduler_t *s, jup_step_t *step)
{
    if (s->air_n >= s->options.window)
        return false;
    filling_t f = begin(s, step);
    for (int32_t i = 0; i < s->n_slots; i++)
        if (s->slots[i]->state == JUP_SEQUENCE_HELD && jup_step_edit_fits(step, &s->slots[i]->edit))
            write_edit(s->slots[i], step);
    return finish(&f);
}
