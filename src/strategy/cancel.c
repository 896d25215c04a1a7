#include "strategy/cancel.h"

#include "base/checked.h"
#include "base/mem.h"

#include <string.h>

static bool is_first(const jup_cancel_t *c)
{
    return c->comm->rank == 0;
}

static void listen(jup_cancel_t *c)
{
    jup_comm_begin_recv(c->comm, 0, JUP_MSG_CANCEL, -1, c->words,
                        (size_t)c->window * sizeof *c->words, c->pending);
}

void jup_cancel_init(jup_cancel_t *c, jup_comm_t *comm, const int *receivers, int32_t n,
                     int32_t window)
{
    memset(c, 0, sizeof *c);
    c->comm = comm;
    c->window = window;
    c->receivers = receivers;
    c->n_receivers = is_first(c) ? n : 1;
    c->steps = jup_new(2 * (size_t)window, sizeof *c->steps);
    c->words = jup_new((size_t)jup_max_i64(c->n_receivers, 1) * (size_t)window, sizeof *c->words);
    c->pending = jup_new((size_t)jup_max_i64(c->n_receivers, 1), sizeof *c->pending);
    if (!is_first(c))
        listen(c);
}

void jup_cancel_reset(jup_cancel_t *c)
{
    jup_free(c->steps);
    jup_free(c->words);
    jup_free(c->pending);
    memset(c, 0, sizeof *c);
}

/* More than there is room for are old ones that no step asked about in between: those go. */
static void note(jup_cancel_t *c, const int32_t *steps, int32_t n)
{
    int32_t kept = (int32_t)jup_min_i64(c->n, 2 * (int64_t)c->window - n);
    memmove(c->steps, c->steps + c->n - kept, (size_t)kept * sizeof *c->steps);
    memcpy(c->steps + kept, steps, (size_t)n * sizeof *steps);
    c->n = kept + n;
}

void jup_cancel_tell(jup_cancel_t *c, const int32_t *steps, int32_t n)
{
    if (n == 0)
        return;
    size_t bytes = (size_t)n * sizeof *steps;
    note(c, steps, n);
    for (int32_t i = 0; i < c->n_receivers; i++) {
        int32_t *word = c->words + (int64_t)i * c->window;
        if (c->pending[i].active)
            continue;
        memcpy(word, steps, bytes);
        jup_comm_begin_send(c->comm, c->receivers[i], JUP_MSG_CANCEL, steps[0], word, bytes,
                            &c->pending[i]);
    }
}

void jup_cancel_hear(jup_cancel_t *c)
{
    if (c->pending->active)
        return;
    note(c, c->words, (int32_t)(c->pending->bytes / sizeof *c->words));
    listen(c);
}

bool jup_cancel_has(jup_cancel_t *c, int32_t step)
{
    int32_t kept = 0;
    bool found = false;
    for (int32_t i = 0; i < c->n; i++)
        if (c->steps[i] >= step) {
            found = found || c->steps[i] == step;
            c->steps[kept++] = c->steps[i];
        }
    c->n = kept;
    return found;
}

/* An empty word is the last one. */
void jup_cancel_stop(jup_cancel_t *c)
{
    if (!is_first(c)) {
        jup_comm_end(c->comm, c->pending);
        while (c->pending->bytes > 0) {
            listen(c);
            jup_comm_end(c->comm, c->pending);
        }
        return;
    }
    for (int32_t i = 0; i < c->n_receivers; i++) {
        jup_comm_end(c->comm, &c->pending[i]);
        jup_comm_begin_send(c->comm, c->receivers[i], JUP_MSG_CANCEL, -1, c->words, 0,
                            &c->pending[i]);
    }
    for (int32_t i = 0; i < c->n_receivers; i++)
        jup_comm_end(c->comm, &c->pending[i]);
}
