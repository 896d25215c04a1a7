/* The main thread's side of the watch. */
#include "comm/watch.h"

#include "base/clock.h"
#include "base/launcher.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "comm/muster.h"
#include "comm/watch_inner.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- opening and closing --------------------------------------------------------------------- */

static void release(jup_watch_t *w)
{
    for (int i = 0; i < (w->rank == 0 ? w->n : 1); i++)
        jup_watch_wire_close(&w->wires[i]);
    for (int i = 0; i < JUP_WATCH_GUESTS; i++)
        jup_watch_wire_close(&w->guests[i]);
    if (w->listening >= 0)
        close(w->listening);
    close(w->wake);
    jup_watch_table_reset(&w->table);
    jup_free(w->sent);
    jup_free(w->got);
    jup_free(w->wires);
    jup_free(w);
}

static jup_watch_t *start(int rank, int ranks, double limit_s, int listening,
                          const jup_watch_door_t *door, bool gathering)
{
    jup_watch_t *w = jup_new(1, sizeof *w);
    atomic_store(&w->gathering, gathering);
    w->rank = rank;
    w->n = ranks;
    w->limit_s = limit_s;
    w->door = *door;
    w->listening = listening;
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->waits_for = -1;
    w->sent = jup_new((size_t)ranks, sizeof *w->sent);
    w->got = jup_new((size_t)ranks, sizeof *w->got);
    w->turn_s = jup_clock_now_s();
    w->wires = jup_new(rank == 0 ? (size_t)ranks : 1, sizeof *w->wires);
    for (int i = 0; i < (rank == 0 ? ranks : 1); i++)
        w->wires[i].fd = -1;
    for (int i = 0; i < JUP_WATCH_GUESTS; i++)
        w->guests[i].fd = -1;
    pthread_mutex_init(&w->names, NULL);
    jup_watch_table_init(&w->table, ranks, w->turn_s);
    for (int r = 0; r < ranks; r++)
        jup_muster_host(r, w->table.ranks[r].host, JUP_WATCH_NAME);
    snprintf(w->table.ranks[0].host, JUP_WATCH_NAME, "%s", door->host);
    if (jup_thread_start(&w->thread, jup_watch_live, w))
        return w;
    jup_warn("rank %d cannot start a thread: nobody watches over it", rank);
    release(w);
    return NULL;
}

jup_watch_t *jup_watch_open(int ranks, double limit_s, jup_watch_door_t *door)
{
    int listening = jup_watch_listen(door);
    if (listening >= 0)
        return start(0, ranks, limit_s, listening, door, false);
    jup_warn("no socket to be had for the watch over the ranks: none is kept");
    return NULL;
}

jup_watch_t *jup_watch_join(int rank, int ranks, double limit_s, const jup_watch_door_t *door)
{
    return door->n > 0 ? start(rank, ranks, limit_s, -1, door, false) : NULL;
}

jup_watch_t *jup_watch_open_early(int rank, int ranks, double limit_s)
{
    int listening = -1;
    jup_watch_door_t door;
    char host[JUP_WATCH_NAME] = "";
    if (!jup_watch_door_read(getenv("JUPITER_DOOR"), &door))
        return NULL;
    gethostname(host, sizeof host - 1);
    if (rank == 0 && strcmp(host, door.host) == 0)
        listening = jup_watch_listen_at(&door);
    if (rank == 0 && listening < 0)
        return NULL;
    return start(rank, ranks, limit_s, listening, &door, true);
}

void jup_watch_gathered(jup_watch_t *w)
{
    if (w)
        atomic_store(&w->gathering, false);
}

const jup_watch_door_t *jup_watch_door(const jup_watch_t *w)
{
    return &w->door;
}

static void wake(const jup_watch_t *w)
{
    const uint64_t one = 1;
    ssize_t written = write(w->wake, &one, sizeof one);
    (void)written;
}

static void end_thread(jup_watch_t *w, jup_watch_ending_t how)
{
    atomic_store(&w->ending, (int)how);
    wake(w);
    pthread_join(w->thread, NULL);
}

void jup_watch_close(jup_watch_t *w)
{
    if (!w)
        return;
    end_thread(w, JUP_WATCH_CLOSED);
    release(w);
}

/* ---- notes ----------------------------------------------------------------------------------- */

void jup_watch_enter(jup_watch_t *w, jup_watch_phase_t phase)
{
    if (w)
        atomic_store(&w->phase, (int)phase);
}

void jup_watch_name(jup_watch_t *w, int rank, const char *device)
{
    if (!w || rank < 0 || rank >= w->n)
        return;
    pthread_mutex_lock(&w->names);
    snprintf(w->table.ranks[rank].device, JUP_WATCH_NAME, "%s", device);
    pthread_mutex_unlock(&w->names);
}

void jup_watch_set_last_words(jup_watch_t *w, void (*say)(void *self), void *self)
{
    if (!w)
        return;
    w->last_words = say;
    w->last_words_self = self;
}

static void note(atomic_uint *number)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

void jup_watch_note_wait(jup_watch_t *w, int peer, bool sending)
{
    if (!w)
        return;
    atomic_store_explicit(&w->sending, sending, memory_order_relaxed);
    atomic_store_explicit(&w->waits_for, peer, memory_order_relaxed);
}

void jup_watch_note_work(jup_watch_t *w)
{
    if (!w)
        return;
    atomic_store_explicit(&w->waits_for, -1, memory_order_relaxed);
    note(&w->finished);
}

void jup_watch_note_sent(jup_watch_t *w, int peer)
{
    if (w)
        note(&w->sent[peer]);
}

void jup_watch_note_got(jup_watch_t *w, int peer)
{
    if (!w)
        return;
    note(&w->got[peer]);
    note(&w->finished);
}

/* ---- the end --------------------------------------------------------------------------------- */

static _Noreturn void leave(jup_watch_t *w, int code)
{
    void (*say)(void *self) = w->last_words;
    w->last_words = NULL;
    atomic_store(&w->ending, JUP_WATCH_SPEAKING);
    if (say)
        say(w->last_words_self);
    fflush(stdout);
    end_thread(w, JUP_WATCH_SPOKEN);
    jup_launcher_tell_code(code);
    _exit(code);
}

void jup_watch_look(jup_watch_t *w)
{
    if (!w || w->rank != 0 || atomic_load(&w->ending) != JUP_WATCH_RUNNING)
        return; /* the last words may wait, too; other ranks are ended by their threads */
    int code = atomic_load(&w->code);
    if (code != 0)
        leave(w, code);
}

void jup_watch_announce(void *watch, int code)
{
    enum { TURNS = 20, TURN_MS = 10 };
    jup_watch_t *w = watch;
    atomic_store(&w->said, code);
    wake(w);
    for (int i = 0; i < TURNS && !atomic_load(&w->said_sent); i++)
        poll(NULL, 0, TURN_MS);
}
