#include "strategy/shared_head.h"

#include "base/checked.h"
#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A logit on its way. */
typedef struct scored {
    int32_t id; /* of the whole vocabulary */
    float logit;
} scored_t;

int32_t jup_shared_head_best(const jup_sampling_t *sampling, bool typical)
{
    const int32_t for_margin = 2;
    bool penalty = sampling->repeat_penalty != 1.0f && sampling->repeat_last > 0;
    bool greedy = sampling->temperature <= 0;
    if (typical || (!greedy && sampling->top_k <= 0) ||
        (penalty && !(sampling->repeat_penalty > 1)))
        return 0;
    int32_t best = greedy || sampling->top_k < for_margin ? for_margin : sampling->top_k;
    return best + (penalty ? sampling->repeat_last : 0);
}

/* ---- making and releasing -------------------------------------------------------------------- */

static int32_t rows_of(const jup_shared_head_t *h, int member)
{
    return h->first[member + 1] - h->first[member];
}

/* Whether so few of a member's logits travel that it pays to name them. */
static bool names_best(const jup_shared_head_t *h, int member)
{
    return h->best > 0 && 2 * h->best < rows_of(h, member);
}

static size_t row_bytes(const jup_shared_head_t *h, int member)
{
    return names_best(h, member) ? (size_t)h->best * sizeof(scored_t)
                                 : (size_t)rows_of(h, member) * sizeof(float);
}

static jup_status_t new_block(void *block, size_t bytes, jup_error_t *err)
{
    void *data;
    JUP_TRY(jup_alloc(&data, bytes, 1, "message buffers", err));
    memcpy(block, &data, sizeof data);
    return JUP_OK;
}

static jup_status_t new_buffers(jup_shared_head_t *h, int32_t outputs, jup_error_t *err)
{
    int n = h->group->n, me = h->group->me;
    if (me != 0)
        return new_block(&h->out, (size_t)outputs * h->bytes[me], err);
    JUP_TRY(new_block(&h->logits, (size_t)outputs * (size_t)h->vocab * sizeof(float), err));
    for (int m = 1; m < n; m++)
        JUP_TRY(new_block(&h->in[m], (size_t)outputs * h->bytes[m], err));
    return JUP_OK;
}

jup_status_t jup_shared_head_init(jup_shared_head_t *h, jup_group_t *group, const jup_part_t *parts,
                                  int32_t vocab, int32_t outputs, int32_t best, jup_error_t *err)
{
    size_t n = (size_t)group->n;
    *h = (jup_shared_head_t){.group = group, .vocab = vocab, .best = best};
    h->first = jup_new(n + 1, sizeof *h->first);
    h->in = jup_new(n, sizeof *h->in);
    h->bytes = jup_new(n, sizeof *h->bytes);
    h->pending = jup_new(n, sizeof *h->pending);
    h->first[n] = vocab;
    for (size_t m = 0; m < n; m++)
        h->first[m] = parts[m].vocab_first;
    for (int m = 0; m < group->n; m++)
        h->bytes[m] = row_bytes(h, m);
    jup_status_t status = new_buffers(h, outputs, err);
    if (status != JUP_OK)
        jup_shared_head_reset(h);
    return status;
}

void jup_shared_head_reset(jup_shared_head_t *h)
{
    for (int m = 0; h->in && m < h->group->n; m++)
        jup_free(h->in[m]);
    jup_free(h->in);
    jup_free(h->first);
    jup_free(h->bytes);
    jup_free(h->pending);
    jup_free(h->logits);
    jup_free(h->out);
    memset(h, 0, sizeof *h);
}

void jup_shared_head_flush(jup_shared_head_t *h)
{
    for (int m = 0; m < h->group->n; m++)
        jup_comm_end(h->group->comm, &h->pending[m]);
}

/* ---- the others ------------------------------------------------------------------------------ */

/* What is no number goes before everything: the leader must see it. */
static bool is_before(float a, float b)
{
    return a > b || (isnan(a) && !isnan(b));
}

/* The best of logits (n), best first; of equals the smaller id first. */
static void take_best(const float *logits, int32_t n, int32_t first, int32_t best, scored_t *list)
{
    int32_t taken = 0;
    for (int32_t i = 0; i < n; i++) {
        if (taken == best && !is_before(logits[i], list[best - 1].logit))
            continue;
        int32_t at = taken < best ? taken++ : best - 1;
        for (; at > 0 && is_before(logits[i], list[at - 1].logit); at--)
            list[at] = list[at - 1];
        list[at] = (scored_t){first + i, logits[i]};
    }
}

static void send_to_leader(jup_shared_head_t *h, const jup_forward_t *f, int32_t outputs,
                           int32_t step)
{
    const jup_group_t *g = h->group;
    int32_t rows = rows_of(h, g->me);
    size_t bytes = (size_t)outputs * h->bytes[g->me];
    jup_comm_end(g->comm, h->pending);
    if (!names_best(h, g->me))
        memcpy(h->out, f->logits, bytes);
    for (int32_t i = 0; names_best(h, g->me) && i < outputs; i++)
        take_best(f->logits + (int64_t)i * rows, rows, h->first[g->me], h->best,
                  (scored_t *)(void *)(h->out + (size_t)i * h->bytes[g->me]));
    jup_comm_begin_send(g->comm, g->ring.members[0], JUP_MSG_BEST, step, h->out, bytes, h->pending);
}

/* ---- the leader ------------------------------------------------------------------------------ */

static void begin_receives(jup_shared_head_t *h, int32_t outputs, int32_t step)
{
    const jup_group_t *g = h->group;
    for (int m = 1; m < g->n; m++)
        jup_comm_begin_recv(g->comm, g->ring.members[m], JUP_MSG_BEST, step, h->in[m],
                            (size_t)outputs * h->bytes[m], &h->pending[m]);
}

static void put_best(const jup_shared_head_t *h, int m, const scored_t *list, float *logits)
{
    int32_t first = h->first[m], end = h->first[m + 1];
    for (int32_t id = first; id < end; id++)
        logits[id] = -INFINITY;
    for (int32_t i = 0; i < h->best; i++) {
        if (list[i].id < first || list[i].id >= end)
            jup_die(JUP_EENV, "rank %d sent a logit of token %d, which is not its own",
                    h->group->ring.members[m], (int)list[i].id);
        logits[list[i].id] = list[i].logit;
    }
}

static void put_row(const jup_shared_head_t *h, int m, const char *row, float *logits)
{
    if (names_best(h, m))
        put_best(h, m, (const scored_t *)(const void *)row, logits);
    else
        memcpy(logits + h->first[m], row, h->bytes[m]);
}

static void put_own(const jup_shared_head_t *h, const jup_forward_t *f, int32_t outputs)
{
    int32_t own = rows_of(h, 0);
    for (int32_t i = 0; i < outputs; i++)
        memcpy(h->logits + (int64_t)i * h->vocab, f->logits + (int64_t)i * own,
               (size_t)own * sizeof(float));
}

static void put_others(jup_shared_head_t *h, int32_t outputs)
{
    for (int m = 1; m < h->group->n; m++) {
        jup_comm_end(h->group->comm, &h->pending[m]);
        for (int32_t i = 0; i < outputs; i++)
            put_row(h, m, h->in[m] + (size_t)i * h->bytes[m], h->logits + (int64_t)i * h->vocab);
    }
}

float *jup_shared_head_work(jup_shared_head_t *h, jup_forward_t *f, const jup_step_t *step,
                            int32_t *outputs)
{
    bool leads = h->group->me == 0;
    *outputs = jup_step_outputs(step);
    if (*outputs && leads)
        begin_receives(h, *outputs, step->id);
    jup_forward_head(f, step);
    if (*outputs && leads) {
        put_own(h, f, *outputs);
        put_others(h, *outputs);
    } else if (*outputs) {
        send_to_leader(h, f, *outputs, step->id);
    }
    return leads ? h->logits : NULL;
}
