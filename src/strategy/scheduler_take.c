/* Taking in the verdicts on a step. */
#include "base/checked.h"
#include "strategy/scheduler_inner.h"

#include <assert.h>

/* Makes one token known; false when the sequence ends with it. likely: NULL: not told. */
static bool learn(jup_scheduler_t *s, int32_t slot, int32_t token, int32_t accepted_by,
                  const jup_likely_t *likely, bool *right)
{
    jup_sequence_t *q = s->slots[slot];
    if (likely && s->sink.likely)
        s->sink.likely(s->sink.self, q->handle, likely);
    if (q->list)
        jup_speculation_learn_list(s->speculation, q->tokens, q->known, token);
    if (!jup_sequence_learn(q, token))
        *right = false;
    q->generated++;
    bool go_on = s->sink.token(s->sink.self, q->handle, token, accepted_by);
    return s->slots[slot]->state == JUP_SEQUENCE_LIVE && go_on && q->generated < q->generate;
}

/* The tokens of the accepted path and the one after it; false when the sequence ends. */
static bool learn_all(jup_scheduler_t *s, const jup_flight_t *flight, const jup_verdict_t *verdict,
                      bool *right)
{
    const jup_likely_t *likely = verdict->told ? verdict->likely : NULL;
    for (int32_t i = 1; i < verdict->n_path; i++)
        if (!learn(s, flight->slot, flight->tree.token[verdict->path[i]], 1 + flight->source,
                   likely ? likely++ : NULL, right))
            return false;
    return learn(s, flight->slot, verdict->token, 0, likely, right);
}

static void take_guesses(jup_sequence_t *q, const jup_verdict_t *verdict)
{
    q->has_guesses = verdict->guesses.depth > 0;
    if (q->has_guesses)
        q->at_hand = verdict->guesses;
}

static void take_verdict(jup_scheduler_t *s, const jup_flight_t *flight,
                         const jup_verdict_t *verdict)
{
    jup_sequence_t *q = s->slots[flight->slot];
    bool right = true;
    assert(verdict->n_path > 0 && verdict->sequence == flight->slot);
    jup_speculation_count(s->speculation, flight->source, &flight->tree, verdict->n_path - 1);
    bool goes_on = q->generate > 0 && learn_all(s, flight, verdict, &right);
    if (q->state != JUP_SEQUENCE_LIVE)
        return; /* released by the sink */
    jup_sequence_compare(q, s->speculation, false);
    take_guesses(q, verdict);
    if (goes_on && right && q->in_air_live > 0)
        return; /* what was built on these guesses stands */

    q->epoch++;
    q->in_air_live = 0;
    q->assumed = 0;
    int32_t rows = (int32_t)jup_min_i64(verdict->n_path, q->known - 1 - flight->start);
    jup_sequence_settle(q, flight->slot, flight->start, verdict->path, rows);
    q->turn = s->turn++;
    if (!goes_on)
        jup_scheduler_end(s, flight->slot);
}

void jup_scheduler_take(jup_scheduler_t *s, int32_t step, const jup_verdict_t *verdicts, int32_t n)
{
    jup_step_in_air_t *air = &s->air[s->air_first];
    assert(s->air_n > 0 && air->id == step && air->n == n);
    (void)step;
    (void)n;
    for (int32_t i = 0; i < air->n; i++) {
        const jup_flight_t *flight = &air->flights[i];
        jup_sequence_t *q = s->slots[flight->slot];
        bool current = q->epoch == flight->epoch && q->state == JUP_SEQUENCE_LIVE;
        q->in_air--;
        q->in_air_live -= current;
        if (current)
            take_verdict(s, flight, &verdicts[i]);
        else
            s->stale++;
        jup_scheduler_free_if_gone(s, flight->slot);
    }
    s->air_first = (s->air_first + 1) % s->options.window;
    s->air_n--;
}

/* ---- wrong guesses --------------------------------------------------------------------------- */

/* Of rows ahead of a verdict nobody has forked, so that nobody misses what they leave uncomputed.
 */
static bool all_ahead(const jup_step_in_air_t *air)
{
    for (int32_t i = 0; i < air->n; i++)
        if (!air->flights[i].ahead)
            return false;
    return air->n > 0;
}

static bool is_wrong(const jup_scheduler_t *s, const jup_step_in_air_t *air)
{
    for (int32_t i = 0; i < air->n; i++)
        if (s->slots[air->flights[i].slot]->epoch == air->flights[i].epoch)
            return false;
    return all_ahead(air);
}

bool jup_scheduler_is_ahead(const jup_scheduler_t *s)
{
    return s->air_n > 0 && all_ahead(&s->air[(s->air_first + s->air_n - 1) % s->options.window]);
}

int32_t jup_scheduler_cancel(jup_scheduler_t *s, int32_t *ids)
{
    int32_t n = 0;
    for (int32_t i = 0; i < s->air_n; i++) {
        jup_step_in_air_t *air = &s->air[(s->air_first + i) % s->options.window];
        if (air->cancelled || !is_wrong(s, air))
            continue;
        air->cancelled = true;
        ids[n++] = air->id;
    }
    s->cancelled += n;
    return n;
}
