#include "strategy/scheduler.h"

#include "base/checked.h"
#include "base/mem.h"
#include "model/kv.h"
#include "strategy/scheduler_inner.h"

#include <assert.h>
#include <string.h>

static void make_air(jup_scheduler_t *s)
{
    s->air = jup_new((size_t)s->options.window, sizeof *s->air);
    for (int32_t i = 0; i < s->options.window; i++)
        s->air[i].flights = jup_new((size_t)s->options.segments, sizeof(jup_flight_t));
}

static void free_air(jup_scheduler_t *s)
{
    for (int32_t i = 0; s->air && i < s->options.window; i++)
        jup_free(s->air[i].flights);
    jup_free(s->air);
}

void jup_scheduler_init(jup_scheduler_t *s, const jup_scheduler_options_t *options,
                        jup_speculation_t *speculation, const jup_scheduler_sink_t *sink)
{
    memset(s, 0, sizeof *s);
    s->options = *options;
    if (s->options.segments <= 0 || s->options.segments > JUP_STEP_MAX_SEGMENTS)
        s->options.segments = JUP_STEP_MAX_SEGMENTS;
    if (s->options.outputs <= 0)
        s->options.outputs = s->options.rows;
    s->speculation = speculation;
    s->sink = *sink;
    s->pages = options->kv_tokens / JUP_KV_PAGE_SLOTS;
    make_air(s);
}

void jup_scheduler_set_window(jup_scheduler_t *s, int32_t window)
{
    assert(s->air_n == 0 && window >= 1);
    free_air(s);
    s->options.window = window;
    s->air_first = 0;
    make_air(s);
}

void jup_scheduler_reset(jup_scheduler_t *s)
{
    free_air(s);
    for (int32_t i = 0; i < s->n_slots; i++) {
        jup_sequence_reset(s->slots[i]);
        jup_free(s->slots[i]);
    }
    jup_free(s->slots);
    memset(s, 0, sizeof *s);
}

int32_t jup_scheduler_slot(const jup_scheduler_t *s, int32_t handle)
{
    for (int32_t i = 0; handle >= 0 && i < s->n_slots; i++)
        if (s->slots[i]->handle == handle)
            return i;
    return -1;
}

static int32_t new_slot(jup_scheduler_t *s)
{
    for (int32_t i = 0; i < s->n_slots; i++)
        if (s->slots[i]->state == JUP_SEQUENCE_FREE)
            return i;
    assert(s->n_slots < JUP_MAX_SEQUENCES);
    s->slots = jup_resize(s->slots, (size_t)s->n_slots + 1, sizeof *s->slots);
    s->slots[s->n_slots] = jup_new(1, sizeof **s->slots);
    jup_sequence_reset(s->slots[s->n_slots]);
    return s->n_slots++;
}

const int32_t *jup_scheduler_tokens(const jup_scheduler_t *s, int32_t handle, int32_t *n)
{
    int32_t slot = jup_scheduler_slot(s, handle);
    *n = slot < 0 ? 0 : s->slots[slot]->known;
    return slot < 0 ? NULL : s->slots[slot]->tokens;
}

int32_t jup_scheduler_reused(const jup_scheduler_t *s, int32_t handle)
{
    int32_t slot = jup_scheduler_slot(s, handle);
    return slot < 0 ? 0 : s->slots[slot]->reused;
}

int32_t jup_scheduler_cached(const jup_scheduler_t *s, int32_t handle)
{
    int32_t slot = jup_scheduler_slot(s, handle);
    return slot < 0 ? 0 : s->slots[slot]->cached;
}

bool jup_scheduler_is_busy(const jup_scheduler_t *s)
{
    for (int32_t i = 0; i < s->n_slots; i++)
        if (s->slots[i]->state == JUP_SEQUENCE_WAITING || s->slots[i]->state == JUP_SEQUENCE_LIVE)
            return true;
    return false;
}

/* ---- room in the cache ----------------------------------------------------------------------- */

int64_t jup_scheduler_room(int64_t tokens, int32_t nodes, bool chain)
{
    int64_t useful = JUP_KV_PAGE_SLOTS - (chain ? 0 : nodes / 2);
    return ((tokens + nodes + useful - 1) / useful + 2) * JUP_KV_PAGE_SLOTS;
}

int64_t jup_scheduler_pages(const jup_scheduler_t *s, int64_t tokens)
{
    return jup_scheduler_room(tokens, s->speculation->nodes, s->speculation->chain) /
           JUP_KV_PAGE_SLOTS;
}

bool jup_scheduler_can_afford(const jup_scheduler_t *s, int32_t slot, int32_t rows)
{
    const jup_sequence_t *q = s->slots[slot];
    int64_t to_come = q->generate - q->generated + rows;
    if (!s->kv)
        return true;
    return jup_kv_own_pages(s->kv, slot) + (to_come + JUP_KV_PAGE_SLOTS - 1) / JUP_KV_PAGE_SLOTS +
               1 <=
           q->allowed;
}

/* Tokens at the beginning that both have, are surely cached and leave one to compute. */
static int32_t shared_tokens(const jup_sequence_t *parent, const int32_t *prompt, int32_t n)
{
    int64_t most = jup_min_i64(parent->cached, parent->known);
    if (parent->in_air > 0)
        most = jup_min_i64(most, parent->known - 1);
    most = jup_min_i64(most, n - 1);
    int32_t shared = 0;
    while (shared < most && parent->tokens[shared] == prompt[shared])
        shared++;
    return shared;
}

/* Ended, its cache there for whoever may use it. */
static bool is_spare(const jup_sequence_t *q)
{
    return q->state == JUP_SEQUENCE_HELD && q->spare;
}

/* The spare one that nobody has used for the longest time, but not `kept`; -1: none. */
static int32_t oldest_spare(const jup_scheduler_t *s, int32_t kept)
{
    int32_t oldest = -1;
    for (int32_t i = 0; i < s->n_slots; i++)
        if (i != kept && is_spare(s->slots[i]) &&
            (oldest < 0 || s->slots[i]->turn < s->slots[oldest]->turn))
            oldest = i;
    return oldest;
}

/* What is shared must be there when the fork goes out: nobody forks of what has yet to fork. */
static bool can_be_shared(const jup_sequence_t *q)
{
    return (q->state == JUP_SEQUENCE_LIVE || q->state == JUP_SEQUENCE_HELD) && q->fork_from < 0;
}

/* The slot with the longest beginning in common, of an eighth of a page at least; -1: none. */
static int32_t best_parent(const jup_scheduler_t *s, const jup_sequence_t *q)
{
    int32_t best = -1, most = JUP_KV_PAGE_SLOTS / 8 - 1;
    for (int32_t i = 0; i < s->n_slots; i++) {
        const jup_sequence_t *other = s->slots[i];
        if (!can_be_shared(other))
            continue;
        int32_t shared = shared_tokens(other, q->tokens, q->known);
        if (shared > most) {
            most = shared;
            best = i;
        }
    }
    return best;
}

static bool take_room(jup_scheduler_t *s, jup_sequence_t *q, jup_sequence_t *parent, int32_t shared)
{
    int64_t pages = jup_scheduler_pages(s, q->known - (q->spare ? 0 : shared) + q->generate);
    if (parent && !q->spare && parent->child < 0 && pages <= parent->child_pages) {
        parent->child = q->handle;
        q->allowed = parent->child_pages;
        return true;
    }
    if (s->pages_promised + pages + q->child_pages > s->pages)
        return false;
    q->pages = q->allowed = pages;
    s->pages_promised += pages + q->child_pages;
    return true;
}

static void close_sequence(jup_scheduler_t *s, int32_t slot);

/* Others than `from` go first; whether there is room now. */
static bool make_room(jup_scheduler_t *s, jup_sequence_t *q, int32_t from)
{
    int64_t pages = jup_scheduler_pages(s, q->known + q->generate) + q->child_pages;
    int32_t slot;
    while (s->pages_promised + pages > s->pages && (slot = oldest_spare(s, from)) >= 0)
        close_sequence(s, slot);
    if (s->pages_promised + pages > s->pages && from >= 0 && is_spare(s->slots[from]))
        close_sequence(s, from);
    return s->pages_promised + pages <= s->pages;
}

static int32_t find_parent(jup_scheduler_t *s, jup_sequence_t *q)
{
    int32_t from = jup_scheduler_slot(s, q->parent);
    if (!q->spare)
        return from;
    from = from >= 0 ? from : best_parent(s, q);
    return make_room(s, q, from) && from >= 0 && s->slots[from]->state != JUP_SEQUENCE_CLOSING &&
                   s->slots[from]->state != JUP_SEQUENCE_FREE
               ? from
               : -1;
}

/* It shares what the parent has; which it may do without, once it has all of it. */
static void share(jup_scheduler_t *s, jup_sequence_t *q, jup_sequence_t *parent, int32_t shared)
{
    q->reused = shared;
    if (!q->spare)
        return;
    s->prompt_tokens += q->known;
    s->reused_tokens += shared;
    if (!parent || !is_spare(parent))
        return;
    parent->turn = s->turn++;
    if (shared + 1 >= parent->known)
        q->supersedes = parent->handle;
}

static bool admit(jup_scheduler_t *s, jup_sequence_t *q)
{
    int32_t from = find_parent(s, q);
    jup_sequence_t *parent = from < 0 ? NULL : s->slots[from];
    if (parent && parent->state != JUP_SEQUENCE_LIVE && parent->state != JUP_SEQUENCE_HELD)
        parent = NULL;
    int32_t shared = parent ? shared_tokens(parent, q->tokens, q->known) : 0;
    if (!take_room(s, q, parent, shared))
        return false;
    share(s, q, parent, shared);
    q->fork_from = shared > 0 ? from : -1;
    q->cached = shared;
    jup_sequence_chunk(q, &s->options.chunks);
    q->state = JUP_SEQUENCE_LIVE;
    q->turn = s->turn++;
    return true;
}

static jup_sequence_t *oldest_waiting(const jup_scheduler_t *s, bool with_parent)
{
    jup_sequence_t *oldest = NULL;
    for (int32_t i = 0; i < s->n_slots; i++) {
        jup_sequence_t *q = s->slots[i];
        if (q->state == JUP_SEQUENCE_WAITING && (q->parent >= 0) == with_parent &&
            (!oldest || q->handle < oldest->handle))
            oldest = q;
    }
    return oldest;
}

/* Branches of what has begun before new questions: they free what their trunk holds. */
void jup_scheduler_admit(jup_scheduler_t *s)
{
    jup_sequence_t *q;
    while ((q = oldest_waiting(s, true)) && admit(s, q))
        ;
    while (!oldest_waiting(s, true) && (q = oldest_waiting(s, false)) && admit(s, q))
        ;
    int32_t live = 0;
    for (int32_t i = 0; i < s->n_slots; i++)
        live += s->slots[i]->state == JUP_SEQUENCE_LIVE;
    s->peak_live = live > s->peak_live ? live : s->peak_live;
}

static void give_room_back(jup_scheduler_t *s, jup_sequence_t *q)
{
    int32_t parent = jup_scheduler_slot(s, q->parent), child = jup_scheduler_slot(s, q->child);
    if (parent >= 0 && s->slots[parent]->child == q->handle)
        s->slots[parent]->child = -1;
    if (child >= 0) /* it keeps what was set aside for it */
        s->slots[child]->pages = q->child_pages;
    else
        s->pages_promised -= q->child_pages;
    s->pages_promised -= q->pages;
    q->pages = q->child_pages = 0;
}

/* ---- coming and going ------------------------------------------------------------------------ */

static jup_status_t check_fit(const jup_scheduler_t *s, int64_t tokens, int64_t child_tokens,
                              jup_error_t *err)
{
    int64_t pages =
        jup_scheduler_pages(s, tokens) + (child_tokens ? jup_scheduler_pages(s, child_tokens) : 0);
    if (pages <= s->pages)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT,
                    "prompt and answer of up to %lld tokens do not fit into the cache of %lld "
                    "tokens (%lld more are set aside); shorten them or use a larger --context",
                    (long long)tokens, (long long)(s->pages * JUP_KV_PAGE_SLOTS),
                    (long long)((pages * JUP_KV_PAGE_SLOTS) - tokens));
}

jup_status_t jup_scheduler_submit(jup_scheduler_t *s, const jup_sequence_spec_t *spec,
                                  int32_t *handle, jup_error_t *err)
{
    assert(spec->n_prompt > 0 && spec->generate >= 0);
    JUP_TRY(check_fit(s, (int64_t)spec->n_prompt + spec->generate, spec->child_tokens, err));
    int32_t slot = new_slot(s);
    jup_sequence_t *q = s->slots[slot];
    q->state = JUP_SEQUENCE_WAITING;
    q->handle = *handle = s->next_handle++;
    q->request = spec->request;
    q->branch = spec->branch;
    q->generate = spec->generate;
    q->list = spec->list;
    q->hold = spec->hold || spec->spare;
    q->spare = spec->spare;
    q->plain = spec->plain;
    q->parent = spec->parent;
    q->child_pages = spec->child_tokens ? jup_scheduler_pages(s, spec->child_tokens) : 0;
    q->prompt = spec->n_prompt;
    q->picks = spec->picking != NULL;
    if (q->picks)
        q->picking = *spec->picking;
    jup_sequence_append(q, spec->prompt, spec->n_prompt);
    return JUP_OK;
}

jup_status_t jup_scheduler_continue(jup_scheduler_t *s, int32_t handle, const int32_t *prompt,
                                    int32_t n_prompt, int32_t generate, jup_error_t *err)
{
    int32_t slot = jup_scheduler_slot(s, handle);
    assert(slot >= 0 && s->slots[slot]->state == JUP_SEQUENCE_HELD && n_prompt > 0);
    jup_sequence_t *q = s->slots[slot];
    int64_t pages = jup_scheduler_pages(s, (int64_t)n_prompt + generate);
    if (s->pages_promised - q->pages + pages > s->pages)
        return check_fit(s, s->pages * JUP_KV_PAGE_SLOTS, 0, err);
    s->pages_promised += pages - q->pages;
    q->pages = q->allowed = pages;
    int32_t shared = shared_tokens(q, prompt, n_prompt);
    jup_sequence_cut(q, slot, shared);
    jup_sequence_append(q, prompt + shared, n_prompt - shared);
    jup_sequence_chunk(q, &s->options.chunks);
    q->state = JUP_SEQUENCE_LIVE;
    q->prompt = n_prompt;
    q->generated = 0;
    q->generate = generate;
    q->has_guesses = false;
    q->turn = s->turn++;
    return JUP_OK;
}

void jup_scheduler_free_if_gone(jup_scheduler_t *s, int32_t slot)
{
    jup_sequence_t *q = s->slots[slot];
    if (q->state == JUP_SEQUENCE_CLOSING && q->in_air == 0 && q->edit.op == 0)
        jup_sequence_reset(q);
}

static void close_sequence(jup_scheduler_t *s, int32_t slot)
{
    jup_sequence_t *q = s->slots[slot];
    bool never_began = q->state == JUP_SEQUENCE_WAITING;
    for (int32_t i = 0; i < s->n_slots; i++) /* forks that have not gone out go their own way */
        if (s->slots[i]->fork_from == slot) {
            s->slots[i]->fork_from = -1;
            s->slots[i]->cached = 0;
            jup_sequence_chunk(s->slots[i], &s->options.chunks);
        }
    if (!never_began) /* who waits has no room yet */
        give_room_back(s, q);
    q->epoch++;
    q->assumed = 0;
    q->handle = -1;
    q->state = JUP_SEQUENCE_CLOSING;
    q->edit = (jup_edit_t){.op = never_began ? 0 : JUP_EDIT_DROP, .seq = slot};
    jup_speculation_forget(s->speculation, slot);
    jup_scheduler_free_if_gone(s, slot);
}

void jup_scheduler_release(jup_scheduler_t *s, int32_t handle)
{
    int32_t slot = jup_scheduler_slot(s, handle);
    if (slot >= 0)
        close_sequence(s, slot);
}

bool jup_scheduler_give_up(jup_scheduler_t *s)
{
    jup_sequence_t *q = oldest_waiting(s, true);
    q = q ? q : oldest_waiting(s, false);
    if (!q)
        return false;
    int32_t handle = q->handle;
    if (s->sink.ended)
        s->sink.ended(s->sink.self, handle);
    jup_scheduler_release(s, handle);
    return true;
}

/* It needs no more pages than it has; too many are not kept. */
static void lay_aside(jup_scheduler_t *s, int32_t slot)
{
    jup_sequence_t *q = s->slots[slot];
    int64_t pages = jup_scheduler_pages(s, q->known);
    int32_t n = 0;
    for (int32_t i = 0; i < s->n_slots; i++)
        n += is_spare(s->slots[i]);
    if (pages < q->pages) {
        s->pages_promised -= q->pages - pages;
        q->pages = q->allowed = pages;
    }
    q->turn = s->turn++;
    if (n > JUP_MAX_SPARE)
        close_sequence(s, oldest_spare(s, slot));
}

void jup_scheduler_end(jup_scheduler_t *s, int32_t slot)
{
    jup_sequence_t *q = s->slots[slot];
    int32_t handle = q->handle;
    jup_sequence_compare(q, s->speculation, true);
    q->epoch++;
    q->assumed = q->in_air_live = 0;
    q->state = JUP_SEQUENCE_HELD;
    if (s->sink.ended)
        s->sink.ended(s->sink.self, handle);
    slot = jup_scheduler_slot(s, handle);
    if (slot >= 0 && !s->slots[slot]->hold && s->slots[slot]->state == JUP_SEQUENCE_HELD)
        close_sequence(s, slot);
    if (slot >= 0 && is_spare(s->slots[slot]))
        lay_aside(s, slot);
}
