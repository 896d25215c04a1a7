#include "comm/record.h"

#include "base/mem.h"
#include "base/rng.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* One message as one side posted it, until the other side comes; the handle points here. */
typedef struct posted {
    int src, dst, tag;
    bool sending, done, noticed; /* noticed: its rank has been told that it is done */
    size_t bytes;                /* room, then what arrived */
    size_t message;              /* index in the log (sends) */
    void *buffer;                /* of the receiver; a copy, for a send */
    struct posted *next;
} posted_t;

typedef struct world world_t;

typedef struct rank {
    world_t *world;
    jup_comm_t comm;
    pthread_t thread;
    pthread_cond_t turn_comes;
    bool finished;
    posted_t *waits_for; /* NULL: can run */
} rank_t;

struct world {
    pthread_mutex_t lock;
    jup_record_options_t options;
    jup_record_log_t *log;
    rank_t *ranks;
    int n, running;
    jup_rng_t rng;
    posted_t *posted; /* not matched, in the order of posting */
    void (*body)(jup_comm_t *comm, void *self);
    void *self;
};

/* ---- taking turns ---------------------------------------------------------------------------- */

static bool can_run(const rank_t *rank)
{
    return !rank->finished && (!rank->waits_for || rank->waits_for->done);
}

static void report_deadlock(const world_t *w)
{
    char text[800];
    int at = 0;
    for (int r = 0; r < w->n && at < (int)sizeof text - 100; r++) {
        const posted_t *p = w->ranks[r].waits_for;
        if (!w->ranks[r].finished && p)
            at += snprintf(text + at, sizeof text - (size_t)at, "; rank %d: %s %d, %s", r,
                           p->sending ? "sending to" : "receiving from",
                           p->sending ? p->dst : p->src, jup_message_kind_name(p->tag));
    }
    jup_die(JUP_EENV, "all ranks wait%s", text);
}

/* The rank to run next: the next one in order, or a random one of those that can. */
static int choose(world_t *w)
{
    int candidates = 0;
    for (int r = 0; r < w->n; r++)
        candidates += can_run(&w->ranks[r]);
    if (candidates == 0)
        return -1;
    int skip = w->options.seed ? (int)jup_rng_below(&w->rng, (uint64_t)candidates) : 0;
    for (int i = 1; i <= w->n; i++) {
        int r = (w->running + i) % w->n;
        if (can_run(&w->ranks[r]) && skip-- == 0)
            return r;
    }
    return -1;
}

/* Hands the turn on; returns when it is this rank's again, unless it has finished. */
static void yield_turn(rank_t *me)
{
    world_t *w = me->world;
    int next = choose(w), mine = me->comm.rank;
    if (next < 0 && !me->finished)
        report_deadlock(w);
    w->running = next;
    w->log->turns++;
    if (next >= 0)
        pthread_cond_signal(&w->ranks[next].turn_comes);
    else
        for (int r = 0; r < w->n; r++)
            if (!w->ranks[r].finished)
                report_deadlock(w);
    while (!me->finished && w->running != mine)
        pthread_cond_wait(&me->turn_comes, &w->lock);
}

static void yield_sometimes(rank_t *me)
{
    world_t *w = me->world;
    if (w->options.seed && jup_rng_below(&w->rng, 8) == 0)
        yield_turn(me);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void deliver(world_t *w, posted_t *send, posted_t *receive)
{
    if (send->bytes > receive->bytes)
        jup_die(JUP_EENV, "rank %d sends %zu bytes (%s) to rank %d, which has room for %zu",
                send->src, send->bytes, jup_message_kind_name(send->tag), send->dst,
                receive->bytes);
    if (send->bytes)
        memcpy(receive->buffer, send->buffer, send->bytes);
    receive->bytes = send->bytes;
    send->done = receive->done = true;
    w->log->messages[send->message].received = w->log->turns;
}

static void release_if_over(posted_t *p)
{
    if (!p->done || !p->noticed)
        return;
    if (p->sending)
        jup_free(p->buffer);
    jup_free(p);
}

/* Pairs a new posting with the oldest one it fits, or puts it in line. */
static void match(world_t *w, posted_t *mine)
{
    posted_t **at = &w->posted;
    while (*at && !((*at)->src == mine->src && (*at)->dst == mine->dst && (*at)->tag == mine->tag &&
                    (*at)->sending != mine->sending))
        at = &(*at)->next;
    posted_t *other = *at;
    if (!other) {
        *at = mine;
        return;
    }
    *at = other->next;
    other->next = NULL;
    deliver(w, mine->sending ? mine : other, mine->sending ? other : mine);
    release_if_over(other);
}

static posted_t *new_posting(jup_transport_handle_t *handle)
{
    posted_t *p = jup_new(1, sizeof *p);
    memcpy(handle->bytes, &p, sizeof p);
    return p;
}

static size_t log_message(jup_record_log_t *log, const posted_t *p)
{
    if (log->n == log->cap) {
        log->cap = log->cap ? 2 * log->cap : 256;
        log->messages = jup_resize(log->messages, log->cap, sizeof *log->messages);
    }
    log->messages[log->n] = (jup_record_message_t){.src = p->src,
                                                   .dst = p->dst,
                                                   .kind = p->tag,
                                                   .bytes = p->bytes,
                                                   .sent = log->turns,
                                                   .received = -1};
    return log->n++;
}

static void start_send(void *self, int peer, int tag, const void *buffer, size_t bytes,
                       jup_transport_handle_t *handle)
{
    rank_t *me = self;
    posted_t *p = new_posting(handle);
    p->src = me->comm.rank;
    p->dst = peer;
    p->tag = tag;
    p->sending = true;
    p->bytes = bytes;
    p->buffer = jup_new(bytes ? bytes : 1, 1);
    if (bytes)
        memcpy(p->buffer, buffer, bytes);
    p->message = log_message(me->world->log, p);
    if (!me->world->options.rendezvous) { /* done for the sender; the copy goes on by itself */
        posted_t *none = NULL;
        memcpy(handle->bytes, &none, sizeof none);
        p->noticed = true;
    }
    match(me->world, p);
    release_if_over(p);
    yield_sometimes(me);
}

static void start_recv(void *self, int peer, int tag, void *buffer, size_t bytes,
                       jup_transport_handle_t *handle)
{
    rank_t *me = self;
    posted_t *p = new_posting(handle);
    p->src = peer;
    p->dst = me->comm.rank;
    p->tag = tag;
    p->buffer = buffer;
    p->bytes = bytes;
    match(me->world, p);
}

static bool finish(posted_t *p, size_t *bytes)
{
    if (p && !p->sending)
        *bytes = p->bytes;
    if (p) {
        p->noticed = true;
        release_if_over(p);
    }
    return true;
}

static posted_t *posting_of(const jup_transport_handle_t *handle)
{
    posted_t *p;
    memcpy(&p, handle->bytes, sizeof p);
    return p;
}

static bool test(void *self, jup_transport_handle_t *handle, size_t *bytes)
{
    posted_t *p = posting_of(handle);
    if (p && !p->done)
        yield_sometimes(self);
    return p && !p->done ? false : finish(p, bytes);
}

static void wait_for(void *self, jup_transport_handle_t *handle, size_t *bytes)
{
    rank_t *me = self;
    posted_t *p = posting_of(handle);
    while (p && !p->done) {
        me->waits_for = p;
        yield_turn(me);
        me->waits_for = NULL;
    }
    finish(p, bytes);
}

static void abort_all(void *self, int exit_code)
{
    (void)self;
    jup_die((jup_status_t)exit_code, "aborted");
}

static void close_nothing(void *self)
{
    (void)self;
}

static const jup_transport_t record_transport = {
    .name = "record",
    .start_send = start_send,
    .start_recv = start_recv,
    .test = test,
    .wait = wait_for,
    .abort = abort_all,
    .close = close_nothing,
};

/* ---- a run ----------------------------------------------------------------------------------- */

static void *live(void *self)
{
    rank_t *me = self;
    world_t *w = me->world;
    pthread_mutex_lock(&w->lock);
    while (w->running != me->comm.rank)
        pthread_cond_wait(&me->turn_comes, &w->lock);
    w->body(&me->comm, w->self);
    me->finished = true;
    yield_turn(me);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void clear_posted(world_t *w)
{
    posted_t *next;
    for (posted_t *p = w->posted; p; p = next) {
        next = p->next;
        w->log->unmatched_receives += !p->sending;
        if (p->sending)
            jup_free(p->buffer);
        jup_free(p);
    }
}

void jup_record_run(int ranks, const jup_record_options_t *options,
                    void (*body)(jup_comm_t *comm, void *self), void *self, jup_record_log_t *log)
{
    world_t w = {.lock = PTHREAD_MUTEX_INITIALIZER,
                 .options = *options,
                 .log = log,
                 .n = ranks,
                 .running = 0,
                 .body = body,
                 .self = self};
    memset(log, 0, sizeof *log);
    jup_rng_init(&w.rng, options->seed);
    w.ranks = jup_new((size_t)ranks, sizeof *w.ranks);
    pthread_mutex_lock(&w.lock);
    for (int r = 0; r < ranks; r++) {
        rank_t *rank = &w.ranks[r];
        rank->world = &w;
        rank->comm = (jup_comm_t){
            .rank = r, .size = ranks, .transport = &record_transport, .transport_self = rank};
        pthread_cond_init(&rank->turn_comes, NULL);
        if (pthread_create(&rank->thread, NULL, live, rank) != 0)
            jup_die(JUP_EENV, "cannot start a thread for rank %d", r);
    }
    pthread_mutex_unlock(&w.lock);
    for (int r = 0; r < ranks; r++)
        pthread_join(w.ranks[r].thread, NULL);
    clear_posted(&w);
    jup_free(w.ranks);
}

void jup_record_log_reset(jup_record_log_t *log)
{
    jup_free(log->messages);
    memset(log, 0, sizeof *log);
}
