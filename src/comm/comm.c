#include "comm/comm.h"

#include "base/clock.h"

#include <assert.h>
#include <string.h>

static void post(jup_comm_t *comm, jup_pending_t *pending)
{
    assert(!pending->active);
    pending->active = true;
    pending->post_s = jup_clock_now_s();
    pending->done_s = 0;
    pending->next = comm->active;
    comm->active = pending;
}

/* What a message takes of a modelled device's processor. */
static void charge(const jup_comm_t *comm, size_t bytes)
{
    double seconds = comm->message_s + (double)bytes * comm->message_byte_s;
    if (seconds > 0)
        jup_clock_charge(seconds);
}

void jup_comm_begin_send(jup_comm_t *comm, int dst, int kind, int32_t label, const void *buffer,
                         size_t bytes, jup_pending_t *pending)
{
    pending->sending = true;
    pending->peer = dst;
    pending->kind = kind;
    pending->label = label;
    pending->bytes = bytes;
    post(comm, pending);
    comm->sent_bytes += bytes;
    comm->sent_messages++;
    charge(comm, bytes);
    comm->transport->start_send(comm->transport_self, dst, kind, buffer, bytes, &pending->handle);
}

void jup_comm_begin_recv(jup_comm_t *comm, int src, int kind, int32_t label, void *buffer,
                         size_t bytes, jup_pending_t *pending)
{
    pending->sending = false;
    pending->peer = src;
    pending->kind = kind;
    pending->label = label;
    pending->bytes = bytes;
    post(comm, pending);
    comm->transport->start_recv(comm->transport_self, src, kind, buffer, bytes, &pending->handle);
}

static void finish(jup_comm_t *comm, jup_pending_t *pending, size_t bytes)
{
    jup_pending_t **link = &comm->active;
    while (*link != pending)
        link = &(*link)->next;
    *link = pending->next;
    pending->active = false;
    pending->done_s = jup_clock_now_s();
    if (!pending->sending) {
        pending->bytes = bytes;
        charge(comm, bytes);
    }
    if (comm->observer.message)
        comm->observer.message(comm->observer.self, pending);
}

void jup_comm_progress(jup_comm_t *comm)
{
    jup_pending_t *next;
    for (jup_pending_t *pending = comm->active; pending; pending = next) {
        size_t bytes = pending->bytes;
        next = pending->next;
        if (comm->transport->test(comm->transport_self, &pending->handle, &bytes))
            finish(comm, pending, bytes);
    }
}

/* Whether anything of ours is on its way out. */
static bool sends(const jup_comm_t *comm)
{
    const jup_pending_t *pending = comm->active;
    while (pending && !pending->sending)
        pending = pending->next;
    return pending != NULL;
}

static void poll_until_done(jup_comm_t *comm, jup_pending_t *pending, double start_s)
{
    jup_sleeper_begin(&comm->sleeper);
    for (;;) {
        jup_comm_progress(comm);
        double waited_s = jup_clock_now_s() - start_s;
        if (!pending->active) {
            jup_sleeper_end(&comm->sleeper, waited_s, !pending->sending);
            return;
        }
        jup_sleeper_pause(&comm->sleeper, waited_s, sends(comm));
    }
}

void jup_comm_end(jup_comm_t *comm, jup_pending_t *pending)
{
    if (!pending->active)
        return;
    double start_s = jup_clock_now_s();
    if (comm->transport->wait) {
        size_t bytes = pending->bytes;
        comm->transport->wait(comm->transport_self, &pending->handle, &bytes);
        finish(comm, pending, bytes);
    } else {
        poll_until_done(comm, pending, start_s);
    }
    if (comm->observer.waited)
        comm->observer.waited(comm->observer.self, pending, start_s, jup_clock_now_s());
}

void jup_comm_renumber(jup_comm_t *comm, int rank)
{
    assert(!comm->active);
    comm->transport->renumber(comm->transport_self, rank);
    comm->rank = rank;
}

jup_comm_t jup_comm_narrow(const jup_comm_t *comm, int n)
{
    jup_comm_t some = *comm;
    some.size = n;
    some.active = NULL;
    some.sent_bytes = some.sent_messages = 0;
    return some;
}

_Noreturn void jup_comm_die_unreadable(const jup_comm_t *comm, const char *what, size_t bytes,
                                       int src)
{
    jup_die(JUP_EENV,
            "rank %d got %s of %zu bytes from rank %d that it cannot read; do all ranks run the "
            "same version of the program?",
            comm->rank, what, bytes, src);
}

void jup_comm_send(jup_comm_t *comm, int dst, int kind, const void *buffer, size_t bytes)
{
    jup_pending_t pending = {0};
    jup_comm_begin_send(comm, dst, kind, -1, buffer, bytes, &pending);
    jup_comm_end(comm, &pending);
}

size_t jup_comm_recv(jup_comm_t *comm, int src, int kind, void *buffer, size_t bytes)
{
    jup_pending_t pending = {0};
    jup_comm_begin_recv(comm, src, kind, -1, buffer, bytes, &pending);
    jup_comm_end(comm, &pending);
    return pending.bytes;
}
