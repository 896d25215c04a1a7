#include "comm/comm.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

int jup_comm_started(const jup_comm_t *comm, int rank)
{
    return comm->started ? comm->started[rank] : rank;
}

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
    jup_watch_note_sent(comm->watch, jup_comm_started(comm, dst));
    comm->transport->start_send(comm->transport_self, jup_comm_started(comm, dst), kind, buffer,
                                bytes, &pending->handle);
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
    comm->transport->start_recv(comm->transport_self, jup_comm_started(comm, src), kind, buffer,
                                bytes, &pending->handle);
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
        jup_watch_note_got(comm->watch, jup_comm_started(comm, pending->peer));
    }
    if (comm->observer.message)
        comm->observer.message(comm->observer.self, pending);
}

static void move_all(jup_comm_t *comm)
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

void jup_comm_progress(jup_comm_t *comm)
{
    jup_watch_look(comm->watch);
    jup_watch_note_work(comm->watch);
    move_all(comm);
}

static void poll_until_done(jup_comm_t *comm, jup_pending_t *pending, double start_s)
{
    jup_sleeper_begin(&comm->sleeper);
    for (;;) {
        move_all(comm);
        double waited_s = jup_clock_now_s() - start_s;
        if (!pending->active) {
            jup_sleeper_end(&comm->sleeper, waited_s, !pending->sending);
            return;
        }
        jup_watch_look(comm->watch);
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
        jup_watch_note_wait(comm->watch, jup_comm_started(comm, pending->peer), pending->sending);
        poll_until_done(comm, pending, start_s);
        jup_watch_note_work(comm->watch);
    }
    if (comm->observer.waited)
        comm->observer.waited(comm->observer.self, pending, start_s, jup_clock_now_s());
}

void jup_comm_connect(jup_comm_t *comm)
{
    jup_pending_t in = {0}, out = {0};
    if (comm->size == 1 || !comm->transport->connects_late)
        return;
    int next = (comm->rank + 1) % comm->size, before = (comm->rank + comm->size - 1) % comm->size;
    jup_comm_begin_recv(comm, before, JUP_MSG_PING, -1, NULL, 0, &in);
    jup_comm_begin_send(comm, next, JUP_MSG_PING, -1, NULL, 0, &out);
    jup_comm_end(comm, &out);
    jup_comm_end(comm, &in);
}

void jup_comm_renumber(jup_comm_t *comm, const int *numbers)
{
    assert(!comm->active);
    int *started = jup_new((size_t)comm->size, sizeof *started);
    for (int before = 0; before < comm->size; before++)
        started[numbers[before]] = jup_comm_started(comm, before);
    comm->rank = numbers[comm->rank];
    jup_free(comm->started);
    comm->started = started;
    jup_comm_connect(comm);
}

void jup_comm_close(jup_comm_t *comm)
{
    jup_interrupt_say(NULL); /* what ends already need not say that it stops */
    jup_watch_enter(comm->watch, JUP_WATCH_CLOSING);
    comm->transport->close(comm->transport_self);
    jup_watch_close(comm->watch);
    jup_free(comm->started);
    memset(comm, 0, sizeof *comm);
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
